"""What people decided about single family ties is laid over what the sources say of them.

A decision names two people (or one and the name of somebody who is not in the library) and what the one is to the other,
or that they are not related. Whatever else is stated of the two, from either side, is left out; that they are of one
household stays unless they are not related at all. It yields when a record of the dataset with authority, seen after the
decision, states a relation of a kind (its first digit, sons and daughters as one) that nobody had stated before and that
the decision does not say: then nothing is left out and ``kin_news`` tells of it.

Grain: ``kin_standing`` one row per decision that holds; ``kin_directed`` one row per decision and side.
Unknown: a relative who is not in the library any more is known by name alone.
Raises: nothing. Source: ``Inputs.decided_kin``, written beside our own records. Must stay renderable for Spark.
"""

from __future__ import annotations

from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.rules import UNRANKED, Rules
from anju.exchange.library.settled import DATASET
from anju.kernel.engine import Engine, literal

MADE = ("kin_ruling", "kin_news", "kin_standing", "kin_directed")
TURNED_KINDS = {"1": "1", "2": "5", "4": "6", "5": "2", "6": "4", "7": "7"}


def kind(relation: str) -> str:
    """SQL: the kind of a relation."""
    return f"CASE substr({relation}, 1, 1) WHEN '3' THEN '2' ELSE substr({relation}, 1, 1) END"


def nothing(engine: Engine) -> None:
    """Nobody has decided anything: the tables others read are empty."""
    engine.run(
        "CREATE OR REPLACE TEMP TABLE kin_news AS SELECT CAST(NULL AS INTEGER) AS pid, '' AS dataset WHERE 1 = 0"
    )


def hear(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``kin_news`` (decisions that yield) and ``kin_standing``; needs ``kin_told``."""
    assert inputs.decided_kin is not None
    engine.scan("decided_kin", [inputs.decided_kin])
    engine.run(f"CREATE OR REPLACE TEMP TABLE kin_ruling AS {_RULING}")
    engine.run(f"CREATE OR REPLACE TEMP TABLE kin_news AS {_news(inputs, rules)}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE kin_standing AS SELECT d.* FROM kin_ruling AS d "
        "LEFT JOIN (SELECT DISTINCT id FROM kin_news) AS n ON d.id = n.id WHERE n.id IS NULL"
    )


_RULING = """
SELECT d.id, p.pid, r.pid AS relative, d.name, d.relation, d.stated, d.decided_on
FROM decided_kin AS d JOIN person_no AS p ON d.person_code = p.person_code
LEFT JOIN person_no AS r ON d.relative_code = r.person_code"""


def _news(inputs: Inputs, rules: Rules) -> str:
    """What the deciding datasets state of the two, seen from the person of the decision, against what was known."""
    ranks = {d: rules.datasets[d].rank("kin") for d in rules.datasets}
    best = min((r for r in ranks.values() if 0 < r < UNRANKED), default=0)
    deciding = [d for d in inputs.with_aspect("kin") if d in numbers(inputs) and ranks[d] == best]
    listed = ", ".join(literal(d) for d in deciding) or "''"
    turned = " ".join(f"WHEN '{one}' THEN '{other}'" for one, other in TURNED_KINDS.items())
    own, theirs = kind("k.relation"), f"CASE {kind('k.relation')} {turned} ELSE '9' END"
    return f"""
SELECT DISTINCT d.id, d.pid, s.dataset FROM (
    SELECT d.id, k.dataset, k.seen, {own} AS kind FROM kin_told AS k JOIN kin_ruling AS d
        ON k.pid = d.pid AND (k.relative = d.relative OR d.relative IS NULL AND k.name = d.name)
    UNION ALL
    SELECT d.id, k.dataset, k.seen, {theirs} AS kind FROM kin_told AS k JOIN kin_ruling AS d
        ON k.pid = d.relative AND k.relative = d.pid
) AS s JOIN kin_ruling AS d ON s.id = d.id
WHERE s.dataset IN ({listed}) AND s.seen > d.decided_on AND s.kind <> {kind("d.relation")}
    AND NOT concat(';', d.stated, ';') LIKE concat('%;', s.kind, ';%')"""


def over(engine: Engine, every: str, inverse: str) -> str:
    """``every`` (a query: pid, relative, relation, relative_name, household, is_inverse, dataset, seen) as decided.

    ``inverse``: SQL for ``k.relation`` seen from the other side, ``s`` the person it is stated of.
    """
    engine.run(f"CREATE OR REPLACE TEMP TABLE kin_directed AS {_directed(inverse)}")
    return f"""
SELECT e.* FROM ({every}) AS e LEFT JOIN kin_directed AS d ON e.pid = d.pid
    AND (e.relative = d.relative OR d.relative IS NULL AND e.relative_name = d.name)
WHERE d.pid IS NULL OR d.relation <> '' AND (e.household <> '' OR e.relation = d.relation)
UNION ALL
SELECT pid, relative, relation, name AS relative_name, '' AS household, is_inverse, {literal(DATASET)} AS dataset,
    decided_on AS seen
FROM kin_directed WHERE relation <> ''"""


def _directed(inverse: str) -> str:
    """Each decision from both sides, with the name shown of the other."""
    return f"""
SELECT k.pid, k.relative, k.relation, coalesce(o.name, k.name) AS name, FALSE AS is_inverse, k.decided_on
FROM kin_standing AS k LEFT JOIN shown AS o ON k.relative = o.pid
UNION ALL
SELECT k.relative AS pid, k.pid AS relative, CASE WHEN k.relation = '' THEN '' ELSE {inverse} END AS relation,
    coalesce(s.name, '') AS name, TRUE AS is_inverse, k.decided_on
FROM kin_standing AS k JOIN shown AS s ON k.pid = s.pid WHERE k.relative IS NOT NULL"""

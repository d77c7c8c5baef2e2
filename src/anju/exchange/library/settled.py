"""A decision by a person outranks every source - until the department with authority says something new.

What the sources said against it when it was made is kept with it (``overruled``): said again it is no news. A record of
the department with authority, seen after the decision, that states yet another value is: the decision yields.

Grain: ``claim`` keeps one row per record and field, without the decisions that yielded.
Unknown: without a list of overruled values every other value of the authority is news.
Raises: nothing. Source: our own records beside the accepted batches.
"""

from __future__ import annotations

from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.kernel.engine import Engine, literal

DATASET = "settlement"
OVERRULED = "overruled.parquet"
"""Beside our own records: person_code, field, value."""


def yield_to_news(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Take decisions that yield out of ``claim``."""
    own = next((b for b in inputs.batches if b.dataset == DATASET), None)
    if own is None:
        return
    known = own.path.with_name(OVERRULED)
    if known.is_file():
        engine.scan("overruled", [known])
    else:
        engine.run(f"CREATE OR REPLACE TEMP VIEW overruled AS {_NOTHING}")
    place = " ".join(f"WHEN {literal(f)} THEN {n}" for n, f in enumerate(PERSON_FIELDS))
    engine.run(
        "CREATE OR REPLACE TEMP TABLE heard AS SELECT DISTINCT p.pid, "
        f"CASE o.field {place} END AS field, o.value FROM overruled AS o JOIN person_no AS p ON p.person_code = o.person_code"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE yielded AS {_yielded(numbers(inputs)[DATASET], rules)}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE standing_claim AS SELECT c.* FROM claim AS c "
        f"LEFT JOIN yielded AS y ON y.pid = c.pid AND y.field = c.field AND c.ds = {numbers(inputs)[DATASET]} "
        "WHERE y.pid IS NULL"
    )
    engine.run("CREATE OR REPLACE TEMP TABLE claim AS SELECT * FROM standing_claim")
    for table in ("standing_claim", "yielded", "heard"):
        engine.run(f"DROP TABLE IF EXISTS {table}")


_NOTHING = "SELECT '' AS person_code, '' AS field, '' AS value WHERE 1 = 0"


def _yielded(own: int, rules: Rules) -> str:
    """People and fields whose decision yields."""
    departments = rules.departments
    cases = " ".join(
        f"WHEN {place} THEN {departments.index(owner)}"
        for place, f in enumerate(PERSON_FIELDS)
        if (owner := rules.owner(f"person.{f}")) in departments
    )
    authority = f"CASE c.field {cases} ELSE -1 END" if cases else "-1"
    return f"""
SELECT DISTINCT s.pid, s.field FROM claim AS s
JOIN claim AS c ON c.pid = s.pid AND c.field = s.field AND c.value <> s.value AND c.seen > s.seen
    AND c.ds <> {own} AND c.dept = {authority}
LEFT JOIN heard AS h ON h.pid = c.pid AND h.field = c.field AND h.value = c.value
WHERE s.ds = {own} AND h.pid IS NULL"""

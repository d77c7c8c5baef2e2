"""Families: relatives a record names, and people who moved together, resolved to person codes, in both directions.

Grain: one row per person, relative and relation.
Unknown: a relative who is not in the library keeps the name, without a code.
"""

from __future__ import annotations

from anju.exchange.library import ties
from anju.exchange.library.inputs import SOURCES, Inputs, aspect_rows
from anju.exchange.library.rules import Rules
from anju.kernel.engine import Engine

INVERSE = {
    "1": "'10'",
    "2": "'50'",
    "3": "'50'",
    "4": "'60'",
    "5": "CASE coalesce(s.sex, CASE WHEN substr(s.citizen_no, 17, 1) IN ('1', '3', '5', '7', '9') THEN '1' "
    "WHEN s.citizen_no IS NOT NULL THEN '2' END) WHEN '1' THEN '20' WHEN '2' THEN '30' ELSE '99' END",
    "6": "'40'",
    "7": "'70'",
}
"""First digit of a relation -> the relation seen from the other side (``s`` is the person whose record it is)."""
LARGEST_HOUSEHOLD = 12
"""A household number shared by more people is a dormitory's, not a family's."""


def hear(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``kin_news``, which decisions yield; before contradictions are counted. Costs nothing where nobody decided."""
    if inputs.decided_kin is None:
        ties.nothing(engine)
        return
    _told(engine, inputs)
    ties.hear(engine, inputs, rules)


def resolve(engine: Engine, inputs: Inputs) -> None:
    """Make ``kin`` (pid in place of person_code, ``relative`` the relative's pid or null). ``hear`` comes before."""
    every = _both_ways()
    if inputs.decided_kin is None:
        _told(engine, inputs)
    else:
        every = ties.over(engine, every, _turned())
    engine.run(f"CREATE OR REPLACE TEMP TABLE together AS {_TOGETHER}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE kin AS SELECT pid, relative, relation, relative_name, household, is_inverse, "
        f"{SOURCES} AS sources FROM ({every}) AS every "
        "GROUP BY pid, relative, relation, relative_name, household, is_inverse"
    )


def rows(inputs: Inputs) -> str:
    """A query: what records say of relatives and households."""
    return aspect_rows(inputs, "kin", ("relation", "name", "citizen_no", "phone", "household_no"))


def _told(engine: Engine, inputs: Inputs) -> None:
    """Make ``kin_row`` and ``kin_told``: each record's relatives, found by number, or by name and phone."""
    engine.run(f"CREATE OR REPLACE TEMP TABLE kin_row AS {rows(inputs)}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE by_number AS SELECT m.citizen_no, min(m.pid) AS pid FROM mention AS m "
        "JOIN (SELECT DISTINCT citizen_no FROM kin_row WHERE citizen_no IS NOT NULL) AS k "
        "ON m.citizen_no = k.citizen_no GROUP BY m.citizen_no HAVING min(m.pid) = max(m.pid)"
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE by_phone AS SELECT m.name, m.phone, min(m.pid) AS pid FROM mention AS m "
        "JOIN (SELECT DISTINCT name, phone FROM kin_row WHERE name IS NOT NULL AND phone IS NOT NULL) AS k "
        "ON m.name = k.name AND m.phone = k.phone GROUP BY m.name, m.phone HAVING min(m.pid) = max(m.pid)"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE kin_told AS {_TOLD}")


_TOLD = """
SELECT k.pid, k.dataset, k.seen, coalesce(k.relation, '99') AS relation, k.name,
    coalesce(n.pid, p.pid) AS relative
FROM kin_row AS k
LEFT JOIN by_number AS n ON k.citizen_no = n.citizen_no
LEFT JOIN by_phone AS p ON k.citizen_no IS NULL AND k.name = p.name AND k.phone = p.phone
WHERE k.name IS NOT NULL OR k.citizen_no IS NOT NULL
"""
_TOGETHER = f"""
WITH member AS (
    SELECT DISTINCT pid, dataset, household_no, seen FROM kin_row WHERE household_no IS NOT NULL
),
family AS (
    SELECT dataset, household_no FROM member GROUP BY dataset, household_no
    HAVING count(DISTINCT pid) BETWEEN 2 AND {LARGEST_HOUSEHOLD}
)
SELECT a.pid, b.pid AS relative, a.dataset, max(a.seen) AS seen, a.household_no
FROM member AS a
JOIN family AS f ON a.dataset = f.dataset AND a.household_no = f.household_no
JOIN member AS b ON a.dataset = b.dataset AND a.household_no = b.household_no AND a.pid <> b.pid
GROUP BY a.pid, b.pid, a.dataset, a.household_no
"""


def _turned() -> str:
    """SQL for ``k.relation`` seen from the other side; ``s`` is the person whose record it is."""
    turned = " ".join(f"WHEN '{first}' THEN {other}" for first, other in INVERSE.items())
    return f"CASE substr(k.relation, 1, 1) {turned} ELSE '99' END"


def _both_ways() -> str:
    """What a record says of a person's relative, the same seen from the relative, and household members."""
    return f"""
SELECT pid, relative, relation, coalesce(name, '') AS relative_name, '' AS household, FALSE AS is_inverse,
    dataset, seen
FROM kin_told WHERE relative IS NULL OR relative <> pid
UNION ALL
SELECT k.relative AS pid, k.pid AS relative, {_turned()} AS relation,
    coalesce(s.name, '') AS relative_name, '' AS household, TRUE AS is_inverse, k.dataset, k.seen
FROM kin_told AS k JOIN shown AS s ON k.pid = s.pid WHERE k.relative <> k.pid
UNION ALL
SELECT t.pid, t.relative, '' AS relation, coalesce(s.name, '') AS relative_name,
    concat(t.dataset, '/', t.household_no) AS household, FALSE AS is_inverse, t.dataset, t.seen
FROM together AS t JOIN shown AS s ON t.relative = s.pid"""

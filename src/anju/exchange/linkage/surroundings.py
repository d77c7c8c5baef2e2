"""What surrounds a person - phones, rooms, employers, relatives - as numbers to compare: a value's hash, never the value."""

from __future__ import annotations

from anju.exchange.linkage.conditions import bit_sql
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps

_ROOM = '"stay.street" IS NOT NULL AND "stay.number" IS NOT NULL AND "stay.room" IS NOT NULL'
_HOUSE = '"stay.street" IS NOT NULL AND "stay.number" IS NOT NULL'


def _hashed(stated: str, *salt: str) -> str:
    return f"CASE WHEN {stated} IS NOT NULL THEN hash({', '.join((*salt, stated))}) END"


SURROUNDINGS = {
    "phone": _hashed('"person.phone"'),
    "room": f"""CASE WHEN {_ROOM}
        THEN hash("stay.street", "stay.number", "stay.building", "stay.unit", "stay.room") END""",
    "house": f"""CASE WHEN {_HOUSE} THEN hash("stay.street", "stay.number", "stay.building") END""",
    "employer": _hashed('"job.employer_code"'),
    "kin_number": _hashed('"kin.citizen_no"', "'n'"),
    "kin_phone": _hashed('"kin.phone"', "'p'"),
    "kin_name": _hashed('"kin.name"', "'m'"),
    "household": _hashed('"kin.household_no"', "'h'", "dataset"),
}
"""Columns of ``lk_record`` and ``lk_member``: name to the SQL that reads a mention."""
KINDS = {
    "phone": ("phone",),
    "room": ("room",),
    "house": ("house",),
    "employer": ("employer",),
    "kin": ("kin_number", "kin_phone", "kin_name", "household"),
}
"""Kinds of surroundings: the columns that hold their values."""
MANY = {"employer": 10}
"""An employer is large when so many times ``few`` people state it."""


def most_own(kind: str, parameters: Parameters) -> int:
    """How many people may state a value of a kind before it is shared by many."""
    return parameters.few * MANY.get(kind, 1)


def context(steps: Steps) -> None:
    """Tables ``lk_near_<kind>`` (value, grp): groups that state a value which an open group states too."""
    for kind, columns in KINDS.items():
        stated = " UNION ALL ".join(_near(column) for column in columns)
        steps.table(f"lk_near_{kind}", f"SELECT DISTINCT value, grp FROM ({stated}) AS s")


def _near(column: str) -> str:
    return f"""SELECT m.{column} AS value, coalesce(g.grp, m.node) AS grp FROM lk_member AS m
        SEMI JOIN (SELECT DISTINCT w.{column} FROM lk_member AS w LEFT JOIN lk_group AS o ON o.node = w.node
                   WHERE NOT w.is_anchor AND NOT coalesce(o.is_anchor, FALSE) AND w.{column} IS NOT NULL) AS w
          ON w.{column} = m.{column}
        LEFT JOIN lk_group AS g ON g.node = m.node"""


def around(steps: Steps, parameters: Parameters, library: bool = False) -> None:
    """Tables ``lk_list_<kind>`` (grp, every, own: values shared with an open group; own ones few people state; a mask
    for each) and ``lk_speaks`` (grp, whether it states anything of a kind), ``lk_list_county`` for the groups of
    ``lk_paired``. ``library``: values of ``lk_common`` are shared by many besides."""
    for kind in KINDS:
        few, bit = most_own(kind, parameters), bit_sql("n.value")
        known = f"UNION SELECT value FROM lk_common WHERE kind = '{kind}'" if library else ""
        steps.table(
            f"lk_list_{kind}",
            f"""
            WITH common AS (SELECT value FROM lk_near_{kind} GROUP BY value HAVING count(*) > {few} {known})
            SELECT n.grp, list(n.value) AS every, list(n.value) FILTER (WHERE c.value IS NULL) AS own,
                   bit_or({bit}) AS every_mask, bit_or(CASE WHEN c.value IS NULL THEN {bit} END) AS own_mask
            FROM lk_near_{kind} AS n SEMI JOIN lk_paired AS p ON p.grp = n.grp
            LEFT JOIN common AS c ON c.value = n.value GROUP BY n.grp
            """,
        )
    steps.table(
        "lk_paired_node",
        """
        SELECT g.node, g.grp FROM lk_group AS g SEMI JOIN lk_paired AS p ON p.grp = g.grp
        UNION ALL SELECT p.grp, p.grp FROM lk_paired AS p WHERE p.grp NOT IN (SELECT node FROM lk_group)
        """,
    )
    flags = ", ".join(
        f"bool_or({' OR '.join(f'm.{c} IS NOT NULL' for c in columns)}) AS {kind}"
        for kind, columns in KINDS.items()
    )
    steps.table(
        "lk_speaks",
        f"SELECT p.grp, {flags} FROM lk_member AS m JOIN lk_paired_node AS p ON p.node = m.node GROUP BY p.grp",
    )
    steps.table(
        "lk_list_county",
        f"""
        WITH stated AS (
            SELECT p.grp, d.county FROM lk_placed AS d JOIN lk_paired_node AS p ON p.node = d.node
            WHERE d.is_anchor AND d.county IS NOT NULL
            UNION SELECT p.grp, o.county FROM lk_open AS o JOIN lk_paired_node AS p ON p.node = o.node
            WHERE o.county IS NOT NULL
        ),
        cut AS (SELECT grp, county, substring(county, 1, 4) AS prefecture FROM stated)
        SELECT grp, list(county) AS counties, bit_or({bit_sql("hash(county)")}) AS counties_mask,
               list(prefecture) AS prefectures, bit_or({bit_sql("hash(prefecture)")}) AS prefectures_mask
        FROM cut GROUP BY grp
        """,
    )
    steps.drop("lk_paired_node")

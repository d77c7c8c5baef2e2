"""What the model compares: one row per distinct way a group of records describes its person.

A *group* is what certain keys have joined (``keys``). Its *variants* are the distinct names and birthdays stated for
it; what surrounds the person (phones, rooms, employers, relatives, counties) is gathered over all its records.
"""

from __future__ import annotations

from anju.exchange.linkage.names import NAME_COLUMNS, shaped_sql
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.profiles import NUMBER_DAY
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.surroundings import KINDS, around

OWN = ("phone", "room", "employer")
"""Kinds whose comparison tells what few share from what many share."""
MOST_VARIANTS = 4
"""The most frequent ways one person is described; rarer ones are not compared."""


def digits_sql(stated: str) -> str:
    """SQL for a number's digits in 18-character form: a 15-digit one gets its century, its check is left off."""
    return f"""CASE WHEN length({stated}) = 15 THEN concat(substring({stated}, 1, 6), '19', substring({stated}, 7))
        WHEN length({stated}) = 18 THEN substring({stated}, 1, 17) WHEN length({stated}) > 12 THEN {stated} END"""


def born_columns_sql(born: str) -> str:
    """SQL columns made from a birthday ``yyyymmdd``: its year, day and month swapped, 1 January."""
    return f"""substring({born}, 1, 4) AS born_year,
        CASE WHEN substring({born}, 7, 2) <= '12' AND substring({born}, 5, 2) <> substring({born}, 7, 2)
             THEN concat(substring({born}, 1, 4), substring({born}, 7, 2), substring({born}, 5, 2)) END AS swapped,
        coalesce(substring({born}, 5, 4) = '0101', FALSE) AS is_new_year"""


def loose(steps: Steps) -> None:
    """Table ``lk_loose``: the variants of open groups - grp, raw_id, name_id, born, lunar, sex, digits, n, record."""
    steps.table(
        "lk_loose",
        f"""
        WITH every AS (
            SELECT coalesce(g.grp, o.node) AS grp, o.name_id, o.born, o.lunar, o.sex, {digits_sql("o.stated")} AS digits,
                   count(*) AS n, min(o.record_id) AS record, min(o.raw_id) AS raw_id
            FROM lk_open AS o LEFT JOIN lk_group AS g ON g.node = o.node
            WHERE NOT coalesce(g.is_anchor, FALSE) GROUP BY 1, 2, 3, 4, 5, 6
        ),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY grp ORDER BY n DESC, record, name_id, born) AS place FROM every
        )
        SELECT * EXCLUDE (place) FROM ranked WHERE place <= {MOST_VARIANTS}
        """,
    )


def variants(steps: Steps) -> None:
    """Table ``lk_variant``: variant, grp, is_anchor, raw_id, born, lunar, sex, digits, record of every group in a pair."""
    steps.table("lk_paired", "SELECT a AS grp FROM lk_pair UNION SELECT b FROM lk_pair")
    steps.table(
        "lk_variant",
        f"""
        WITH numbered AS (
            SELECT p.node AS grp, p.name_id, coalesce(p.born, CAST({NUMBER_DAY} AS INTEGER)) AS born, p.lunar, p.sex, p.number,
                   sum(p.n) AS n, min(p.record) AS record, min(p.raw_id) AS raw_id
            FROM lk_placed AS p SEMI JOIN lk_paired AS k ON k.grp = p.node WHERE p.is_anchor GROUP BY 1, 2, 3, 4, 5, 6
        ),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY grp ORDER BY n DESC, record, name_id, born) AS place FROM numbered
        ),
        every AS (
            SELECT l.grp, FALSE AS is_anchor, raw_id, born, lunar, sex, digits, record
            FROM lk_loose AS l SEMI JOIN lk_paired AS k ON k.grp = l.grp
            UNION ALL
            SELECT grp, TRUE, raw_id, born, lunar, sex, CAST(number AS VARCHAR), record FROM ranked
            WHERE place <= {MOST_VARIANTS}
        )
        SELECT row_number() OVER () AS variant, * FROM every
        """,
    )


def features(steps: Steps, parameters: Parameters, library: bool = False) -> None:
    """Table ``lk_feature``: every variant of ``lk_variant``, ready for the model.

    Reads ``lk_frequency``. ``library``: the people here are only some, and ``lk_common`` tells of the others.
    """
    around(steps, parameters, library)
    kinds = {"phones": "phone", "rooms": "room", "houses": "house", "employers": "employer", "kin": "kin"}
    lists = ", ".join(_list(kind, "every", name) for name, kind in kinds.items() if kind != "kin")
    own = ", ".join(_list(kind, "own", f"own_{name}") for name, kind in kinds.items() if kind in OWN)
    joins = " ".join(f"LEFT JOIN lk_list_{kind} AS {kind} ON {kind}.grp = v.grp" for kind in KINDS)
    looks = ", ".join(f"s.char{i}, s.look{i}" for i in (1, 2, 3, 4))
    named = ", ".join(f"s.{c}" for c in NAME_COLUMNS)
    steps.table(
        "lk_feature",
        f"""
        WITH named AS (SELECT n.* FROM lk_name AS n SEMI JOIN lk_variant AS p ON p.raw_id = n.raw_id),
        shaped AS ({shaped_sql("named")}),
        picked AS (
            SELECT variant, grp, is_anchor, record, raw_id, CAST(born AS VARCHAR) AS born, CAST(lunar AS VARCHAR) AS lunar,
                   sex, digits FROM lk_variant
        )
        SELECT v.variant AS unique_id, v.grp, v.is_anchor, v.record, f.tf_name, {named}, {looks},
               v.born, v.lunar, {born_columns_sql("v.born")}, v.sex, v.digits, {lists}, {own}, {_list("kin", "own", "kin")},
               c.counties, c.counties_mask, c.prefectures, c.prefectures_mask
        FROM picked AS v
        LEFT JOIN shaped AS s ON s.raw_id = v.raw_id
        LEFT JOIN lk_frequency AS f ON f.name_id = s.name_id
        LEFT JOIN lk_speaks AS a ON a.grp = v.grp
        LEFT JOIN lk_list_county AS c ON c.grp = v.grp
        {joins}
        """,
    )
    steps.drop("lk_speaks", "lk_list_county", *(f"lk_list_{kind}" for kind in KINDS))


def _list(kind: str, which: str, name: str) -> str:
    """SQL for a list and its mask; empty where values are stated but shared with nobody open, null where none is stated."""
    empty = f"CASE WHEN a.{kind} THEN CAST([] AS UBIGINT[]) END"
    return f"coalesce({kind}.{which}, {empty}) AS {name}, {kind}.{which}_mask AS {name}_mask"


def frequencies(steps: Steps, people: int, library: bool = False) -> None:
    """Table ``lk_frequency`` (name_id, tf_name): how frequent the names of open groups are among ``people``. ``library``:
    these are only some of them, and ``lk_held_name`` tells of the others."""
    known = "UNION ALL SELECT name_id, n FROM lk_held_name" if library else ""
    steps.table(
        "lk_frequency",
        f"""
        WITH asked AS (SELECT DISTINCT name_id FROM lk_loose WHERE name_id IS NOT NULL),
        held AS (
            SELECT DISTINCT p.name_id, p.node AS grp FROM lk_placed AS p SEMI JOIN asked AS a ON a.name_id = p.name_id
            WHERE p.is_anchor
            UNION ALL SELECT DISTINCT name_id, grp FROM lk_loose WHERE name_id IS NOT NULL
        ),
        counted AS (SELECT name_id, count(*) AS n FROM held GROUP BY name_id {known})
        SELECT name_id, max(n) / CAST({people} AS DOUBLE) AS tf_name FROM counted GROUP BY name_id
        """,
    )

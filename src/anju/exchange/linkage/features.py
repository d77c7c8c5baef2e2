"""What the model compares: one row per distinct way a group of records describes its person.

A *group* is what certain keys have joined (``keys``). Its *variants* are the distinct names and birthdays stated for
it; what surrounds the person (phones, rooms, employers, relatives, counties) is gathered over all its records.
"""

from __future__ import annotations

from anju.exchange.linkage.names import NAME_COLUMNS, shaped_sql
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps

MOST_VARIANTS = 4
"""The most frequent ways one person is described; rarer ones are not compared."""

ROOM = """CASE WHEN "stay.street" IS NOT NULL AND "stay.number" IS NOT NULL AND "stay.room" IS NOT NULL
    THEN concat("stay.street", '|', "stay.number", '|', coalesce("stay.building", ''), '|',
                coalesce("stay.unit", ''), '|', "stay.room") END"""
HOUSE = """CASE WHEN "stay.street" IS NOT NULL AND "stay.number" IS NOT NULL
    THEN concat("stay.street", '|', "stay.number", '|', coalesce("stay.building", '')) END"""
CONTEXT = {
    "phone": ('"person.phone"',),
    "room": (ROOM,),
    "house": (HOUSE,),
    "employer": ('"job.employer_code"',),
    "kin": (
        """'n' || "kin.citizen_no\"""",
        """'p' || "kin.phone\"""",
        """'m' || "kin.name\"""",
        """'h' || dataset || '|' || "kin.household_no\"""",
    ),
}
"""What surrounds a person: kind to the values a record states."""


def digits_sql(stated: str) -> str:
    """SQL for a number's digits in 18-character form: a 15-digit one gets its century, its check is left off."""
    return f"""CASE WHEN length({stated}) = 15 THEN concat(substring({stated}, 1, 6), '19', substring({stated}, 7))
        WHEN length({stated}) = 18 THEN substring({stated}, 1, 17) WHEN length({stated}) > 12 THEN {stated} END"""


def born_columns_sql(born: str) -> str:
    """SQL columns made from a birthday ``yyyymmdd``: its year, its digits sorted, day and month swapped, 1 January."""
    digits = ", ".join(f"substring({born}, {i}, 1)" for i in range(1, 9))
    return f"""substring({born}, 1, 4) AS born_year,
        CASE WHEN {born} IS NOT NULL THEN array_to_string(list_sort([{digits}]), '') END AS born_bag,
        CASE WHEN substring({born}, 7, 2) <= '12' AND substring({born}, 5, 2) <> substring({born}, 7, 2)
             THEN concat(substring({born}, 1, 4), substring({born}, 7, 2), substring({born}, 5, 2)) END AS swapped,
        coalesce(substring({born}, 5, 4) = '0101', FALSE) AS is_new_year"""


def digits_bag_sql(digits: str) -> str:
    """SQL for a number's digits sorted."""
    listed = ", ".join(f"substring({digits}, {i}, 1)" for i in range(1, 18))
    return f"CASE WHEN {digits} IS NOT NULL THEN array_to_string(list_sort([{listed}]), '') END"


def variants(steps: Steps) -> None:
    """Table ``lk_variant``: variant, grp, is_anchor, raw, name, born, lunar, sex, digits, n, record."""
    digits = digits_sql("o.stated")
    steps.table(
        "lk_variant",
        f"""
        WITH loose AS (
            SELECT coalesce(g.grp, o.node) AS grp, o.name, o.born, o.lunar, o.sex, {digits} AS digits,
                   count(*) AS n, min(o.record_id) AS record, min(o.raw) AS raw
            FROM lk_open AS o LEFT JOIN lk_group AS g ON g.node = o.node
            WHERE NOT coalesce(g.is_anchor, FALSE) GROUP BY 1, 2, 3, 4, 5, 6
        ),
        numbered AS (
            SELECT s.node AS grp, p.name, coalesce(p.born, substring(p.number, 7, 8)) AS born, p.lunar, p.sex,
                   substring(p.number, 1, 17) AS digits, sum(p.n) AS n, min(p.record) AS record, min(p.raw) AS raw
            FROM lk_profile AS p JOIN lk_status AS s ON s.profile = p.profile
            WHERE s.is_anchor GROUP BY 1, 2, 3, 4, 5, 6
        ),
        every AS (SELECT *, FALSE AS is_anchor FROM loose UNION ALL SELECT *, TRUE FROM numbered),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY grp ORDER BY n DESC, record, name, born) AS place FROM every
        )
        SELECT row_number() OVER (ORDER BY grp, place) AS variant, * EXCLUDE (place)
        FROM ranked WHERE place <= {MOST_VARIANTS}
        """,
    )


def context(steps: Steps, mentions: str) -> None:
    """Tables ``lk_near_<kind>`` (value, grp): groups that state a value which an open group states too."""
    steps.table(
        "lk_open_group",
        """
        SELECT o.record_id, coalesce(g.grp, o.node) AS grp FROM lk_open AS o LEFT JOIN lk_group AS g ON g.node = o.node
        WHERE NOT coalesce(g.is_anchor, FALSE)
        """,
    )
    for kind, values in CONTEXT.items():
        stated = _stated(mentions, values)
        steps.table(
            f"lk_near_{kind}",
            f"""
            WITH stated AS ({stated}),
            wanted AS (SELECT DISTINCT s.value FROM stated AS s SEMI JOIN lk_open_group AS o ON o.record_id = s.record_id)
            SELECT DISTINCT s.value, coalesce(g.grp, k.node) AS grp
            FROM stated AS s SEMI JOIN wanted AS w ON w.value = s.value
            JOIN lk_member AS k ON k.record_id = s.record_id LEFT JOIN lk_group AS g ON g.node = k.node
            """,
        )


def _stated(mentions: str, values: tuple[str, ...]) -> str:
    each = (f"SELECT record_id, {value} AS value FROM {mentions}" for value in values)
    return "SELECT * FROM (" + " UNION ALL ".join(each) + ") AS every WHERE value IS NOT NULL"


def features(steps: Steps, mentions: str, parameters: Parameters) -> None:
    """Table ``lk_feature``: every variant that stands in a candidate pair (``lk_pair``), ready for the model."""
    steps.table("lk_paired", "SELECT a AS grp FROM lk_pair UNION SELECT b FROM lk_pair")
    steps.table(
        "lk_paired_record",
        """
        SELECT k.record_id, coalesce(g.grp, k.node) AS grp
        FROM lk_member AS k LEFT JOIN lk_group AS g ON g.node = k.node
        WHERE coalesce(g.grp, k.node) IN (SELECT grp FROM lk_paired)
        """,
    )
    for kind, values in CONTEXT.items():
        steps.table(
            f"lk_list_{kind}",
            f"""
            WITH stated AS ({_stated(mentions, values)}),
            held AS (SELECT DISTINCT r.grp, s.value FROM stated AS s JOIN lk_paired_record AS r ON r.record_id = s.record_id),
            common AS (SELECT value FROM lk_near_{kind} GROUP BY value HAVING count(*) > {parameters.few * (10 if kind == "employer" else 1)})
            SELECT h.grp, list(DISTINCT h.value) AS every, list(DISTINCT h.value) FILTER (WHERE c.value IS NULL) AS own
            FROM held AS h LEFT JOIN common AS c ON c.value = h.value GROUP BY h.grp
            """,
        )
    steps.table(
        "lk_list_county",
        f"""
        SELECT r.grp, list(DISTINCT m."person.hukou_region") AS counties,
               list(DISTINCT substring(m."person.hukou_region", 1, 4)) AS prefectures
        FROM {mentions} AS m JOIN lk_paired_record AS r ON r.record_id = m.record_id
        WHERE m."person.hukou_region" IS NOT NULL GROUP BY r.grp
        """,
    )
    _join_features(steps)
    steps.drop("lk_paired_record", "lk_list_county", *(f"lk_list_{kind}" for kind in CONTEXT))


def _join_features(steps: Steps) -> None:
    steps.table(
        "lk_frequency",
        """
        WITH total AS (SELECT count(DISTINCT grp) AS people FROM lk_variant)
        SELECT v.name, count(DISTINCT v.grp) / max(t.people) AS tf_name
        FROM lk_variant AS v CROSS JOIN total AS t WHERE v.name IS NOT NULL GROUP BY v.name
        """,
    )
    named = ", ".join(f"s.{c}" for c in NAME_COLUMNS if c != "name")
    looks = ", ".join(f"s.char{i}, s.look{i}" for i in (1, 2, 3, 4))
    steps.table(
        "lk_feature",
        f"""
        WITH picked AS (SELECT v.* FROM lk_variant AS v SEMI JOIN lk_paired AS p ON p.grp = v.grp),
        named AS (SELECT n.* FROM lk_name AS n SEMI JOIN picked AS p ON p.raw = n.raw),
        shaped AS ({shaped_sql("named")})
        SELECT v.variant AS unique_id, v.grp, v.is_anchor, v.record, v.name, f.tf_name, {named}, {looks},
               v.born, v.lunar, {born_columns_sql("v.born")}, v.sex, v.digits, {digits_bag_sql("v.digits")} AS digits_bag,
               h.every AS phones, h.own AS own_phones, r.every AS rooms, r.own AS own_rooms, u.every AS houses,
               e.every AS employers, e.own AS own_employers, i.own AS kin, c.counties, c.prefectures
        FROM picked AS v
        LEFT JOIN shaped AS s ON s.raw = v.raw
        LEFT JOIN lk_frequency AS f ON f.name = v.name
        LEFT JOIN lk_list_phone AS h ON h.grp = v.grp
        LEFT JOIN lk_list_room AS r ON r.grp = v.grp
        LEFT JOIN lk_list_house AS u ON u.grp = v.grp
        LEFT JOIN lk_list_employer AS e ON e.grp = v.grp
        LEFT JOIN lk_list_kin AS i ON i.grp = v.grp
        LEFT JOIN lk_list_county AS c ON c.grp = v.grp
        """,
    )

"""Certain keys, set-based: what can be joined without weighing.

A record with a valid citizen number joins the others with that number when their names agree, or nearly agree and the
birthday fits the number. A number whose names disagree was lent or mistaken: the strangers among its records stand
apart and are left to the model. Records without a number join on name with their own phone, and on name, birthday, sex
and home county, when nothing speaks against it and at most one numbered person is meant.
"""

from __future__ import annotations

from anju.exchange.linkage.clusters import components, constrained
from anju.exchange.linkage.comparisons import NAME
from anju.exchange.linkage.names import NAME_COLUMNS, prepare_names, shaped_sql
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps

AGREE = ("same", "sound", "look", "pinyin", "order", "near_sound", "dropped", "missing")
NEARLY = ("given", "one_char")
PROFILE = (
    '"person.name", "person.citizen_no", "person.citizen_no_stated", "person.sex", "person.born_on", '
    '"person.born_lunar_on", "person.hukou_region"'
)


def fits_sql(born: str, lunar: str, number: str) -> str:
    """SQL: whether a birthday fits a citizen number; NULL when no birthday is stated."""
    stated = f"substring({number}, 7, 8)"
    swapped = f"concat(substring({born}, 1, 4), substring({born}, 7, 2), substring({born}, 5, 2))"
    return (
        f"({born} = {stated} OR coalesce({lunar} = {stated}, FALSE) OR {swapped} = {stated} "
        f"OR levenshtein({born}, {stated}) <= 1 "
        f"OR (substring({born}, 1, 4) = substring({stated}, 1, 4) AND substring({born}, 5, 4) = '0101'))"
    )


def profiles(steps: Steps, mentions: str, parameters: Parameters) -> None:
    """Tables ``lk_record`` (record to profile) and ``lk_profile`` (one row per distinct way a person is described)."""
    steps.table("lk_record", f"SELECT record_id, hash({PROFILE}) AS profile FROM {mentions}")
    steps.table(
        "lk_described",
        f"""
        SELECT hash({PROFILE}) AS profile, any_value("person.name") AS raw, any_value("person.citizen_no") AS number,
               any_value("person.citizen_no_stated") AS stated, any_value("person.sex") AS sex,
               strftime(any_value("person.born_on"), '%Y%m%d') AS born,
               strftime(any_value("person.born_lunar_on"), '%Y%m%d') AS lunar,
               any_value("person.hukou_region") AS county, count(*) AS n, min(record_id) AS record
        FROM {mentions} GROUP BY 1
        """,
    )
    prepare_names(steps, "SELECT raw FROM lk_described", parameters)
    steps.table(
        "lk_profile",
        f"""
        SELECT p.*, n.name, CASE WHEN p.born IS NOT NULL THEN {fits_sql("p.born", "p.lunar", "p.number")} END AS fits,
               CASE WHEN p.sex IN ('1', '2') AND p.number IS NOT NULL
                    THEN p.sex = CASE WHEN CAST(substring(p.number, 17, 1) AS INTEGER) % 2 = 1 THEN '1' ELSE '2' END
               END AS sex_fits
        FROM lk_described AS p LEFT JOIN lk_name AS n ON n.raw = p.raw
        """,
    )
    steps.drop("lk_described")


def numbers(steps: Steps) -> None:
    """Table ``lk_status``: profile to ``node`` and ``is_anchor``.

    A numbered person is an anchor: node = the number. A stranger to the number is a node of their number and name,
    no anchor. A profile without a number has no node: its records stand alone (``members``).
    """
    steps.table(
        "lk_number_name",
        """
        SELECT number, name, arg_max(raw, n) AS raw,
               sum(n * CASE WHEN fits THEN 3.0 WHEN fits IS NULL THEN 1.0 ELSE 0.1 END) AS support,
               bool_or(fits) AS any_fits, bool_or(NOT fits) AS any_far
        FROM lk_profile WHERE number IS NOT NULL AND name IS NOT NULL GROUP BY number, name
        """,
    )
    steps.table(
        "lk_core",
        """
        WITH ranked AS (
            SELECT *, row_number() OVER (PARTITION BY number ORDER BY support DESC, name) AS place,
                   count(*) OVER (PARTITION BY number) AS names
            FROM lk_number_name
        )
        SELECT number, name, raw, names, coalesce(any_fits, FALSE) OR NOT coalesce(any_far, FALSE) AS is_owner
        FROM ranked WHERE place = 1
        """,
    )
    left = ", ".join(f"a.{c} AS {c}_l, b.{c} AS {c}_r" for c in _compared())
    steps.table(
        "lk_number_level",
        f"""
        WITH rare AS (
            SELECT o.number, o.raw AS other_raw, o.name AS other_name, c.raw AS core_raw
            FROM lk_number_name AS o JOIN lk_core AS c ON c.number = o.number AND c.names > 1 AND c.name <> o.name
        ),
        wanted AS (SELECT other_raw AS raw FROM rare UNION SELECT core_raw FROM rare),
        named AS (SELECT n.* FROM lk_name AS n SEMI JOIN wanted AS w ON w.raw = n.raw),
        shaped AS ({shaped_sql("named")}),
        paired AS (
            SELECT r.number, r.other_name, {left}
            FROM rare AS r JOIN shaped AS a ON a.raw = r.core_raw JOIN shaped AS b ON b.raw = r.other_raw
        )
        SELECT number, other_name AS name, {NAME.case_sql()} AS level FROM paired
        """,
    )
    agree = ", ".join(f"'{v}'" for v in AGREE)
    nearly = ", ".join(f"'{v}'" for v in NEARLY)
    steps.table(
        "lk_status",
        f"""
        WITH judged AS (
            SELECT p.profile, p.number, p.name, p.fits, p.sex_fits, coalesce(c.is_owner, TRUE) AS is_owner,
                   CASE WHEN p.name IS NULL THEN 'missing' WHEN p.name = c.name THEN 'same' ELSE v.level END AS level
            FROM lk_profile AS p
            LEFT JOIN lk_core AS c ON c.number = p.number
            LEFT JOIN lk_number_level AS v ON v.number = p.number AND v.name = p.name
            WHERE p.number IS NOT NULL
        ),
        settled AS (
            SELECT *, is_owner AND (level IN ({agree}) AND (level = 'same' OR coalesce(fits, TRUE) OR level <> 'dropped')
                   OR level IN ({nearly}) AND coalesce(fits, length(name) >= 3) AND coalesce(sex_fits, TRUE)) AS is_anchor
            FROM judged
        )
        SELECT profile, is_anchor,
               CASE WHEN is_anchor THEN hash('number', number) ELSE hash('stranger', number, coalesce(name, '')) END AS node
        FROM settled
        """,
    )
    steps.drop("lk_number_name", "lk_core", "lk_number_level")


def mistyped(steps: Steps, mentions: str) -> None:
    """Give one node to anchors whose numbers are writings of one: names that sound the same, a phone in common, and only
    one of county, birthday and sequence differs; a few records without any phone may do with another county.
    Rewrites ``lk_status``."""
    steps.table(
        "lk_named_anchor",
        """
        SELECT s.node, p.number, n.sound AS name, sum(p.n) AS n FROM lk_profile AS p
        JOIN lk_status AS s ON s.profile = p.profile JOIN lk_name AS n ON n.raw = p.raw
        WHERE s.is_anchor AND length(p.name) >= 2 GROUP BY 1, 2, 3
        """,
    )
    parts = {
        "county": "substring(number, 7, 11)",
        "sequence": "substring(number, 1, 14)",
        "birthday": "concat(substring(number, 1, 6), substring(number, 15, 3))",
    }
    every = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, hash('{kind}', name, {part}) AS code, node FROM lk_named_anchor"
        for kind, part in parts.items()
    )
    steps.table(
        "lk_like_number",
        f"""
        WITH keyed AS (SELECT DISTINCT kind, code, node FROM ({every}) AS e),
        met AS (SELECT code FROM keyed GROUP BY code HAVING count(*) BETWEEN 2 AND 8)
        SELECT DISTINCT k.kind, k.node AS a, o.node AS b
        FROM keyed AS k SEMI JOIN met AS m ON m.code = k.code JOIN keyed AS o ON o.code = k.code AND o.node > k.node
        """,
    )
    steps.table(
        "lk_like_phone",
        f"""
        WITH asked AS (SELECT a AS node FROM lk_like_number UNION SELECT b FROM lk_like_number),
        profiled AS (SELECT s.profile, s.node FROM lk_status AS s SEMI JOIN asked AS q ON q.node = s.node),
        held AS (SELECT r.record_id, p.node FROM lk_record AS r JOIN profiled AS p ON p.profile = r.profile)
        SELECT DISTINCT h.node, m."person.phone" AS phone
        FROM {mentions} AS m JOIN held AS h ON h.record_id = m.record_id WHERE m."person.phone" IS NOT NULL
        """,
    )
    components(
        steps,
        """
        SELECT l.a, l.b FROM lk_like_number AS l JOIN lk_named_anchor AS x ON x.node = l.a
        JOIN lk_named_anchor AS y ON y.node = l.b
        WHERE l.kind = 'county' AND (x.n <= 3 AND l.a NOT IN (SELECT node FROM lk_like_phone)
                                     OR y.n <= 3 AND l.b NOT IN (SELECT node FROM lk_like_phone))
        UNION
        SELECT l.a, l.b FROM lk_like_number AS l JOIN lk_like_phone AS x ON x.node = l.a
        JOIN lk_like_phone AS y ON y.node = l.b AND y.phone = x.phone
        """,
        "lk_one_number",
    )
    if steps.count("lk_one_number"):
        steps.table(
            "lk_status_one",
            """
            SELECT s.profile, s.is_anchor, coalesce(o.part, s.node) AS node
            FROM lk_status AS s LEFT JOIN lk_one_number AS o ON o.node = s.node
            """,
        )
        steps.drop("lk_status")
        steps.table("lk_status", "SELECT * FROM lk_status_one")
    steps.drop("lk_named_anchor", "lk_like_number", "lk_like_phone", "lk_status_one")


def _compared() -> tuple[str, ...]:
    return (*NAME_COLUMNS, *(f"{kind}{i}" for i in (1, 2, 3, 4) for kind in ("char", "look")))


def members(steps: Steps) -> None:
    """Tables ``lk_member`` (record to node) and ``lk_open`` (every record that no number settles, described)."""
    steps.table(
        "lk_member",
        """
        SELECT r.record_id, r.profile, coalesce(s.node, hash('record', r.record_id)) AS node,
               coalesce(s.is_anchor, FALSE) AS is_anchor
        FROM lk_record AS r LEFT JOIN lk_status AS s ON s.profile = r.profile
        """,
    )
    steps.drop("lk_record")


def open_records(steps: Steps, mentions: str) -> None:
    """Table ``lk_open``: records that no number settles, with what they state and their node."""
    steps.table(
        "lk_open",
        f"""
        WITH loose AS (SELECT record_id, profile, node FROM lk_member WHERE NOT is_anchor)
        SELECT l.record_id, l.node, p.profile, p.name, p.raw, p.born, p.lunar, p.sex, p.county, p.stated,
               m."person.phone" AS phone
        FROM {mentions} AS m JOIN loose AS l ON l.record_id = m.record_id JOIN lk_profile AS p ON p.profile = l.profile
        """,
    )


def key_groups(steps: Steps, mentions: str, parameters: Parameters, stood: bool = False) -> None:
    """Tables ``lk_key_edge`` (node to the hub of its key, with the rule) and ``lk_group`` (node to group).

    A group holds at most one anchor; a key that would join two numbered people joins nobody. ``stood``: take
    ``lk_stood`` (what was one person before) as a key too, stronger than the others.
    """
    steps.table(
        "lk_key_phone",
        f"""
        WITH wanted AS (SELECT DISTINCT phone FROM lk_open WHERE phone IS NOT NULL AND name IS NOT NULL),
        numbered AS (
            SELECT DISTINCT k.node, k.profile, m."person.phone" AS phone
            FROM {mentions} AS m SEMI JOIN wanted AS w ON w.phone = m."person.phone"
            JOIN lk_member AS k ON k.record_id = m.record_id WHERE k.is_anchor
        ),
        stated AS (
            SELECT node, name, phone, born, FALSE AS is_anchor FROM lk_open WHERE phone IS NOT NULL AND name IS NOT NULL
            UNION
            SELECT n.node, p.name, n.phone, p.born, TRUE
            FROM numbered AS n JOIN lk_profile AS p ON p.profile = n.profile WHERE p.name IS NOT NULL
        ),
        shared AS (SELECT phone FROM stated GROUP BY phone HAVING count(DISTINCT name) <= {parameters.few}),
        held AS (
            SELECT name, phone, min(CASE WHEN is_anchor THEN node END) AS anchor, min(node) AS least
            FROM stated WHERE phone IN (SELECT phone FROM shared)
            GROUP BY name, phone
            HAVING count(DISTINCT CASE WHEN is_anchor THEN node END) <= 1 AND count(DISTINCT node) > 1
               AND count(DISTINCT born) <= 1
        )
        SELECT DISTINCT s.node AS node_a, coalesce(h.anchor, h.least) AS node_b, 'name_phone' AS rule
        FROM stated AS s JOIN held AS h ON h.name = s.name AND h.phone = s.phone
        WHERE s.node <> coalesce(h.anchor, h.least)
        """,
    )
    steps.table(
        "lk_key_birth",
        """
        WITH described AS (
            SELECT DISTINCT node, name, born, sex, county, FALSE AS is_anchor FROM lk_open
            WHERE name IS NOT NULL AND born IS NOT NULL AND sex IS NOT NULL AND county IS NOT NULL
              AND substring(born, 5, 4) <> '0101'
        ),
        stated AS (
            SELECT * FROM described
            UNION
            SELECT s.node, p.name, coalesce(p.born, substring(p.number, 7, 8)), p.sex, p.county, TRUE
            FROM lk_profile AS p JOIN lk_status AS s ON s.profile = p.profile
            WHERE s.is_anchor AND p.name IN (SELECT name FROM described)
        ),
        held AS (
            SELECT name, born, sex, county, min(CASE WHEN is_anchor THEN node END) AS anchor, min(node) AS least
            FROM stated GROUP BY name, born, sex, county
            HAVING count(DISTINCT CASE WHEN is_anchor THEN node END) <= 1 AND count(DISTINCT node) > 1
        )
        SELECT DISTINCT s.node AS node_a, coalesce(h.anchor, h.least) AS node_b, 'name_birth_origin' AS rule
        FROM stated AS s JOIN held AS h
          ON h.name = s.name AND h.born = s.born AND h.sex = s.sex AND h.county = s.county
        WHERE s.node <> coalesce(h.anchor, h.least)
        """,
    )
    steps.table("lk_key_edge", "SELECT * FROM lk_key_phone UNION ALL SELECT * FROM lk_key_birth")
    steps.table("lk_anchor", "SELECT DISTINCT node FROM lk_status WHERE is_anchor")
    steps.drop("lk_key_phone", "lk_key_birth")
    if stood:
        steps.table("lk_key_every", "SELECT * FROM lk_key_edge UNION ALL SELECT * FROM lk_stood")
        steps.table("lk_key_edge", "SELECT * FROM lk_key_every")
        constrained(
            steps,
            "SELECT node_a AS a, node_b AS b, CASE WHEN rule = 'before' THEN 10.0 ELSE 1.0 END AS weight FROM lk_key_edge",
            "SELECT node FROM lk_anchor",
            "lk_key_part",
        )
        steps.drop("lk_key_every")
    else:
        components(steps, "SELECT node_a AS a, node_b AS b FROM lk_key_edge", "lk_key_part")
    steps.table(
        "lk_group",
        """
        WITH counted AS (
            SELECT c.part, count(a.node) AS anchors, min(a.node) AS anchor
            FROM lk_key_part AS c LEFT JOIN lk_anchor AS a ON a.node = c.node GROUP BY c.part
        )
        SELECT c.node, coalesce(k.anchor, c.part) AS grp, k.anchor IS NOT NULL AS is_anchor
        FROM lk_key_part AS c JOIN counted AS k ON k.part = c.part WHERE k.anchors <= 1
        """,
    )

"""Certain keys, set-based: what can be joined without weighing.

A record with a valid citizen number joins the others with that number when their names agree, or nearly agree and the
birthday fits the number. A number whose names disagree was lent or mistaken: the strangers among its records stand
apart and are left to the model. Records without a number join on name with their own phone, and on name, birthday, sex
and home county, when nothing speaks against it and at most one numbered person is meant.
"""

from __future__ import annotations

from anju.exchange.linkage.clusters import components, constrained
from anju.exchange.linkage.comparisons import NAME
from anju.exchange.linkage.names import NAME_COLUMNS, shaped_sql
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.profiles import NUMBER_DAY
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.surroundings import SURROUNDINGS

AGREE = ("same", "sound", "look", "pinyin", "order", "near_sound", "dropped", "missing")
NEARLY = ("given", "one_char")


def numbers(steps: Steps) -> None:
    """Table ``lk_placed``: every profile with ``node`` and ``is_anchor``.

    A numbered person is an anchor: node = the number, hashed. A stranger to the number is a node of their number and
    name, no anchor. A profile without a number has no node: its records stand alone (``members``).
    """
    steps.table(
        "lk_number_name",
        """
        SELECT number, name_id, arg_max(raw_id, n) AS raw_id, min(record) AS record,
               sum(n * CASE WHEN fits THEN 3.0 WHEN fits IS NULL THEN 1.0 ELSE 0.1 END) AS support,
               bool_or(fits) AS any_fits, bool_or(NOT fits) AS any_far
        FROM lk_profile WHERE number IS NOT NULL AND name_id IS NOT NULL GROUP BY number, name_id
        """,
    )
    steps.table(
        "lk_core",
        """
        WITH counted AS (
            SELECT number, count(*) AS names, min(name_id) AS name_id, min(raw_id) AS raw_id,
                   bool_or(any_fits) AS any_fits, bool_or(any_far) AS any_far FROM lk_number_name GROUP BY number
        ),
        ranked AS (
            SELECT n.*, row_number() OVER (PARTITION BY n.number ORDER BY support DESC, record) AS place
            FROM lk_number_name AS n SEMI JOIN (SELECT number FROM counted WHERE names > 1) AS c ON c.number = n.number
        ),
        first AS (
            SELECT number, names, name_id, raw_id, any_fits, any_far FROM counted WHERE names = 1
            UNION ALL SELECT number, 2, name_id, raw_id, any_fits, any_far FROM ranked WHERE place = 1
        )
        SELECT number, name_id, raw_id, names, coalesce(any_fits, FALSE) OR NOT coalesce(any_far, FALSE) AS is_owner FROM first
        """,
    )
    left = ", ".join(f"a.{c} AS {c}_l, b.{c} AS {c}_r" for c in _compared())
    steps.table(
        "lk_number_level",
        f"""
        WITH rare AS (
            SELECT o.number, o.raw_id AS other_raw, o.name_id, c.raw_id AS core_raw
            FROM lk_number_name AS o JOIN lk_core AS c ON c.number = o.number AND c.names > 1 AND c.name_id <> o.name_id
        ),
        wanted AS (SELECT other_raw AS raw_id FROM rare UNION SELECT core_raw FROM rare),
        named AS (SELECT n.* FROM lk_name AS n SEMI JOIN wanted AS w ON w.raw_id = n.raw_id),
        shaped AS ({shaped_sql("named")}),
        paired AS (
            SELECT r.number, r.name_id, b.length AS chars, {left}
            FROM rare AS r JOIN shaped AS a ON a.raw_id = r.core_raw JOIN shaped AS b ON b.raw_id = r.other_raw
        )
        SELECT number, name_id, chars, {NAME.case_sql()} AS level FROM paired
        """,
    )
    agree = ", ".join(f"'{v}'" for v in AGREE)
    nearly = ", ".join(f"'{v}'" for v in NEARLY)
    steps.table(
        "lk_placed",
        f"""
        WITH judged AS (
            SELECT p.*, coalesce(c.is_owner, TRUE) AS is_owner, v.chars,
                   CASE WHEN p.name_id IS NULL THEN 'missing' WHEN p.name_id = c.name_id THEN 'same' ELSE v.level END AS level
            FROM lk_profile AS p
            LEFT JOIN lk_core AS c ON c.number = p.number
            LEFT JOIN lk_number_level AS v ON v.number = p.number AND v.name_id = p.name_id
        ),
        settled AS (
            SELECT *, number IS NOT NULL AND coalesce(
                   is_owner AND (level IN ({agree}) AND (level = 'same' OR coalesce(fits, TRUE) OR level <> 'dropped')
                   OR level IN ({nearly}) AND coalesce(fits, chars >= 3) AND coalesce(sex_fits, TRUE)), FALSE) AS is_anchor
            FROM judged
        )
        SELECT profile, raw_id, name_id, tags, number, stated, sex, born, lunar, county, n, record, is_anchor,
               CASE WHEN number IS NULL THEN NULL WHEN is_anchor THEN hash('number', number)
                    ELSE hash('stranger', number, coalesce(name_id, 0)) END AS node
        FROM settled
        """,
    )
    steps.drop("lk_number_name", "lk_core", "lk_number_level", "lk_profile")


def mistyped(steps: Steps, known: str = "") -> None:
    """Give one node to anchors whose numbers are writings of one: names that sound the same, a phone in common, and only
    one of county, birthday and sequence differs; a few records without any phone may do with another county.
    ``known``: a query (a, b) of anchors that are one in the library. Rewrites ``lk_placed``."""
    steps.table(
        "lk_named_anchor",
        """
        SELECT p.node, p.number, n.sound_id AS sound, sum(p.n) AS n FROM lk_placed AS p
        JOIN lk_name AS n ON n.raw_id = p.raw_id WHERE p.is_anchor AND n.length >= 2 GROUP BY 1, 2, 3
        """,
    )
    parts = {
        "county": "number % 100000000000",
        "sequence": "number // 1000",
        "birthday": "number // 100000000000 * 1000 + number % 1000",
    }
    every = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, hash('{kind}', sound, {part}) AS code, node FROM lk_named_anchor"
        for kind, part in parts.items()
    )
    steps.table(
        "lk_like_number",
        f"""
        WITH keyed AS ({every}),
        met AS (SELECT code FROM keyed GROUP BY code HAVING count(*) BETWEEN 2 AND 8),
        few AS (SELECT k.* FROM keyed AS k SEMI JOIN met AS m ON m.code = k.code)
        SELECT DISTINCT k.kind, k.node AS a, o.node AS b FROM few AS k JOIN few AS o ON o.code = k.code AND o.node > k.node
        """,
    )
    steps.table(
        "lk_like_phone",
        """
        WITH asked AS (SELECT a AS node FROM lk_like_number UNION SELECT b FROM lk_like_number),
        held AS (SELECT p.profile, p.node FROM lk_placed AS p SEMI JOIN asked AS q ON q.node = p.node)
        SELECT DISTINCT h.node, r.phone FROM lk_record AS r JOIN held AS h ON h.profile = r.profile WHERE r.phone IS NOT NULL
        """,
    )
    components(
        steps,
        f"""
        SELECT l.a, l.b FROM lk_like_number AS l JOIN lk_named_anchor AS x ON x.node = l.a
        JOIN lk_named_anchor AS y ON y.node = l.b
        WHERE l.kind = 'county' AND (x.n <= 3 AND l.a NOT IN (SELECT node FROM lk_like_phone)
                                     OR y.n <= 3 AND l.b NOT IN (SELECT node FROM lk_like_phone))
        UNION
        SELECT l.a, l.b FROM lk_like_number AS l JOIN lk_like_phone AS x ON x.node = l.a
        JOIN lk_like_phone AS y ON y.node = l.b AND y.phone = x.phone {"UNION " + known if known else ""}
        """,
        "lk_one_number",
    )
    if steps.count("lk_one_number"):
        steps.table(
            "lk_placed_one",
            """
            SELECT p.* EXCLUDE (node), coalesce(o.part, p.node) AS node
            FROM lk_placed AS p LEFT JOIN lk_one_number AS o ON o.node = p.node
            """,
        )
        steps.rename("lk_placed_one", "lk_placed")
    steps.drop("lk_named_anchor", "lk_like_number", "lk_like_phone")


def _compared() -> tuple[str, ...]:
    return (*NAME_COLUMNS, *(f"{kind}{i}" for i in (1, 2, 3, 4) for kind in ("char", "look")))


def members(steps: Steps) -> None:
    """Tables ``lk_member`` (record to node, with what surrounds it), ``lk_anchor`` (nodes of numbered people) and
    ``lk_open`` (records that no number settles, with what they state)."""
    around = ", ".join(f"r.{name}" for name in SURROUNDINGS)
    steps.table(
        "lk_member",
        f"""
        SELECT r.record_id, r.profile, coalesce(p.node, hash('record', r.record_id)) AS node,
               coalesce(p.is_anchor, FALSE) AS is_anchor, {around}
        FROM lk_record AS r LEFT JOIN lk_placed AS p ON p.profile = r.profile
        """,
    )
    steps.drop("lk_record")
    steps.table("lk_anchor", "SELECT DISTINCT node FROM lk_placed WHERE is_anchor")
    steps.table(
        "lk_open",
        """
        SELECT m.record_id, m.node, p.profile, p.name_id, p.tags, p.raw_id, p.born, p.lunar, p.sex, p.county, p.number, p.stated, m.phone
        FROM lk_member AS m JOIN lk_placed AS p ON p.profile = m.profile WHERE NOT m.is_anchor
        """,
    )


def key_groups(steps: Steps, parameters: Parameters, stood: bool = False) -> None:
    """Tables ``lk_key_edge`` (node to the hub of its key, with the rule) and ``lk_group`` (node to group).

    A group holds at most one anchor; a key that would join two numbered people joins nobody. ``stood``: take
    ``lk_stood`` (what was one person before) as a key too, stronger than the others.
    """
    steps.table(
        "lk_key_phone",
        f"""
        WITH wanted AS (SELECT DISTINCT phone FROM lk_open WHERE phone IS NOT NULL AND name_id IS NOT NULL),
        numbered AS (
            SELECT m.node, m.profile, m.phone
            FROM lk_member AS m SEMI JOIN wanted AS w ON w.phone = m.phone WHERE m.is_anchor
        ),
        stated AS (
            SELECT node, name_id, phone, born, FALSE AS is_anchor FROM lk_open
            WHERE phone IS NOT NULL AND name_id IS NOT NULL
            UNION
            SELECT n.node, p.name_id, n.phone, p.born, TRUE
            FROM numbered AS n JOIN lk_placed AS p ON p.profile = n.profile WHERE p.name_id IS NOT NULL
        ),
        shared AS (
            SELECT phone FROM stated GROUP BY phone HAVING count(DISTINCT name_id) <= {parameters.few}
            {"EXCEPT SELECT value FROM lk_common WHERE kind = 'phone'" if stood else ""}
        ),
        held AS (
            SELECT name_id, phone, min(CASE WHEN is_anchor THEN node END) AS anchor, min(node) AS least
            FROM stated WHERE phone IN (SELECT phone FROM shared)
            GROUP BY name_id, phone
            HAVING count(DISTINCT CASE WHEN is_anchor THEN node END) <= 1 AND count(DISTINCT node) > 1
               AND count(DISTINCT born) <= 1
        )
        SELECT DISTINCT s.node AS node_a, coalesce(h.anchor, h.least) AS node_b, 'name_phone' AS rule
        FROM stated AS s JOIN held AS h ON h.name_id = s.name_id AND h.phone = s.phone
        WHERE s.node <> coalesce(h.anchor, h.least)
        """,
    )
    born = f"coalesce(born, CAST({NUMBER_DAY} AS INTEGER))"
    steps.table(
        "lk_key_birth",
        f"""
        WITH described AS (
            SELECT DISTINCT node, hash(name_id, born, sex, county) AS code, FALSE AS is_anchor FROM lk_open
            WHERE name_id IS NOT NULL AND born IS NOT NULL AND sex IS NOT NULL AND county IS NOT NULL
              AND born % 10000 <> 101
        ),
        numbered AS (
            SELECT node, hash(name_id, {born}, sex, county) AS code FROM lk_placed WHERE is_anchor
        ),
        stated AS (
            SELECT * FROM described
            UNION
            SELECT n.node, n.code, TRUE FROM numbered AS n SEMI JOIN described AS d ON d.code = n.code
        ),
        held AS (
            SELECT code, min(CASE WHEN is_anchor THEN node END) AS anchor, min(node) AS least
            FROM stated GROUP BY code
            HAVING count(DISTINCT CASE WHEN is_anchor THEN node END) <= 1 AND count(DISTINCT node) > 1
        )
        SELECT DISTINCT s.node AS node_a, coalesce(h.anchor, h.least) AS node_b, 'name_birth_origin' AS rule
        FROM stated AS s JOIN held AS h ON h.code = s.code WHERE s.node <> coalesce(h.anchor, h.least)
        """,
    )
    steps.table("lk_key_edge", "SELECT * FROM lk_key_phone UNION ALL SELECT * FROM lk_key_birth")
    steps.drop("lk_key_phone", "lk_key_birth")
    if stood:
        steps.table("lk_key_every", "SELECT * FROM lk_key_edge UNION ALL SELECT * FROM lk_stood")
        steps.rename("lk_key_every", "lk_key_edge")
        constrained(
            steps,
            "SELECT node_a AS a, node_b AS b, CASE WHEN rule = 'before' THEN 10.0 ELSE 1.0 END AS weight FROM lk_key_edge",
            "SELECT node FROM lk_anchor",
            "lk_key_part",
        )
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

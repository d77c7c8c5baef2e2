"""A day's delta, linked against the library without relinking it.

A changed record whose number and name the library knows is that person. For the rest only people who share a rare key
with them are taken out of the library, with all their records, and linked anew beside them; what was one person
before stays one person unless the evidence of the changed records says otherwise.
"""

from __future__ import annotations

from anju.exchange.linkage.blocking import RULES
from anju.exchange.linkage.features import CONTEXT, digits_sql
from anju.exchange.linkage.names import prepare_names
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps

MOST_SHARED = 40
"""A phone, room or relative that more records state tells nobody apart."""


def known(steps: Steps, mentions: str, changed: str, reopened: str = "") -> None:
    """Tables ``lk_known`` (record_id, person_code: settled by number and name) and ``lk_unsettled`` (record_id).

    Reads ``lk_people`` (the library's variants), ``lk_before`` (record_id, person_code) and the query ``changed``
    (record_id). The records of the query ``reopened`` are never known.
    """
    asked_anew = f"WHERE c.record_id NOT IN ({reopened})" if reopened else ""
    steps.table(
        "lk_changed",
        f"""
        SELECT m.record_id, m."person.name" AS raw, m."person.citizen_no" AS number, m."person.citizen_no_stated" AS stated,
               strftime(m."person.born_on", '%Y%m%d') AS born, strftime(m."person.born_lunar_on", '%Y%m%d') AS lunar,
               m."person.phone" AS phone
        FROM {mentions} AS m WHERE m.record_id IN (SELECT record_id FROM ({changed}) AS c)
        """,
    )
    steps.table(
        "lk_known",
        f"""
        SELECT c.record_id, min(p.person_code) AS person_code
        FROM lk_changed AS c JOIN lk_people AS p
          ON p.is_anchor AND p.raw = c.raw AND p.digits = substring(c.number, 1, 17) {asked_anew} GROUP BY c.record_id
        HAVING count(DISTINCT p.person_code) = 1
        """,
    )
    steps.table(
        "lk_unsettled",
        "SELECT record_id FROM lk_changed WHERE record_id NOT IN (SELECT record_id FROM lk_known)",
    )


def affected(steps: Steps, mentions: str, parameters: Parameters) -> None:
    """Table ``lk_affected`` (person_code): people of the library whom an unsettled record may be, or was."""
    prepare_names(
        steps,
        "SELECT raw FROM lk_changed WHERE record_id IN (SELECT record_id FROM lk_unsettled)",
        parameters,
    )
    digits = digits_sql("coalesce(c.number, c.stated)")
    steps.table(
        "lk_asked",
        f"""
        SELECT c.record_id, c.raw, n.name, n.sound, n.near_sound, n.spellings, n.given, n.bag,
               coalesce(c.born, substring(c.number, 7, 8)) AS born, c.lunar, {digits} AS digits, c.phone
        FROM lk_changed AS c SEMI JOIN lk_unsettled AS u ON u.record_id = c.record_id
        LEFT JOIN lk_name AS n ON n.raw = c.raw
        """,
    )
    met = [
        f"""SELECT p.person_code FROM ({_keys("lk_people", rule.keys.replace("n.spellings", "[n.sound]"), rule.also, "person_code")}) AS p
        SEMI JOIN ({_keys("lk_asked", rule.keys, rule.also, "record_id")}) AS a ON a.key = p.key"""
        for rule in RULES
    ]
    met.append("SELECT p.person_code FROM lk_people AS p SEMI JOIN lk_asked AS a ON a.digits = p.digits")
    met.append(
        "SELECT b.person_code FROM lk_before AS b SEMI JOIN lk_unsettled AS u ON u.record_id = b.record_id"
    )
    met += [_near(mentions, kind) for kind in ("phone", "room", "kin")]
    steps.table("lk_affected", "SELECT DISTINCT person_code FROM (" + " UNION ALL ".join(met) + ") AS m")


def _keys(table: str, keys: str, also: str, identity: str) -> str:
    """Keys of one rule for rows that carry both a variant's and a name's columns."""
    listed, suffix = (text.replace("n.", "v.") for text in (keys, also))
    return f"""SELECT {identity}, key || also AS key FROM (
        SELECT v.{identity}, unnest({listed}) AS key, {suffix} AS also FROM {table} AS v
    ) AS k WHERE key || also IS NOT NULL"""


def _near(mentions: str, kind: str) -> str:
    stated = " UNION ALL ".join(
        f"SELECT record_id, {value} AS value FROM {mentions}" for value in CONTEXT[kind]
    )
    asked = " UNION ALL ".join(
        f"""SELECT {value} AS value FROM {mentions} WHERE record_id IN (SELECT record_id FROM lk_unsettled)"""
        for value in CONTEXT[kind]
    )
    return f"""SELECT b.person_code FROM lk_before AS b SEMI JOIN (
        SELECT record_id FROM (
            SELECT s.record_id, count(*) OVER (PARTITION BY s.value) AS n
            FROM ({stated}) AS s SEMI JOIN (SELECT DISTINCT value FROM ({asked}) AS q WHERE value IS NOT NULL) AS w
              ON w.value = s.value
        ) AS shared WHERE n <= {MOST_SHARED}
    ) AS r ON r.record_id = b.record_id"""


def subset(steps: Steps, mentions: str) -> None:
    """Table ``lk_subset``: mentions of the affected people and the unsettled records."""
    steps.table(
        "lk_subset",
        f"""
        SELECT m.* FROM {mentions} AS m WHERE m.record_id IN (
            SELECT record_id FROM lk_unsettled
            UNION SELECT b.record_id FROM lk_before AS b SEMI JOIN lk_affected AS a ON a.person_code = b.person_code
            UNION SELECT k.record_id FROM lk_known AS k SEMI JOIN lk_affected AS a ON a.person_code = k.person_code
        )
        """,
    )


def standing(steps: Steps) -> None:
    """Table ``lk_stood`` (node_a, node_b, rule): unchanged records of one code belong together."""
    steps.table(
        "lk_stood",
        """
        WITH unchanged AS (
            SELECT m.node, b.person_code FROM lk_before AS b JOIN lk_member AS m ON m.record_id = b.record_id
            WHERE b.record_id NOT IN (SELECT record_id FROM lk_unsettled)
            UNION SELECT m.node, k.person_code FROM lk_known AS k JOIN lk_member AS m ON m.record_id = k.record_id
        ),
        hub AS (SELECT person_code, min(node) AS node FROM unchanged GROUP BY person_code HAVING count(DISTINCT node) > 1)
        SELECT DISTINCT u.node AS node_a, h.node AS node_b, 'before' AS rule
        FROM unchanged AS u JOIN hub AS h ON h.person_code = u.person_code WHERE u.node <> h.node
        """,
    )


def claims(steps: Steps) -> None:
    """Table ``lk_claimed`` (record_id, person_code): how the records of the subset stood, or are known to stand."""
    steps.table(
        "lk_claimed",
        """
        SELECT b.record_id, b.person_code FROM lk_before AS b
        WHERE b.record_id IN (SELECT record_id FROM lk_subset) AND b.record_id NOT IN (SELECT record_id FROM lk_known)
        UNION ALL
        SELECT k.record_id, k.person_code FROM lk_known AS k WHERE k.record_id IN (SELECT record_id FROM lk_subset)
        """,
    )


def whole(steps: Steps, mentions: str) -> None:
    """Table ``lk_whole``: the assignment of every current record - linked anew, known, or as it stood."""
    steps.table(
        "lk_whole",
        f"""
        SELECT c.record_id, k.person_code, c.how, c.weight
        FROM lk_cluster AS c JOIN lk_code AS k ON k.cluster = c.cluster
        UNION ALL
        SELECT k.record_id, k.person_code, 'key', CAST(NULL AS DOUBLE) FROM lk_known AS k
        WHERE k.record_id NOT IN (SELECT record_id FROM lk_subset)
        UNION ALL
        SELECT b.record_id, b.person_code, b.how, b.weight FROM lk_before AS b SEMI JOIN {mentions} AS m ON m.record_id = b.record_id
        WHERE b.record_id NOT IN (SELECT record_id FROM lk_subset) AND b.record_id NOT IN (SELECT record_id FROM lk_known)
        """,
    )

"""Which pairs are worth comparing: rules that each need something rare in common, analysed and bounded.

Every rule turns a description into keys; two groups meet when they share a key and at least one is open. A block (rule
and key) that would bring more than ``block_pairs`` pairs is dropped and counted, so that no rule can explode; other
rules still bring its pairs together when they have more in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2

from anju.exchange.linkage.parameters import LEAST_FREQUENCY, Parameters, double_sql
from anju.exchange.linkage.profiles import NUMBER_DAY, swapped_sql
from anju.exchange.linkage.steps import Steps


@dataclass(frozen=True, slots=True)
class Rule:
    """One blocking rule: tuples of columns of a description; one that lacks a part makes no key.

    ``also`` are keys of open descriptions only: what they may mean besides.
    """

    name: str
    keys: tuple[tuple[str, ...], ...]
    also: tuple[tuple[str, ...], ...] = ()


RULES = (
    Rule("birth_surname", (("born", "near3_id"), ("lunar", "near3_id")), (("swapped", "near3_id"),)),
    Rule("birth_given", (("born", "given_id"),)),
    Rule("birth_sound", (("born", "bag_id"), ("lunar", "bag_id"))),
    Rule("near_sound_year", (("near_id", "born // 10000"),)),
    Rule("name_month", (("name_id", "born % 10000"),)),
    Rule("region_birth", (("region_birth",),)),
    Rule("birth_sequence", (("birth_sequence",),)),
    Rule("region_sequence", (("region", "month_sequence"),)),
)
NEAR = {"phone": "", "room": "", "kin": "", "employer": "sound_id", "house": "sound_id"}
"""Rules on what surrounds a person: the value alone, or the value with the name's sound."""
NAMED = "n.name_id, n.near3_id, n.near_id, n.given_id, n.bag_id, n.sound_id"
NUMBER_PARTS = {
    "region_birth": ("v.number // 1000", 1, 14),
    "birth_sequence": ("v.number % 100000000000", 7, 11),
    "region": ("v.number // 100000000000", 1, 6),
    "month_sequence": ("v.number % 10000000", 11, 7),
}
"""Parts of a number that make keys: of a whole number, or of its digits from a place, so many."""
DIGITS = """TRY_CAST(substring(v.digits, 1, 14) AS BIGINT) AS region_birth,
    TRY_CAST(substring(v.digits, 7, 11) AS BIGINT) AS birth_sequence,
    TRY_CAST(substring(v.digits, 1, 6) AS BIGINT) AS region, TRY_CAST(substring(v.digits, 11, 7) AS BIGINT) AS month_sequence"""
OPEN = f"""SELECT v.grp, v.raw_id, v.born, v.lunar, {swapped_sql("v.born")} AS swapped, {NAMED}, {DIGITS}
    FROM lk_loose AS v LEFT JOIN lk_name AS n ON n.raw_id = v.raw_id"""
MET = f"""SELECT v.node AS grp, v.raw_id, coalesce(v.born, CAST({NUMBER_DAY} AS INTEGER)) AS born, v.lunar, {NAMED},
    v.number // 1000 AS region_birth, v.number % 100000000000 AS birth_sequence,
    v.number // 100000000000 AS region, v.number % 10000000 AS month_sequence
    FROM lk_placed AS v LEFT JOIN lk_name AS n ON n.raw_id = v.raw_id WHERE v.is_anchor"""
"""Descriptions of open groups and of numbered people, in the same columns."""


def block(steps: Steps, parameters: Parameters, fresh: str = "") -> None:
    """Tables ``lk_block`` (each rule: keys, blocks dropped, pairs) and ``lk_pair`` (a, b: groups to compare,
    a < b; and which surroundings brought them together). ``fresh``: a query of the groups one of which is in each pair."""
    steps.table("lk_open_described", OPEN)
    steps.table("lk_key_open", f"SELECT DISTINCT rule, code, grp FROM ({open_keys()}) AS k")
    met(steps, MET)
    steps.table(
        "lk_key_kept",
        f"""
        WITH mine AS (SELECT rule, code, count(*) AS n FROM lk_key_open GROUP BY rule, code),
        theirs AS (SELECT code, count(*) AS n FROM lk_key_met GROUP BY code),
        sized AS (
            SELECT m.rule, m.code, m.n * (m.n - 1) / 2 + m.n * coalesce(t.n, 0) AS pairs
            FROM mine AS m LEFT JOIN theirs AS t ON t.code = m.code
        )
        SELECT s.rule, s.code, s.pairs, s.pairs <= {parameters.block_pairs} AS is_kept FROM sized AS s WHERE s.pairs > 0
        """,
    )
    steps.table(
        "lk_block",
        """
        SELECT rule, count(*) AS blocks, sum(CASE WHEN is_kept THEN pairs ELSE 0 END) AS pairs, max(pairs) AS largest,
               sum(CASE WHEN is_kept THEN 0 ELSE 1 END) AS dropped
        FROM lk_key_kept GROUP BY rule
        """,
    )
    shared = ", ".join(f"bool_or(rule = '{kind}') AS {kind}" for kind in NEAR)
    only = f"AND (a IN ({fresh}) OR b IN ({fresh}))" if fresh else ""
    steps.table(
        "lk_pair",
        f"""
        WITH good AS (SELECT code FROM lk_key_kept WHERE is_kept),
        mine AS (SELECT k.rule, k.code, k.grp FROM lk_key_open AS k SEMI JOIN good AS g ON g.code = k.code),
        met AS (
            SELECT m.rule, m.grp AS a, t.grp AS b FROM mine AS m JOIN lk_key_met AS t ON t.code = m.code
            UNION ALL
            SELECT m.rule, m.grp, o.grp FROM mine AS m JOIN mine AS o ON o.code = m.code AND m.grp < o.grp
        )
        SELECT least(a, b) AS a, greatest(a, b) AS b, {shared} FROM met WHERE a <> b {only} GROUP BY 1, 2
        """,
    )
    steps.drop("lk_open_described", "lk_key_open", "lk_key_met", "lk_key_kept")


def likely(steps: Steps, parameters: Parameters) -> None:
    """Table ``lk_likely`` (l, r: variants of a candidate pair) without those that could not reach ``ask_from``: the weight
    of what is quickly compared, and at best what the rest may add. ``lk_variant`` and ``lk_paired`` follow."""
    best = best_sql(parameters)
    terms = (
        bound_sql(parameters, rare_sql(parameters, "coalesce(f.tf_name, 0)")),
        f"CASE WHEN p.phone THEN {best('phone', 'same')} ELSE 0 END",
        f"CASE WHEN p.room THEN {best('place', 'same')} ELSE {best('place', 'house')} END",
        f"CASE WHEN p.kin THEN {best('kin', 'same')} ELSE 0 END",
        f"CASE WHEN p.employer THEN {best('work', 'same')} ELSE 0 END",
    )
    steps.table(
        "lk_likely",
        f"""
        SELECT l.variant AS l, r.variant AS r FROM lk_pair AS p
        JOIN lk_variant AS l ON l.grp = p.a JOIN lk_variant AS r ON r.grp = p.b
        LEFT JOIN lk_name AS n ON n.raw_id = l.raw_id LEFT JOIN lk_name AS m ON m.raw_id = r.raw_id
        LEFT JOIN lk_frequency AS f ON f.name_id = n.name_id
        WHERE {" + ".join(terms)} >= {double_sql(parameters.ask_from)}
        """,
    )
    steps.table(
        "lk_variant_likely",
        "SELECT v.* FROM lk_variant AS v SEMI JOIN (SELECT l FROM lk_likely UNION SELECT r FROM lk_likely) AS k ON k.l = v.variant",
    )
    steps.rename("lk_variant_likely", "lk_variant")
    steps.table("lk_paired", "SELECT DISTINCT grp FROM lk_variant")


def best_sql(parameters: Parameters) -> Callable[..., str]:
    """``Parameters.best`` as SQL."""
    return lambda comparison, *levels: double_sql(parameters.best(comparison, *levels))


def rare_sql(parameters: Parameters, frequency: str) -> str:
    """SQL for what agreeing on a name of a known frequency is worth."""
    m = parameters.chances["name"]["same"].m
    return f"({double_sql(log2(m))} - log2(greatest({frequency}, {double_sql(LEAST_FREQUENCY)})))"


def bound_sql(parameters: Parameters, rare: str = "") -> str:
    """SQL for what two descriptions ``l`` and ``r`` (born, lunar, digits, sex) with names ``n`` and ``m`` of ``lk_name``
    can weigh at most, apart from what surrounds them. ``rare``: SQL for what the name of ``l`` is worth, if known."""
    return " + ".join(bound_terms(parameters, rare))


def bound_terms(parameters: Parameters, rare: str = "") -> tuple[str, ...]:
    """The terms of ``bound_sql``; the last is what their numbers weigh, which takes longest."""
    best = best_sql(parameters)
    rare = rare or double_sql(log2(parameters.chances["name"]["same"].m / LEAST_FREQUENCY))
    sounding = best("name", "sound", "look", "pinyin", "order", "near_sound", "dropped")
    partly = best("name", "look", "dropped", "given", "one_char", "surname")
    nearly = best("birth", "one_digit", "turned", "swapped", "first_of_year", "year")
    mistyped = best("number", "one_digit", "turned", "two_digits")
    alike = """n.length <= 2 OR m.length <= 2 OR n.dotted OR m.dotted OR n.latin OR m.latin OR n.length <> m.length
        OR substring(n.name, 2, 1) = substring(m.name, 2, 1) OR substring(n.name, 3, 1) = substring(m.name, 3, 1)"""

    def other(comparison: str) -> str:
        return double_sql(parameters.weight(comparison, "other"))

    return (
        f"""CASE WHEN n.name_id IS NULL OR m.name_id IS NULL THEN 0 WHEN n.name_id = m.name_id THEN {rare}
            WHEN n.near_id = m.near_id OR n.bag_id = m.bag_id OR (n.spellings_mask & m.spellings_mask) <> 0 THEN {sounding}
            WHEN (n.surname = m.surname OR n.given_id = m.given_id) AND ({alike}) THEN {partly}
            WHEN n.surname = m.surname THEN {best("name", "surname")} ELSE {other("name")} END""",
        f"""CASE WHEN l.born IS NULL OR r.born IS NULL THEN 0 WHEN l.born = r.born THEN {best("birth", "same")}
            WHEN l.born = r.lunar OR r.born = l.lunar THEN {best("birth", "lunar")}
            WHEN l.born // 10000 = r.born // 10000 AND l.born % 10000 <> 101 AND r.born % 10000 <> 101
                 AND l.born <> {swapped_sql("r.born")} AND levenshtein(CAST(l.born AS VARCHAR), CAST(r.born AS VARCHAR)) > 2
            THEN {best("birth", "year")}
            WHEN l.born // 10000 = r.born // 10000 THEN {nearly}
            WHEN levenshtein(CAST(l.born AS VARCHAR), CAST(r.born AS VARCHAR)) <= 2 THEN {nearly}
            ELSE {other("birth")} END""",
        f"CASE WHEN l.sex <> r.sex THEN {other('sex')} ELSE {best('sex', 'same')} END",
        double_sql(parameters.best("origin", "same") + parameters.prior_weight),
        f"""CASE WHEN l.digits IS NULL OR r.digits IS NULL THEN 0 WHEN l.digits = r.digits THEN {best("number", "same")}
            WHEN levenshtein(l.digits, r.digits) <= 2 THEN {mistyped} ELSE {other("number")} END""",
    )


def _code(rule: str, parts: tuple[str, ...]) -> str:
    """SQL for one key, hashed with its rule; null when a part is missing."""
    stated = " AND ".join(f"{p} IS NOT NULL" for p in parts)
    return f"CASE WHEN {stated} THEN hash('{rule}', {', '.join(parts)}) END"


def open_keys() -> str:
    """Query (rule, code, grp): the keys of open groups (``lk_open_described``) and of what surrounds them."""
    parts = [
        f"SELECT '{rule.name}' AS rule, {_code(rule.name, key)} AS code, grp FROM lk_open_described"
        for rule in RULES
        for key in (*rule.keys, *rule.also)
    ]
    parts.append(
        f"""SELECT 'spelling_year', {spelling_sql("s.spelling_id")}, d.grp
        FROM lk_open_described AS d JOIN ({SPELLED}) AS s ON s.raw_id = d.raw_id"""
    )
    for kind, extra in NEAR.items():
        code = _code(kind, ("c.value", f"d.{extra}") if extra else ("c.value",))
        parts.append(
            f"SELECT '{kind}', {code}, d.grp FROM lk_near_{kind} AS c JOIN lk_open_described AS d ON d.grp = c.grp"
        )
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS every WHERE code IS NOT NULL"


SPELLED = """SELECT raw_id, hash(spelling) AS spelling_id
    FROM (SELECT raw_id, unnest(spellings) AS spelling FROM lk_name) AS u WHERE spelling <> ''"""


def codes() -> tuple[str, ...]:
    """SQL for each key of one described row."""
    return tuple(_code(rule.name, key) for rule in RULES for key in rule.keys)


def spelling_sql(spelling: str) -> str:
    """SQL for the key of one spelling and the year of the row ``d``."""
    return _code("spelling_year", (spelling, "d.born // 10000"))


def met(steps: Steps, people: str) -> None:
    """Table ``lk_key_met`` (code, grp): numbered people of the query ``people`` who share a key with an open group."""
    steps.table("lk_asked_code", "SELECT DISTINCT code FROM lk_key_open")
    steps.table(
        "lk_sounding",
        f"""
        WITH asked AS (SELECT DISTINCT l.raw_id FROM lk_loose AS l),
        wanted AS (SELECT DISTINCT s.spelling_id FROM ({SPELLED}) AS s SEMI JOIN asked AS a ON a.raw_id = s.raw_id)
        SELECT s.raw_id, s.spelling_id FROM ({SPELLED}) AS s SEMI JOIN wanted AS w ON w.spelling_id = s.spelling_id
        """,
    )
    steps.table("lk_described", people)
    rules = " UNION ALL ".join(f"SELECT {code} AS code, grp FROM lk_described" for code in codes())
    near = " UNION ALL ".join(
        f"SELECT {_code(kind, ('c.value',))}, c.grp FROM lk_near_{kind} AS c SEMI JOIN lk_anchor AS a ON a.node = c.grp"
        for kind, extra in NEAR.items()
        if not extra
    )
    sounding = " UNION ALL ".join(
        f"""SELECT {_code(kind, ("c.value", f"d.{extra}"))}, c.grp FROM lk_near_{kind} AS c
        JOIN lk_described AS d ON d.grp = c.grp"""
        for kind, extra in NEAR.items()
        if extra
    )
    steps.table(
        "lk_key_met",
        f"""
        WITH every AS (
            {rules}
            UNION ALL
            SELECT {spelling_sql("s.spelling_id")}, d.grp FROM lk_described AS d JOIN lk_sounding AS s ON s.raw_id = d.raw_id
            UNION ALL {near} UNION ALL {sounding}
        )
        SELECT DISTINCT e.code, e.grp FROM every AS e SEMI JOIN lk_asked_code AS a ON a.code = e.code
        """,
    )
    steps.drop("lk_asked_code", "lk_sounding", "lk_described")

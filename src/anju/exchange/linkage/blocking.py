"""Which pairs are worth comparing: rules that each need something rare in common, analysed and bounded.

Every rule turns a variant into keys; two groups meet when they share a key and at least one is open. A block (rule
and key) that would bring more than ``block_pairs`` pairs is dropped and counted, so that no rule can explode; other
rules still bring its pairs together when they have more in common.
"""

from __future__ import annotations

from dataclasses import dataclass

from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps


@dataclass(frozen=True, slots=True)
class Rule:
    """One blocking rule: SQL for a list of texts, each followed by ``also``; a missing part makes no key."""

    name: str
    keys: str
    also: str = "''"


SWAPPED = "substring(v.born, 1, 4) || substring(v.born, 7, 2) || substring(v.born, 5, 2)"
YEAR = "substring(v.born, 1, 4)"
RULES = (
    Rule("birth_surname", "[v.born || left(n.near_sound, 3), v.lunar || left(n.near_sound, 3)]"),
    Rule("swapped_surname", f"[v.born || left(n.near_sound, 3), {SWAPPED} || left(n.near_sound, 3)]"),
    Rule("birth_given", "[v.born || n.given]"),
    Rule("birth_sound", "[v.born || n.bag, v.lunar || n.bag]"),
    Rule("sound_year", f"[n.sound || {YEAR}]"),
    Rule("spelling_year", "n.spellings", YEAR),
    Rule("near_sound_year", f"[n.near_sound || {YEAR}]"),
    Rule("name_month", "[v.name || substring(v.born, 5, 4)]"),
    Rule("region_birth", "[substring(v.digits, 1, 14)]"),
    Rule("birth_sequence", "[substring(v.digits, 7, 11)]"),
    Rule("region_sequence", "[substring(v.digits, 1, 6) || substring(v.digits, 11, 7)]"),
)
NEAR = {"phone": "", "room": "", "kin": "", "employer": "n.sound", "house": "n.sound"}
"""Rules on what surrounds a person: the value alone, or the value with the name's sound."""


def block(steps: Steps, parameters: Parameters) -> None:
    """Tables ``lk_block`` (each rule: keys, blocks dropped, pairs) and ``lk_pair`` (a, b: groups to compare, a < b)."""
    steps.table("lk_key_open", f"SELECT DISTINCT rule, code, grp FROM ({_keys('NOT v.is_anchor')}) AS k")
    steps.table(
        "lk_key_met",
        f"""
        WITH asked AS (SELECT DISTINCT code FROM lk_key_open)
        SELECT k.code, k.grp FROM ({_keys("v.is_anchor")}) AS k SEMI JOIN asked AS a ON a.code = k.code
        """,
    )
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
    steps.table(
        "lk_pair",
        """
        WITH good AS (SELECT code FROM lk_key_kept WHERE is_kept),
        mine AS (SELECT k.code, k.grp FROM lk_key_open AS k SEMI JOIN good AS g ON g.code = k.code),
        met AS (
            SELECT m.grp AS a, t.grp AS b FROM mine AS m JOIN lk_key_met AS t ON t.code = m.code
            UNION ALL
            SELECT m.grp, o.grp FROM mine AS m JOIN mine AS o ON o.code = m.code AND m.grp < o.grp
        )
        SELECT DISTINCT least(a, b) AS a, greatest(a, b) AS b FROM met WHERE a <> b
        """,
    )
    steps.drop("lk_key_open", "lk_key_met", "lk_key_kept")


def _keys(which: str) -> str:
    """Query (rule, code, grp): the keys of variants, hashed with their rule."""
    parts = [
        f"""SELECT '{r.name}' AS rule, grp, key || also AS key FROM (
            SELECT v.grp, unnest({r.keys}) AS key, {r.also} AS also FROM lk_variant AS v LEFT JOIN lk_name AS n ON n.raw = v.raw WHERE {which}
        ) AS k"""
        for r in RULES
    ]
    parts += [_near_keys(kind, extra, which) for kind, extra in NEAR.items()]
    return f"""
        SELECT rule, hash(rule, key) AS code, grp FROM ({" UNION ALL ".join(parts)}) AS every
        WHERE key IS NOT NULL
    """


def _near_keys(kind: str, extra: str, which: str) -> str:
    key = f"c.value || '|' || {extra}" if extra else "c.value"
    join = "LEFT JOIN lk_name AS n ON n.raw = v.raw" if extra else ""
    return f"""SELECT '{kind}' AS rule, v.grp, {key} AS key
        FROM lk_near_{kind} AS c JOIN lk_variant AS v ON v.grp = c.grp {join} WHERE {which}"""

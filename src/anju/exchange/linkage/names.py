"""Names made comparable, set-based: characters, sound, look, script, order.

Every character of a name is looked up in the code tables (``codes/characters``, ``codes/variants``,
``codes/lookalikes``, ``codes/surname_readings.csv``, ``codes/fuzzy_pinyin.csv``) by joins on its place in the name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from anju.exchange.linkage.conditions import mask_sql
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps
from anju.kernel import packs
from anju.kernel.refusal import Refusal

PLACES = range(1, 9)
"""Characters of a name that are looked up; what follows is kept as stated."""
SEPARATORS = " 　,，·•・．.‧∙'’`´-"
"""Blanks, commas, middle dots and marks that carry no name."""


def code_file(relative: str) -> Path:
    """A code table of the pack in force. Raises ``linkage.no_codes``."""
    path = packs.find_file(f"codes/{relative}")
    if path is None:
        raise Refusal("linkage.no_codes", file=relative)
    return path


@lru_cache
def near_sound_rules() -> tuple[tuple[str, str], ...]:
    """Replacements that make confusable syllables equal, in the order to apply: ``zh`` to ``z``, ``ng`` to ``n`` …

    Finals that differ by ``g`` alone are told by one rule, so that the text needs no syllable borders.
    """
    with code_file("fuzzy_pinyin.csv").open(encoding="utf-8") as stream:
        pairs = [(row["a"], row["b"]) for row in csv.DictReader(stream)]
    long = sorted({(b, a) for a, b in pairs if len(b) > len(a) and not b.endswith("ng")})
    single = sorted({(a, b) if b in "lh" else (b, a) for a, b in pairs if len(a) == len(b) == 1})
    nasal = (("ng", "n"),) if any(b.endswith("ng") for _, b in pairs) else ()
    return (*long, *nasal, *single)


def near_sound_sql(letters: str) -> str:
    """SQL that folds romanised letters by the confusable sounds."""
    for old, new in near_sound_rules():
        letters = f"replace({letters}, '{old}', '{new}')"
    return letters


def near_sound(letters: str) -> str:
    """Romanised letters folded by the confusable sounds."""
    for old, new in near_sound_rules():
        letters = letters.replace(old, new)
    return letters


def plain_sql(name: str) -> str:
    """SQL for a name without blanks, dots and marks, letters upper-case."""
    marks = SEPARATORS.replace("'", "''")
    return f"upper(translate({name}, '{marks}', ''))"


def prepare_characters(steps: Steps) -> None:
    """Tables ``lk_char`` (character to simplified form and readings), ``lk_look`` (to its look-alikes) and
    ``lk_surname`` (to a surname's own readings)."""
    engine = steps.engine
    engine.scan("lk_src_char", [code_file("characters.parquet")])
    engine.scan("lk_src_variant", [code_file("variants.parquet")])
    engine.scan("lk_src_look", [code_file("lookalikes.parquet")])
    steps.table(
        "lk_simple",
        """
        WITH best AS (
            SELECT variant, char, row_number() OVER (PARTITION BY variant ORDER BY rank, char) AS place
            FROM lk_src_variant WHERE kind IN ('trad_simp', 'tw_variant', 'hk_variant') AND variant <> char
        )
        SELECT variant, char FROM best WHERE place = 1
        """,
    )
    steps.table(
        "lk_char",
        """
        WITH read AS (
            SELECT char, translate(pinyin, 'vü', 'uu') AS sound,
                   translate(translate(split_part(concat(readings, '/'), '/', 2), '12345', ''), 'vü', 'uu') AS second,
                   translate(translate(split_part(concat(readings, '//'), '/', 3), '12345', ''), 'vü', 'uu') AS third
            FROM lk_src_char
        ),
        voiced AS (
            SELECT char, sound,
                   CASE WHEN second <> '' AND second <> sound THEN second
                        WHEN third <> '' AND third <> sound THEN third ELSE sound END AS other
            FROM read
        )
        SELECT v.char AS ch, coalesce(s.char, v.char) AS simple, coalesce(w.sound, v.sound) AS sound,
               coalesce(w.other, v.other) AS other
        FROM voiced AS v LEFT JOIN lk_simple AS s ON s.variant = v.char LEFT JOIN voiced AS w ON w.char = s.char
        UNION ALL
        SELECT s.variant, s.char, v.sound, v.other
        FROM lk_simple AS s JOIN voiced AS v ON v.char = s.char
        WHERE s.variant NOT IN (SELECT char FROM lk_src_char)
        """,
    )
    steps.table(
        "lk_look",
        """
        WITH both_ways AS (
            SELECT char, lookalike FROM lk_src_look UNION SELECT lookalike, char FROM lk_src_look
        )
        SELECT char AS ch, array_to_string(list_sort(list(lookalike)), '') AS look FROM both_ways GROUP BY char
        """,
    )
    steps.table("lk_surname", _surnames())


@lru_cache
def surname_readings() -> dict[str, tuple[str, str]]:
    """A surname's own reading and another one, where it is not read like the character elsewhere."""
    with code_file("surname_readings.csv").open(encoding="utf-8") as stream:
        rows = [(r["surname"], r["readings"].replace(" ", "").split("/")) for r in csv.DictReader(stream)]
    return {surname: (readings[0], readings[-1]) for surname, readings in rows}


def _surnames() -> str:
    listed = ", ".join(f"('{s}', '{one}', '{two}')" for s, (one, two) in surname_readings().items())
    return f"SELECT * FROM (VALUES {listed}) AS s(surname, sound, other)"


def prepare_names(steps: Steps, source: str, parameters: Parameters) -> None:
    """Table ``lk_name``: one row per distinct spelling in ``source`` (a query with one column ``raw``).

    Columns: raw; name (simplified, no dots); latin, dotted; length; surname, given, first_part; sound and
    near_sound (letters, surname first); spellings (every romanised form it may take); bag (characters sorted).
    """
    steps.table("lk_name_text", _text(source))
    steps.table("lk_name_read", _read(parameters.compound_surnames))
    steps.table("lk_name", _numbered())
    steps.drop("lk_name_text", "lk_name_read")


def _text(source: str) -> str:
    return f"""
        WITH stated AS (SELECT DISTINCT raw FROM ({source}) AS s WHERE raw IS NOT NULL),
        marked AS (SELECT raw, regexp_matches(raw, '[A-Za-z{SEPARATORS.replace("'", "''")}]') AS is_marked FROM stated),
        cleaned AS (
            SELECT raw, is_marked, CASE WHEN is_marked THEN {plain_sql("raw")} ELSE upper(raw) END AS text,
                   CASE WHEN is_marked THEN translate(raw, '·•・．.‧∙', '·······') ELSE raw END AS spaced FROM marked
        )
        SELECT raw, text, is_marked AND text <> '' AND regexp_matches(text, '^[A-Z]+$') AS latin,
               contains(spaced, '·') AS dotted,
               CASE WHEN is_marked THEN {plain_sql("split_part(spaced, '·', 1)")} ELSE text END AS first_part,
               lower(trim(raw)) AS worded
        FROM cleaned WHERE text <> ''
    """


def _read(compound: Iterable[str]) -> str:
    listed = ", ".join(f"'{s}'" for s in compound) or "''"
    joins = "\n".join(f"LEFT JOIN lk_char AS c{i} ON c{i}.ch = substring(t.text, {i}, 1)" for i in PLACES)
    at = {i: f"substring(t.text, {i}, 1)" for i in PLACES}
    simple = ", ".join(f"coalesce(c{i}.simple, {at[i]}, '')" for i in PLACES)
    tail = f"substring(t.text, {len(PLACES) + 1})"
    sounds = ", ".join(f"coalesce(c{i}.sound, lower({at[i]}), '') AS s{i}" for i in PLACES)
    others = ", ".join(f"coalesce(c{i}.other, lower({at[i]}), '') AS o{i}" for i in PLACES)
    return f"""
        WITH read AS (
            SELECT t.raw, t.latin, t.dotted, t.first_part, t.worded, t.text,
                   CASE WHEN t.latin THEN t.text ELSE concat({simple}, {tail}) END AS name, {sounds}, {others}
            FROM lk_name_text AS t {joins}
        )
        SELECT *, CASE WHEN latin THEN 0 WHEN length(name) >= 3 AND substring(name, 1, 2) IN ({listed}) THEN 2 ELSE 1
                  END AS cut
        FROM read
    """


def _named() -> str:
    def letters(kind: str, begin: int) -> str:
        return "concat(" + ", ".join(f"r.{kind}{i}" for i in PLACES if i >= begin) + ")"

    given = f"CASE WHEN r.cut = 2 THEN {letters('s', 3)} ELSE {letters('s', 2)} END"
    given_other = f"CASE WHEN r.cut = 2 THEN {letters('o', 3)} ELSE {letters('o', 2)} END"
    family = "coalesce(y.sound, CASE WHEN r.cut = 2 THEN concat(r.s1, r.s2) ELSE r.s1 END)"
    plain = "CASE WHEN r.cut = 2 THEN concat(r.s1, r.s2) ELSE r.s1 END"
    first_word, last_word = "split_part(worded, ' ', 1)", "split_part(worded, ' ', -1)"
    rest = f"substring(letters, length({letters_sql(first_word)}) + 1)"
    body = f"substring(letters, 1, length(letters) - length({letters_sql(last_word)}))"
    romanised = (
        "letters",
        f"concat({rest}, {letters_sql(first_word)})",
        f"concat({letters_sql(last_word)}, {body})",
    )
    spoken = (
        "concat(family, given_sound)",
        "concat(given_sound, family)",
        "concat(family_other, given_sound)",
        "concat(family_plain, given_sound)",
        "concat(given_sound, family_plain)",
        "concat(family, given_other)",
    )
    return f"""
        WITH voiced AS (
            SELECT r.raw, r.name, r.latin, r.dotted, r.first_part, r.cut, r.worded, {given} AS given_sound,
                   {given_other} AS given_other, {family} AS family, coalesce(y.other, {plain}) AS family_other,
                   {plain} AS family_plain, {letters_sql("r.worded")} AS letters
            FROM lk_name_read AS r
            LEFT JOIN lk_surname AS y ON y.surname = substring(r.name, 1, r.cut) AND NOT r.latin
        )
        SELECT raw, name, latin, dotted, length(name) AS length,
               CASE WHEN NOT latin THEN substring(name, 1, cut) END AS surname,
               CASE WHEN NOT latin AND length(name) >= cut + 2 THEN substring(name, cut + 1) END AS given,
               CASE WHEN dotted AND length(first_part) >= 2 THEN first_part ELSE name END AS first_part,
               CASE WHEN latin THEN letters ELSE concat(family, given_sound) END AS sound,
               {near_sound_sql("CASE WHEN latin THEN letters ELSE concat(family, given_sound) END")} AS near_sound,
               CASE WHEN latin THEN list_distinct([{", ".join(romanised)}]) ELSE list_distinct([{", ".join(spoken)}])
               END AS spellings,
               CASE WHEN latin THEN {mask_sql(romanised)} ELSE {mask_sql(spoken)} END AS spellings_mask,
               CASE WHEN latin THEN name ELSE array_to_string(list_sort([{", ".join(f"substring(name, {i}, 1)" for i in PLACES)}]), '')
               END AS bag
        FROM voiced
    """


def _numbered() -> str:
    """Names with their parts as numbers, for keys: the text's hash, null where there is none."""
    ids = ", ".join(
        f"CASE WHEN {text} <> '' THEN hash({text}) END AS {name}_id" for name, text in PARTS.items()
    )
    small = " + ".join(
        f"coalesce(CAST({part}_id & {TAG // 2 - 1} AS BIGINT) + 1, 0) * {TAG**place}"
        for place, part in enumerate(TAGS)
    )
    return f"WITH n AS (SELECT n.*, {ids} FROM ({_named()}) AS n) SELECT *, {small} AS tags FROM n"


TAGS = ("near3", "near", "given", "bag")
"""Parts of a name of which ``tags`` holds a small number: equal parts have equal numbers, few others do; 0 is none."""
TAG = 32768


def tag_sql(part: str, tags: str = "tags") -> str:
    """SQL for the small number of one part."""
    return f"({tags} // {TAG ** TAGS.index(part)}) % {TAG}"


DAY_CODES = {
    **{
        f"day_{p}": f"CASE WHEN {tag_sql(p)} > 0 THEN CAST(day AS BIGINT) * {TAG} + {tag_sql(p)} END"
        for p in ("near3", "given", "bag")
    },
    "year_near": f"CASE WHEN {tag_sql('near')} > 0 THEN CAST(day // 10000 AS BIGINT) * {TAG} + {tag_sql('near')} END",
}
"""SQL from ``day`` and ``tags``: a birthday, or its year, with a part of the name, as one number to look up."""
PARTS = {
    "raw": "raw",
    "name": "name",
    "sound": "sound",
    "near": "near_sound",
    "near3": "left(near_sound, 3)",
    "given": "given",
    "bag": "bag",
}


def letters_sql(words: str) -> str:
    """SQL for the letters of romanised words in one spelling: ``v``, ``ü``, and ``yu`` after an l or after a word's first n,
    are all ``u``. Within a word n and yu are mostly two syllables: Sun Yuanjuan written SUNYUANJUAN is no Su Nuanjuan."""
    marks = SEPARATORS.replace("'", "''")
    plain = f"concat(' ', translate(lower({words}), 'vü', 'uu'))"
    return f"translate(replace(replace({plain}, 'lyu', 'lu'), ' nyu', ' nu'), '{marks}', '')"


NAME_COLUMNS = (
    "name",
    "latin",
    "dotted",
    "length",
    "surname",
    "given",
    "first_part",
    "near_sound",
    "spellings",
    "spellings_mask",
    "bag",
)


def shaped_sql(source: str) -> str:
    """Query: the rows of ``source`` (with a column ``name``) and, beside them, the first four characters (``char1`` …)
    with all that look like each (``look1`` …)."""
    places = (1, 2, 3, 4)
    chars = ", ".join(f"substring(n.name, {i}, 1) AS char{i}, k{i}.look AS look{i}" for i in places)
    joins = " ".join(f"LEFT JOIN lk_look AS k{i} ON k{i}.ch = substring(n.name, {i}, 1)" for i in places)
    return f"SELECT n.*, {chars} FROM {source} AS n {joins}"

"""Forms of a name: what a comparison and a search see. Set-based, from the character tables of the pack.

Grain: ``name_form`` holds one row per distinct name: ``folded`` (simplified, no spaces or dots, small letters),
``pinyin`` (no tones), ``initials``, ``is_latin``.
Unknown: a character outside the tables stands for itself.
Source: packs/cn/codes (characters, variants, surname readings).
"""

from __future__ import annotations

import csv

from anju.kernel import packs
from anju.kernel.engine import Engine, literal
from anju.kernel.refusal import Refusal

SHORT, LONG = 4, 24


def prepare(engine: Engine) -> None:
    """Make ``hanzi`` (one row per character: simplified form, reading) and ``surname_sound``."""
    paths = {name: packs.find_file(f"codes/{name}") for name in FILES}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise Refusal("library.no_code_table", file=missing[0])
    found = {name: path for name, path in paths.items() if path is not None}
    engine.scan("code_characters", [found["characters.parquet"]])
    engine.scan("code_variants", [found["variants.parquet"]])
    engine.run(f"CREATE OR REPLACE TEMP TABLE hanzi AS {_HANZI}")
    with found["surname_readings.csv"].open(encoding="utf-8") as stream:
        rows = [(r["surname"], r["readings"].partition("/")[0]) for r in csv.DictReader(stream)]
    listed = ", ".join(f"({literal(s)}, {literal(r)})" for s, r in rows if len(s) == 1)
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE surname_sound AS SELECT * FROM (VALUES {listed}) AS s(ch, sound)"
    )


FILES = ("characters.parquet", "variants.parquet", "surname_readings.csv")
_HANZI = """
WITH simple AS (
    SELECT variant AS ch, min(char) AS simple FROM code_variants WHERE rank = 1 AND variant <> char
    GROUP BY variant
),
every AS (SELECT char AS ch FROM code_characters UNION SELECT ch FROM simple),
sound AS (SELECT char AS ch, min(pinyin) AS sound FROM code_characters GROUP BY char)
SELECT e.ch, coalesce(s.simple, e.ch) AS simple, coalesce(own.sound, theirs.sound, '') AS sound
FROM every AS e
LEFT JOIN simple AS s ON e.ch = s.ch
LEFT JOIN sound AS own ON e.ch = own.ch
LEFT JOIN sound AS theirs ON s.simple = theirs.ch
"""
PLAIN = "lower(replace(replace(replace(replace(name, ' ', ''), '·', ''), '　', ''), '.', ''))"


def forms(engine: Engine, names: str) -> None:
    """Make ``name_form`` for every distinct ``name`` of the query ``names``."""
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE plain_name AS SELECT name, {PLAIN} AS plain, "
        f"ascii({PLAIN}) < 128 AS is_latin FROM (SELECT DISTINCT name FROM ({names}) AS n WHERE name IS NOT NULL) AS d"
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE name_form AS "
        + " UNION ALL ".join(
            (
                _spelled(SHORT, f"NOT is_latin AND length(plain) <= {SHORT}"),
                _spelled(LONG, f"NOT is_latin AND length(plain) > {SHORT}"),
                _LATIN,
            )
        )
    )


_LATIN = """
SELECT name, plain AS folded, plain AS pinyin,
    lower(concat(substr(split_part(name, ' ', 1), 1, 1), substr(split_part(name, ' ', 2), 1, 1),
        substr(split_part(name, ' ', 3), 1, 1), substr(split_part(name, ' ', 4), 1, 1))) AS initials,
    TRUE AS is_latin
FROM plain_name WHERE is_latin
"""


def _spelled(length: int, which: str) -> str:
    """Forms of names of at most ``length`` characters, one join per place; the surname by its own reading."""
    places = range(1, length + 1)
    letters = ", ".join(f"substr(plain, {i}, 1) AS c{i}" for i in places)
    joins = " ".join(f"LEFT JOIN hanzi AS h{i} ON n.c{i} = h{i}.ch" for i in places)
    sounds = [
        "coalesce(s.sound, h1.sound, n.c1)",
        *(f"coalesce(h{i}.sound, n.c{i})" for i in places if i > 1),
    ]
    return (
        f"SELECT n.name, concat({', '.join(f'coalesce(h{i}.simple, n.c{i})' for i in places)}) AS folded, "
        f"concat({', '.join(sounds)}) AS pinyin, "
        f"concat({', '.join(f'substr({s}, 1, 1)' for s in sounds)}) AS initials, FALSE AS is_latin "
        f"FROM (SELECT name, {letters} FROM plain_name WHERE {which}) AS n {joins} "
        "LEFT JOIN surname_sound AS s ON n.c1 = s.ch"
    )

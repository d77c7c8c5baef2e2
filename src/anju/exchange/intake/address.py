"""Addresses in one line, parsed into region, street, number, building, unit and room.

The region comes from the pack's divisions: the text up to a marker (社区 村 街道 镇 乡 区 县 市) is looked up
among every way to write a division, with any of its ancestors left out. What follows is cut at the words of
the trade (号 栋 单元 室), or at hyphens. Nothing is guessed: a part that is not written, or too long to be one, is NULL.

Grain: one address. Units: division codes of 6 to 12 digits. Unknown: NULL. Source: GB/T 31000 address items.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from anju.exchange.intake import macros
from anju.kernel import packs
from anju.kernel.engine import Engine, literal
from anju.register import canon

PLACES = "address_places"
"""Table: ``written`` text of a division with some ancestors, ``code``, ``size`` characters of ``written``."""

MACROS = """
address_words(x) AS CASE WHEN contains(x, '委')
  THEN regexp_replace(regexp_replace(x, '(社区)?居(民)?委(员)?会', '社区'), '村(民)?委(员)?会', '村') ELSE x END
building_word(x) AS CASE
  WHEN contains(x, '号楼') THEN replace(x, '号楼', '栋') WHEN contains(x, '幢') THEN replace(x, '幢', '栋')
  WHEN contains(x, '#') THEN replace(replace(x, '#楼', '栋'), '#', '栋')
  WHEN contains(x, '座') THEN replace(x, '座', '栋') WHEN contains(x, '号院') THEN replace(x, '号院', '号') ELSE x END
up_to(x, word) AS CASE WHEN contains(x, word) THEN left(x, instr(x, word) + length(word) - 1) END
community_cut(x) AS coalesce(up_to(x, '社区'), up_to(x, '村'))
town_cut(x) AS coalesce(up_to(x, '街道'), up_to(x, '镇'), up_to(x, '乡'))
county_cut(x) AS coalesce(up_to(x, '区'), up_to(x, '县'), up_to(x, '市'))
after_community(x) AS CASE WHEN contains(x, '社区') THEN substr(x, instr(x, '社区') + 2) ELSE x END
small_number(x) AS arabic(CASE WHEN contains(x, '百')
  THEN split_part(x, '百', 1) || lpad(tens(ltrim(split_part(x, '百', 2), '零〇')), 2, '0') ELSE tens(x) END)
part(x) AS CASE WHEN is_ascii(x) THEN upper(x) ELSE upper(small_number(x)) END
no_floor(x) AS CASE WHEN contains(x, '层') THEN split_part(x, '层', 2)
  WHEN contains(x, '楼') THEN split_part(x, '楼', 2) ELSE x END
words_before(x) AS CASE WHEN instr(x, '号') > 1
  THEN rtrim(left(x, instr(x, '号') - 1), '0123456789-ABCDEFabcdef') ELSE regexp_extract(x, '^[^0-9A-Za-z]*') END
if_short(x, most) AS CASE WHEN length(x) BETWEEN 1 AND most THEN x END
street_words(x, pos) AS CASE WHEN pos > 1 AND length(x) = pos - 1 THEN rtrim(x, '〇零一二三四五六七八九十百') ELSE x END
"""

Stage = dict[str, str]
"""Names of new columns and the SQL expressions that make them out of the stage before."""


def stages(c: str) -> tuple[tuple[Stage, str], ...]:
    """The parser as steps over the text column ``c``: columns to add, and the joins they read.

    The last one ends with the columns ``<c>_region`` … ``<c>_address``. The community is looked for first, the
    sub-district and the district only where it is not found. One pattern reads the usual writings; the rest are
    cut word by word, and only they pay for it. Every expression stays small: macros repeat their argument.
    """
    clean, found = f"{c}_clean", f"{c}_found"
    size = f"CASE WHEN {found} IS NULL THEN 0 ELSE {c}_size END"
    alone: tuple[Stage, ...] = (
        {f"{c}_region": found, f"{c}_rest": f"after_community(substr({clean}, 1 + {size}))"},
        {f"{c}_std": f"regexp_extract({c}_rest, {literal(_USUAL)}, {list(_GROUPS)})"},
        {f"{c}_odd": f"CASE WHEN {c}_std.n = '' THEN building_word({c}_rest) END"},
        {f"{c}_at": f"instr({c}_odd, '号')", f"{c}_before": f"words_before({c}_odd)"},
        {
            f"{c}_words": f"street_words({c}_before, {c}_at)",
            f"{c}_tail": f"substr({c}_odd, 1 + CASE WHEN {c}_at > 0 THEN {c}_at ELSE length({c}_before) END)",
        },
        {
            f"{c}_has": f"instr({c}_tail, '栋')",
            f"{c}_after": f"CASE WHEN contains({c}_tail, '栋') THEN substr({c}_tail, instr({c}_tail, '栋') + 1)"
            f" ELSE {c}_tail END",
            f"{c}_split": f"CASE WHEN contains({c}_tail, '-') THEN string_split({c}_tail, '-') END",
        },
        _tokens(c),
        _read_tokens(c),
        _parts(c),
    )
    return (
        ({clean: f"address_words(CASE WHEN contains({c}, ' ') THEN replace({c}, ' ', '') ELSE {c} END)"}, ""),
        *_places(c),
        *((stage, "") for stage in alone),
    )


def _places(c: str) -> tuple[tuple[Stage, str], ...]:
    """``<c>_found`` and ``<c>_size``: the division the text begins with, the smallest that is known."""
    steps: list[tuple[Stage, str]] = []
    missing = ""
    for n, cut in enumerate(("community_cut", "town_cut", "county_cut")):
        key = f"{cut}({c}_clean)"
        steps.append(
            ({f"{c}_key{n}": f"CASE WHEN {c}_at{n - 1} IS NULL THEN {key} END" if missing else key}, "")
        )
        join = f" LEFT JOIN {PLACES} {c}_p{n} ON {c}_p{n}.written = {c}_key{n}"
        missing = f"{c}_at{n}"
        earlier = [f"{c}_at{m}" for m in range(n)]
        steps.append(
            (
                {
                    missing: f"coalesce({', '.join([*earlier, f'{c}_p{n}.code'])})",
                    f"{c}_size{n}": f"{c}_p{n}.size",
                },
                join,
            )
        )
    sizes = ", ".join(f"{c}_size{n}" for n in range(3))
    return (*steps, ({f"{c}_found": missing, f"{c}_size": f"coalesce({sizes})"}, ""))


_BUILDING = "('栋', '幢', '号楼', '座')"
_PIECE = "([1-9A-Z][0-9A-Z]*)"
_USUAL = (
    f"^([^0-9A-Za-z]*)([1-9][0-9]*(?:-[1-9][0-9]*)?)号(?:{_PIECE}(栋|幢|号楼|座|单元|-|室|房)?"
    f"(?:{_PIECE}(单元|-|室|房)?(?:{_PIECE}[室房]?)?)?)?$"
)
_GROUPS = ("s", "n", "a", "m", "b", "k", "c")
"""Street, number, then up to three tokens a b c and the words m k between them."""


def _tokens(c: str) -> Stage:
    """The pieces of an unusual writing. Hyphens stand for words left out: [number-]building-[unit-]room."""
    odd, tail, after, split = f"{c}_odd", f"{c}_tail", f"{c}_after", f"{c}_split"
    flat = f"({c}_has = 0 AND {split} IS NOT NULL AND NOT contains({tail}, '单元'))"
    four = f"({c}_at = 0 AND len({split}) = 4)"
    return {
        f"{c}_n": f"CASE WHEN {c}_at > 0 THEN substr(left({odd}, {c}_at - 1), length({c}_words) + 1)"
        f" WHEN {four} THEN {split}[1] WHEN {split} IS NULL AND strlen({tail}) = length({tail}) THEN {tail} END",
        f"{c}_b": f"CASE WHEN {c}_has > 0 THEN left({tail}, {c}_has - 1)"
        f" WHEN {four} THEN {split}[2] WHEN {flat} THEN {split}[1] END",
        f"{c}_u": f"CASE WHEN contains({after}, '单元') THEN split_part({after}, '单元', 1)"
        f" WHEN {four} THEN {split}[3] WHEN {c}_has > 0 AND {split} IS NOT NULL THEN split_part({after}, '-', 1)"
        f" WHEN {flat} AND len({split}) = 3 THEN {split}[2] END",
        f"{c}_r": f"CASE WHEN contains({after}, '单元') THEN split_part({after}, '单元', 2)"
        f" WHEN {split} IS NOT NULL THEN {split}[-1] WHEN {c}_has > 0 OR {c}_at > 0 THEN {after} END",
    }


def _read_tokens(c: str) -> Stage:
    pieces = {f"{c}_{x}2": f"part({c}_{x})" for x in "nbu"}
    return {**pieces, f"{c}_r2": f"part(rtrim(no_floor({c}_r), '室房号户'))"}


def _parts(c: str) -> Stage:
    s = f"{c}_std"
    led = f"({s}.m IN {_BUILDING} OR {s}.m = '-')"
    usual = {
        "street": f"{s}.s",
        "number": f"{s}.n",
        "building": f"CASE WHEN {led} THEN {s}.a END",
        "unit": f"CASE WHEN {led} THEN CASE WHEN {s}.k IN ('单元', '-') THEN {s}.b END"
        f" WHEN {s}.m = '单元' THEN {s}.a END",
        "room": f"CASE WHEN {led} AND {s}.k IN ('单元', '-') THEN {s}.c"
        f" WHEN {led} OR {s}.m = '单元' THEN {s}.b ELSE {s}.a END",
    }
    room = {name: canon.column(f"dwelling.{name}").most for name in usual}
    odd = {
        "street": f"{c}_words",
        "number": f"ltrim({c}_n2, '0')",
        "building": f"ltrim({c}_b2, '0')",
        "unit": f"ltrim({c}_u2, '0')",
        "room": f"ltrim({c}_r2, '0')",
    }
    parts = {
        f"{c}_{name}": f"if_short(CASE WHEN {c}_odd IS NULL THEN {usual[name]} ELSE {odd[name]} END, {room[name]})"
        for name in usual
    }
    return {**parts, f"{c}_address": f"{c}_clean"}


def define(engine: Engine) -> None:
    """Make the macros and the table of the pack's divisions known to the engine."""
    macros.define(engine, MACROS)
    rows = ", ".join(f"({literal(w)}, {literal(code)}, {len(w)})" for w, code in sorted(_written().items()))
    engine.run(f"CREATE OR REPLACE TABLE {PLACES} (written VARCHAR, code VARCHAR, size INT)")
    if rows:
        engine.run(f"INSERT INTO {PLACES} VALUES {rows}")


def regions() -> Mapping[str, tuple[str, str]]:
    """The pack's divisions down to communities: code -> (name, parent code, empty at the top)."""
    path = packs.find_file("regions.csv")
    return _read_regions(path) if path else {}


def _read_regions(path: Path) -> dict[str, tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {
            row["code"]: (row["name"], row.get("parent") or "")
            for row in csv.DictReader(stream)
            if len(row["code"]) <= 12
        }


def _written() -> dict[str, str]:
    """Every unambiguous way to write a division with its ancestors or without some of them."""
    known = regions()
    found: dict[str, set[str]] = {}
    for code in known:
        for text in _ways(code, known):
            found.setdefault(text, set()).add(code)
    return {text: next(iter(codes)) for text, codes in found.items() if len(codes) == 1}


def _ways(code: str, known: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    path: list[str] = []
    above: str = code
    while above in known:
        path.insert(0, known[above][0])
        above = known[above][1]
    *ancestors, own = path
    for chosen in product(*(("", name, *_short(name)) for name in ancestors)):
        yield "".join(chosen) + own


def _short(name: str) -> tuple[str, ...]:
    return (name[:-1],) if name.endswith("市") and len(name) > 2 else ()


def count_ambiguous() -> int:
    """How many writings of the pack's divisions mean more than one place; those are never resolved."""
    known = regions()
    return sum(n > 1 for n in Counter(t for code in known for t in set(_ways(code, known))).values())

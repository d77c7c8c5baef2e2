"""How names are compared: one key for all ways to write a name, its sound, and what it may be mistaken for.

The tables come from the packs; a library run computes the same key and sound, set by set.
"""

from __future__ import annotations

import csv
import unicodedata
from functools import lru_cache
from itertools import pairwise

import pyarrow.parquet as pq

from anju.kernel import packs
from anju.kernel.width import TO_HALF

DROPPED = frozenset(" ·•‧・･∙⋅●　.'-")

_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0304\u030c"))
_AROUND = " \"'“”‘’《》，,。.;；、！!？?：:"
"""What comes along when a name is copied out of a sentence."""


def even(text: str) -> str:
    """What was typed without what does not matter: width, blanks, tone marks of pinyin, quotes around it."""
    toneless = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).translate(_TONES))
    return " ".join(toneless.translate(TO_HALF).split()).strip(_AROUND)


@lru_cache
def simple_forms() -> dict[str, str]:
    """Traditional and regional characters -> simplified."""
    path = packs.find_file("codes/variants.parquet")
    if path is None:
        return {}
    found: dict[str, str] = {}
    for row in pq.read_table(path).to_pylist():
        if row["rank"] == 1 and row["variant"] != row["char"]:
            found[row["variant"]] = min(row["char"], found.get(row["variant"], row["char"]))
    return found


def key(name: str) -> str:
    """A name as it is compared: simplified characters, no spaces or dots, small letters."""
    forms = simple_forms()
    return "".join(forms.get(c, c) for c in name.lower() if c not in DROPPED)


@lru_cache
def _readings() -> dict[str, str]:
    path = packs.find_file("codes/characters.parquet")
    if path is None:
        return {}
    found: dict[str, str] = {}
    for row in pq.read_table(path, columns=["char", "pinyin"]).to_pylist():
        found[row["char"]] = min(row["pinyin"], found.get(row["char"], row["pinyin"]))
    return found


@lru_cache
def _surname_readings() -> dict[str, str]:
    path = packs.find_file("codes/surname_readings.csv")
    if path is None:
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {r["surname"]: r["readings"].split("/")[0].split(" ")[0] for r in csv.DictReader(stream)}


@lru_cache
def otherwise_read() -> tuple[tuple[str, str, str], ...]:
    """(reading, surname, reading it is kept under) of surnames that are read otherwise than people may type them: 查, kept
    as zha, is typed as cha; 尉迟, kept as its characters are read, as yuchi."""
    path, readings = packs.find_file("codes/surname_readings.csv"), _readings()
    if path is None:
        return ()
    found = set()
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            surname, kept = row["surname"], "".join(syllables(row["surname"]))
            typed = {reading.replace(" ", "") for reading in row["readings"].split("/")}
            typed.add("".join(readings.get(c, c) for c in surname))
            found |= {(reading, surname, kept) for reading in typed - {kept}}
    return tuple(sorted(found))


def syllables(folded: str) -> tuple[str, ...]:
    """The sound of each character of a key, a surname read as surnames are; letters stand for themselves."""
    readings, surnames = _readings(), _surname_readings()
    first = tuple(surnames.get(c) or readings.get(c, c) for c in folded[:1])
    return first + tuple(readings.get(c, c) for c in folded[1:])


@lru_cache
def _alike() -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Initials and finals that are heard as one: the longer one -> the shorter."""
    path = packs.find_file("codes/fuzzy_pinyin.csv")
    if path is None:
        return {}, ()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [(r["part"], *sorted((r["a"], r["b"]), key=len)) for r in csv.DictReader(stream)]
    initials = {b: a for part, a, b in rows if part == "initial"}
    return initials, tuple((a, b) for part, a, b in rows if part == "final")


def heard(folded: str) -> tuple[str, ...]:
    """The syllables of a key as they are heard where zh is z and ang is an."""
    initials, finals = _alike()
    return tuple(_heard(s, initials, finals) for s in syllables(folded))


def _heard(sound: str, initials: dict[str, str], finals: tuple[tuple[str, str], ...]) -> str:
    for length in (2, 1):
        if sound[:length] in initials:
            sound = initials[sound[:length]] + sound[length:]
            break
    for short, long in finals:
        if sound.endswith(long):
            return sound[: -len(long)] + short
    return sound


@lru_cache
def _look_alikes() -> frozenset[tuple[str, str]]:
    path = packs.find_file("codes/lookalikes.parquet")
    if path is None:
        return frozenset()
    table = pq.read_table(path, columns=["char", "lookalike"])
    return frozenset(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))


def likeness(a: str, b: str) -> str:
    """How two keys are alike: ``name``, ``name_sound``, ``name_similar`` (one look-alike, swapped or missing character),
    ``name_part`` (surname or given name the same), or empty."""
    if not a or not b:
        return ""
    if a == b:
        return "name"
    if "".join(syllables(a)) == "".join(syllables(b)) or heard(a) == heard(b):
        return "name_sound"
    if _is_similar(a, b):
        return "name_similar"
    return "name_part" if a[1:] == b[1:] and len(a) > 1 else ""


def _is_similar(a: str, b: str) -> bool:
    if len(a) == len(b):
        differ = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
        if len(differ) == 1:
            return len(a) > 2 or differ[0] in _look_alikes() or differ[0][::-1] in _look_alikes()
        return any(a == b[:i] + y + x + b[i + 2 :] for i, (x, y) in enumerate(pairwise(b)))
    short, long = sorted((a, b), key=len)
    return len(short) >= 2 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))

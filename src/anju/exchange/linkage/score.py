"""The counter's question, answered for two records at once: how strongly do they speak of one person, and why.

A pure function over the same comparisons and parameters as the bulk model; a test holds that both agree. ``describe``
makes the compared columns of one record in Python, for lists of a few candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import Any

import pyarrow.parquet as pq

from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.conditions import Row
from anju.exchange.linkage.keys import AGREE
from anju.exchange.linkage.names import PLACES, SEPARATORS, code_file, near_sound, surname_readings
from anju.exchange.linkage.parameters import LEAST_FREQUENCY, Parameters


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence: what was compared, the likeness found (Chinese and English), its weight in bits."""

    comparison: str
    level: str
    zh: str
    en: str
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """Weight in bits and its outcome: ``same``, ``ask`` or ``different``, with the evidence, strongest first."""

    weight: float
    outcome: str
    reasons: tuple[Reason, ...]


def score(a: Row, b: Row, parameters: Parameters) -> Score:
    """Weigh two described records. Unknown: a value missing on either side weighs nothing."""
    weight, reasons = parameters.prior_weight, []
    found: dict[str, str] = {}
    for comparison in HAN_COMPARISONS:
        level = comparison.level(a, b)
        found[comparison.name] = level
        if level == "missing":
            continue
        bits = parameters.weight(comparison.name, level)
        told = next((v for v in comparison.levels if v.name == level), None)
        if told and told.frequency:
            bits += _rarity(a, b, told.frequency, parameters.chances[comparison.name][level].u)
        weight += bits
        zh, en = (
            (f"{comparison.zh}：{told.zh}", f"{comparison.en}: {told.en}")
            if told
            else (f"{comparison.zh}：不同", f"{comparison.en}: different")
        )
        reasons.append(Reason(comparison.name, level, zh, en, round(bits, 2)))
    reasons.sort(key=lambda r: -abs(r.weight))
    return Score(round(weight, 3), _outcome(weight, found, parameters), tuple(reasons))


def _rarity(a: Row, b: Row, column: str, usual: float) -> float:
    """What a value's own frequency adds to the weight of agreeing on it; nothing when it is not known."""
    stated = [f for f in (a.get(f"tf_{column}"), b.get(f"tf_{column}")) if f is not None]
    return log2(usual) - log2(max(*stated, LEAST_FREQUENCY)) if stated else 0.0


def _outcome(weight: float, level: Mapping[str, str], parameters: Parameters) -> str:
    if weight < parameters.ask_from:
        return "different"
    agrees = (level["name"] in AGREE and level["name"] != "missing" and level["sex"] != "other") or level[
        "name"
    ] in (
        "same",
        "pinyin",
    )
    return "same" if weight >= parameters.same_from and agrees else "ask"


@lru_cache
def _characters() -> Mapping[str, tuple[str, str, str]]:
    """Character to simplified form, main reading and another reading, as ``names.prepare_characters`` makes them."""
    table = pq.read_table(code_file("characters.parquet"), columns=["char", "pinyin", "readings"]).to_pydict()
    voiced: dict[str, tuple[str, str]] = {}
    for char, sound, readings in zip(table["char"], table["pinyin"], table["readings"], strict=True):
        main = (sound or "").translate(_V)
        others = [r.rstrip("12345").translate(_V) for r in (readings or "").split("/")[1:3]]
        voiced[char] = (main, next((o for o in others if o and o != main), main))
    found = {char: (char, *voiced[char]) for char in voiced}
    rows = pq.read_table(code_file("variants.parquet")).to_pylist()
    simple: dict[str, tuple[int, str]] = {}
    for row in rows:
        if row["kind"] in ("trad_simp", "tw_variant", "hk_variant") and row["variant"] != row["char"]:
            best = simple.get(row["variant"])
            if best is None or (row["rank"], row["char"]) < best:
                simple[row["variant"]] = (row["rank"], row["char"])
    for variant, (_, char) in simple.items():
        if char in voiced or variant in voiced:
            found[variant] = (char, *voiced.get(char, voiced.get(variant, ("", ""))))
    return found


_V = str.maketrans("vü", "uu")
_MARKS = str.maketrans("", "", SEPARATORS)


@lru_cache
def _looks() -> Mapping[str, str]:
    table = pq.read_table(code_file("lookalikes.parquet"), columns=["char", "lookalike"]).to_pydict()
    found: dict[str, set[str]] = {}
    for one, two in zip(table["char"], table["lookalike"], strict=True):
        found.setdefault(one, set()).add(two)
        found.setdefault(two, set()).add(one)
    return {char: "".join(sorted(like)) for char, like in found.items()}


def describe_name(raw: str, parameters: Parameters) -> dict[str, Any]:
    """The compared columns of a name, equal to those ``names.prepare_names`` makes."""
    text = raw.translate(_MARKS).upper()
    latin = bool(text) and all("A" <= c <= "Z" for c in text)
    dotted = any(c in raw for c in "·•・．.‧∙")
    if latin:
        return {
            "name": text,
            "latin": True,
            "dotted": dotted,
            "length": len(text),
            "first_part": text,
            **_latin(raw, text),
        }
    known = [_characters().get(c, (c, c.lower(), c.lower())) for c in text[: len(PLACES)]]
    name = "".join(k[0] for k in known) + text[len(PLACES) :]
    cut = 2 if len(name) >= 3 and name[:2] in parameters.compound_surnames else 1
    plain = "".join(k[1] for k in known[:cut])
    own, other = surname_readings().get(name[:cut], (plain, plain))
    given, given_other = "".join(k[1] for k in known[cut:]), "".join(k[2] for k in known[cut:])
    first = raw.translate(str.maketrans("•・．.‧∙", "······")).split("·")[0].translate(_MARKS).upper()
    shapes = {f"char{i}": name[i - 1 : i] for i in (1, 2, 3, 4)}
    looks = {f"look{i}": _looks().get(name[i - 1 : i]) for i in (1, 2, 3, 4)}
    return {
        "name": name,
        "latin": False,
        "dotted": dotted,
        "length": len(name),
        "surname": name[:cut],
        "given": name[cut:] if len(name) >= cut + 2 else None,
        "first_part": first if dotted and len(first) >= 2 else name,
        "near_sound": near_sound(own + given),
        "spellings": [
            own + given,
            given + own,
            other + given,
            plain + given,
            given + plain,
            own + given_other,
        ],
        "bag": "".join(sorted(name[: len(PLACES)])),
        **shapes,
        **looks,
    }


def _latin(raw: str, text: str) -> dict[str, Any]:
    def plain(word: str) -> str:
        spelled = f" {word.lower().translate(_V)}".replace("lyu", "lu").replace(" nyu", " nu")
        return spelled.translate(_MARKS)

    letters, words = plain(raw.strip()), raw.lower().strip().split(" ")
    first, last = plain(words[0]), plain(words[-1])
    return {
        "near_sound": near_sound(letters),
        "spellings": [letters, letters[len(first) :] + first, last + letters[: len(letters) - len(last)]],
        "bag": text,
    }


def describe(stated: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    """A described record from plain values: name, citizen_no, sex, born_on (yyyy-mm-dd or yyyymmdd), phones, rooms,
    houses, employers, kin, counties (lists of texts); every one may be missing. ``few`` share the listed values."""
    made: dict[str, Any] = describe_name(stated["name"], parameters) if stated.get("name") else {}
    number = stated.get("citizen_no") or stated.get("citizen_no_stated")
    born = str(stated["born_on"]).replace("-", "") if stated.get("born_on") else None
    if born is None and stated.get("citizen_no"):
        born = str(number)[6:14]
    made |= {
        "sex": stated.get("sex"),
        "tf_name": stated.get("tf_name"),
        "lunar": _day(stated.get("born_lunar_on")),
    }
    if born:
        swapped = born[:4] + born[6:] + born[4:6]
        made |= {
            "born": born,
            "born_year": born[:4],
            "swapped": swapped if born[6:] <= "12" and born[4:6] != born[6:] else None,
            "is_new_year": born[4:] == "0101",
        }
    if number:
        made["digits"] = _digits(str(number))
    for name in ("phones", "rooms", "employers"):
        made |= {
            name: _some(stated.get(name)),
            f"own_{name}": _some(stated.get(f"own_{name}", stated.get(name))),
        }
    made |= {name: _some(stated.get(name)) for name in ("houses", "kin", "counties")}
    made["prefectures"] = [c[:4] for c in made["counties"]] if made["counties"] else None
    return made


def _day(value: Any) -> str | None:
    return str(value).replace("-", "") if value else None


def _some(values: Iterable[str] | None) -> list[str] | None:
    return list(values) if values else None


def _digits(number: str) -> str | None:
    if len(number) == 15:
        return f"{number[:6]}19{number[6:]}"
    return number[:17] if len(number) == 18 else number if len(number) > 12 else None

"""Wrong names and wrong birthdays, as clerks, ears and typing make them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from lunardate import LunarDate

from anju.city.arrays import Array
from anju.city.calibration import data
from anju.kernel import packs
from anju.kernel.refusal import Refusal

CLOSE_ENOUGH = 0.8
"""Score from which a look-alike is taken for the character."""
_EPOCH = date(1900, 1, 1)


class Speller:
    """Misspells names with the character tables of the national pack."""

    def __init__(self, draw: np.random.Generator) -> None:
        self.draw = draw
        known = _characters()
        self.sounds, self.by_sound, self.traditional, self.like, self.common = known

    def _pick(self, choices: list[str] | str) -> str:
        return choices[int(self.draw.integers(0, len(choices)))]

    def wrong(self, name: str, kind: str) -> str | None:
        """``name`` misspelt in the given way, or in another where that way is not open; None if none is."""
        for way in (kind, "homophone", "other_word"):
            found = getattr(self, f"_{way}")(name)
            if found and found != name:
                return str(found)
        return None

    def _spot(self, name: str) -> int:
        """The place that goes wrong: mostly in the given name."""
        return int(self.draw.integers(0 if self.draw.random() < 0.15 else min(1, len(name) - 1), len(name)))

    def _put(self, name: str, place: int, char: str) -> str:
        return name[:place] + char + name[place + 1 :]

    def _homophone(self, name: str) -> str | None:
        place = self._spot(name)
        choices = [c for c in self.by_sound.get(self.sounds.get(name[place], ""), []) if c != name[place]]
        return self._put(name, place, self._pick(choices)) if choices else None

    def _lookalike(self, name: str) -> str | None:
        place = self._spot(name)
        choices = self.like.get(name[place], [])
        return self._put(name, place, self._pick(choices)) if choices else None

    def _dropped(self, name: str) -> str | None:
        if len(name) < 3:
            return None
        place = int(self.draw.integers(1, len(name)))
        return name[:place] + name[place + 1 :]

    def _added(self, name: str) -> str | None:
        return name + self._pick(self.common) if len(name) == 2 else None

    def _swapped(self, name: str) -> str | None:
        return name[0] + name[2] + name[1] if len(name) == 3 else None

    def _other_word(self, name: str) -> str | None:
        place = max(1, self._spot(name)) if len(name) > 1 else 0
        return self._put(name, place, self._pick(self.common))

    def in_traditional(self, name: str) -> str:
        """The name in traditional characters."""
        return "".join(self.traditional.get(c, c) for c in name)

    def in_letters(self, name: str) -> str:
        """The name as a passport or a foreign form has it: ``Zhang Xiaoming``."""
        sounds = [self.sounds.get(c, "") for c in name if c in self.sounds]
        return f"{sounds[0].capitalize()} {''.join(sounds[1:]).capitalize()}" if len(sounds) > 1 else name


@lru_cache
def _characters() -> tuple[dict[str, str], dict[str, list[str]], dict[str, str], dict[str, list[str]], str]:
    """Sound of a character, common characters of a sound, traditional forms, look-alikes, common characters
    of given names."""
    sounds: dict[str, str] = {}
    by_sound: dict[str, list[str]] = defaultdict(list)
    traditional: dict[str, str] = {}
    for row in _table("codes/characters.parquet"):
        sounds[row["char"]] = row["pinyin"]
        if row["gb2312_level"] == 1:
            by_sound[row["pinyin"]].append(row["char"])
        if row["traditional"]:
            traditional[row["char"]] = row["traditional"]
    like: dict[str, list[str]] = defaultdict(list)
    for row in _table("codes/lookalikes.parquet"):
        if row["score"] >= CLOSE_ENOUGH and sounds.get(row["lookalike"]):
            like[row["char"]].append(row["lookalike"])
    words = packs.read_yaml(data("names.yaml"))
    common = "".join(g[s]["second"] for g in words["given"].values() for s in ("male", "female"))
    return sounds, dict(by_sound), traditional, dict(like), common


def wrong_birthdays(born: Array, kinds: Array, draw: np.random.Generator) -> Array:
    """Another day number for each of ``born``: the lunar day taken for the solar one, day and month swapped,
    a digit off, another year."""
    luck = draw.random(len(born))
    return np.array(
        [_wrong_birthday(int(b), str(k), float(u)) for b, k, u in zip(born, kinds, luck, strict=True)],
        dtype=np.int64,
    )


def _wrong_birthday(born: int, kind: str, luck: float) -> int:
    day = _EPOCH + timedelta(days=born)
    try:
        if kind == "lunar":
            lunar = LunarDate.from_solar_date(day.year, day.month, day.day)
            found = date(lunar.year, lunar.month, lunar.day)
        elif kind == "swapped":
            found = date(day.year, day.day, day.month)
        elif kind == "year":
            found = day.replace(year=day.year + (-1, 1, -2, -10)[int(luck * 4)])
        else:
            found = day + timedelta(days=(1, -1, 10, -10, 3, 30)[int(luck * 6)])
    except ValueError:
        found = day
    if found == day or found >= date(2026, 6, 30):
        found = day - timedelta(days=1 + int(luck * 9))
    return (found - _EPOCH).days


def _table(relative: str) -> list[dict[str, Any]]:
    path = packs.find_file(relative, "demo")
    if path is None:
        raise Refusal("city.no_data", file=relative)
    return list(pq.read_table(path).to_pylist())

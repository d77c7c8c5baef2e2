"""A decision about one stay or job: which spell was stated, and what is right instead (its days, its place, or nothing).

Units: days, half-open; no end: it goes on. Pure; rows and actions are in ``register.store``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from anju.kernel.refusal import Refusal

ASPECTS = ("stay", "job")
DAYS = ("stated_begin_on", "stated_end_on", "begin_on", "end_on")


@dataclass(frozen=True, slots=True)
class Change:
    """What is right: another period or place, or that it never was. What is empty leaves what is stated; ``goes_on`` takes
    an end away; ``to_place`` is a dwelling or employer code.
    """

    begin_on: date | None = None
    end_on: date | None = None
    goes_on: bool = False
    is_taken_out: bool = False
    to_place: str = ""


@dataclass(frozen=True, slots=True)
class SpellDecision:
    """One decision. ``place``: dwelling or employer code; ``told``: division or name where there is no code.

    ``begin_on`` is None for a spell that is taken out. ``to_place``: the right dwelling or employer, where ``place`` was wrong.
    """

    aspect: str
    place: str
    told: str
    stated_begin_on: date
    stated_end_on: date | None
    begin_on: date | None = None
    end_on: date | None = None
    is_taken_out: bool = False
    to_place: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What was stated: stay or job, and where."""
        return self.aspect, self.place, self.told

    @property
    def shown_key(self) -> tuple[str, str, str]:
        """Where it is shown since."""
        return (self.aspect, self.to_place, "") if self.to_place else self.key

    def shows(self, key: tuple[str, str, str], begin_on: date, end_on: date | None) -> bool:
        """Whether a spell as shown is the one decided here. What was moved may have grown together with others there."""
        if self.shown_key != key or self.begin_on is None:
            return False
        grown = begin_on < (self.end_on or date.max) and (end_on or date.max) > self.begin_on
        return self.begin_on == begin_on or (bool(self.to_place) and grown)

    def meets(self, begin_on: date, end_on: date | None, decided_on: date) -> bool:
        """Whether a period shares a day with what was stated when it was decided."""
        return begin_on < (self.stated_end_on or decided_on) and (end_on or date.max) > self.stated_begin_on


def decide(stated: SpellDecision, change: Change, today: date) -> SpellDecision:
    """``stated`` (no change yet) with the change. Refuses a period that cannot be, and one that changes nothing."""
    if change.is_taken_out:
        return replace(stated, is_taken_out=True)
    begin_on = change.begin_on or stated.stated_begin_on
    end_on = None if change.goes_on else change.end_on or stated.stated_end_on
    if begin_on > today or (end_on is not None and end_on > today):
        raise Refusal("register.spell_ahead")
    if end_on is not None and end_on <= begin_on:
        raise Refusal("register.spell_ends_first")
    to_place = change.to_place if change.to_place != stated.place else ""
    if not to_place and (begin_on, end_on) == (stated.stated_begin_on, stated.stated_end_on):
        raise Refusal("register.spell_unchanged")
    return replace(stated, begin_on=begin_on, end_on=end_on, to_place=to_place)


def carried(now: SpellDecision, first: SpellDecision) -> SpellDecision:
    """A decision about a spell that was put right before holds against what the sources stated then."""
    to_place = now.to_place or first.to_place
    return replace(
        first, begin_on=now.begin_on, end_on=now.end_on, is_taken_out=now.is_taken_out,
        to_place=to_place if to_place != first.place else "",
    )  # fmt: skip


def pack(decision: SpellDecision) -> str:
    """As it is sealed."""
    told: dict[str, Any] = asdict(decision)
    return json.dumps(
        told | {d: told[d].isoformat() if told[d] else None for d in DAYS}, ensure_ascii=False, sort_keys=True
    )


def unpack(packed: str) -> SpellDecision:
    """A decision as it was packed."""
    told = json.loads(packed)
    return SpellDecision(**told | {d: date.fromisoformat(told[d]) if told[d] else None for d in DAYS})

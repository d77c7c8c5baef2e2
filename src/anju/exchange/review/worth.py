"""What an answer is worth: how uncertain the question is, times the records that change hands with it.

``uncertainty`` is the entropy of the model's own chance that the two are one person (1 bit at a weight of 0, nearly
nothing at 20). Where a rule held a pair back although the weight would join it - names that disagree, two people who fit
- the model's certainty is not believed: such a question counts at least half a bit. ``records`` are those of the smaller
of the two people: so many move when the answer is "same". Where both people hold a valid citizen number and the two are
far apart, the answer is nearly known (relatives who share a phone and a room): such a question counts a tenth.
"""

from __future__ import annotations

from functools import lru_cache
from math import log2
from typing import Any

from anju.kernel import packs
from anju.kernel.refusal import Refusal

HELD_BACK = frozenset({"names_disagree", "two_people_fit"})
LEAST_HELD_BACK = 0.5
NUMBERS_APART = 0.1
FAR = 3
"""Citizen numbers that differ in so many places are no slip of the pen."""


def chance(weight: float) -> float:
    """The chance that two records are one person, from the weight in bits (prior included)."""
    return 1 / (1 + 2 ** -max(-60.0, min(60.0, weight)))


def uncertainty(weight: float, reason: str) -> float:
    """Bits of doubt, 0 to 1."""
    p = chance(weight)
    doubt = 0.0 if p in (0.0, 1.0) else -p * log2(p) - (1 - p) * log2(1 - p)
    return max(doubt, LEAST_HELD_BACK) if reason in HELD_BACK else doubt


def worth(
    weight: float, reason: str, records_a: int, records_b: int, numbers: tuple[str, str] = ("", "")
) -> float:
    """Bits of doubt times the records of the smaller side. ``numbers``: each side's valid citizen number, if it has one."""
    told = NUMBERS_APART if _apart(*numbers) else 1.0
    return uncertainty(weight, reason) * max(1, min(records_a, records_b)) * told


def _apart(one: str, other: str) -> bool:
    return len(one) == len(other) > 0 and sum(a != b for a, b in zip(one, other, strict=True)) >= FAR


@lru_cache
def habits() -> dict[str, Any]:
    """How the review is run (``review.yaml`` of the packs in force)."""
    path = packs.find_file("review.yaml")
    if path is None:
        raise Refusal("review.no_file")
    found: dict[str, Any] = packs.read_yaml(path)
    return found

"""Two values side by side: where their characters differ, and what of them is shown before anybody asks for more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

STAR = "*"
KEPT_END = 4
KEPT_BEGIN = 6


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of characters that agree with the other side, or do not."""

    text: str
    differs: bool


Runs = tuple[Run, ...]


def align(a: str, b: str, kind: str = "") -> tuple[Runs, Runs]:
    """Both values as runs. ``kind`` masks each by itself: name, number or address; empty shows everything.

    Alignment is made on the clear values, so that a mask hides the character and not that it differs.
    """
    marks_a, marks_b = [True] * len(a), [True] * len(b)
    for block in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            marks_a[block.a + step] = marks_b[block.b + step] = False
    if not (a and b):
        marks_a, marks_b = [False] * len(a), [False] * len(b)
    return _runs(masked(a, kind), marks_a), _runs(masked(b, kind), marks_b)


def masked(value: str, kind: str) -> str:
    """The value with stars in place of what is not shown; as long as the value itself."""
    if kind == "name":
        shown = {0} if len(value) <= 2 else {0, len(value) - 1}
    elif kind == "number":
        shown = set(range(len(value) - KEPT_END, len(value))) if len(value) >= 2 * KEPT_END else set()
    elif kind == "address":
        shown = set(range(min(KEPT_BEGIN, max(len(value) - 2, 0))))
    else:
        return value
    return "".join(c if place in shown else STAR for place, c in enumerate(value))


def _runs(text: str, marks: Sequence[bool]) -> Runs:
    runs: list[Run] = []
    for char, differs in zip(text, marks, strict=True):
        if runs and runs[-1].differs == differs:
            runs[-1] = Run(runs[-1].text + char, differs)
        else:
            runs.append(Run(char, differs))
    return tuple(runs)

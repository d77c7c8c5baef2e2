"""Places given out by score and category, and small counts hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anju.policy.model import Ranking


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Places of one category (None: open to all) and how many were taken."""

    category: str | None
    zh: str
    en: str
    places: int
    qualified: int | None
    admitted: int | None
    line: int | None = None
    """The lowest score admitted to these places, times the scale; None where nobody was."""


class Hider:
    """Shows counts, but for small ones."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, count: int) -> int | None:
        """A count, or None when it is small but not zero."""
        return None if 0 < count < self.least else count


def fill(
    ranking: Ranking | None,
    places: int,
    counts: Sequence[tuple[int | None, int, int]],
    hide: Hider | None = None,
) -> tuple[int | None, int, tuple[QuotaUse, ...]]:
    """Give out places by score: each category's share first, then the rest to everyone by rank.

    ``counts``: (category index or None, score, people). All tied at a line are admitted, so more than ``places`` may be.
    Returns the line of the open places, the number admitted, and the use by category.
    """
    show = hide or Hider(1)
    categories = ranking.categories if ranking else ()
    left = {(c, s): n for c, s, n in counts}
    uses: list[QuotaUse] = []
    admitted = used = 0
    for index, category in enumerate(categories):
        if category.percent is None:
            continue
        share = int(places * category.percent / 100)
        mine = {s: n for (c, s), n in left.items() if c == index}
        line, taken = _down_to(mine, share)
        for score in list(mine):
            if line is not None and score >= line:
                left.pop((index, score))
        uses.append(
            QuotaUse(
                category.id, category.zh, category.en, share, show(sum(mine.values())), show(taken), line
            )
        )
        admitted, used = admitted + taken, used + min(share, taken)
    everyone: dict[int, int] = {}
    for (_, score), people in left.items():
        everyone[score] = everyone.get(score, 0) + people
    rest = places - used
    line, taken = _down_to(everyone, rest)
    if uses:
        uses.append(
            QuotaUse(None, "不分类别", "open to all", rest, show(sum(everyone.values())), show(taken), line)
        )
    return line, admitted + taken, tuple(uses)


def _down_to(people: Mapping[int, int], places: int) -> tuple[int | None, int]:
    """The lowest score admitted when the best come first and ties go in together, and how many that admits."""
    taken, line = 0, None
    for score in sorted(people, reverse=True):
        if taken >= places:
            break
        taken, line = taken + people[score], score
    return line, taken


def suppress(counts: Sequence[int], least: int) -> list[int | None]:
    """Counts with small cells hidden; where one cell alone would be hidden, the next smallest goes with it,
    so that it cannot be had back from the total."""
    shown: list[int | None] = [None if 0 < c < least else c for c in counts]
    if sum(s is None for s in shown) == 1:
        others = [(c, i) for i, (c, s) in enumerate(zip(counts, shown, strict=True)) if s]
        if others:
            shown[min(others)[1]] = None
    return shown

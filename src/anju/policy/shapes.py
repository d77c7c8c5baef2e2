"""The lines of a programme: conditions, derived values and the closed set of item shapes. Built only by ``loading``.

Names: a fact or derived value stands under its own name; inside a list entry its fields stand as ``.field``.
Amounts are integers in the unit of their type; points are exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from anju.policy.values import COUNT, Type


@dataclass(frozen=True, slots=True)
class Line:
    """What every line of the file carries: id, labels, article, line number, services and reading it is kept to."""

    id: str
    zh: str
    en: str
    article: str
    at: int = 0
    only_for: tuple[str, ...] = ()
    reading: tuple[tuple[str, str], ...] = ()

    def label(self, language: str) -> str:
        """Its words in Chinese or English."""
        return self.zh if language.startswith("zh") else self.en

    def is_in(self, readings: Mapping[str, str]) -> bool:
        """Whether it stands under these readings."""
        return all(readings[name] == option for name, option in self.reading)

    def is_for(self, service: str) -> bool:
        """Whether it counts for this service."""
        return not self.only_for or service in self.only_for


# --- days -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar of a filing: ``filing``, ``cutoff``, ``fixed``, ``month_day`` or ``latest_of``."""

    rule: str
    fixed: date | None = None
    month_days: tuple[tuple[int, int], ...] = ()
    years_back: int = 0


# --- conditions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compare:
    """``name op value``: op is one of eq ne ge gt le lt in not_in within. ``raw`` is the text of the file.

    ``within`` holds ``(count, unit)`` with unit months, days or calendar_years.
    """

    name: str
    op: str
    value: Any
    raw: str
    at: int


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Compare | All | AnyOf | Not


def comparisons(condition: Condition | None) -> Iterator[Compare]:
    """Every comparison of a condition."""
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.part)
    elif condition is not None:
        for part in condition.parts:
            yield from comparisons(part)


# --- derived values -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Age:
    """Age in years on a day; count is full_years, started_years or calendar_years."""

    of: str
    on: Day
    count: str


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Whole months or days from a date to a day, never below 0."""

    of: str
    until: Day
    unit: str


@dataclass(frozen=True, slots=True)
class Combine:
    """sum_of, least_of, greatest_of or difference (never below 0) of names and fixed amounts."""

    op: str
    parts: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """The amount of the first row that holds; the last row may hold always (None)."""

    rows: tuple[tuple[Condition | None, str | int], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries of a list (field None), or the sum of one field over them."""

    of: str
    field: str | None
    where: Condition | None


@dataclass(frozen=True, slots=True)
class Derived(Line):
    """One derived value."""

    how: Age | Elapsed | Combine | Choose | Tally = Combine("sum_of", ())
    type: Type = COUNT


# --- items ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flat:
    """A fixed number of points."""

    points: Fraction


@dataclass(frozen=True, slots=True)
class Per:
    """So many points per step of an amount; see the format for each field."""

    of: str
    step: int
    points: Fraction
    round: str = "down"
    beyond: int | None = None
    below: int | None = None
    start: Fraction = Fraction(0)
    active_from: int | None = None
    max_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One band: low included, high excluded, either open; its points (or points per step)."""

    low: int | None
    high: int | None
    points: Fraction
    at: int


@dataclass(frozen=True, slots=True)
class Bands:
    """A table of ranges: lookup, progressive or whole_period (the last two with a step)."""

    of: str
    mode: str
    rows: tuple[Row, ...]
    step: int | None = None
    round: str = "down"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Points by code; a code not listed gives none."""

    of: str
    points: tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of ``cases``."""

    when: Condition | None
    points: Fraction
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Cases:
    """Points of the first row whose condition holds."""

    rows: tuple[Case, ...]


def falls(cases: Cases) -> bool:
    """Whether no row gives more than one above it, nor less than nothing."""
    points = [row.points for row in cases.rows]
    return points == sorted(points, reverse=True) and points[-1] >= 0


@dataclass(frozen=True, slots=True)
class Group:
    """Items together: ``sum``, ``best_of`` or ``choose_one``."""

    mode: str
    items: tuple[Item, ...]


Shape = Flat | Per | Bands | Ladder | Cases | Group


@dataclass(frozen=True, slots=True)
class ForEach:
    """Work the shape out for every entry of a list; ``take``: 0 all, n the best n."""

    of: str
    where: Condition | None
    cap: Fraction | None
    take: int


@dataclass(frozen=True, slots=True)
class Times:
    """Multiply by a factor when a condition holds (or always)."""

    factor: Fraction
    when: Condition | None
    zh: str = ""
    en: str = ""
    article: str = ""


@dataclass(frozen=True, slots=True)
class Item(Line):
    """One line that gives (or, among the deductions, takes) points."""

    shape: Shape = Flat(Fraction(0))
    when: Condition | None = None
    for_each: ForEach | None = None
    times: tuple[Times, ...] = ()
    percent_of: str | None = None
    divide_by: tuple[str, int] | None = None
    floor: Fraction | None = None
    cap: Fraction | None = None

    @property
    def children(self) -> tuple[Item, ...]:
        """Items inside a group; none for others."""
        return self.shape.items if isinstance(self.shape, Group) else ()

    def walk(self) -> Iterator[Item]:
        """This item and all inside it, in the order of the file."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Test(Line):
    """A condition or a veto."""

    when: Condition = All(())

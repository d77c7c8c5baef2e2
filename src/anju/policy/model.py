"""The checked model of one programme version: scores, services, readings, gaps, and the programme itself.

Built only by ``loading``; nothing here can be half right. The lines it is made of are in ``shapes`` and given on from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from anju.policy.catalogue import Fact
from anju.policy.shapes import (
    Age,
    All,
    AnyOf,
    Bands,
    Case,
    Cases,
    Choose,
    Combine,
    Compare,
    Condition,
    Day,
    Derived,
    Elapsed,
    Flat,
    ForEach,
    Group,
    Item,
    Ladder,
    Line,
    Not,
    Per,
    Row,
    Shape,
    Tally,
    Test,
    Times,
    comparisons,
    falls,
)

__all__ = [
    "Age",
    "All",
    "AnyOf",
    "Bands",
    "Case",
    "Cases",
    "Category",
    "Choose",
    "Combine",
    "Compare",
    "Condition",
    "Day",
    "Derived",
    "Elapsed",
    "Flat",
    "ForEach",
    "Gap",
    "Group",
    "Item",
    "Key",
    "Ladder",
    "Line",
    "Not",
    "Per",
    "Programme",
    "Ranking",
    "Reading",
    "Row",
    "Score",
    "Service",
    "Shape",
    "Tally",
    "Test",
    "Times",
    "Use",
    "comparisons",
    "falls",
]


@dataclass(frozen=True, slots=True)
class Score(Line):
    """What adds up to a score; ids of items and of deductions; then times, floor, cap, rounding."""

    add: tuple[str, ...] = ()
    subtract: tuple[str, ...] = ()
    times: tuple[Times, ...] = ()
    floor: Fraction | None = None
    cap: Fraction | None = None
    places: int | None = None
    rounding: str = "half_up"


@dataclass(frozen=True, slots=True)
class Key:
    """One ranking key: a fact, derived value, item or score, and which end comes first."""

    of: str
    first: str
    zh: str
    en: str
    article: str


@dataclass(frozen=True, slots=True)
class Category:
    """A group of applicants: its condition, and its share of the places in percent, if any."""

    id: str
    zh: str
    en: str
    when: Condition | None
    percent: Fraction | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """How those who qualify are put in order, and how places go out."""

    article: str
    score: str
    keys: tuple[Key, ...]
    ties: str
    places: int | None
    categories: tuple[Category, ...]
    order: str


@dataclass(frozen=True, slots=True)
class Service(Line):
    """One thing decided: by which score, at which line, ranked how."""

    score: str = ""
    line: Fraction | None = None
    ranking: Ranking | None = None


@dataclass(frozen=True, slots=True)
class Reading(Line):
    """An ambiguity of the text and the readings one may choose."""

    default: str = ""
    options: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Gap(Line):
    """A row of the official table that is not encoded."""

    reason: str = ""
    open_when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """One fact the programme uses, with what this document means by it."""

    key: str
    fact: Fact
    zh: str
    en: str
    window: tuple[int, str] | None
    at: int

    def label(self, language: str) -> str:
        """Its words in Chinese or English."""
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """One version of one programme."""

    place: str
    name: str
    version: str
    file: str
    digest: str
    zh: str
    en: str
    document: str
    authority_zh: str
    authority_en: str
    seen: str
    source_zh: str
    source_en: str
    from_on: date
    until_on: date | None
    cutoff: Day
    cutoff_article: str
    uses: tuple[Use, ...]
    readings: tuple[Reading, ...]
    derived: tuple[Derived, ...]
    conditions: tuple[Test, ...]
    vetoes: tuple[Test, ...]
    items: tuple[Item, ...]
    deductions: tuple[Item, ...]
    scores: tuple[Score, ...]
    services: tuple[Service, ...]
    gaps: tuple[Gap, ...]

    @property
    def id(self) -> str:
        """``place/programme@version``."""
        return f"{self.place}/{self.name}@{self.version}"

    def label(self, language: str) -> str:
        """Its name in Chinese or English."""
        return self.zh if language.startswith("zh") else self.en

    @property
    def badges(self) -> tuple[str, ...]:
        """``full`` or ``with_gaps``, then ``readings_chosen`` and ``needs_confirmation`` where they apply."""
        return (
            "with_gaps" if self.gaps else "full",
            *(("readings_chosen",) if self.readings else ()),
            *(("needs_confirmation",) if self.seen != "primary" else ()),
        )

    def is_in_force(self, day: date) -> bool:
        """Whether ``day`` lies between its first and its last day."""
        return self.from_on <= day and (self.until_on is None or day <= self.until_on)

    def lines(self) -> Iterator[Line]:
        """Every line of the file that carries an article."""
        yield from (*self.readings, *self.derived, *self.conditions, *self.vetoes)
        for item in (*self.items, *self.deductions):
            yield from item.walk()
        yield from (*self.scores, *self.services, *self.gaps)

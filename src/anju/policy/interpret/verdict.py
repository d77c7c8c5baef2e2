"""What the interpreter answers: the points of a line, and the outcome of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from anju.policy.bound import Rules

Env = Mapping[str, Any]
NOTHING = Fraction(0)
CALENDAR = ""
"""Under this name the calendar of the filing stands among the values; no fact is called so."""


class Given(NamedTuple):
    """What one item gives. ``is_unknown``: some of what it rests on is not known. ``units`` None: all of it.

    ``is_risky``: something unknown in it could take points away.
    """

    units: int | None
    is_unknown: bool
    is_risky: bool
    scale: int

    @property
    def points(self) -> Fraction | None:
        """Points; None when unknown."""
        return None if self.units is None else Fraction(self.units, self.scale)

    @property
    def counted(self) -> Fraction:
        """Points that count: what is unknown counts nothing."""
        return Fraction(self.units, self.scale) if self.units else NOTHING


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one service, with everything it was worked out from. ``units``: scores, times the scale."""

    rules: Rules
    scale: int
    outcome: bool | None
    states: Mapping[str, bool | None]
    items: Mapping[str, Given]
    units: Mapping[str, int]
    meets_line: bool | None
    values: Env

    @property
    def conditions(self) -> dict[str, bool | None]:
        """Whether each condition holds."""
        return {t.id: self.states[t.id] for t in self.rules.conditions}

    @property
    def vetoes(self) -> dict[str, bool | None]:
        """Whether each exclusion applies."""
        return {t.id: self.states[t.id] for t in self.rules.vetoes}

    @property
    def gaps(self) -> dict[str, bool | None]:
        """Whether what is not encoded touches this person, for gaps that say when."""
        return {g.id: self.states[g.id] for g in self.rules.gaps if g.open_when}

    @property
    def scores(self) -> dict[str, Fraction]:
        """Every score as an exact fraction."""
        return {name: Fraction(units, self.scale) for name, units in self.units.items()}

    @property
    def score(self) -> Fraction | None:
        """The qualifying score, if the service has one."""
        units = self.units.get(self.rules.service.score)
        return None if units is None else Fraction(units, self.scale)

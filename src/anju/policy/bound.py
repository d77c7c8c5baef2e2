"""A programme bound to a filing day and to readings: nothing left open but the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache

from anju.kernel.refusal import Refusal
from anju.policy.days import Calendar, calendar
from anju.policy.model import (
    Bands,
    Cases,
    Derived,
    Flat,
    Gap,
    Group,
    Item,
    Ladder,
    Line,
    Per,
    Programme,
    Score,
    Service,
    Test,
)
from anju.policy.scale import scale


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What decides one service."""

    service: Service
    conditions: tuple[Test, ...]
    vetoes: tuple[Test, ...]
    items: tuple[Item, ...]
    deductions: tuple[Item, ...]
    scores: tuple[Score, ...]
    gaps: tuple[Gap, ...]

    def all_items(self) -> Iterator[Item]:
        """Every item and deduction, groups before what is inside them."""
        for top in (*self.items, *self.deductions):
            yield from top.walk()

    def score(self, name: str) -> Score | None:
        """The score of that id, or None."""
        return next((s for s in self.scores if s.id == name), None)


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One programme on one day under one set of readings."""

    programme: Programme
    calendar: Calendar
    readings: Mapping[str, str]
    derived: tuple[Derived, ...]
    rules: tuple[Rules, ...]
    scale: int

    def rules_for(self, service: str | None) -> Rules:
        """The rules of one service; the first when none is named. Refuses an unknown one."""
        if service is None:
            return self.rules[0]
        found = next((r for r in self.rules if r.service.id == service), None)
        if found is None:
            known = ", ".join(r.service.id for r in self.rules)
            raise Refusal("policy.unknown_service", asked=service, known=known)
        return found


def bind(programme: Programme, on: date, readings: Mapping[str, str] | None = None) -> Bound:
    """Bind a programme. Refuses a reading or option the file does not have."""
    return _bind(programme, on, tuple(sorted((readings or {}).items())))


@lru_cache(maxsize=256)
def _bind(programme: Programme, on: date, asked: tuple[tuple[str, str], ...]) -> Bound:
    chosen = {r.id: r.default for r in programme.readings}
    for name, option in asked:
        options = next((r.options for r in programme.readings if r.id == name), ())
        if option not in {o[0] for o in options}:
            known = ", ".join(f"{r.id}={o[0]}" for r in programme.readings for o in r.options)
            raise Refusal("policy.unknown_reading", asked=f"{name}={option}", known=known or "—")
        chosen[name] = option
    services = [s for s in programme.services if s.is_in(chosen)]
    return Bound(
        programme,
        calendar(programme.cutoff, on),
        chosen,
        tuple(d for d in programme.derived if d.is_in(chosen)),
        tuple(_rules(programme, s, chosen) for s in services),
        scale(programme),
    )


def _rules(programme: Programme, service: Service, chosen: Mapping[str, str]) -> Rules:
    def stands(line: Line) -> bool:
        return line.is_in(chosen) and line.is_for(service.id)

    scores = tuple(s for s in programme.scores if stands(s))
    return Rules(
        service,
        tuple(t for t in programme.conditions if stands(t)),
        tuple(t for t in programme.vetoes if stands(t)),
        tuple(_kept(i, stands) for i in programme.items if stands(i)),
        tuple(_kept(i, stands) for i in programme.deductions if stands(i)),
        scores,
        tuple(g for g in programme.gaps if stands(g)),
    )


def _kept(item: Item, stands: object) -> Item:
    if not isinstance(item.shape, Group):
        return item
    inner = tuple(_kept(c, stands) for c in item.children if stands(c))  # type: ignore[operator]
    is_whole = len(inner) == len(item.children) and all(
        a is b for a, b in zip(inner, item.children, strict=True)
    )
    return item if is_whole else replace(item, shape=Group(item.shape.mode, inner))


def can_be_negative(item: Item) -> bool:
    """Whether a line of its own may take points away, so that not knowing it might flatter the score."""
    if item.floor is not None and item.floor >= 0:
        return False
    shape = item.shape
    if isinstance(shape, Flat):
        return shape.points < 0
    if isinstance(shape, Per):
        return shape.points < 0 or shape.start < 0
    if isinstance(shape, Bands):
        return any(r.points < 0 for r in shape.rows)
    if isinstance(shape, Ladder):
        return any(p < 0 for _, p in shape.points)
    if isinstance(shape, Cases):
        return any(r.points < 0 for r in shape.rows)
    return any(can_be_negative(c) for c in item.children)


@lru_cache(maxsize=256)
def risky_items(bound: Bound) -> frozenset[int]:
    """The items (by identity) that may take points away."""
    return frozenset(id(i) for rules in bound.rules for i in rules.all_items() if can_be_negative(i))


def rounded(value: Fraction, unit: Fraction, mode: str = "half_up") -> Fraction:
    """``value`` in whole multiples of ``unit``: half_up (half away from zero), down (to zero) or up (from zero)."""
    steps = abs(value) / unit
    whole = steps.numerator // steps.denominator
    rest = steps - whole
    if (mode == "half_up" and rest * 2 >= 1) or (mode == "up" and rest > 0):
        whole += 1
    return whole * unit * (-1 if value < 0 else 1)

"""The engine: every line worked out for one person, or again where one fact differs; then the outcome of each service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from anju.policy.bound import Bound, Rules
from anju.policy.days import Calendar
from anju.policy.depends import dated
from anju.policy.interpret.lines import Line, Total
from anju.policy.interpret.plan import Plan, Service
from anju.policy.interpret.tests import Derive, Holds, holds
from anju.policy.interpret.verdict import CALENDAR, Env, Given, Verdict
from anju.policy.model import Condition


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything worked out for one person, under the names of the plan. ``units``: scores, times the scale."""

    values: dict[str, Any]
    states: dict[str, bool | None]
    items: dict[str, Given]
    units: dict[str, int]


@dataclass(frozen=True, slots=True)
class Work:
    """The functions to run, in order: derived values, tests, items (inner ones before their groups), scores."""

    derived: tuple[tuple[str, Derive], ...]
    tests: tuple[tuple[str, Holds], ...]
    items: tuple[tuple[str, Line], ...]
    scores: tuple[tuple[str, Total], ...]

    def run(self, sheet: Sheet) -> Sheet:
        """Work everything out, writing over what stands there."""
        values, states, items, units = sheet.values, sheet.states, sheet.items, sheet.units
        for name, made in self.derived:
            values[name] = made(values)
        for name, test in self.tests:
            states[name] = test(values)
        for name, line in self.items:
            items[name] = line(values, items)
        for name, total in self.scores:
            units[name] = total(values, items)
        return sheet


class Works:
    """A plan's functions, all of them or those that some services, or some changed facts, need."""

    def __init__(self, bound: Bound) -> None:
        self.plan = Plan(bound)
        self._for: dict[tuple[str, ...], Work] = {}
        self._after: dict[tuple[tuple[str, ...], frozenset[str]], Work] = {}

    def of(self, services: tuple[str, ...]) -> Work:
        """What these services need."""
        if services not in self._for:
            plan = self.plan
            names = frozenset().union(*(plan.services[s].names for s in services))
            self._for[services] = Work(
                plan.derived, *(_kept(pairs, names) for pairs in (plan.tests, plan.items, plan.scores))
            )
        return self._for[services]

    def after(self, services: tuple[str, ...], changed: frozenset[str]) -> Work:
        """Of it only what rests on one of the changed facts; scores always."""
        key = services, changed
        if key not in self._after:
            whole, touched = self.of(services), self.plan.touched(changed)
            self._after[key] = Work(
                _kept(whole.derived, touched), _kept(whole.tests, touched), _kept(whole.items, touched),
                whole.scores,
            )  # fmt: skip
        return self._after[key]


def _kept(pairs: Iterable[tuple[str, Any]], names: frozenset[str]) -> tuple[Any, ...]:
    return tuple(p for p in pairs if p[0] in names)


@lru_cache(maxsize=256)
def _works(bound: Bound) -> Works:
    return Works(bound)


class Interpreter:
    """Answers for one bound programme."""

    def __init__(self, bound: Bound) -> None:
        self.bound, self.calendar = bound, bound.calendar
        self.works = _works(bound)
        self.services = self.works.plan.services

    def moved(self, calendar: Calendar) -> Interpreter:
        """The same rules on another day."""
        other = copy(self)
        other.calendar = calendar
        return other

    def holds(self, condition: Condition, values: Env) -> bool | None:
        """Whether a condition holds for values as a verdict carries them."""
        return holds(condition)({CALENDAR: self.calendar, **values})

    def sheet(self, facts: Env, services: tuple[str, ...]) -> Sheet:
        """Everything these services need, worked out; lines they share once."""
        values: dict[str, Any] = {use.key: facts.get(use.key) for use in self.bound.programme.uses}
        values[CALENDAR] = self.calendar
        return self.works.of(services).run(Sheet(values, {}, {}, {}))

    def after(
        self, sheet: Sheet, services: tuple[str, ...], changed: Mapping[str, Any], *, day_moves: bool = False
    ) -> Sheet:
        """The sheet once some facts are others; what does not rest on them is taken over.

        ``day_moves``: this interpreter's calendar is another one too, so whatever looks at a day is worked out again.
        """
        names = frozenset(changed) | (dated(self.bound) if day_moves else frozenset())
        work = self.works.after(services, names)
        values = sheet.values.copy()
        values.update(changed)
        values[CALENDAR] = self.calendar
        states = sheet.states.copy() if work.tests else sheet.states
        return work.run(Sheet(values, states, sheet.items.copy(), {}))

    def verdict(self, facts: Env, service: str | None = None) -> Verdict:
        """The outcome for one service (the first when none is named)."""
        rules = self.bound.rules_for(service)
        return self.judged(self.sheet(facts, (rules.service.id,)), rules)

    def judged(self, sheet: Sheet, rules: Rules) -> Verdict:
        """The outcome of one service, from a sheet."""
        made: Service = self.services[rules.service.id]
        meets = made.meets(sheet.values, sheet.items, sheet.units)
        return Verdict(
            rules,
            self.bound.scale,
            made.outcome(sheet.states, meets),
            {name: sheet.states[key] for name, key in made.states.items()},
            {name: sheet.items[key] for name, key in made.items.items()},
            {name: sheet.units[key] for name, key in made.units.items()},
            meets,
            sheet.values,
        )

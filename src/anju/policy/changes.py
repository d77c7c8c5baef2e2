"""What would change a result: the next step of each fact, and the month in which one passes at the present rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from anju.kernel.periods import add_months
from anju.policy.bound import Bound
from anju.policy.days import Calendar
from anju.policy.depends import expanded, names_in_condition, next_above, thresholds
from anju.policy.interpret import Interpreter, Service, Sheet, Verdict
from anju.policy.model import Use

AHEAD_MONTHS = 180
"""How far ahead the present rate is carried."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would change the result.

    ``kind``: ``step`` (a fact grows to ``to``), ``level`` (a code), ``toggle`` (yes instead of no), or ``time`` (nothing
    but time passes: ``on`` is the month in which the outcome becomes yes).
    """

    kind: str
    fact: str | None
    zh: str
    en: str
    more: int | None
    to: Any
    gain: Fraction
    passes: bool
    on: date | None


def changes_for(
    engine: Interpreter, facts: Mapping[str, Any], sheet: Sheet, verdicts: Sequence[Verdict]
) -> tuple[tuple[Change, ...], ...]:
    """Per service: changes that raise its score or turn its outcome, the largest gain first; time first of all."""
    trial = Trial(engine, facts, sheet, verdicts)
    for use in engine.bound.programme.uses:
        trial.step(use)
    trial.ahead()
    for found in trial.found:
        found.sort(key=lambda c: (c.kind != "time", not c.passes, -c.gain))
    return tuple(tuple(found) for found in trial.found)


class Trial:
    """One person's sheet, worked out again with one thing changed, for all services at once."""

    def __init__(
        self, engine: Interpreter, facts: Mapping[str, Any], sheet: Sheet, verdicts: Sequence[Verdict]
    ) -> None:
        self.engine, self.facts, self.sheet, self.verdicts = engine, facts, sheet, verdicts
        self.services = [engine.services[v.rules.service.id] for v in verdicts]
        self.asked = tuple(v.rules.service.id for v in verdicts)
        self.met = [_met(s, sheet) for s in self.services]
        self.found: list[list[Change]] = [[] for _ in verdicts]

    def step(self, use: Use) -> None:
        """The nearest step of one fact that makes things better, for each service that rests on it."""
        value = self.facts.get(use.key)
        if value is None or not use.fact.is_advised:
            return
        open_ = [i for i, s in enumerate(self.services) if use.key in s.facts]
        candidates = _candidates(self.engine.bound, self.sheet, use, value) if open_ else ()
        for kind, to in candidates:
            after = self.engine.after(self.sheet, self.asked, {use.key: to})
            better = [i for i in open_ if self._better(i, after, use, kind, to)]
            open_ = [i for i in open_ if i not in better]
            if not open_:
                return

    def _better(self, index: int, after: Sheet, use: Use, kind: str, to: Any) -> bool:
        service = self.services[index]
        units = 0
        if service.score is not None:
            units = after.units[service.score] - self.sheet.units[service.score]
        if units < 0 or (units == 0 and after.states is self.sheet.states):
            return False
        passes = self.verdicts[index].outcome is not True and _outcome(service, after) is True
        if units == 0 and not passes and _met(service, after) <= self.met[index]:
            return False
        bound, value = self.engine.bound, self.facts[use.key]
        more = to - value if kind == "step" else None
        on = _month(bound, more, use) if use.fact.grows and more and value else None
        gain = Fraction(units, bound.scale)
        self.found[index].append(Change(kind, use.key, use.zh, use.en, more, to, gain, passes, on))
        return True

    def ahead(self) -> None:
        """The first month in which everything that is running now, running on, makes an outcome yes."""
        bound, facts = self.engine.bound, self.facts
        growing = [u for u in bound.programme.uses if u.fact.grows and facts.get(u.key)]
        names = {u.key for u in growing}
        open_ = [
            i for i, v in enumerate(self.verdicts) if v.outcome is not True and _may_turn(bound, v, names)
        ]
        for months in _months(bound, self.sheet, growing) if growing and open_ else ():
            later = _at(self.engine, facts, growing, months, self.sheet, self.asked)
            for i in [i for i in open_ if _outcome(self.services[i], later) is True]:
                open_.remove(i)
                score = self.services[i].score
                units = 0 if score is None else later.units[score] - self.sheet.units[score]
                on = add_months(bound.calendar.cutoff.replace(day=1), months)
                zh, en = "现有各项按现在的进度继续", "everything running now runs on"
                gain = Fraction(units, bound.scale)
                self.found[i].append(Change("time", None, zh, en, months, None, gain, True, on))
            if not open_:
                return


def _outcome(service: Service, sheet: Sheet) -> bool | None:
    return service.outcome(sheet.states, service.meets(sheet.values, sheet.items, sheet.units))


def _met(service: Service, sheet: Sheet) -> int:
    return sum(sheet.states[n] is True for n in service.needs)


def _candidates(bound: Bound, sheet: Sheet, use: Use, value: Any) -> Iterator[tuple[str, Any]]:
    kind = use.fact.type
    if kind.kind == "boolean" and value is False:
        yield "toggle", True
    elif kind.kind == "code" and kind.is_ordered:
        yield from (("level", o) for o in kind.options[kind.options.index(value) + 1 :])
    elif kind.is_number:
        yield from (("step", to) for to in _targets(bound, sheet, use.key, value))


def _targets(bound: Bound, sheet: Sheet, key: str, value: int) -> list[int]:
    """Values of the fact at which it, or a derived value that rests on it, reaches a threshold."""
    table = thresholds(bound)
    found = set(next_above(table.get(key, ()), value))
    for name, rests_on in expanded(bound).items():
        current = sheet.values.get(name)
        if key in rests_on and isinstance(current, int) and name in table:
            found.update(value + (t - current) for t in next_above(table[name], current))
    return sorted(found)[:3]


def _month(bound: Bound, more: int, use: Use) -> date:
    """The month in which a fact that grows by one a month (or a day) has grown by ``more``."""
    cutoff = bound.calendar.cutoff
    if use.fact.type.kind == "days":
        return (cutoff + timedelta(days=more)).replace(day=1)
    return add_months(cutoff.replace(day=1), more)


def _may_turn(bound: Bound, verdict: Verdict, growing: set[str]) -> bool:
    """Whether every condition that does not hold rests on something that time moves."""
    if any(v is not False for v in verdict.vetoes.values()) or any(
        v is not False for v in verdict.gaps.values()
    ):
        return False
    for test in verdict.rules.conditions:
        if verdict.conditions[test.id] is not True and not growing & set(
            names_in_condition(bound, test.when)
        ):
            return False
    return True


def _months(bound: Bound, sheet: Sheet, growing: list[Use]) -> list[int]:
    """Months ahead at which some growing fact reaches a threshold."""
    table = thresholds(bound)
    found: set[int] = set()
    rests_on = expanded(bound)
    keys = {u.key for u in growing}
    for name, pairs in table.items():
        rests = set(rests_on.get(name, (name,)))
        value = sheet.values.get(name)
        if not isinstance(value, int) or not rests & keys:
            continue
        per_month = 30 if any(u.fact.type.kind == "days" and u.key in rests for u in growing) else 1
        for first, step in pairs:
            targets = range(first, value + AHEAD_MONTHS * per_month + 1, step or AHEAD_MONTHS * 100)
            found.update(-(-(t - value) // per_month) for t in targets if t > value)
    return sorted(m for m in found if 0 < m <= AHEAD_MONTHS)


def _at(
    engine: Interpreter,
    facts: Mapping[str, Any],
    growing: list[Use],
    months: int,
    sheet: Sheet,
    services: tuple[str, ...],
) -> Sheet:
    """The sheet ``months`` later, with what grows grown and the calendar moved."""
    old = engine.bound.calendar
    moved = Calendar(add_months(old.filing, months), add_months(old.cutoff, months))
    days = (moved.cutoff - old.cutoff).days
    grown = {u.key: facts[u.key] + (days if u.fact.type.kind == "days" else months) for u in growing}
    return engine.moved(moved).after(sheet, services, grown, day_moves=True)

"""What would change a result: the next step of each fact, and the month in which one passes at the present rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from anju.kernel.periods import add_months
from anju.policy.bound import Bound
from anju.policy.days import Calendar
from anju.policy.depends import expanded, names_in_condition, next_above, thresholds, touched_by
from anju.policy.interpret import Interpreter, Verdict
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


def changes_for(engine: Interpreter, facts: Mapping[str, Any], verdict: Verdict) -> tuple[Change, ...]:
    """Changes that raise the score or turn the outcome of one service, the largest gain first; time first of all."""
    found = [c for use in engine.bound.programme.uses if (c := _step(engine, facts, verdict, use))]
    found.sort(key=lambda c: (not c.passes, -c.gain))
    ahead = _ahead(engine, facts, verdict) if verdict.outcome is not True else None
    return (ahead, *found) if ahead else tuple(found)


def _step(engine: Interpreter, facts: Mapping[str, Any], verdict: Verdict, use: Use) -> Change | None:
    """The nearest step of one fact that makes things better, if there is one."""
    value = facts.get(use.key)
    if value is None or not use.fact.is_advised or not changes_something(engine.bound, verdict, use.key):
        return None
    for kind, to in _candidates(engine.bound, verdict, use, value):
        after = engine.after(verdict, {use.key: to})
        gain = _units(after) - _units(verdict)
        passes = after.outcome is True and verdict.outcome is not True
        if gain > 0 or (gain == 0 and (passes or _met(after) > _met(verdict))):
            more = to - value if kind == "step" else None
            on = _month(engine.bound, more, use) if use.fact.grows and more and value else None
            return Change(kind, use.key, use.zh, use.en, more, to, Fraction(gain, verdict.scale), passes, on)
    return None


def changes_something(bound: Bound, verdict: Verdict, key: str) -> bool:
    """Whether anything this service decides by rests on the fact."""
    return not touched_by(bound).get(key, frozenset()).isdisjoint((*verdict.items, *verdict.states))


def _units(verdict: Verdict) -> int:
    return verdict.units.get(verdict.rules.service.score, 0)


def _met(verdict: Verdict) -> int:
    return sum(verdict.states[t.id] is True for t in verdict.rules.conditions)


def _candidates(bound: Bound, verdict: Verdict, use: Use, value: Any) -> Iterator[tuple[str, Any]]:
    kind = use.fact.type
    if kind.kind == "boolean" and value is False:
        yield "toggle", True
    elif kind.kind == "code" and kind.is_ordered:
        yield from (("level", o) for o in kind.options[kind.options.index(value) + 1 :])
    elif kind.is_number:
        yield from (("step", to) for to in _targets(bound, verdict, use.key, value))


def _targets(bound: Bound, verdict: Verdict, key: str, value: int) -> list[int]:
    """Values of the fact at which it, or a derived value that rests on it, reaches a threshold."""
    table = thresholds(bound)
    found = set(next_above(table.get(key, ()), value))
    for name, rests_on in expanded(bound).items():
        current = verdict.values.get(name)
        if key in rests_on and isinstance(current, int) and name in table:
            found.update(value + (t - current) for t in next_above(table[name], current))
    return sorted(found)[:3]


def _month(bound: Bound, more: int, use: Use) -> date:
    """The month in which a fact that grows by one a month (or a day) has grown by ``more``."""
    cutoff = bound.calendar.cutoff
    if use.fact.type.kind == "days":
        return (cutoff + timedelta(days=more)).replace(day=1)
    return add_months(cutoff.replace(day=1), more)


def _ahead(engine: Interpreter, facts: Mapping[str, Any], verdict: Verdict) -> Change | None:
    """The first month in which everything that is running now, running on, makes the outcome yes."""
    bound = engine.bound
    growing = [u for u in bound.programme.uses if u.fact.grows and facts.get(u.key)]
    if not growing or not _may_turn(bound, verdict, {u.key for u in growing}):
        return None
    for months in _months(bound, verdict, growing):
        later = _at(engine, facts, growing, months, verdict)
        if later.outcome is True:
            gain = Fraction(_units(later) - _units(verdict), verdict.scale)
            on = add_months(bound.calendar.cutoff.replace(day=1), months)
            zh, en = "现有各项按现在的进度继续", "everything running now runs on"
            return Change("time", None, zh, en, months, None, gain, True, on)
    return None


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


def _months(bound: Bound, verdict: Verdict, growing: list[Use]) -> list[int]:
    """Months ahead at which some growing fact reaches a threshold."""
    table = thresholds(bound)
    found: set[int] = set()
    rests_on = expanded(bound)
    keys = {u.key for u in growing}
    for name, pairs in table.items():
        rests = set(rests_on.get(name, (name,)))
        value = verdict.values.get(name)
        if not isinstance(value, int) or not rests & keys:
            continue
        per_month = 30 if any(u.fact.type.kind == "days" and u.key in rests for u in growing) else 1
        for first, step in pairs:
            targets = range(first, value + AHEAD_MONTHS * per_month + 1, step or AHEAD_MONTHS * 100)
            found.update(-(-(t - value) // per_month) for t in targets if t > value)
    return sorted(m for m in found if 0 < m <= AHEAD_MONTHS)


def _at(
    engine: Interpreter, facts: Mapping[str, Any], growing: list[Use], months: int, verdict: Verdict
) -> Verdict:
    """The verdict ``months`` later, with what grows grown and the calendar moved."""
    old = engine.bound.calendar
    moved = Calendar(add_months(old.filing, months), add_months(old.cutoff, months))
    days = (moved.cutoff - old.cutoff).days
    grown = {u.key: facts[u.key] + (days if u.fact.type.kind == "days" else months) for u in growing}
    return engine.moved(moved).after(verdict, grown, day_moves=True)

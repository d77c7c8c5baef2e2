"""Conditions and derived values as functions of a person's values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from anju.policy import days
from anju.policy.interpret.verdict import CALENDAR, Env
from anju.policy.model import (
    Age,
    All,
    AnyOf,
    Choose,
    Combine,
    Compare,
    Condition,
    Day,
    Elapsed,
    Not,
    Tally,
)

Holds = Callable[[Env], bool | None]
Derive = Callable[[Env], int | None]
_COMBINED: dict[str, Callable[[Sequence[int]], int]] = {"sum_of": sum, "least_of": min, "greatest_of": max}
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
    "in": lambda have, want: have in want,
    "not_in": lambda have, want: have not in want,
}


def holds(condition: Condition | None) -> Holds:
    """Whether a condition holds: True, False, or None when that rests on something unknown; no condition holds always."""
    if condition is None:
        return lambda env: True
    if isinstance(condition, Compare):
        return _compare(condition)
    if isinstance(condition, Not):
        inner = holds(condition.part)

        def negated(env: Env) -> bool | None:
            answer = inner(env)
            return None if answer is None else not answer

        return negated
    parts = [holds(p) for p in condition.parts]
    return _all(parts) if isinstance(condition, All) else _any(condition, parts)


def _compare(compare: Compare) -> Holds:
    name, want = compare.name, compare.value
    if compare.op == "within":
        count, unit = want

        def within(env: Env) -> bool | None:
            have = env[name]
            if have is None:
                return None
            first, last = env[CALENDAR].within(count, unit)
            return bool(first <= have <= last if isinstance(have, date) else first.year <= have <= last.year)

        return within
    test = _COMPARED[compare.op]

    def compared(env: Env) -> bool | None:
        have = env[name]
        return None if have is None else test(have, want)

    return compared


def _all(parts: Sequence[Holds]) -> Holds:
    def every(env: Env) -> bool | None:
        answer: bool | None = True
        for part in parts:
            found = part(env)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    return every


def _any(condition: AnyOf, parts: Sequence[Holds]) -> Holds:
    def some(env: Env) -> bool | None:
        answer: bool | None = False
        for part in parts:
            found = part(env)
            if found is True:
                return True
            if found is None:
                answer = None
        return answer

    return some


def entry_of(env: Env, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A person's values with the fields of one list entry beside them."""
    return {**env, **{"." + name: value for name, value in entry.items()}}


def derive(how: Age | Elapsed | Combine | Choose | Tally) -> Derive:
    """A derived value: a whole number, or None when it rests on something unknown."""
    if isinstance(how, Age):
        return _from_day(how.of, how.on, lambda born, day: days.age(born, day, how.count))
    if isinstance(how, Elapsed):
        return _from_day(how.of, how.until, lambda begin, day: days.elapsed(begin, day, how.unit))
    if isinstance(how, Choose):
        return _choose(how)
    return _tally(how) if isinstance(how, Tally) else _combine(how)


def _from_day(name: str, rule: Day, count: Callable[[date, date], int]) -> Derive:
    def counted(env: Env) -> int | None:
        begin = env[name]
        return None if begin is None else count(begin, env[CALENDAR].day(rule))

    return counted


def _combine(how: Combine) -> Derive:
    parts = how.parts

    def combined(env: Env) -> int | None:
        found = [env[p] if isinstance(p, str) else p for p in parts]
        if None in found:
            return None
        if how.op == "difference":
            return max(found[0] - found[1], 0)
        return _COMBINED[how.op](found)

    return combined


def _choose(how: Choose) -> Derive:
    rows = [(holds(when), of) for when, of in how.rows]

    def chosen(env: Env) -> int | None:
        for when, of in rows:
            answer = when(env)
            if answer is None:
                return None
            if answer:
                found: int | None = env[of] if isinstance(of, str) else of
                return found
        return None

    return chosen


def _tally(how: Tally) -> Derive:
    where, field = holds(how.where), how.field

    def tallied(env: Env) -> int | None:
        entries = env[how.of]
        if entries is None:
            return None
        total = 0
        for entry in entries:
            inner = entry_of(env, entry)
            answer = where(inner)
            amount = 1 if field is None else inner["." + field]
            if answer is None or (answer and amount is None):
                return None
            total += amount if answer else 0
        return total

    return tallied

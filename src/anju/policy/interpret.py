"""The interpreter: one person, one programme, written to be read beside the format.

Unknown is None. A condition answers True, False or None. An item answers its points, and whether something in it
is unknown; what is unknown gives nothing. Arithmetic is exact (``Fraction``).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from anju.policy import days
from anju.policy.bound import Bound, Rules, risky_items, rounded
from anju.policy.days import Calendar
from anju.policy.depends import touched_by
from anju.policy.model import (
    Age,
    All,
    AnyOf,
    Bands,
    Cases,
    Choose,
    Combine,
    Compare,
    Condition,
    Elapsed,
    Flat,
    Group,
    Item,
    Ladder,
    Per,
    Score,
    Shape,
    Tally,
    Times,
)

Env = Mapping[str, Any]
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
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Given:
    """What one item gives. ``is_unknown``: some of what it rests on is not known. ``points`` None: all of it."""

    points: Fraction | None
    is_unknown: bool
    is_risky: bool = False
    """Something unknown in it could take points away."""

    @property
    def counted(self) -> Fraction:
        """Points that count: what is unknown counts nothing."""
        return ZERO if self.points is None else self.points


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one service, with everything it was worked out from."""

    rules: Rules
    outcome: bool | None
    conditions: Mapping[str, bool | None]
    vetoes: Mapping[str, bool | None]
    gaps: Mapping[str, bool | None]
    items: Mapping[str, Given]
    scores: Mapping[str, Fraction]
    meets_line: bool | None
    values: Env

    @property
    def score(self) -> Fraction | None:
        """The qualifying score, if the service has one."""
        return self.scores.get(self.rules.service.score)


class Interpreter:
    """Answers for one bound programme."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.unit = Fraction(1, bound.scale)
        self.risky = risky_items(bound)

    def moved(self, calendar: Calendar) -> Interpreter:
        """The same rules on another day."""
        other = copy(self)
        other.bound = replace(self.bound, calendar=calendar)
        return other

    def values(self, facts: Env) -> dict[str, Any]:
        """Facts and derived values by name."""
        known = {use.key: facts.get(use.key) for use in self.bound.programme.uses}
        for derived in self.bound.derived:
            known[derived.id] = self._derive(derived.how, known)
        return known

    def verdict(
        self, facts: Env, service: str | None = None, *, base: Verdict | None = None, changed: str = ""
    ) -> Verdict:
        """The outcome for one service (the first when none is named).

        With ``base``, a verdict that differs in the one fact ``changed``, whatever does not rest on it is taken over.
        """
        rules = self.bound.rules_for(service)
        touched = touched_by(self.bound).get(changed, frozenset()) if base else None
        values = self.values(facts) if base is None else self._changed(base.values, facts, changed, touched)
        items: dict[str, Given] = {} if base is None else dict(base.items)
        for tops, is_deduction in ((rules.items, False), (rules.deductions, True)):
            for top in tops:
                if touched is None or top.id in touched:
                    self._item(top, values, items, touched, is_deduction=is_deduction)
        old: dict[str, bool | None] = {} if base is None else {**base.conditions, **base.vetoes, **base.gaps}

        def state(name: str, when: Condition) -> bool | None:
            return self.holds(when, values) if touched is None or name in touched else old[name]

        conditions = {t.id: state(t.id, t.when) for t in rules.conditions}
        vetoes = {t.id: state(t.id, t.when) for t in rules.vetoes}
        gaps = {g.id: state(g.id, g.open_when) for g in rules.gaps if g.open_when}
        scores = {s.id: self._score(s, values, items) for s in rules.scores}
        meets = self._meets(rules, scores, items, values)
        answers = [*conditions.values(), *(None if v is None else not v for v in vetoes.values()), meets]
        answers += [True if g is False else None for g in gaps.values()]
        return Verdict(rules, _all(answers), conditions, vetoes, gaps, items, scores, meets, values)

    def _changed(self, old: Env, facts: Env, changed: str, touched: frozenset[str] | None) -> dict[str, Any]:
        known = {**old, changed: facts.get(changed)}
        for derived in self.bound.derived:
            if touched and derived.id in touched:
                known[derived.id] = self._derive(derived.how, known)
        return known

    # --- conditions ---------------------------------------------------------------------------------

    def holds(self, condition: Condition, env: Env) -> bool | None:
        """Whether a condition holds: True, False, or None when that rests on something unknown."""
        if isinstance(condition, Compare):
            return self._compare(condition, env)
        if isinstance(condition, All):
            return _all([self.holds(p, env) for p in condition.parts])
        if isinstance(condition, AnyOf):
            return _any([self.holds(p, env) for p in condition.parts])
        inner = self.holds(condition.part, env)
        return None if inner is None else not inner

    def _compare(self, compare: Compare, env: Env) -> bool | None:
        have, want, op = env[compare.name], compare.value, compare.op
        if have is None:
            return None
        if op == "within":
            first, last = self.bound.calendar.within(*want)
            return bool(first <= have <= last if isinstance(have, date) else first.year <= have <= last.year)
        return bool(_COMPARED[op](have, want))

    # --- derived values -----------------------------------------------------------------------------

    def _derive(self, how: Age | Elapsed | Combine | Choose | Tally, env: Env) -> int | None:
        if isinstance(how, Age):
            born = env[how.of]
            return None if born is None else days.age(born, self.bound.calendar.day(how.on), how.count)
        if isinstance(how, Elapsed):
            begin = env[how.of]
            return (
                None if begin is None else days.elapsed(begin, self.bound.calendar.day(how.until), how.unit)
            )
        if isinstance(how, Choose):
            return self._choose(how, env)
        if isinstance(how, Tally):
            return self._tally(how, env)
        parts = [env[p] if isinstance(p, str) else p for p in how.parts]
        if any(p is None for p in parts):
            return None
        if how.op == "difference":
            return int(max(parts[0] - parts[1], 0))
        return int(_COMBINED[how.op](parts))

    def _choose(self, how: Choose, env: Env) -> int | None:
        for when, of in how.rows:
            answer = True if when is None else self.holds(when, env)
            if answer is None:
                return None
            if answer:
                return env[of] if isinstance(of, str) else of
        return None

    def _tally(self, how: Tally, env: Env) -> int | None:
        entries = env[how.of]
        if entries is None:
            return None
        total = 0
        for entry in entries:
            inner = _entry(env, entry)
            answer = True if how.where is None else self.holds(how.where, inner)
            amount = 1 if how.field is None else inner["." + how.field]
            if answer is None or (answer and amount is None):
                return None
            total += amount if answer else 0
        return total

    # --- items --------------------------------------------------------------------------------------

    def _item(
        self,
        item: Item,
        env: Env,
        out: dict[str, Given],
        touched: frozenset[str] | None,
        *,
        is_deduction: bool,
    ) -> Given:
        """Work out one item and all inside it, noting each under its id; what is not ``touched`` stays."""
        if touched is not None and item.id not in touched:
            return out[item.id]
        children = [self._item(c, env, out, touched, is_deduction=is_deduction) for c in item.children]
        answer = True if item.when is None else self.holds(item.when, env)
        risky = is_deduction or id(item) in self.risky
        if answer is False:
            given = Given(ZERO, False)
        elif answer is None:
            given = Given(None, True, risky)
        elif isinstance(item.shape, Group):
            given = self._group(item, children, env, risky)
        elif item.for_each:
            given = self._for_each(item, env, risky)
        else:
            points = self._limited(self._modified(item, self.points(item.shape, env), env), item)
            given = Given(points, points is None, points is None and risky)
        out[item.id] = given
        return given

    def _group(self, item: Item, children: list[Given], env: Env, risky: bool) -> Given:
        counted = [c.counted for c in children]
        mode = item.shape.mode if isinstance(item.shape, Group) else ""
        points = sum(counted, ZERO) if mode == "sum" else max(counted)
        whole = self._modified(item, points, env)
        unknown = any(c.is_unknown for c in children) or whole is None
        is_risky = any(c.is_risky for c in children) or (whole is None and risky)
        return Given(self._limited(whole, item), unknown, is_risky)

    def _for_each(self, item: Item, env: Env, risky: bool) -> Given:
        each = item.for_each
        assert each is not None
        entries = env[each.of]
        if entries is None:
            return Given(None, True, risky)
        found, unknown = [], False
        for entry in entries:
            inner = _entry(env, entry)
            answer = True if each.where is None else self.holds(each.where, inner)
            if answer is False:
                continue
            points = self._modified(item, self.points(item.shape, inner), inner) if answer else None
            if points is None:
                unknown = True
                continue
            found.append(points if each.cap is None else min(points, each.cap))
        if each.take:
            found = sorted((max(p, ZERO) for p in found), reverse=True)[: each.take]
        return Given(self._limited(sum(found, ZERO), item), unknown, unknown and risky)

    def _modified(self, item: Item, points: Fraction | None, env: Env) -> Fraction | None:
        """``times``, ``percent_of`` and ``divide_by``; each result stays on the programme's grid."""
        for times in item.times:
            points = self._times(points, times, env)
        if item.percent_of:
            percent = env[item.percent_of]
            points = (
                None if points is None or percent is None else rounded(points * percent / 10000, self.unit)
            )
        if item.divide_by:
            name, plus = item.divide_by
            parts = env[name]
            if points is None or parts is None or parts + plus <= 0:
                return None
            points = rounded(points / (parts + plus), self.unit)
        return points

    def _times(self, points: Fraction | None, times: Times, env: Env) -> Fraction | None:
        answer = True if times.when is None else self.holds(times.when, env)
        if points is None or answer is None:
            return None
        return rounded(points * times.factor, self.unit) if answer else points

    @staticmethod
    def _limited(points: Fraction | None, item: Item) -> Fraction | None:
        if points is None:
            return None
        if item.floor is not None:
            points = max(points, item.floor)
        return points if item.cap is None else min(points, item.cap)

    def points(self, shape: Shape, env: Env) -> Fraction | None:
        """Points of a shape that is no group; None when unknown."""
        if isinstance(shape, Flat):
            return shape.points
        if isinstance(shape, Cases):
            for row in shape.rows:
                answer = True if row.when is None else self.holds(row.when, env)
                if answer is None or answer:
                    return row.points if answer else None
            return ZERO
        assert not isinstance(shape, Group)
        value = env[shape.of]
        if value is None:
            return None
        if isinstance(shape, Ladder):
            return dict(shape.points).get(value, ZERO)
        return _per(shape, value) if isinstance(shape, Per) else _bands(shape, value)

    # --- scores -------------------------------------------------------------------------------------

    def _score(self, score: Score, env: Env, items: Mapping[str, Given]) -> Fraction:
        """The score from what is known: never more than it would be with everything known in the person's favour."""
        total = sum((items[i].counted for i in score.add if i in items), ZERO)
        total -= sum((items[i].counted for i in score.subtract if i in items), ZERO)
        for times in score.times:
            answer = True if times.when is None else self.holds(times.when, env)
            if answer or (answer is None and times.factor < 1):
                total = rounded(total * times.factor, self.unit)
        if score.floor is not None:
            total = max(total, score.floor)
        if score.cap is not None:
            total = min(total, score.cap)
        return (
            total if score.places is None else rounded(total, Fraction(1, 10**score.places), score.rounding)
        )

    def _meets(
        self, rules: Rules, scores: Mapping[str, Fraction], items: Mapping[str, Given], env: Env
    ) -> bool | None:
        """Whether the score reaches the line: known only if nothing unknown could turn it."""
        line, score = rules.service.line, rules.score(rules.service.score)
        if line is None or score is None:
            return True
        counted = [items[i] for i in (*score.add, *score.subtract) if i in items]
        if scores[score.id] >= line:
            return None if any(g.is_risky for g in counted) else True
        factors = [t.when for t in score.times if t.when is not None]
        is_unknown = any(g.is_unknown for g in counted) or any(self.holds(w, env) is None for w in factors)
        return None if is_unknown else False


def _entry(env: Env, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**env, **{"." + name: value for name, value in entry.items()}}


def _all(answers: list[bool | None]) -> bool | None:
    if any(a is False for a in answers):
        return False
    return None if any(a is None for a in answers) else True


def _any(answers: list[bool | None]) -> bool | None:
    if any(a is True for a in answers):
        return True
    return None if any(a is None for a in answers) else False


def _steps(amount: int, step: int, how: str) -> Fraction:
    amount = max(amount, 0)
    if how == "exact":
        return Fraction(amount, step)
    return Fraction(-(-amount // step) if how == "up" else amount // step)


def _per(shape: Per, value: int) -> Fraction:
    if shape.active_from is not None and value < shape.active_from:
        return ZERO
    left = shape.below - value if shape.below is not None else value - (shape.beyond or 0)
    steps = _steps(left, shape.step, shape.round)
    if shape.max_steps is not None:
        steps = min(steps, Fraction(shape.max_steps))
    return shape.start + shape.points * steps


def _bands(shape: Bands, value: int) -> Fraction:
    if shape.mode == "progressive":
        assert shape.step
        total = ZERO
        for row in shape.rows:
            low = row.low or 0
            part = (value if row.high is None else min(value, row.high)) - low
            total += row.points * _steps(part, shape.step, shape.round)
        return total
    for row in shape.rows:
        if (row.low is None or value >= row.low) and (row.high is None or value < row.high):
            if shape.mode == "lookup":
                return row.points
            assert shape.step
            return row.points * _steps(value, shape.step, shape.round)
    return ZERO

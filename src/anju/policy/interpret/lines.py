"""Items and scores as functions of a person's values and of the items already worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from anju.policy.bound import can_be_negative
from anju.policy.interpret.points import Points, nearest, points_of, scaled, sure_of
from anju.policy.interpret.tests import entry_of, holds
from anju.policy.interpret.verdict import Env, Given
from anju.policy.model import ForEach, Group, Item, Score, Times

Line = Callable[[Env, Mapping[str, Given]], Given]
Total = Callable[[Env, Mapping[str, Given]], int]
Change = Callable[[int | None, Env], int | None]
Limit = Callable[[int], int]
_IS_UNKNOWN, _IS_RISKY = itemgetter(1), itemgetter(2)


def line_of(item: Item, inside: Sequence[str], scale: int, *, is_deduction: bool) -> Line:
    """What one item gives; ``inside`` names the items inside it, which must have been worked out before."""
    risky = is_deduction or can_be_negative(item)
    inner = _inner(item, inside, scale, risky)
    if item.when is None:
        return inner
    when, nothing, unknown = holds(item.when), Given(0, False, False, scale), Given(None, True, risky, scale)

    def conditional(env: Env, items: Mapping[str, Given]) -> Given:
        answer = when(env)
        if answer is None:
            return unknown
        return inner(env, items) if answer else nothing

    return conditional


def _inner(item: Item, inside: Sequence[str], scale: int, risky: bool) -> Line:
    if isinstance(item.shape, Group):
        return _group(item, inside, item.shape.mode == "sum", scale, risky)
    count, change, limit = points_of(item.shape, scale), _changes(item, scale), _limits(item, scale)
    if item.for_each:
        return _for_each(item.for_each, count, change or _unchanged, limit, scale, risky)
    unknown, sure = Given(None, True, risky, scale), sure_of(item.shape, scale)
    if sure is None or (item.floor or 0) > 0 or (item.cap or 0) < 0:
        return _single(count, change, limit, unknown)
    change = change or _unchanged

    def proven(env: Env, items: Mapping[str, Given]) -> Given:
        units = change(count(env), env)
        if units is not None:
            return Given(limit(units), False, False, scale)
        least = change(sure(env), env)
        return unknown if least is None else Given(limit(least), True, risky, scale)

    return proven


def _single(count: Points, change: Change | None, limit: Limit, unknown: Given) -> Line:
    scale = unknown.scale

    def single(env: Env, items: Mapping[str, Given]) -> Given:
        units = count(env)
        return unknown if units is None else Given(limit(units), False, False, scale)

    def changed(env: Env, items: Mapping[str, Given]) -> Given:
        units = change(count(env), env) if change else None
        return unknown if units is None else Given(limit(units), False, False, scale)

    return changed if change else single


def _group(item: Item, inside: Sequence[str], add: bool, scale: int, risky: bool) -> Line:
    change, limit = _changes(item, scale), _limits(item, scale)

    def together(env: Env, items: Mapping[str, Given]) -> Given:
        children = [items[i] for i in inside]
        counted = [c[0] or 0 for c in children]
        made: int | None = sum(counted) if add else max(counted)
        if change:
            made = change(made, env)
        unknown = True in map(_IS_UNKNOWN, children)
        is_risky = unknown and True in map(_IS_RISKY, children)
        if made is None:
            return Given(None, True, is_risky or risky, scale)
        return Given(limit(made), unknown, is_risky, scale)

    return together


def _for_each(each: ForEach, count: Points, change: Change, limit: Limit, scale: int, risky: bool) -> Line:
    where = holds(each.where)
    most = None if each.cap is None else scaled(each.cap, scale)

    def over_all(env: Env, items: Mapping[str, Given]) -> Given:
        entries = env[each.of]
        if entries is None:
            return Given(None, True, risky, scale)
        found: list[int] = []
        unknown = False
        for entry in entries:
            inner = entry_of(env, entry)
            answer = where(inner)
            if answer is False:
                continue
            units = change(count(inner), inner) if answer else None
            if units is None:
                unknown = True
                continue
            found.append(units if most is None else min(units, most))
        if each.take:
            found = sorted((max(u, 0) for u in found), reverse=True)[: each.take]
        return Given(limit(sum(found)), unknown, unknown and risky, scale)

    return over_all


def _limits(item: Item, scale: int) -> Limit:
    floor = None if item.floor is None else scaled(item.floor, scale)
    cap = None if item.cap is None else scaled(item.cap, scale)
    if floor is None and cap is None:
        return int

    def limited(units: int) -> int:
        if floor is not None and units < floor:
            units = floor
        return cap if cap is not None and units > cap else units

    return limited


def _unchanged(units: int | None, env: Env) -> int | None:
    return units


def _changes(item: Item, scale: int) -> Change | None:
    """``times``, ``percent_of`` and ``divide_by`` in this order, if any; each result stays on the programme's grid."""
    steps = [_times(t) for t in item.times]
    if item.percent_of:
        steps.append(_percent(item.percent_of))
    if item.divide_by:
        steps.append(_divide(*item.divide_by))
    if not steps:
        return None

    def changed(units: int | None, env: Env) -> int | None:
        for step in steps:
            units = step(units, env)
        return units

    return changed


def _times(times: Times) -> Change:
    when, up, down = holds(times.when), times.factor.numerator, times.factor.denominator

    def multiplied(units: int | None, env: Env) -> int | None:
        answer = when(env)
        if units is None or answer is None:
            return None
        return nearest(units * up, down) if answer else units

    return multiplied


def _percent(name: str) -> Change:
    def share(units: int | None, env: Env) -> int | None:
        percent = env[name]
        return None if units is None or percent is None else nearest(units * percent, 10_000)

    return share


def _divide(name: str, plus: int) -> Change:
    def part(units: int | None, env: Env) -> int | None:
        parts = env[name]
        if units is None or parts is None or parts + plus <= 0:
            return None
        return nearest(units, parts + plus)

    return part


def score_of(score: Score, names: Mapping[str, str], scale: int) -> Total:
    """A score from what is known: never more than it would be with everything known in the person's favour.

    ``names``: what the service's items are called among those worked out.
    """
    added = tuple(names[i] for i in score.add if i in names)
    taken = tuple(names[i] for i in score.subtract if i in names)
    factors = [(t.factor < 1, holds(t.when), t.factor.numerator, t.factor.denominator) for t in score.times]
    floor = None if score.floor is None else scaled(score.floor, scale)
    cap = None if score.cap is None else scaled(score.cap, scale)
    step = 0 if score.places is None else scale // 10**score.places

    def total(env: Env, items: Mapping[str, Given]) -> int:
        units = 0
        for i in added:
            units += items[i].units or 0
        for i in taken:
            units -= items[i].units or 0
        for lowers, when, up, down in factors:
            answer = when(env)
            if answer or (answer is None and lowers):
                units = nearest(units * up, down)
        if floor is not None and units < floor:
            units = floor
        if cap is not None and units > cap:
            units = cap
        return nearest(units, step, score.rounding) * step if step > 1 else units

    return total

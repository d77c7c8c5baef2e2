"""Shapes as functions: the points of one line before its modifiers, in whole multiples of 1 ÷ scale."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from anju.policy.interpret.tests import holds
from anju.policy.interpret.verdict import Env
from anju.policy.model import Bands, Cases, Flat, Ladder, Per, Row, Shape, falls

Points = Callable[[Env], int | None]


def scaled(points: Fraction, scale: int) -> int:
    """Points in units; exact by the choice of the scale."""
    whole = points * scale
    assert whole.denominator == 1, points
    return whole.numerator


def nearest(numerator: int, denominator: int, mode: str = "half_up") -> int:
    """A quotient in whole units: half_up (half away from zero), down (to zero) or up (from zero). Denominator above 0."""
    size = abs(numerator)
    whole, rest = divmod(size, denominator)
    if (mode == "half_up" and rest * 2 >= denominator) or (mode == "up" and rest):
        whole += 1
    return -whole if numerator < 0 else whole


def points_of(shape: Shape, scale: int) -> Points:
    """The function of a shape that is no group; it answers None for unknown."""
    if isinstance(shape, Flat):
        fixed = scaled(shape.points, scale)
        return lambda env: fixed
    if isinstance(shape, Cases):
        return _cases(shape, scale)
    if isinstance(shape, Ladder):
        return _of(shape.of, _ladder(shape, scale))
    if isinstance(shape, Per):
        return _of(shape.of, _per(shape, scale))
    assert isinstance(shape, Bands)
    return _of(shape.of, _progressive(shape, scale) if shape.mode == "progressive" else _bands(shape, scale))


def sure_of(shape: Shape, scale: int) -> Points | None:
    """What is certain although something is unknown: the first row that surely holds, where rows only fall.

    Every row above it gives at least as much, so it is never more than the answer will be. None: nothing of the kind.
    """
    if not isinstance(shape, Cases) or not falls(shape):
        return None
    rows = [(holds(row.when), scaled(row.points, scale)) for row in shape.rows]

    def certain(env: Env) -> int | None:
        for when, points in rows:
            if when(env):
                return points or None
        return None

    return certain


def _of(name: str, count: Callable[[int], int]) -> Points:
    def found(env: Env) -> int | None:
        value = env[name]
        return None if value is None else count(value)

    return found


def _cases(shape: Cases, scale: int) -> Points:
    rows = [(holds(row.when), scaled(row.points, scale)) for row in shape.rows]

    def first(env: Env) -> int | None:
        for when, points in rows:
            answer = when(env)
            if answer is not False:
                return points if answer else None
        return 0

    return first


def _ladder(shape: Ladder, scale: int) -> Callable[[int], int]:
    table = {code: scaled(points, scale) for code, points in shape.points}
    return lambda code: table.get(code, 0)  # type: ignore[call-overload]


def _stepped(step: int, points: Fraction, how: str, scale: int) -> Callable[[int], int]:
    """Points for an amount, by whole steps, started steps, or exactly; nothing below 0."""
    if how == "exact":
        each = scaled(points / step, scale)
        return lambda amount: max(amount, 0) * each
    each = scaled(points, scale)
    if how == "up":
        return lambda amount: -(-max(amount, 0) // step) * each
    return lambda amount: max(amount, 0) // step * each


def _per(shape: Per, scale: int) -> Callable[[int], int]:
    start, beyond = scaled(shape.start, scale), shape.beyond or 0
    below, active, step = shape.below, shape.active_from, shape.step
    stepped = _stepped(step, shape.points, shape.round, scale)
    most = None if shape.max_steps is None else shape.max_steps * step
    if active is None and below is None and not start and not beyond and most is None:
        return stepped

    def per(value: int) -> int:
        if active is not None and value < active:
            return 0
        left = below - value if below is not None else value - beyond
        return start + stepped(left if most is None else min(left, most))

    return per


def _progressive(shape: Bands, scale: int) -> Callable[[int], int]:
    assert shape.step
    rows = [(r.low or 0, r.high, _stepped(shape.step, r.points, shape.round, scale)) for r in shape.rows]

    def progressive(value: int) -> int:
        return sum(points((value if high is None else min(value, high)) - low) for low, high, points in rows)

    return progressive


def _bands(shape: Bands, scale: int) -> Callable[[int], int]:
    rows = [(row.low, row.high, _band(shape, row, scale)) for row in shape.rows]

    def band(value: int) -> int:
        for low, high, points in rows:
            if (low is None or value >= low) and (high is None or value < high):
                return points(value)
        return 0

    return band


def _band(shape: Bands, row: Row, scale: int) -> Callable[[int], int]:
    if shape.mode == "lookup":
        fixed = scaled(row.points, scale)
        return lambda value: fixed
    assert shape.step
    return _stepped(shape.step, row.points, shape.round, scale)

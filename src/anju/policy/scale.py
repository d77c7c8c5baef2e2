"""The scale of a programme: the least whole number that turns every rate in it into whole units.

Both engines count points in units of 1 ÷ scale, so that they agree to the digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import lcm

from anju.policy.model import Bands, Cases, Flat, Item, Ladder, Per, Programme, Score

SHARED = 27_720
"""1…12 divide it: a share among up to twelve holders stays exact."""
FINEST = 10**9


def scale(programme: Programme) -> int:
    """Units per point. May exceed ``FINEST``; loading refuses such a file."""
    numbers: list[Fraction] = []
    found = 1
    for top in (*programme.items, *programme.deductions):
        for item in top.walk():
            mine = list(_points(item))
            for times in item.times:
                mine = [p * f for p in mine for f in (times.factor, 1)]
            numbers += mine
            if item.percent_of or item.divide_by:
                found = lcm(found, SHARED * (100 if item.percent_of else 1))
    for score in programme.scores:
        numbers += [x for x in (score.floor, score.cap) if x is not None]
        numbers += [t.factor for t in score.times]
        factor = 1
        for t in score.times:
            factor *= t.factor.denominator
        found = lcm(found, factor)
        if score.places:
            found = lcm(found, 10**score.places)
    for service in programme.services:
        numbers += [service.line] if service.line is not None else []
    base = lcm(1, *(n.denominator for n in numbers))
    return lcm(found * base, 1) if any(s.times for s in programme.scores) else lcm(found, base)


def grid(rules_items: Iterable[Item], score: Score) -> int | None:
    """The denominator every value of a score fits before rounding; None where a division by a fact leaves it."""
    if score.times:
        return None
    found = 1
    wanted = {*score.add, *score.subtract}
    for top in rules_items:
        for inside in top.walk():
            if inside.id in wanted:
                for item in inside.walk():
                    if item.times or item.percent_of or item.divide_by:
                        return None
                    found = lcm(found, *(p.denominator for p in _points(item)))
    return lcm(found, *(x.denominator for x in (score.floor, score.cap) if x is not None))


def never_negative(rules_items: Iterable[Item], score: Score, risky: frozenset[int]) -> bool:
    """Whether a score cannot fall below 0: nothing is subtracted and no line takes points away, or its floor says so."""
    if score.floor is not None and score.floor >= 0:
        return True
    wanted = set(score.add)
    lines = [i for top in rules_items for i in top.walk() if i.id in wanted]
    return not score.subtract and not any(id(i) in risky for line in lines for i in line.walk())


def _points(item: Item) -> Iterator[Fraction]:
    yield from (x for x in (item.floor, item.cap) if x is not None)
    if item.for_each and item.for_each.cap is not None:
        yield item.for_each.cap
    shape = item.shape
    if isinstance(shape, Flat):
        yield shape.points
    elif isinstance(shape, Per):
        yield from (shape.points, shape.start)
        if shape.round == "exact":
            yield shape.points / shape.step
    elif isinstance(shape, Bands):
        for row in shape.rows:
            yield row.points
            if shape.round == "exact" and shape.step:
                yield row.points / shape.step
    elif isinstance(shape, Ladder):
        yield from (p for _, p in shape.points)
    elif isinstance(shape, Cases):
        yield from (row.points for row in shape.rows)

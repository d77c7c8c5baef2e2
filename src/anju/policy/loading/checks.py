"""What can only be seen once the whole file is read."""

from __future__ import annotations

from fractions import Fraction

from anju.policy import scale as scales
from anju.policy.bound import can_be_negative
from anju.policy.loading.scope import Scope
from anju.policy.model import Flat, Group, Item, Ladder, Line, Per, Programme


def cross_check(programme: Programme, scope: Scope) -> None:
    """Adds to the scope's faults: loose ends, things never used, things never reached."""
    if not scope.faults:
        # A line that could not be read uses nothing; only then would what it meant seem unused.
        _uses(programme, scope)
    _readings(programme, scope)
    _scores(programme, scope)
    _services(programme, scope)
    for top in (*programme.items, *programme.deductions):
        for item in top.walk():
            _limits(item, scope)
            _best(item, scope)
    for top in programme.deductions:
        for item in top.walk():
            _positive(item, scope)
    fine = scales.scale(programme)
    if fine > scales.FINEST:
        scope.faults.add("too_fine", 1, "items", scale=fine)


def _uses(programme: Programme, scope: Scope) -> None:
    for use in programme.uses:
        if use.key not in scope.used:
            scope.faults.add("fact_not_used", use.at, f"facts.{use.key}", fact=use.key)
    for derived in programme.derived:
        if derived.id not in scope.used:
            scope.faults.add("derived_not_used", derived.at, f"derived.{derived.id}", id=derived.id)


def _readings(programme: Programme, scope: Scope) -> None:
    for reading in programme.readings:
        if "reading:" + reading.id not in scope.used:
            scope.faults.add("reading_not_used", reading.at, f"readings.{reading.id}", id=reading.id)


def _scores(programme: Programme, scope: Scope) -> None:
    added = {name for score in programme.scores for name in (*score.add, *score.subtract)}
    for top in (*programme.items, *programme.deductions):
        if programme.scores and not any(i.id in added for i in top.walk()):
            scope.faults.add("never_counted", top.at, f"items.{top.id}", id=top.id)
    if (programme.items or programme.deductions) and not programme.scores:
        scope.faults.add("no_score", 1, "scores")
    for score in programme.scores:
        _added_twice(score, (*programme.items, *programme.deductions), (*score.add, *score.subtract), scope)


def _added_twice(score: Line, tops: tuple[Item, ...], names: tuple[str, ...], scope: Scope) -> None:
    def walk(item: Item, inside: bool) -> None:
        if inside and item.id in names:
            scope.faults.add("added_twice", score.at, f"scores.{score.id}", id=item.id)
        for child in item.children:
            walk(child, inside or item.id in names)

    for top in tops:
        walk(top, False)


def _services(programme: Programme, scope: Scope) -> None:
    scores = {s.id for s in programme.scores}
    lines = {line.id for line in programme.lines()}
    if not programme.services:
        scope.faults.add("no_service", 1, "services")
    for service in programme.services:
        where = f"services.{service.id}"
        wanted = [service.score] if service.score else []
        wanted += [service.ranking.score] if service.ranking and service.ranking.score else []
        for name in wanted:
            if name not in scores:
                scope.faults.add("unknown_line", service.at, where, id=name, section="scores")
        if service.line is not None and not service.score:
            scope.faults.add("missing", service.at, where, key="score")
        if service.ranking:
            for key in service.ranking.keys:
                if key.of not in lines and key.of not in scope.types:
                    scope.faults.add("unknown_line", service.at, where, id=key.of, section="items / facts")
            shares = sum((c.percent or Fraction(0) for c in service.ranking.categories), Fraction(0))
            if shares > 100:
                scope.faults.add("over_100_percent", service.at, where, value=shares)


def _best(item: Item, scope: Scope) -> None:
    """A line that takes points away has no place where only the best counts: not knowing it would flatter."""
    if isinstance(item.shape, Group) and item.shape.mode != "sum":
        for child in item.children:
            if can_be_negative(child):
                scope.faults.add("negative_in_best", child.at, f"items.{item.id}.{child.id}", id=child.id)


def _limits(item: Item, scope: Scope) -> None:
    """A cap below the first step, or a floor above the cap, can never be meant."""
    where = f"items.{item.id}"
    if item.cap is not None and item.floor is not None and item.floor > item.cap:
        scope.faults.add("floor_over_cap", item.at, where, floor=item.floor, cap=item.cap)
    least = _least_step(item)
    if item.cap is not None and least is not None and 0 < item.cap < least:
        scope.faults.add("cap_never_free", item.at, where, cap=item.cap, points=least)


def _least_step(item: Item) -> Fraction | None:
    shape = item.shape
    if item.divide_by or item.percent_of or item.times or (isinstance(shape, Per) and shape.round == "exact"):
        return None
    if isinstance(shape, Flat):
        return shape.points
    if isinstance(shape, Per):
        return max(shape.points, Fraction(0)) + shape.start
    return min((p for _, p in shape.points), default=None) if isinstance(shape, Ladder) else None


def _positive(item: Item, scope: Scope) -> None:
    shape = item.shape
    if isinstance(shape, Flat | Per) and shape.points < 0:
        scope.faults.add("deduction_negative", item.at, f"deductions.{item.id}", value=shape.points)

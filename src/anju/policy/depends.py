"""Which names a line rests on, through derived values, and the thresholds at which they matter."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from anju.policy.bound import Bound
from anju.policy.model import (
    Age,
    Bands,
    Cases,
    Choose,
    Combine,
    Condition,
    Derived,
    Elapsed,
    Item,
    Ladder,
    Per,
    Tally,
    comparisons,
)


@lru_cache(maxsize=64)
def expanded(bound: Bound) -> dict[str, tuple[str, ...]]:
    """Each derived value -> the facts and derived values it rests on, itself first."""
    found: dict[str, tuple[str, ...]] = {}
    for derived in bound.derived:
        direct = list(_direct(derived))
        found[derived.id] = tuple(
            dict.fromkeys([derived.id, *(m for n in direct for m in found.get(n, (n,)))])
        )
    return found


def _direct(derived: Derived) -> Iterator[str]:
    how = derived.how
    if isinstance(how, Age | Elapsed):
        yield how.of
    elif isinstance(how, Combine):
        yield from (p for p in how.parts if isinstance(p, str))
    elif isinstance(how, Choose):
        for when, of in how.rows:
            yield from (c.name for c in comparisons(when))
            if isinstance(of, str):
                yield of
    elif isinstance(how, Tally):
        yield how.of
        yield from (c.name for c in comparisons(how.where) if not c.name.startswith("."))


def _closed(bound: Bound, names: Iterator[str]) -> tuple[str, ...]:
    table = expanded(bound)
    return tuple(dict.fromkeys(m for n in names if not n.startswith(".") for m in table.get(n, (n,))))


def names_in_condition(bound: Bound, condition: Condition | None) -> tuple[str, ...]:
    """Facts and derived values a condition rests on."""
    return _closed(bound, (c.name for c in comparisons(condition)))


def names_of(bound: Bound, item: Item) -> tuple[str, ...]:
    """Facts and derived values one item itself rests on (not those of items inside it)."""
    return _closed(bound, _names(item))


def _names(item: Item) -> Iterator[str]:
    yield from (c.name for c in comparisons(item.when))
    shape = item.shape
    if item.for_each:
        yield item.for_each.of
        yield from (c.name for c in comparisons(item.for_each.where))
    if isinstance(shape, Per | Bands | Ladder):
        yield shape.of
    if isinstance(shape, Cases):
        for row in shape.rows:
            yield from (c.name for c in comparisons(row.when))
    for times in item.times:
        yield from (c.name for c in comparisons(times.when))
    if item.percent_of:
        yield item.percent_of
    if item.divide_by:
        yield item.divide_by[0]


@lru_cache(maxsize=64)
def thresholds(bound: Bound) -> dict[str, tuple[tuple[int, int], ...]]:
    """Per name: ``(first, step)`` pairs - the value at which something changes, and how often again (0: once)."""
    found: dict[str, set[tuple[int, int]]] = {}

    def note(name: str, first: int, step: int = 0) -> None:
        found.setdefault(name, set()).add((first, step))

    for rules in bound.rules:
        for item in rules.all_items():
            shape = item.shape
            if isinstance(shape, Per):
                base = shape.active_from or 0
                note(shape.of, base)
                note(shape.of, (shape.beyond or 0) + shape.step, shape.step)
            elif isinstance(shape, Bands):
                for row in shape.rows:
                    note(shape.of, row.low or 0, shape.step or 0)
            for compared in _conditions(item):
                _note(compared, note)
        for test in (*rules.conditions, *rules.vetoes):
            _note(test.when, note)
    return {name: tuple(sorted(pairs)) for name, pairs in found.items()}


def _conditions(item: Item) -> Iterator[Condition]:
    if item.when is not None:
        yield item.when
    if isinstance(item.shape, Cases):
        yield from (r.when for r in item.shape.rows if r.when is not None)
    yield from (t.when for t in item.times if t.when is not None)


def _note(condition: Condition, note: object) -> None:
    for compared in comparisons(condition):
        if isinstance(compared.value, int) and not isinstance(compared.value, bool):
            note(compared.name, compared.value + (1 if compared.op == "gt" else 0))  # type: ignore[operator]


def next_above(pairs: tuple[tuple[int, int], ...], value: int, count: int = 3) -> list[int]:
    """The next few thresholds above ``value``."""
    found: set[int] = set()
    for first, step in pairs:
        if first > value:
            found.add(first)
        if step:
            passed = max((value - first) // step + 1, 0)
            found.update(first + step * (passed + i) for i in range(2))
    return sorted(f for f in found if f > value)[:count]


@lru_cache(maxsize=64)
def touched_by(bound: Bound) -> dict[str, frozenset[str]]:
    """Per fact: ids of derived values, items (with the groups around them) and tests that rest on it."""
    found: dict[str, set[str]] = {}

    def note(names: tuple[str, ...], *ids: str) -> None:
        for name in names:
            found.setdefault(name, set()).update(ids)

    def walk(item: Item, around: tuple[str, ...]) -> None:
        note(names_of(bound, item), item.id, *around)
        for child in item.children:
            walk(child, (*around, item.id))

    for name, rests_on in expanded(bound).items():
        note(rests_on, name)
    for rules in bound.rules:
        for top in (*rules.items, *rules.deductions):
            walk(top, ())
        for test in (*rules.conditions, *rules.vetoes, *rules.gaps):
            when = getattr(test, "when", None) or getattr(test, "open_when", None)
            note(names_in_condition(bound, when), test.id)
    return {name: frozenset(ids) for name, ids in found.items()}


@lru_cache(maxsize=64)
def dated(bound: Bound) -> frozenset[str]:
    """Facts that something holds against a day of the calendar: another day of filing may change what rests on them."""
    found = {d.how.of for d in bound.derived if isinstance(d.how, Age | Elapsed)}

    def note(condition: Condition | None, entries_of: str = "") -> None:
        for compared in comparisons(condition):
            if compared.op == "within":
                found.add(entries_of if compared.name.startswith(".") else compared.name)

    for derived in bound.derived:
        if isinstance(derived.how, Tally):
            note(derived.how.where, derived.how.of)
        elif isinstance(derived.how, Choose):
            for when, _ in derived.how.rows:
                note(when)
    for rules in bound.rules:
        for item in rules.all_items():
            entries_of = item.for_each.of if item.for_each else ""
            note(item.for_each.where if item.for_each else None, entries_of)
            for condition in _conditions(item):
                note(condition, entries_of)
        for test in (*rules.conditions, *rules.vetoes):
            note(test.when)
        for gap in rules.gaps:
            note(gap.open_when)
    return frozenset(found)

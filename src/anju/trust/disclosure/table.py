"""Tables of counts that are safe to show: minimum cell, complementary suppression, keyed random rounding."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from anju.kernel.refusal import Refusal

TOTAL = "*"
"""Stands for "all" in a cell's key."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """``minimum``: a smaller count of people is not shown; ``base``: shown counts are multiples of it (1: as they are)."""

    minimum: int = 10
    base: int = 5

    def __post_init__(self) -> None:
        if self.minimum < 3 or self.base < 1:
            raise Refusal("disclosure.rules_too_weak", minimum=self.minimum, base=self.base)


@dataclass(frozen=True, slots=True)
class Shown:
    """One cell as it may be seen: its key (``*`` for a total), the value or None, and why: shown, small, complementary."""

    key: Key
    value: int | None
    why: str


Cell = frozenset[str]
"""One cell whatever table it stands in: its parts without the totals, each saying its dimension (``sex=2``)."""


def cell(key: Key) -> Cell:
    """The same group of people has the same cell in every table that shows it."""
    return frozenset(part for part in key if part != TOTAL)


def protect(
    counts: Mapping[Key, int], rules: Rules, secret: bytes, earlier: Mapping[Cell, int | None] | None = None
) -> dict[Key, Shown]:
    """A full cross table of counts and all its margins, made safe.

    Grain: one key per combination, every key of the same length; missing combinations count 0. Units: people.
    Hidden: every count from 1 to ``minimum - 1`` in the table or a margin, and as many more as it takes that no
    hidden count follows from the shown ones by adding and subtracting. Rounding draws from ``secret``, the key and
    the count, so the same cell is always shown the same and averaging repeats nothing. ``earlier``: what other tables
    of the same people already showed (None: hid); hidden there stays hidden here, shown there is no cover here.
    Raises: Refusal disclosure.ragged_table, disclosure.negative_count, disclosure.cannot_protect.
    """
    table = with_margins(counts)
    lines = list(_lines(table))
    before = earlier or {}
    small = {key for key, count in table.items() if 0 < count < rules.minimum}
    hidden = small | {key for key in table if before.get(cell(key), 0) is None}
    known = frozenset(key for key in table if before.get(cell(key)) is not None)
    if hidden & known:
        raise Refusal("disclosure.cannot_protect")
    _close_lines(table, lines, hidden, rules.minimum, known)
    while found := _determined(table, lines, hidden):
        key = next(iter(sorted(found)))
        _hide_one_more(table, [line for line in lines if key in line], hidden, known)
        _close_lines(table, lines, hidden, rules.minimum, known)
    return {
        key: Shown(key, None, "small" if key in small else "complementary")
        if key in hidden
        else Shown(key, _rounded(key, count, rules.base, secret), "shown")
        for key, count in table.items()
    }


def with_margins(counts: Mapping[Key, int]) -> dict[Key, int]:
    """The table with every total over every set of dimensions, ``*`` in the place of a summed dimension."""
    lengths = {len(key) for key in counts}
    if len(lengths) > 1:
        raise Refusal("disclosure.ragged_table", lengths=sorted(lengths))
    if any(count < 0 for count in counts.values()):
        raise Refusal("disclosure.negative_count")
    if not counts:
        return {}
    values = [sorted({key[i] for key in counts}) for i in range(lengths.pop())]
    table = dict.fromkeys(product(*([*dimension, TOTAL] for dimension in values)), 0)
    for key, count in counts.items():
        for margin in product(*((part, TOTAL) for part in key)):
            table[margin] += count
    return table


def _lines(table: Mapping[Key, int]) -> Iterator[tuple[Key, ...]]:
    """Every sum an outsider knows: a total first, then its parts along one dimension."""
    for i in range(len(next(iter(table), ()))):
        groups: dict[Key, list[Key]] = {}
        for key in table:
            groups.setdefault(key[:i] + key[i + 1 :], []).append(key)
        for group in groups.values():
            yield tuple(sorted(group, key=lambda k: (k[i] != TOTAL, k)))


def _close_lines(
    table: Mapping[Key, int],
    lines: list[tuple[Key, ...]],
    hidden: set[Key],
    minimum: int,
    known: frozenset[Key],
) -> None:
    """Hide until no line has a single hidden cell, nor hidden parts that are together still few."""
    changed = True
    while changed:
        changed = False
        for line in lines:
            inside = [key for key in line if key in hidden]
            too_few = line[0] not in hidden and 0 < sum(table[k] for k in inside) < minimum
            if len(inside) == 1 or too_few:
                changed |= _hide_one_more(table, [line], hidden, known)


def _hide_one_more(
    table: Mapping[Key, int], lines: list[tuple[Key, ...]], hidden: set[Key], known: frozenset[Key]
) -> bool:
    """Hide the cheapest cell of the lines: a part before a total, the fewest people first, zeros last."""
    open_cells = {key for line in lines for key in line if key not in hidden}
    if not open_cells:
        return False
    open_cells -= known
    if not open_cells:
        raise Refusal("disclosure.cannot_protect")
    hidden.add(min(open_cells, key=lambda k: (table[k] == 0, k.count(TOTAL), table[k], k)))
    return True


def _determined(table: Mapping[Key, int], lines: list[tuple[Key, ...]], hidden: set[Key]) -> set[Key]:
    """Hidden cells whose value follows from the shown ones: unit vectors in the row space of the sums."""
    unknown = sorted(hidden)
    if not unknown:
        return set()
    place = {key: i for i, key in enumerate(unknown)}
    rows = []
    for line in lines:
        row = np.zeros(len(unknown))
        for key in line[1:]:
            if key in place:
                row[place[key]] = 1
        if line[0] in place:
            row[place[line[0]]] = -1
        if row.any():
            rows.append(row)
    if not rows:
        return set()
    _, sizes, basis = np.linalg.svd(np.array(rows), full_matrices=False)
    basis = basis[sizes > 1e-9 * max(sizes)]
    reach = (basis**2).sum(axis=0)  # squared length of each unit vector's shadow in the row space
    return {key for key, i in place.items() if reach[i] > 1 - 1e-9}


def _rounded(key: Key, count: int, base: int, secret: bytes) -> int:
    """``count`` to a multiple of ``base``, up or down by a keyed die so that the mean is true."""
    low, rest = divmod(count, base)
    if rest == 0:
        return count
    digest = hmac.digest(secret, "\x1f".join((*sorted(cell(key)), str(count))).encode(), hashlib.sha256)
    up = int.from_bytes(digest[:8], "big") < (1 << 64) * rest // base
    return (low + up) * base

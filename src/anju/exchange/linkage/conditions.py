"""Conditions on two records, declared once: rendered to SQL for the many, evaluated in Python for the one.

A condition compares the prepared columns of two records ``a`` and ``b``. ``sql()`` gives Splink's form
(``column_l``, ``column_r``, DuckDB's dialect); ``holds()`` gives the same answer for two mappings. A missing value
satisfies nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = Mapping[str, Any]


class Condition(Protocol):
    """Something that two records satisfy or not."""

    def sql(self) -> str:
        """The condition on ``_l`` and ``_r`` columns."""
        ...

    def holds(self, a: Row, b: Row) -> bool:
        """Whether the two records satisfy it."""
        ...


@dataclass(frozen=True, slots=True)
class Same:
    """Both state the same value."""

    column: str

    def sql(self) -> str:
        return f"{self.column}_l = {self.column}_r"

    def holds(self, a: Row, b: Row) -> bool:
        return a.get(self.column) is not None and a.get(self.column) == b.get(self.column)


@dataclass(frozen=True, slots=True)
class Crossed:
    """One record's ``first`` is the other's ``second``."""

    first: str
    second: str

    def sql(self) -> str:
        one, two = self.first, self.second
        return f"({one}_l = {two}_r OR {two}_l = {one}_r)"

    def holds(self, a: Row, b: Row) -> bool:
        one, two = self.first, self.second
        return any(x.get(one) is not None and x.get(one) == y.get(two) for x, y in ((a, b), (b, a)))


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Two columns filled the wrong way round: one record's ``first`` is the other's ``second``, and what then stands
    against each other on the other side is at most two edits apart, or is not stated."""

    first: str
    second: str

    def sql(self) -> str:
        one, two = self.first, self.second
        return "({} OR {})".format(
            *(
                f"({x}_l = {y}_r AND coalesce(levenshtein({y}_l, {x}_r) <= 2, TRUE))"
                for x, y in ((one, two), (two, one))
            )
        )

    def holds(self, a: Row, b: Row) -> bool:
        for x, y in ((self.first, self.second), (self.second, self.first)):
            if a.get(x) is not None and a.get(x) == b.get(y):
                rest = a.get(y), b.get(x)
                if None in rest or edit_distance(str(rest[0]), str(rest[1])) <= 2:
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Shares:
    """Two lists have a value in common.

    ``<column>_mask`` holds a bit for every value (``mask_sql``): lists without a common bit need no look.
    """

    column: str

    def sql(self) -> str:
        one, two = f"{self.column}_mask_l", f"{self.column}_mask_r"
        return f"(({one} & {two}) <> 0 AND list_has_any({self.column}_l, {self.column}_r))"

    def holds(self, a: Row, b: Row) -> bool:
        return not set(a.get(self.column) or ()).isdisjoint(b.get(self.column) or ())


@dataclass(frozen=True, slots=True)
class Shorter:
    """One value is the other without one of its first eight characters; the longer has three at least.

    ``length`` holds the value's length.
    """

    column: str

    def sql(self) -> str:
        return f"({self._without('l', 'r')} OR {self._without('r', 'l')})"

    def _without(self, longer: str, shorter: str) -> str:
        long, short = f"{self.column}_{longer}", f"{self.column}_{shorter}"
        dropped = ", ".join(
            f"concat(substring({long}, 1, {i} - 1), substring({long}, {i} + 1))" for i in range(1, 9)
        )
        return f"(length_{longer} = length_{shorter} + 1 AND length_{longer} >= 3 AND {short} IN ({dropped}))"

    def holds(self, a: Row, b: Row) -> bool:
        one, two = a.get(self.column), b.get(self.column)
        if one is None or two is None or abs(len(one) - len(two)) != 1 or max(len(one), len(two)) < 3:
            return False
        short, long = sorted((one, two), key=len)
        return any(long[:i] + long[i + 1 :] == short for i in range(min(len(long), 8)))


@dataclass(frozen=True, slots=True)
class OneApart:
    """Equally long values that differ in one character, among the first four (``char1`` to ``char4``)."""

    column: str

    def sql(self) -> str:
        apart = " + ".join(f"CASE WHEN char{i}_l = char{i}_r THEN 0 ELSE 1 END" for i in (1, 2, 3, 4))
        tails = " = ".join(f"substring({self.column}_{side}, 5)" for side in "lr")
        return f"(length_l = length_r AND length_l >= 2 AND {apart} = 1 AND {tails})"

    def holds(self, a: Row, b: Row) -> bool:
        one, two = a.get(self.column), b.get(self.column)
        if one is None or two is None or len(one) != len(two) or len(one) < 2:
            return False
        apart = sum(x != y for x, y in zip(one, two, strict=True))
        return apart == 1 and bool(one[4:] == two[4:])


@dataclass(frozen=True, slots=True)
class Within:
    """At most ``edits`` insertions, deletions or substitutions apart. For letters and digits only: DuckDB counts
    bytes, of which a Chinese character has three."""

    column: str
    edits: int

    def sql(self) -> str:
        return f"levenshtein({self.column}_l, {self.column}_r) <= {self.edits}"

    def holds(self, a: Row, b: Row) -> bool:
        one, two = a.get(self.column), b.get(self.column)
        return one is not None and two is not None and edit_distance(one, two) <= self.edits


@dataclass(frozen=True, slots=True)
class SameBag:
    """The same characters in any order; for short values of letters and digits."""

    column: str

    def sql(self) -> str:
        bags = (f"list_sort(regexp_extract_all({self.column}_{side}, '.'))" for side in "lr")
        return " = ".join(bags)

    def holds(self, a: Row, b: Row) -> bool:
        one, two = a.get(self.column), b.get(self.column)
        return one is not None and two is not None and sorted(one) == sorted(two)


@dataclass(frozen=True, slots=True)
class Alike:
    """The character at one place is the same, or looks like the other's.

    ``look`` holds the characters that look like ``char``; the table behind it is symmetric.
    """

    char: str
    look: str

    def sql(self) -> str:
        char, look = self.char, self.look
        return f"({char}_l = {char}_r OR contains({look}_l, {char}_r))"

    def holds(self, a: Row, b: Row) -> bool:
        one, two, look = a.get(self.char), b.get(self.char), a.get(self.look)
        return one is not None and two is not None and (one == two or (look is not None and two in look))


@dataclass(frozen=True, slots=True)
class Begins:
    """One value is the beginning of the other, and neither is shorter than ``least``."""

    column: str
    least: int

    def sql(self) -> str:
        one, two = f"{self.column}_l", f"{self.column}_r"
        return (
            f"(length({one}) >= {self.least} AND length({two}) >= {self.least} "
            f"AND (starts_with({one}, {two}) OR starts_with({two}, {one})))"
        )

    def holds(self, a: Row, b: Row) -> bool:
        one, two = a.get(self.column), b.get(self.column)
        if one is None or two is None or min(len(one), len(two)) < self.least:
            return False
        return bool(one.startswith(two) or two.startswith(one))


@dataclass(frozen=True, slots=True)
class Either:
    """At least one record has the flag."""

    flag: str

    def sql(self) -> str:
        return f"({self.flag}_l OR {self.flag}_r)"

    def holds(self, a: Row, b: Row) -> bool:
        return bool(a.get(self.flag) or b.get(self.flag))


@dataclass(frozen=True, slots=True)
class Missing:
    """At least one record does not state the value."""

    column: str

    def sql(self) -> str:
        return f"({self.column}_l IS NULL OR {self.column}_r IS NULL)"

    def holds(self, a: Row, b: Row) -> bool:
        return a.get(self.column) is None or b.get(self.column) is None


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold (a missing value makes it hold)."""

    of: Condition

    def sql(self) -> str:
        return f"NOT coalesce({self.of.sql()}, FALSE)"

    def holds(self, a: Row, b: Row) -> bool:
        return not self.of.holds(a, b)


@dataclass(frozen=True, slots=True, init=False)
class All:
    """Every condition holds."""

    of: tuple[Condition, ...]

    def __init__(self, *of: Condition) -> None:
        object.__setattr__(self, "of", of)

    def sql(self) -> str:
        return "(" + " AND ".join(c.sql() for c in self.of) + ")"

    def holds(self, a: Row, b: Row) -> bool:
        return all(c.holds(a, b) for c in self.of)


@dataclass(frozen=True, slots=True, init=False)
class AnyOf:
    """At least one condition holds."""

    of: tuple[Condition, ...]

    def __init__(self, *of: Condition) -> None:
        object.__setattr__(self, "of", of)

    def sql(self) -> str:
        return "(" + " OR ".join(f"coalesce({c.sql()}, FALSE)" for c in self.of) + ")"

    def holds(self, a: Row, b: Row) -> bool:
        return any(c.holds(a, b) for c in self.of)


def mask_sql(values: Sequence[str]) -> str:
    """SQL for a mask with one of 32 bits for every value; nulls have none."""
    return " | ".join(f"coalesce({bit_sql(f'hash({v})')}, 0)" for v in values)


def bit_sql(hashed: str) -> str:
    """SQL for the bit of one hashed value."""
    return f"(CAST(1 AS BIGINT) << CAST({hashed} & 31 AS INTEGER))"


def edit_distance(one: str, two: str) -> int:
    """Levenshtein's distance between two short strings."""
    before = list(range(len(two) + 1))
    for i, x in enumerate(one, 1):
        now = [i]
        for j, y in enumerate(two, 1):
            now.append(min(before[j] + 1, now[j - 1] + 1, before[j - 1] + (x != y)))
        before = now
    return before[-1]

"""Small pieces the register's queries are made of: rows by name, scope, cursors, sources."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from anju.kernel.refusal import Refusal
from anju.register.store.queries.values import Source
from anju.trust.sealing import sealer
from anju.trust.store import prepared

LARGEST_PAGE = 500
BEYOND = "~"
"""Sorts after every digit and letter of a code."""


def rows(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of one query as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        names = prepared.column_names(cursor)
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def in_order(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a query that wants the first few of an index's order.

    Row security makes the planner think that few rows remain, so that it would gather all of them and sort; told not
    to gather, it walks the index and stops. One round trip.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL enable_bitmapscan = off; {sql}; SET LOCAL enable_bitmapscan = on", values or None
        )
        cursor.nextset()
        names = prepared.column_names(cursor)
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def after(text: str) -> str:
    """The smallest text after every text that begins with ``text``, in byte order."""
    return text + "\U0010ffff"


def within(scope: Sequence[str], column: str) -> tuple[str, list[str]]:
    """A condition that ``column`` lies in one of the region subtrees, as ranges that an index can use.

    ``("",)`` is everywhere; an empty scope is nowhere. Trailing zeros of a padded code say nothing.
    """
    if "" in scope:
        return "TRUE", []
    if not scope:
        return "FALSE", []
    parts, values = [], []
    for prefix in scope:
        begin = significant(prefix)
        parts.append(f"({column} >= %s AND {column} < %s)")
        values += [begin, begin + BEYOND]
    return "(" + " OR ".join(parts) + ")", values


def significant(region: str) -> str:
    """A division code without the zeros that only fill it up: 990102000000 -> 990102."""
    for length in (2, 4, 6, 9, 12):
        if len(region) >= length and not region[length:].strip("0"):
            return region[:length]
    return region


def known(table: str, known_on: datetime | None) -> tuple[str, list[datetime]]:
    """A condition on when the register held a row true."""
    if known_on is None:
        return f"{table}.known_to IS NULL", []
    return f"{table}.known_from <= %s AND ({table}.known_to IS NULL OR {table}.known_to > %s)", [known_on] * 2


def pack(*parts: Any) -> str:
    """A cursor for the page after this one: sealed, for it may hold a name and stands in an address."""
    return base64.urlsafe_b64encode(sealer().seal(json.dumps(parts, ensure_ascii=False))).decode()


def unpack(cursor: str | None, parts: int) -> list[Any] | None:
    """The parts of a cursor, or None at the beginning. Refuses one that was not made here."""
    if not cursor:
        return None
    try:
        told = json.loads(sealer().open(base64.urlsafe_b64decode(cursor.encode())))
    except (ValueError, UnicodeError, Refusal):
        raise Refusal("register.bad_cursor") from None
    if not isinstance(told, list) or len(told) != parts:
        raise Refusal("register.bad_cursor")
    return told


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a list: expressions that together are unique and never null, all in one direction."""

    name: str
    columns: tuple[str, ...]
    is_down: bool = False

    @property
    def by(self) -> str:
        """What stands after ORDER BY."""
        return ", ".join(f"{c} DESC" if self.is_down else c for c in self.columns)

    @property
    def keys(self) -> str:
        """What is selected beside a row, to make the cursor of."""
        return ", ".join(f"{c} AS key_{i}" for i, c in enumerate(self.columns))

    def beyond(self, cursor: str | None) -> tuple[str, list[Any]]:
        """A condition for the rows after a cursor. Refuses a cursor of another order."""
        start = unpack(cursor, len(self.columns) + 2)
        if start is None:
            return "TRUE", []
        if start[:2] != [self.name, self.is_down]:
            raise Refusal("register.bad_cursor")
        marks = ", ".join("%s" for _ in self.columns)
        return f"({', '.join(self.columns)}) {'<' if self.is_down else '>'} ({marks})", start[2:]

    def cursor(self, row: Mapping[str, Any]) -> str:
        """The cursor for the page after ``row``."""
        told = (row[f"key_{i}"] for i in range(len(self.columns)))
        return pack(self.name, self.is_down, *(t if isinstance(t, int) else str(t) for t in told))


def order(sort: str, orders: Mapping[str, tuple[str, ...]]) -> Order:
    """The order called ``sort`` (a leading ``-``: descending); the first one when there is none of this name."""
    name = sort.removeprefix("-")
    if name in orders:
        return Order(name, orders[name], sort.startswith("-"))
    first = next(iter(orders))
    return Order(first, orders[first])


def page_size(limit: int) -> int:
    """A page of at least one row and at most ``LARGEST_PAGE``."""
    return max(1, min(limit, LARGEST_PAGE))


def sources(told: str) -> tuple[Source, ...]:
    """Sources of a row, newest first, each dataset once."""
    newest: dict[str, date | None] = {}
    for part in filter(None, told.split(";")):
        dataset, _, day = part.partition("@")
        on = date.fromisoformat(day) if day else None
        if dataset not in newest or (on or date.min) > (newest[dataset] or date.min):
            newest[dataset] = on
    return tuple(
        Source(d, on)
        for d, on in sorted(newest.items(), key=lambda s: (s[1] or date.min, s[0]), reverse=True)
    )


def address(row: Mapping[str, Any], prefix: str = "") -> str:
    """An address to show, from its parts; as stated where there are none."""
    if not row.get(f"{prefix}street"):
        return row.get(f"{prefix}address") or ""
    words = (("street", ""), ("number", "号"), ("building", "栋"), ("unit", "单元"), ("room", "室"))
    told = []
    for name, word in words:
        part = row.get(f"{prefix}{name}") or ""
        told.append(part if not part or part.endswith(word) else part + word)
    return "".join(told)

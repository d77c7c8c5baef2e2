"""What dwellings, employers and schools are asked alike: pages of them, one as known on a day, whose place it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from anju.kernel.refusal import Refusal
from anju.register.store.queries import sql
from anju.register.store.queries.values import Page, SchoolLine
from anju.trust.store.trip import Statement

Row = Mapping[str, Any]
SCHOOL_ORDERS = {"name": ("s.name", "s.school_code")}
FORMER_SHOWN = 50
OPEN = "(s.end_on IS NULL OR s.end_on > %s) AND (s.presumed_end_on IS NULL OR s.presumed_end_on > %s OR s.end_on IS NOT NULL)"
"""SQL: a spell ``s`` goes on on a day (given three times, with its begin)."""


def list_schools(
    text: str = "", *, scope: Sequence[str] = ("",), after: str | None = None, limit: int = 50
) -> Page[SchoolLine]:
    """Schools by name; ``text`` is how the name begins."""
    conditions, values = ["s.known_to IS NULL"], []
    if not scope:
        conditions.append("FALSE")
    if wanted := "".join(text.split()):
        conditions.append("s.name >= %s AND s.name < %s")
        values = [wanted, sql.after(wanted)]
    found, following = page(
        "register_school s", "s.*", conditions, values, sql.order("", SCHOOL_ORDERS), after, limit
    )
    return Page(
        tuple(SchoolLine(r["school_code"], r["name"], r["stage"], r["pupils"]) for r in found), following
    )


def place_of(spells: str, places: str, column: str, code: str) -> Statement:
    """The ``region`` a place belongs to for the one who asks: that of somebody in sight whose spell names it, so that every
    place of a file opens; else where it lies. Null: no such place, or out of sight."""
    return Statement(
        f"SELECT coalesce((SELECT region FROM {spells} WHERE {column} = %s LIMIT 1), "
        f"(SELECT region FROM {places} WHERE {column} = %s AND known_to IS NULL LIMIT 1)) AS region",
        (code, code),
    )


def page(
    table: str,
    columns: str,
    conditions: list[str],
    values: list[Any],
    order: sql.Order,
    after: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of rows by keyset, and the cursor after it."""
    size = sql.page_size(limit)
    beyond, start = order.beyond(after)
    found = sql.rows(
        f"SELECT {columns}, {order.keys} FROM {table} WHERE {' AND '.join([*conditions, beyond])} "
        f"ORDER BY {order.by} LIMIT %s",
        *values,
        *start,
        size + 1,
    )
    following = order.cursor(found[size - 1]) if len(found) > size else None
    return found[:size], following


def one(table: str, column: str, code: str, known_on: datetime | None, refusal: str) -> Row:
    """The row of one place as known then. Raises ``refusal`` where there is none."""
    when, values = sql.known("t", known_on)
    found = sql.rows(
        f"SELECT t.* FROM {table} t WHERE t.{column} = %s AND {when} ORDER BY t.known_from DESC LIMIT 1",
        code,
        *values,
    )
    if not found:
        raise Refusal(refusal)
    return found[0]


def run_day() -> date:
    """The day of the newest run; the last day there is before the first run."""
    found = sql.rows(
        "SELECT as_of FROM register_run WHERE state = 'finished' AND as_of IS NOT NULL ORDER BY id DESC LIMIT 1"
    )
    return found[0]["as_of"] if found else date.max

"""Finding people: by number, ending, name, sound, address, code; within what the caller may see.

A search is a row of *ways*, exact ones first; a page is filled way by way, so that the cursor names the way and
the last row. Every way is a range of an index; some are tried only when those before them found nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from anju.kernel.refusal import Refusal
from anju.register import names
from anju.register.store.queries import sql
from anju.register.store.queries.codes import RESOLVED, resolve_code
from anju.register.store.queries.lines import COLUMNS, JOIN_PLACE, PLACE, lines
from anju.register.store.queries.values import Page, PersonLine
from anju.register.store.queries.ways import BY_CODE, Way, browse, ways_of
from anju.trust.sealing import sealer
from anju.trust.store import prepared
from anju.trust.store.trip import Statement

LONGEST = 100


def find_people(
    text: str,
    *,
    scope: Sequence[str],
    after: str | None = None,
    limit: int = 50,
    masked: bool = True,
    sort: str = "",
) -> Page[PersonLine]:
    """People matching ``text`` within ``scope`` (region prefixes, ``("",)`` everywhere), the best match first.

    No text browses the scope; then ``sort`` may be name or region, with a leading ``-`` descending. Refuses ``register.search_too_long`` and a cursor not made here.
    """
    wanted = names.even(text)
    if len(wanted) > LONGEST:
        raise Refusal("register.search_too_long", longest=LONGEST)
    size = sql.page_size(limit)
    ways = ways_of(wanted, scope) if wanted else [browse(sort, scope)]
    start = sql.unpack(after, 3)
    number, key = (int(start[0]), (start[1], start[2])) if start else (0, None)
    found: list[PersonLine] = []
    while number < len(ways):
        way = ways[number]
        if way.is_last_resort and (found or (after and key is None)):
            break
        rows = _rows(way, scope, key, size + 1 - len(found))
        found += lines(rows, masked, way.name)
        if len(found) > size:
            last = rows[len(rows) - 2] if len(rows) > 1 else None
            kept = tuple(found[:size])
            if last is None:  # the page ended exactly with the way before: begin this one afresh
                return Page(kept, sql.pack(number, "", ""))
            return Page(kept, sql.pack(number, last["sort_key"] or "", last["person_code"]))
        number, key = number + 1, None
    return Page(tuple(found), None)


def _rows(way: Way, scope: Sequence[str], key: tuple[str, str] | None, limit: int) -> list[dict[str, Any]]:
    place, values = sql.within(scope, "i.region")
    conditions = ["i.known_to IS NULL", place, f"({way.condition})"]
    values = [*values, *way.values]
    order = way.order if way.order == BY_CODE else f"{way.order}, {BY_CODE}"
    beyond, down = ("<", " DESC") if way.is_down else (">", "")
    if key and any(key):
        marks = "%s" if way.order == BY_CODE else "%s, %s"
        conditions.append(f"({order}) {beyond} ({marks})")
        values += [key[1]] if way.order == BY_CODE else list(key)
    order = order.replace(", ", f"{down}, ") + down
    return sql.in_order(
        f"SELECT f.*, {PLACE} FROM (SELECT {COLUMNS}, {way.order} AS sort_key FROM register_identity i {way.joins} "
        f"WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT %s) f "
        f"{JOIN_PLACE.replace('i.', 'f.')} ORDER BY f.sort_key{down}, f.person_code{down}",
        *values,
        limit,
    )


def find_by_number(citizen_no: str) -> tuple[str, ...]:
    """Codes of the people shown with this citizen number."""
    return _by_index("citizen_no", citizen_no.strip().upper())


def find_by_phone(phone: str) -> tuple[str, ...]:
    """Codes of the people shown with this phone."""
    return _by_index("phone", phone.strip())


def _by_index(column: str, value: str) -> tuple[str, ...]:
    found = sql.rows(
        f"SELECT person_code FROM register_identity WHERE {column}_index = ANY(%s) AND known_to IS NULL "
        "ORDER BY person_code",
        sealer().indexes(column, value),
    )
    return tuple(r["person_code"] for r in found)


def person_region(code: str) -> str | None:
    """The division a person lives in now (None: nobody knows), for a guard that asks before any row is open to it."""
    found = prepared.rows(
        f"{RESOLVED} SELECT register_region_of(code) AS region FROM led WHERE merged_into IS NULL", code
    )
    if not found:
        raise Refusal("register.unknown_code")
    return found[0]["region"]


def person_place(code: str) -> Statement:
    """What a guard asks about a person: ``region``, the division they live in now, and ``is_restricted``, whether their
    data may only be kept. Nothing is told of people out of sight: they look as if there were no such person."""
    return Statement("SELECT region, is_restricted FROM register_place_of(%s)", (code,))


@dataclass(frozen=True, slots=True)
class Child:
    """A child of the one who is logged in, as far as a parent agrees for it."""

    code: str
    name: str
    born_on: date | None
    region: str | None


def my_children() -> tuple[Child, ...]:
    """The children of the person the transaction is bound to, the youngest first."""
    found = sql.rows(
        "SELECT code, name, born_on, region FROM register_my_children() ORDER BY born_on DESC, code"
    )
    return tuple(Child(**row) for row in found)


def person_born_on(code: str) -> date | None:
    """A person's birthday, or None where no source states it or the caller may not see the person."""
    found = sql.rows(
        "SELECT born_on FROM register_identity WHERE person_code = %s AND known_to IS NULL",
        resolve_code(code),
    )
    return found[0]["born_on"] if found else None

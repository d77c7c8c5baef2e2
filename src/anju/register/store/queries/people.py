"""Finding people: by number, ending, name, sound, address, code; within what the caller may see.

A search is a row of *ways*, exact ones first; a page is filled way by way, so that the cursor names the way and
the last row. Every way is a range of an index; some are tried only when those before them found nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from anju.kernel.identifiers import citizen_from_15, is_person_code
from anju.kernel.refusal import Refusal
from anju.register import names
from anju.register.store.queries import addresses, sql
from anju.register.store.queries.lines import COLUMNS, JOIN_PLACE, PLACE, lines
from anju.register.store.queries.values import Page, PersonLine
from anju.trust.sealing import sealer
from anju.trust.store import prepared
from anju.trust.store.trip import Statement

LONGEST = 100
BY_CODE = "i.person_code"
GIVEN = "i.given_key"
_NUMBER = re.compile(r"\d{17}[\dXx]|\d{15}")
_PHONE = re.compile(r"(?:\+?86|0086)?(1\d{10})")
_TAIL = re.compile(r"\d{4,10}[Xx]?|\d{3}[Xx]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z' .]*")
_WITH_FOUR = re.compile(r"(\D+?)( ?)(\d{3}[\dXx])")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to match: its name, condition, values, and what its rows are ordered by (the index of the condition,
    so that the planner never walks all people in another order to fill a page)."""

    name: str
    condition: str
    values: tuple[Any, ...]
    order: str = "i.person_code"
    joins: str = ""
    is_down: bool = False
    is_last_resort: bool = False


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
    ways = ways_of(wanted, scope) if wanted else [_browse(sort, scope)]
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


def _browse(sort: str, scope: Sequence[str]) -> Way:
    """Everybody of a place: by division, or by name; where the whole register is open, by name."""
    name = sort.removeprefix("-")
    whole = "" in scope or not scope
    by_region = not whole and name != "name"
    is_down = sort.startswith("-") and name == ("region" if by_region else "name")
    return Way("browse", "TRUE", (), "i.region" if by_region else "i.name_key", is_down=is_down)


def ways_of(text: str, scope: Sequence[str]) -> list[Way]:
    """How ``text`` may be meant, the surest way first."""
    compact = text.replace(" ", "").replace("-", "")
    if is_person_code(compact.upper()):
        return [Way("code", "i.person_code = %s", (resolve_or_same(compact.upper()),))]
    if _NUMBER.fullmatch(compact):
        number = compact.upper() if len(compact) == 18 else citizen_from_15(compact)
        return [Way("citizen_no", "i.citizen_no_index = ANY(%s)", (sealer().indexes("citizen_no", number),))]
    if phone := _PHONE.fullmatch(compact):
        return [Way("phone", "i.phone_index = ANY(%s)", (sealer().indexes("phone", phone[1]),))]
    if _TAIL.fullmatch(compact):
        return _tails(compact.upper(), scope)
    if _LATIN.fullmatch(text):
        return _sounds(text)
    found, named = addresses.parse(compact), _WITH_FOUR.fullmatch(text)
    if named and (named[2] or not found):
        return [_with_four(way, named[3].upper()) for way in ways_of(named[1], scope)]
    if found:
        condition, values = addresses.condition(found, "a")
        join = "JOIN register_dwelling a ON a.dwelling_code = i.dwelling_code AND a.known_to IS NULL"
        by_address = Way("address", condition, tuple(values), joins=join)
        return [by_address] if found.number else [*_names(compact), by_address]
    return _names(compact)


def _tails(tail: str, scope: Sequence[str]) -> list[Way]:
    """Endings of phones and citizen numbers. Only four digits are kept open; longer ones are checked by opening."""
    ways = []
    for name, column in (("phone_tail", "phone"), ("citizen_no_tail", "citizen_no")):
        if name == "phone_tail" and not tail.isdigit():
            continue
        condition, values = f"i.{column}_last4 = %s", [tail[-4:]]
        if len(tail) > 4:
            place, bounds = sql.within(scope, "i.region")
            held = sql.rows(
                f"SELECT i.person_code, i.{column} AS sealed FROM register_identity i "
                f"WHERE i.known_to IS NULL AND {place} AND {condition}",
                *bounds,
                *values,
            )
            seal = sealer()
            codes = [r["person_code"] for r in held if seal.open(r["sealed"]).endswith(tail)]
            ways.append(Way(name, "i.person_code = ANY(%s)", (codes,)))
        else:
            ways.append(Way(name, condition, tuple(values)))
    return ways


def _with_four(way: Way, four: str) -> Way:
    """A name's way, narrowed by the last four of the citizen number or phone, or by the year of birth."""
    either = "i.citizen_no_last4 = %s OR i.phone_last4 = %s OR extract(year FROM i.born_on)::text = %s"
    return replace(way, condition=f"({way.condition}) AND ({either})", values=(*way.values, four, four, four))


def _sounds(text: str) -> list[Way]:
    """Pinyin in full or its beginning; a short word may be initials; at last the given name first."""
    sound = re.sub(r"[^a-z]", "", text.lower().replace("ü", "v"))
    ways = [Way("pinyin", "i.pinyin >= %s AND i.pinyin < %s", (sound, sql.after(sound)), "i.pinyin")]
    if len(sound) <= 6 and " " not in text:
        condition = "i.initials >= %s AND i.initials < %s AND NOT (i.pinyin >= %s AND i.pinyin < %s)"
        ways.append(
            Way("initials", condition, (sound, sql.after(sound), sound, sql.after(sound)), "i.initials")
        )
    *given, surname = text.lower().split()
    if given:
        turned = re.sub(r"[^a-z]", "", "".join([surname, *given]).replace("ü", "v"))
        ways.append(replace(ways[0], values=(turned, sql.after(turned)), is_last_resort=True))
    return ways


def _names(text: str) -> list[Way]:
    """A name, its beginning, or its given name; traditional forms are evened out. At last names that sound the same."""
    key = names.key(text)
    sound = "".join(names.syllables(key))
    begins = "i.name_key >= %s AND i.name_key < %s"
    bounds = (key, sql.after(key))
    given = f"{GIVEN} >= %s AND {GIVEN} < %s AND NOT ({begins})"
    return [
        Way("name", begins, bounds, "i.name_key"),
        Way("name_part", given, (*bounds, *bounds), GIVEN),
        Way("name_sound", "i.pinyin = %s", (sound,), "i.pinyin", is_last_resort=True),
    ]


def resolve_or_same(code: str) -> str:
    """The code that answers for ``code`` today; itself when nobody knows it."""
    found = sql.rows(_RESOLVE, code)
    return str(found[0]["code"]) if found else code


_RESOLVED = """
WITH RECURSIVE led AS (
    SELECT code, merged_into, 0 AS depth FROM register_person WHERE code = %s
    UNION ALL
    SELECT p.code, p.merged_into, led.depth + 1 FROM register_person p JOIN led ON p.code = led.merged_into
    WHERE led.depth < 100
)
"""
_RESOLVE = f"{_RESOLVED} SELECT code FROM led WHERE merged_into IS NULL"


def resolve_code(code: str) -> str:
    """The code that answers for ``code`` today: every code ever given leads somewhere, for ever.

    Refuses ``register.unknown_code`` for one never given.
    """
    found = prepared.rows(_RESOLVE, code)
    if not found:
        raise Refusal("register.unknown_code")
    return str(found[0]["code"])


def former_codes(code: str) -> tuple[str, ...]:
    """Every code that leads to ``code``, directly or through others."""
    found = sql.rows(
        "WITH RECURSIVE back AS (SELECT code FROM register_person WHERE merged_into = %s UNION "
        "SELECT p.code FROM register_person p JOIN back ON p.merged_into = back.code) "
        "SELECT code FROM back ORDER BY code",
        code,
    )
    return tuple(r["code"] for r in found)


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
        f"{_RESOLVED} SELECT register_region_of(code) AS region FROM led WHERE merged_into IS NULL", code
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

"""What somebody may mean by a text typed into the search for people, as conditions on indexed columns.

A search is a row of *ways*, the surest first. Every way is a range of an index; some are tried only when those before
them found nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from anju.kernel.identifiers import citizen_from_15, is_person_code
from anju.register import names
from anju.register.store.queries import addresses, sql
from anju.register.store.queries.codes import resolve_or_same
from anju.trust.sealing import sealer

BY_CODE = "i.person_code"
GIVEN = "i.given_key"
_NUMBER = re.compile(r"\d{17}[\dXx]|\d{15}")
_PHONE = re.compile(r"(?:\+?86|0086)?(1\d{10})")
_TAIL = re.compile(r"\d{4,10}[Xx]?|\d{3}[Xx]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z' .]*")
_LABEL = re.compile(r"(?:姓名|证件号码|公民身份号码|身份证号?码?|电话|手机号?码?|地址|现住址)[:：] *")
_WITH_BIRTHDAY = re.compile(
    r"(\D+?) ?((?:19|20)\d\d)(?:[-./年](\d{1,2})[-./月](\d{1,2})日?|([01]\d)([0-3]\d))"
)
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


def browse(sort: str, scope: Sequence[str]) -> Way:
    """Everybody of a place: by division, or by name; where the whole register is open, by name."""
    name = sort.removeprefix("-")
    whole = "" in scope or not scope
    by_region = not whole and name != "name"
    is_down = sort.startswith("-") and name == ("region" if by_region else "name")
    return Way("browse", "TRUE", (), "i.region" if by_region else "i.name_key", is_down=is_down)


def ways_of(text: str, scope: Sequence[str]) -> list[Way]:
    """How ``text`` may be meant, the surest way first; at last as a name and more beside it."""
    text = _LABEL.sub("", text, count=1) or text
    return [*_plain_ways(text, scope), *_born_on(text), *_living_there(text)]


def _plain_ways(text: str, scope: Sequence[str]) -> list[Way]:
    """How ``text`` may be meant as one thing, or as a name and four digits."""
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
    found, named = addresses.parse(text.replace(" ", "")), _WITH_FOUR.fullmatch(text)
    by_address = _by_address(found) if found else None
    if named and (named[2] or not by_address):
        ways = [_with_four(way, named[3].upper()) for way in _plain_ways(named[1], scope)]
        return [*ways, replace(by_address, is_last_resort=True)] if by_address else ways
    if found and by_address:
        return [by_address] if found.number else [*_names(compact), by_address]
    return _names(compact)


def _by_address(wanted: addresses.Wanted) -> Way:
    condition, values = addresses.condition(wanted, "a")
    join = "JOIN register_dwelling a ON a.dwelling_code = i.dwelling_code AND a.known_to IS NULL"
    return Way("address", condition, tuple(values), joins=join)


def _born_on(text: str) -> list[Way]:
    """A name and a birthday: 张伟 1990-02-01, 张伟19900201."""
    if not (told := _WITH_BIRTHDAY.fullmatch(text)):
        return []
    name, year, *rest = told.groups()
    month, day = (int(part) for part in rest if part)
    try:
        born = date(int(year), month, day)
    except ValueError:
        return []
    return [_and(way, "i.born_on = %s", (born,)) for way in _named(name)]


def _living_there(text: str) -> list[Way]:
    """A name and an address, either first: 张伟 建设路12号."""
    told = text.split(" ")
    for name, address in (told, told[::-1]) if len(told) == 2 else ():
        wanted = addresses.parse(address)
        if wanted and not addresses.parse(name) and not re.search(r"\d", name):
            there = _by_address(wanted)
            return [
                _and(replace(way, joins=there.joins), there.condition, there.values) for way in _named(name)
            ]
    return []


def _named(name: str) -> list[Way]:
    return _sounds(name) if _LATIN.fullmatch(name) else _names(name)


def _and(way: Way, condition: str, values: tuple[Any, ...]) -> Way:
    """A way narrowed by what stands beside the name; tried when nobody is found otherwise."""
    return replace(
        way,
        condition=f"({way.condition}) AND ({condition})",
        values=(*way.values, *values),
        is_last_resort=True,
    )


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
    ways += _otherwise_read(sound)
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


def _otherwise_read(sound: str) -> list[Way]:
    """People whose surname has another reading than the one it is kept under, by it: few names have such a surname."""
    ways = []
    for reading, surname, kept in names.otherwise_read():
        if sound.startswith(reading):
            meant = kept + sound[len(reading) :]
            condition = (
                "i.name_key >= %s AND i.name_key < %s AND i.pinyin >= %s AND i.pinyin < %s "
                "AND NOT (i.pinyin >= %s AND i.pinyin < %s) AND NOT (i.initials >= %s AND i.initials < %s)"
            )
            bounds = tuple(
                bound for text in (surname, meant, sound, sound) for bound in (text, sql.after(text))
            )
            ways.append(Way("pinyin", condition, bounds, "i.name_key"))
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

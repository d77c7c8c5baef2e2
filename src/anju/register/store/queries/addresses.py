"""Addresses as people type them into a search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from anju.register.store.queries import sql

_WORDS = r"路|街|巷|弄|道|里|胡同|村|庄|屯|苑|坊"
_ADDRESS = re.compile(
    rf"(?P<street>[^号]{{1,40}}?(?:{_WORDS}))(?:(?P<number>\d[\d-]*)号?)?"
    r"(?:(?P<building>[\dA-Za-z]+)(?:栋|幢|号楼|座|#))?(?:(?P<unit>[\dA-Za-z]+)单元)?(?:(?P<room>[\dA-Za-z]+)室?)?"
)
_HEAD = re.compile(r"省|自治区|市|区|县|旗|镇|乡|街道|社区|居委会|村委会")
"""How the name of a division ends. A street may hold such a word, too: 市民路, 县前街."""
_HYPHENED = re.compile(r"(\d+)(?:号-?|-)([\dA-Za-z]+)(?:-([\dA-Za-z]+))?-([\dA-Za-z]+)")
"""The short hand: 12-3-2-501, 12号3-501."""
PARTS = ("number", "building", "unit", "room")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parts of an address that were typed; ``streets``: what may be the street, divisions left out more and more."""

    streets: tuple[str, ...]
    number: str | None = None
    building: str | None = None
    unit: str | None = None
    room: str | None = None


def parse(text: str) -> Wanted | None:
    """The address in ``text``; None when it is none. Divisions before the street may be typed or not."""
    found = _ADDRESS.fullmatch(_HYPHENED.sub(_in_words, text, count=1))
    if found is None:
        return None
    parts = found.groupdict()
    return Wanted(_streets(parts.pop("street")), **parts)


def _in_words(short: re.Match[str]) -> str:
    number, building, unit, room = short.groups()
    return f"{number}号{building}栋{f'{unit}单元' if unit else ''}{room}室"


def _streets(text: str) -> tuple[str, ...]:
    """A text, and what is left of it after the end of each division's name in it."""
    return (text, *(text[m.end() :] for m in _HEAD.finditer(text) if m.end() < len(text)))


def condition(wanted: Wanted, table: str) -> tuple[str, list[Any]]:
    """A condition on a dwelling, as an equality for each part that was typed: a prefix of the address index."""
    told = [(p, getattr(wanted, p)) for p in PARTS if getattr(wanted, p)]
    is_one = len(wanted.streets) == 1
    where = [f"{table}.street = {'%s' if is_one else 'ANY(%s)'}", *(f"{table}.{p} = %s" for p, _ in told)]
    street = wanted.streets[0] if is_one else list(wanted.streets)
    return " AND ".join(where), [street, *(value for _, value in told)]


def beginning(text: str, table: str) -> tuple[str, list[Any]]:
    """A condition that a street begins with ``text``."""
    streets = _streets(text)
    either = " OR ".join([f"({table}.street >= %s AND {table}.street < %s)"] * len(streets))
    return f"({either})", [bound for street in streets for bound in (street, sql.after(street))]

"""Addresses as people type them into a search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from anju.register.store.queries import sql

_WORDS = r"路|街|巷|弄|道|里|胡同|村|庄|屯|苑|坊"
_ADDRESS = re.compile(
    rf"(?P<street>[^号]{{1,20}}?(?:{_WORDS}))(?:(?P<number>\d[\d-]*)号?)?"
    r"(?:(?P<building>[\dA-Za-z]+)(?:栋|幢|号楼|座|#))?(?:(?P<unit>[\dA-Za-z]+)单元)?(?:(?P<room>[\dA-Za-z]+)室?)?"
)
_HEAD = re.compile(r"^.*(?:省|自治区|市|区|县|旗|镇|乡|街道|社区|居委会|村委会)(?=.)")
PARTS = ("street", "number", "building", "unit", "room")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parts of an address that were typed."""

    street: str
    number: str | None = None
    building: str | None = None
    unit: str | None = None
    room: str | None = None


def parse(text: str) -> Wanted | None:
    """The address in ``text``, divisions before the street left out; None when it is none."""
    found = _ADDRESS.fullmatch(_HEAD.sub("", text))
    return Wanted(**found.groupdict()) if found else None


def condition(wanted: Wanted, table: str) -> tuple[str, list[Any]]:
    """A condition on a dwelling, as an equality for each part that was typed: a prefix of the address index."""
    told = [(p, getattr(wanted, p)) for p in PARTS if getattr(wanted, p)]
    return " AND ".join(f"{table}.{p} = %s" for p, _ in told), [value for _, value in told]


def beginning(text: str, table: str) -> tuple[str, list[Any]]:
    """A condition that a street begins with ``text``."""
    street = _HEAD.sub("", text)
    return f"{table}.street >= %s AND {table}.street < %s", [street, sql.after(street)]

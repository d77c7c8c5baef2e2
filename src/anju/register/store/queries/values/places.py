"""Dwellings, employers and schools: a line in a list, one of them with the people in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from anju.register.store.queries.values.people import PersonLine, Source


@dataclass(frozen=True, slots=True)
class DwellingLine:
    """One dwelling in a list; the address in full (it names no person)."""

    code: str
    address: str
    region: str
    kind: str
    let_for: str
    grade: str
    fire_grade: str
    hygiene_grade: str
    residents: int
    official_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Occupant:
    """One person who lives, or lived, in a dwelling. ``household`` numbers those of one family (0: nobody else of it)."""

    person: PersonLine
    begin_on: date
    until: date | None
    sources: tuple[Source, ...]
    household: int = 0


@dataclass(frozen=True, slots=True)
class DwellingFile:
    """One dwelling with the people in it. ``more``: people beyond the limit."""

    line: DwellingLine
    area_m2: float | None
    rooms: int | None
    rent_fen: int | None
    landlord_name: str
    landlord_phone: str
    longitude: float | None
    latitude: float | None
    residents: tuple[Occupant, ...]
    former: tuple[Occupant, ...]
    more: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class EmployerLine:
    """One employer in a list."""

    code: str
    name: str
    kind: str
    industry: str
    region: str
    workers: int
    opened_on: date | None
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class Worker:
    """One person who works, or worked, for an employer."""

    person: PersonLine
    occupation: str
    has_contract: bool | None
    begin_on: date
    until: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class EmployerFile:
    """One employer with its people and the dormitories they live in."""

    line: EmployerLine
    address: str
    workers: tuple[Worker, ...]
    former: tuple[Worker, ...]
    more: int
    dormitories: tuple[DwellingLine, ...]
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchoolLine:
    """One school in a list."""

    code: str
    name: str
    stage: str
    pupils: int

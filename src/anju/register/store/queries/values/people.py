"""One person: a line in a list, the fields with their sources, everything dated about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from. ``record_key`` and ``batch`` are empty where a row joins several records."""

    dataset: str
    observed_on: date | None
    record_key: str = ""
    batch: str = ""


@dataclass(frozen=True, slots=True)
class OtherValue:
    """A value that is not shown, with its sources."""

    value: str
    sources: tuple[Source, ...]
    is_contradiction: bool


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a person: the value shown, its sources (newest first), the others."""

    field: str
    value: str | None
    sources: tuple[Source, ...]
    others: tuple[OtherValue, ...]
    privacy: str


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person in a list."""

    code: str
    name: str
    sex: str
    born_year: int | None
    citizen_no: str
    phone: str
    region: str | None
    dwelling_code: str | None
    address: str
    hukou_region: str
    in_police: bool
    is_resident: bool
    record_count: int
    dataset_count: int
    discrepancy_count: int
    matched_by: str = ""


class Spell:
    """What lasts from a day to a day: a stated end counts, else the begin of a later one elsewhere."""

    __slots__ = ()
    end_on: date | None
    presumed_end_on: date | None

    @property
    def until(self) -> date | None:
        """Day after the last; None while it goes on."""
        return self.end_on or self.presumed_end_on


@dataclass(frozen=True, slots=True)
class StayView(Spell):
    """One stay. ``until`` is what counts: a stated end, else the begin of a later confirmed stay elsewhere."""

    dwelling_code: str
    address: str
    region: str
    begin_on: date
    end_on: date | None
    presumed_end_on: date | None
    dwelling_kind: str
    reason: str
    confirmed_on: date
    registered_on: date | None
    sources: tuple[Source, ...]
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class JobView(Spell):
    """One job. ``wage_fen`` only in an unmasked file."""

    employer_code: str
    employer_name: str
    begin_on: date
    end_on: date | None
    presumed_end_on: date | None
    occupation: str
    has_contract: bool | None
    wage_fen: int | None
    confirmed_on: date
    sources: tuple[Source, ...]
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class KinView:
    """One relative or member of the same household (``relation`` empty)."""

    relation: str
    relative_code: str | None
    name: str
    is_inverse: bool
    household: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ContributionView:
    """One run of months."""

    scheme: str
    kind: str
    region: str
    from_month: date
    to_month: date
    months: int
    base_fen: int | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentView(Spell):
    """One pupil at one school."""

    school_code: str
    school_name: str
    stage: str
    grade: str
    begin_on: date
    end_on: date | None
    presumed_end_on: date | None
    confirmed_on: date
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class PermitView:
    """One residence permit."""

    permit_no: str
    issued_on: date | None
    valid_until: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class TaxView:
    """Tax of one year; the amount only in an unmasked file."""

    year: int
    paid_fen: int | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class SkillView:
    """One qualification."""

    name: str
    level: str
    issued_on: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class LandView:
    """One contracted plot."""

    region: str
    area_m2: float | None
    begin_on: date | None
    is_leased_out: bool | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class AidView:
    """One legal-aid case."""

    kind: str
    opened_on: date | None
    closed_on: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class HealthView:
    """One resident health file."""

    station_code: str
    opened_on: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class DiscrepancyLine:
    """One contradiction: field, who has authority, which dataset is shown, which say otherwise."""

    id: int
    person_code: str
    person_name: str
    region: str | None
    field: str
    owner: str
    shown_dataset: str
    against: tuple[str, ...]
    known_from: datetime


@dataclass(frozen=True, slots=True)
class PersonFile:
    """One person, one file. Aspects the caller may not see are empty (and named in ``withheld``)."""

    code: str
    asked_code: str
    former_codes: tuple[str, ...]
    valid_on: date | None
    known_on: datetime | None
    line: PersonLine
    fields: tuple[FieldView, ...]
    stays: tuple[StayView, ...]
    jobs: tuple[JobView, ...]
    family: tuple[KinView, ...]
    contributions: tuple[ContributionView, ...]
    contribution_months: Mapping[str, int]
    enrolments: tuple[EnrolmentView, ...]
    permits: tuple[PermitView, ...]
    taxes: tuple[TaxView, ...]
    skills: tuple[SkillView, ...]
    lands: tuple[LandView, ...]
    aids: tuple[AidView, ...]
    health: tuple[HealthView, ...]
    discrepancies: tuple[DiscrepancyLine, ...]
    datasets: tuple[str, ...]
    withheld: tuple[str, ...] = ()

"""What goes out of each table: its aspect decides whether the purpose opens it, the column's class how it is shown.

Classes are those of ``register.canon``. A sensitive value goes out masked, or not at all where half of it says nothing,
unless the receiver was approved for clear values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from anju.register import dossier
from anju.trust import masking


@dataclass(frozen=True, slots=True)
class Source:
    """One table of the register as others see it. ``sealed`` columns are opened only for whom they are shown clear."""

    name: str
    table: str
    columns: tuple[str, ...]
    sealed: tuple[str, ...] = ()
    masks: Mapping[str, Callable[[str | None], str | None]] | None = None
    sensitive: frozenset[str] = frozenset()
    of_person: bool = True
    told: Callable[[str], dict[str, Any]] | None = None
    """What goes out instead of the columns, from the one sealed column opened."""
    aspect: str = ""
    """What a purpose must open; empty: what the source is called."""


def _who_says(records: str) -> dict[str, Any]:
    """Who states which of a person's own fields, and when: never the values."""
    said = dossier.unpack(records, {})
    return {
        "sources": [
            {
                "dataset": s.dataset,
                "seen_on": s.observed_on.isoformat() if s.observed_on else None,
                "fields": sorted(s.values),
            }
            for s in said
        ]
    }


def _source(
    name: str, table: str, columns: str, sensitive: str = "", *, of_person: bool = True, **more: Any
) -> Source:
    listed, hidden = tuple(columns.split()), frozenset(sensitive.split())
    return Source(name, f"register_{table}", listed, sensitive=hidden, of_person=of_person, **more)


SOURCES: tuple[Source, ...] = (
    _source(
        "person",
        "identity",
        "name sex born_on citizen_no_last4 phone_last4 hukou_region education marital dwelling_code employer_code "
        "arrived_on is_resident region",
        sealed=("citizen_no", "phone"),
        masks={"name": masking.mask_name},
    ),
    _source(
        "stay",
        "stay",
        "dwelling_code stay_region begin_on end_on presumed_end_on dwelling_kind reason confirmed_on",
    ),
    _source(
        "job",
        "job",
        "employer_code employer_name begin_on end_on presumed_end_on occupation has_contract wage_fen confirmed_on",
        "wage_fen",
    ),
    _source(
        "contribution",
        "contribution",
        "scheme kind insured_region from_month to_month months base_fen",
        "base_fen",
    ),
    _source(
        "enrolment",
        "enrolment",
        "school_code school_name stage grade begin_on end_on presumed_end_on confirmed_on",
    ),
    _source("kin", "kin", "relative_code relation household is_inverse"),
    _source("permit", "permit", "permit_no issued_on valid_until"),
    _source("tax", "taxyear", "year paid_fen", "paid_fen"),
    _source("skill", "skill", "name level issued_on"),
    _source("land", "landright", "land_region area_m2 begin_on is_leased_out"),
    _source("aid", "aid", "kind opened_on closed_on"),
    _source("health", "healthfile", "station_code opened_on"),
    _source(
        "dwelling",
        "dwelling",
        "dwelling_code region street number building kind let_for area_m2 rooms grade fire_grade hygiene_grade",
        of_person=False,
    ),
    _source(
        "employer",
        "employer",
        "employer_code region name kind industry address opened_on closed_on",
        of_person=False,
    ),
    # A cursor counts tables by their place here: new ones come last.
    _source("school", "school", "school_code region name stage", of_person=False, aspect="enrolment"),
    _source("discrepancy", "discrepancy", "field owner shown_dataset against"),
    _source("dossier", "dossier", "", sealed=("records",), told=_who_says),
)
NUMBER = {source.name: place for place, source in enumerate(SOURCES)}


def opened(aspects: Collection[str]) -> tuple[Source, ...]:
    """The tables a purpose's aspects open."""
    return tuple(s for s in SOURCES if (s.aspect or s.name) in aspects)


def shown(
    source: Source, row: Mapping[str, Any], *, clear: bool, unseal: Callable[[bytes], str]
) -> dict[str, Any]:
    """A row as it goes out: plain values; sensitive ones masked or left out, unless ``clear``."""
    if source.told is not None:
        [sealed] = source.sealed
        return source.told(unseal(row[sealed]) if row[sealed] is not None else "")
    told: dict[str, Any] = {}
    for column in source.columns:
        value = row[column]
        if column in source.sensitive and not clear:
            continue
        if source.masks and column in source.masks and not clear:
            value = source.masks[column](value)
        told[column] = value.isoformat() if hasattr(value, "isoformat") else value
    if clear:
        told |= {c: unseal(row[c]) if row[c] is not None else None for c in source.sealed}
    return told

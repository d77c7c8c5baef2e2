"""Decisions about stays and jobs that stand, and the stays or jobs of one person with what was decided about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from anju.kernel.refusal import Refusal
from anju.register import settling, spells
from anju.register.spells import SpellDecision
from anju.register.store.models import Settlement
from anju.register.store.queries import cases, lines, sql
from anju.register.store.queries.people import resolve_code
from anju.register.store.queries.values import Source
from anju.trust import masking
from anju.trust.sealing import sealer


@dataclass(frozen=True, slots=True)
class Standing:
    """A decision that stands: the case that holds it, whose spell it is (today's code), the day it was made."""

    id: int
    person_code: str
    decision: SpellDecision
    decided_on: date


def standing(code: str = "") -> tuple[Standing, ...]:
    """Decisions that stand, of one person or everyone (a run): of several about one spell the newest. Oldest first."""
    found = Settlement.objects.filter(state="settled", field__in=spells.ASPECTS).order_by("id")
    if code:
        found = found.filter(person_code=code)
    newest: dict[tuple[object, ...], Standing] = {}
    for case in found:
        told = spells.unpack(sealer().open(case.value))
        whose = resolve_code(case.person_code)
        newest[(whose, *told.key, told.stated_begin_on)] = Standing(
            case.pk, whose, told, case.settled_at.date()
        )
    return tuple(sorted(newest.values(), key=lambda s: s.id))


@dataclass(frozen=True, slots=True)
class SpellLine:
    """One stay or job as shown now. ``where``: the address (masked) or the employer."""

    id: int
    where: str
    region: str
    begin_on: date
    end_on: date | None
    presumed_end_on: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class SpellPage:
    """What can be put right about one person's stays or jobs: the spells, and the newest case about them."""

    person_code: str
    person_name: str
    aspect: str
    owner: str
    case: int | None
    state: str
    opened_at: datetime | None
    due_on: date | None
    request: str
    why: str
    settled_at: datetime | None
    lines: tuple[SpellLine, ...]
    steps: tuple[cases.StepLine, ...]
    is_contradicted: bool


def get_spells(code: str, aspect: str, *, masked: bool = True) -> SpellPage:
    """One person's stays or jobs with the case about them. Refuses another field, and a person who is not there."""
    if aspect not in spells.ASPECTS:
        raise Refusal("register.cannot_settle", field=aspect)
    current = resolve_code(code)
    named = sql.rows(
        "SELECT name FROM register_identity WHERE person_code = %s AND known_to IS NULL", current
    )
    if not named:
        raise Refusal("register.no_person")
    case = Settlement.objects.filter(person_code=current, field=aspect).order_by("-id").first()
    opened = sealer().open
    return SpellPage(
        current, (masking.mask_name(named[0]["name"]) if masked else named[0]["name"]) or "", aspect,
        case.owner if case else settling.owner_of(aspect, cases.authority(aspect)), case.pk if case else None,
        case.state if case else "", case.opened_at if case else None, case.due_on if case else None,
        case.request if case else "", opened(case.why) if case and case.why else "", case.settled_at if case else None,
        tuple(_line(r, aspect, masked) for r in _rows(current, aspect)), cases.steps_of(case),
        cases.is_contradicted(current, aspect),
    )  # fmt: skip


def _rows(code: str, aspect: str) -> list[dict[str, Any]]:
    period = "f.id, f.begin_on, f.end_on, f.presumed_end_on, f.sources"
    if aspect == "stay":
        return sql.rows(
            f"SELECT {period}, f.stay_region, {lines.PLACE} FROM register_stay f LEFT JOIN register_dwelling d "
            "ON d.dwelling_code = f.dwelling_code AND d.known_to IS NULL WHERE f.person_code = %s AND f.known_to IS NULL "
            "ORDER BY f.begin_on DESC, f.dwelling_code",
            code,
        )
    return sql.rows(
        f"SELECT {period}, f.employer_code, f.employer_name FROM register_job f WHERE f.person_code = %s "
        "AND f.known_to IS NULL ORDER BY f.begin_on DESC, f.employer_code",
        code,
    )


def _line(r: Mapping[str, Any], aspect: str, masked: bool) -> SpellLine:
    if aspect == "stay":
        told = sql.address(r)
        where, region = (masking.mask_address(told) if masked else told) or "", r["stay_region"]
    else:
        where, region = r["employer_name"] or r["employer_code"], ""
    return SpellLine(
        r["id"], where, region, r["begin_on"], r["end_on"], r["presumed_end_on"], sql.sources(r["sources"])
    )

"""Decisions about stays and jobs that stand, and the stays or jobs of one person with what was decided about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import spells
from anju.register.spells import SpellDecision
from anju.register.store.models import Settlement
from anju.register.store.queries import cases, lines, sql
from anju.register.store.queries.codes import resolve_code
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
            case.pk, whose, told, day_of(case.settled_at)
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
class DecisionLine:
    """One decision that stands: which spell (``where`` was stated), what is right instead, why. ``to``: the right place."""

    id: int
    where: str
    to: str
    begin_on: date | None
    end_on: date | None
    is_taken_out: bool
    decided_on: date
    why: str


@dataclass(frozen=True, slots=True)
class SpellPage:
    """What can be put right about one person's stays or jobs: the spells, decisions that stand, the newest case."""

    case: cases.CaseHead
    lines: tuple[SpellLine, ...]
    decisions: tuple[DecisionLine, ...]


def get_spells(code: str, aspect: str, *, masked: bool = True) -> SpellPage:
    """One person's stays or jobs with the case about them. Refuses another field, and a person who is not there."""
    if aspect not in spells.ASPECTS:
        raise Refusal("register.cannot_settle", field=aspect)
    head = cases.head(code, aspect, masked=masked)
    return SpellPage(
        head,
        tuple(_line(r, aspect, masked) for r in _rows(head.person_code, aspect)),
        _decisions(head.person_code, aspect, masked),
    )


def _decisions(code: str, aspect: str, masked: bool) -> tuple[DecisionLine, ...]:
    """Decisions about one person's stays or jobs that stand, the newest first."""
    found = [s for s in standing(code) if s.decision.aspect == aspect]
    names = _places(aspect, {p for s in found for p in (s.decision.place, s.decision.to_place) if p}, masked)
    whys = dict(Settlement.objects.filter(pk__in=[s.id for s in found]).values_list("pk", "why"))
    return tuple(
        DecisionLine(
            s.id, names.get(d.place, "") or ("" if aspect == "stay" else d.told), names.get(d.to_place, ""), d.begin_on,
            d.end_on, d.is_taken_out, s.decided_on, sealer().open(whys[s.id]) if whys.get(s.id) else "",
        )
        for s in reversed(found)
        for d in (s.decision,)
    )  # fmt: skip


def _places(aspect: str, codes: set[str], masked: bool) -> dict[str, str]:
    """Code -> address (masked) or employer's name."""
    if aspect == "job":
        found = sql.rows(
            "SELECT employer_code AS code, name FROM register_employer WHERE employer_code = ANY(%s) AND known_to IS NULL",
            sorted(codes),
        )
        return {r["code"]: r["name"] for r in found}
    found = sql.rows(
        f"SELECT d.dwelling_code AS code, {lines.PLACE} FROM register_dwelling d WHERE d.dwelling_code = ANY(%s) "
        "AND d.known_to IS NULL",
        sorted(codes),
    )
    return {r["code"]: _address(r, masked) for r in found}


def _address(r: Mapping[str, Any], masked: bool) -> str:
    told = sql.address(r)
    return (masking.mask_address(told) if masked else told) or ""


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
        where, region = _address(r, masked), r["stay_region"]
    else:
        where, region = r["employer_name"] or r["employer_code"], ""
    return SpellLine(
        r["id"], where, region, r["begin_on"], r["end_on"], r["presumed_end_on"], sql.sources(r["sources"])
    )

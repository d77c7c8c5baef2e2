"""Decisions about family ties that stand, and the relatives of one person with what was decided about each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import ties
from anju.register.store.models import Settlement
from anju.register.store.queries import cases, sql
from anju.register.store.queries.codes import resolve_code
from anju.register.store.queries.values import Source
from anju.register.ties import TieDecision
from anju.trust import masking
from anju.trust.sealing import sealer


@dataclass(frozen=True, slots=True)
class Standing:
    """A decision that stands: the case that holds it, whose tie it is and to whom (today's codes), the day it was made."""

    id: int
    person_code: str
    relative_code: str
    decision: TieDecision
    decided_on: date


def standing(code: str = "") -> tuple[Standing, ...]:
    """Decisions that stand, about one person (from either side) or everyone (a run): of several about the same two the
    newest. Oldest first. A person's own are those of cases in their file; the other side is found by a run alone."""
    found = Settlement.objects.filter(state="settled", field=ties.FIELD).order_by("id")
    if code:
        found = found.filter(person_code=code)
    newest: dict[frozenset[str], Standing] = {}
    for case in found:
        told = ties.unpack(sealer().open(case.value))
        whose, other = resolve_code(case.person_code), _current(told.relative)
        pair = frozenset({whose, other or f"={told.name}"})
        newest[pair] = Standing(case.pk, whose, other, told, day_of(case.settled_at))
    return tuple(sorted(newest.values(), key=lambda s: s.id))


def _current(code: str) -> str:
    """Today's code of a relative; empty where there is none, or none any more."""
    try:
        return resolve_code(code) if code else ""
    except Refusal:
        return ""


@dataclass(frozen=True, slots=True)
class TieLine:
    """One relative as shown now. ``row``: one of their rows, to name them by; ``relations`` without the household."""

    row: int
    name: str
    relative_code: str
    relations: tuple[str, ...]
    is_of_household: bool
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class TieDecisionLine:
    """One decision that stands, in words for its page."""

    id: int
    name: str
    relation: str
    decided_on: date
    why: str


@dataclass(frozen=True, slots=True)
class TiesPage:
    """What can be put right about one person's family: the relatives, decisions that stand, the newest case."""

    case: cases.CaseHead
    relatives: tuple[TieLine, ...]
    decisions: tuple[TieDecisionLine, ...]


def get_ties(code: str, *, masked: bool = True) -> TiesPage:
    """One person's relatives with the case about them. Refuses a person who is not there."""
    head = cases.head(code, ties.FIELD, masked=masked)
    found = sql.rows(
        "SELECT k.id, k.relative_code, k.relative_name, k.relation, k.household, k.sources FROM register_kin k "
        "WHERE k.person_code = %s AND k.known_to IS NULL ORDER BY k.relation = '', k.relation, k.relative_code, k.id",
        head.person_code,
    )
    listed: dict[str, list[dict[str, object]]] = {}
    for row in found:
        listed.setdefault(row["relative_code"] or f"={row['relative_name']}", []).append(row)
    return TiesPage(
        head, tuple(_line(rows, masked) for rows in listed.values()), _decisions(head.person_code, masked)
    )


def _line(rows: list[dict[str, object]], masked: bool) -> TieLine:
    name = str(rows[0]["relative_name"])
    said = {s for r in rows for s in str(r["sources"]).split(";") if s}
    return TieLine(
        int(str(rows[0]["id"])), (masking.mask_name(name) if masked else name) or "", str(rows[0]["relative_code"]),
        tuple(dict.fromkeys(str(r["relation"]) for r in rows if r["relation"])), any(r["household"] for r in rows),
        sql.sources(";".join(sorted(said))),
    )  # fmt: skip


def _decisions(code: str, masked: bool) -> tuple[TieDecisionLine, ...]:
    whys = dict(Settlement.objects.filter(person_code=code, field=ties.FIELD).values_list("pk", "why"))
    return tuple(
        TieDecisionLine(
            s.id, (masking.mask_name(s.decision.name) if masked else s.decision.name) or "", s.decision.relation,
            s.decided_on, sealer().open(whys[s.id]) if whys.get(s.id) else "",
        )
        for s in reversed(standing(code))
    )  # fmt: skip


def relative_of(code: str, row: int) -> tuple[str, str]:
    """Code (empty: not in the register) and name of the relative a current row of this person names. Refuses another row."""
    found = sql.rows(
        "SELECT relative_code, relative_name FROM register_kin WHERE id = %s AND person_code = %s AND known_to IS NULL",
        row,
        resolve_code(code),
    )
    if not found:
        raise Refusal("register.no_tie")
    return found[0]["relative_code"], found[0]["relative_name"]

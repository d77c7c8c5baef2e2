"""Reads of why records are one person: how each was joined, what was weighed, what became of the codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from anju.exchange.review.questions import record_id
from anju.exchange.store.review_queries import Piece, piece
from anju.kernel.refusal import Refusal
from anju.register.store.queries import cases, resolve_code

EXPLAINER: Callable[[str], dict[str, Any]] | None = None
"""Says why a person's records are one person, from the newest linkage run; handed over by ``jobs``."""


@dataclass(frozen=True, slots=True)
class LinkLine:
    """One record of a person: where it comes from, how it was joined, and which fields agree with what is shown."""

    record: int
    dataset: str
    seen: date | None
    how: str
    weight: float | None
    agrees: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EdgeSide:
    """One record of a pair: its dataset and its person as far as the reader may see them, else empty.

    ``is_own``: it is the explained person's; without a dataset it is not in the published library (yet).
    """

    dataset: str
    person: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """One pair the model weighed about this person: its two sides, what became of it, and each piece of evidence."""

    sides: tuple[EdgeSide, EdgeSide]
    weight: float
    outcome: str
    reason: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Why some records are one person. ``events`` of the codes: run, kind, the code, the other one."""

    code: str
    links: tuple[LinkLine, ...]
    edges: tuple[EdgeLine, ...]
    events: tuple[tuple[int, str, str, str], ...]
    is_linked: bool


def why(code: str) -> Why:
    """Why the records of a person are one: how each was joined, what was weighed, what became of the codes."""
    current = resolve_code(code)
    told: dict[str, Any] = {"records": [], "evidence": [], "events": []}
    is_linked = EXPLAINER is not None
    if EXPLAINER is not None:
        try:
            told = EXPLAINER(current)
        except Refusal as refusal:
            if refusal.code not in {"linkage.never_run", "linkage.unknown_code"}:
                raise
            is_linked = False  # entered here since the newest run
    joined = {int(r["record_id"]): r for r in told["records"]}
    shown, said = cases.shown_and_said(current)
    links, mine = [], {}
    for s in said:
        number = record_id(s.dataset, s.record_key)
        mine[number] = s.dataset
        how = joined.get(number, {"how": "own", "weight": None})
        same = tuple(f for f, v in s.values.items() if v and v == shown.get(f))
        other = tuple(f for f, v in s.values.items() if v and v != shown.get(f))
        links.append(LinkLine(number, s.dataset, s.observed_on, how["how"], how["weight"], same, other))
    edges = _edges(told["evidence"], current, mine)
    events = tuple(
        (int(e["run"]), str(e["kind"]), str(e["person_code"]), str(e["other_code"] or ""))
        for e in told["events"]
    )
    return Why(current, tuple(links), edges, events, is_linked)


def named(told: Mapping[str, Any]) -> dict[int, str]:
    """Every record of an explanation that is published, as dataset and day: what a person knows it by."""
    people = {told["code"], *(e[f"person_{s}"] for e in told["evidence"] for s in "ab")} - {""}
    return {
        record_id(s.dataset, s.record_key): f"{s.dataset} {s.observed_on or '-'}"
        for said in cases.said_of_many(sorted(people)).values()
        for s in said
    }


def _edges(evidence: Sequence[Mapping[str, Any]], code: str, mine: Mapping[int, str]) -> tuple[EdgeLine, ...]:
    """Every pair, the explained person's record first. Of others row security decides whether they are named."""
    others = {e[f"person_{side}"] for e in evidence for side in "ab"} - {code, ""}
    seen = cases.said_of_many(sorted(others)) if others else {}
    theirs = {record_id(s.dataset, s.record_key): s.dataset for said in seen.values() for s in said}

    def side(record: int, person: str) -> EdgeSide:
        if record in mine or person == code:
            return EdgeSide(mine.get(record, ""), code, True)
        return EdgeSide(theirs.get(record, ""), person if person in seen else "", False)

    found = []
    for e in evidence:
        two = sorted(
            (side(int(e[f"record_{s}"]), e[f"person_{s}"]) for s in "ab"), key=lambda s: not s.is_own
        )
        pieces = tuple(piece(r["comparison"], r["level"], r["weight"]) for r in e["reasons"])
        found.append(EdgeLine((two[0], two[1]), float(e["weight"]), e["outcome"], e["reason"], pieces))
    return tuple(found)

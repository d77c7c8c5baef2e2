"""Reads of publication lists, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from anju.kernel.refusal import Refusal
from anju.services.store.models import ListObjection, ListPlace, PublicList
from anju.trust.sealing import sealer


@dataclass(frozen=True, slots=True)
class ListView:
    """The head of a list. ``seed`` is empty until the list is published."""

    number: int
    programme: str
    service: str
    filed_on: date
    places: int
    ties: str
    seed_hash: str
    seed: str
    state: str
    applicants: int
    admitted: int
    line_score: Fraction | None
    prepared_at: datetime
    published_at: datetime | None
    objections_until: date | None
    until_is_provisional: bool
    closed_at: datetime | None
    open_objections: int
    settled_objections: int

    def is_open(self, today: date) -> bool:
        """Whether objections may be made today."""
        return (
            self.state == "published" and self.objections_until is not None and today <= self.objections_until
        )


@dataclass(frozen=True, slots=True)
class PublicRow:
    """One line as the public sees it."""

    rank: int
    reference: str
    name: str
    score: Fraction
    keys: tuple[float, ...]
    is_admitted: bool
    quota: str
    reason: str
    lot: str


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One person's own place on a list."""

    list: ListView
    person_code: str
    reference: str
    name: str
    score: Fraction
    rank: int
    is_admitted: bool
    quota: str
    reason: str


@dataclass(frozen=True, slots=True)
class ObjectionView:
    """One objection with its outcome; texts opened for whoever may read it."""

    number: int
    list_number: int
    reference: str
    person_code: str
    name: str
    claim: str
    made_at: datetime
    is_by_officer: bool
    state: str
    answer: str
    answered_at: datetime | None
    before: dict[str, Any]
    after: dict[str, Any]


def list_lists(*, published_only: bool = False, limit: int = 100) -> tuple[ListView, ...]:
    """Lists, the newest first."""
    found = PublicList.objects.defer("public")
    if published_only:
        found = found.exclude(state="prepared")
    return tuple(view(one) for one in found[:limit])


def get_list(number: int) -> ListView:
    """One list; refuses a number there is not."""
    return view(_get(number))


def public_rows(number: int) -> tuple[PublicRow, ...]:
    """Everyone on a published list as the public sees it, best first; none before it is published."""
    return tuple(
        PublicRow(r["rank"], r["reference"], r["name"], Fraction(r["score"]), tuple(r["keys"]), r["is_admitted"], r["quota"], r["reason"], r["lot"])
        for r in _get(number).public
    )  # fmt: skip


def places_of(person_code: str) -> tuple[PlaceView, ...]:
    """One person's places on published lists, the newest first."""
    found = (
        ListPlace.objects.filter(person_code=person_code).select_related("on_list").order_by("-on_list_id")
    )
    return tuple(_place(p) for p in found if p.on_list.state != "prepared")


def list_objections(number: int) -> tuple[ObjectionView, ...]:
    """Objections to a list within sight, open ones first."""
    found = ListObjection.objects.filter(on_list_id=number).select_related("place")
    return tuple(objection(o) for o in sorted(found, key=lambda o: (o.state != "open", -o.id)))


def objections_of(person_code: str) -> tuple[ObjectionView, ...]:
    """One person's objections, the newest first."""
    found = ListObjection.objects.filter(person_code=person_code).select_related("place")
    return tuple(objection(o) for o in found)


def get_objection(number: int) -> ObjectionView:
    """One objection within sight; refuses another."""
    found = ListObjection.objects.filter(id=number).select_related("place").first()
    if found is None:
        raise Refusal("services.no_objection", number=number)
    return objection(found)


def _get(number: int) -> PublicList:
    found = PublicList.objects.filter(id=number).first()
    if found is None:
        raise Refusal("services.no_list", number=number)
    return found


def view(found: PublicList) -> ListView:
    """A row as a plain value; counts of objections are those within sight."""
    states = list(ListObjection.objects.filter(on_list=found).values_list("state", flat=True))
    is_out = found.state != "prepared"
    return ListView(
        found.id, found.programme, found.service, found.filed_on, found.places, found.ties, found.seed_hash,
        found.seed if is_out else "", found.state, found.applicants, found.admitted,
        Fraction(found.line_score) if found.line_score else None, found.prepared_at, found.published_at, found.objections_until,
        found.until_is_provisional, found.closed_at, states.count("open"), len(states) - states.count("open"),
    )  # fmt: skip


def _place(found: ListPlace) -> PlaceView:
    return PlaceView(
        view(found.on_list), found.person_code, found.reference, found.name, Fraction(found.score), found.rank, found.is_admitted,
        found.quota, found.reason,
    )  # fmt: skip


def objection(found: ListObjection) -> ObjectionView:
    """A row as a plain value."""
    opened = sealer().open
    return ObjectionView(
        found.id, found.on_list_id, found.place.reference, found.person_code, found.place.name, opened(found.claim) if found.claim else "",
        found.made_at, found.is_by_officer, found.state, opened(found.answer) if found.answer else "", found.answered_at,
        found.before, found.after,
    )  # fmt: skip

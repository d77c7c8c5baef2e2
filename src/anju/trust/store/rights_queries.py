"""Reads of the person's side: requests, consents, incidents, assessments, and who looked."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q
from django.utils import timezone

from anju.kernel.refusal import Refusal
from anju.trust import rights
from anju.trust.sealing import sealer
from anju.trust.store.models import (
    Assessment,
    Consent,
    Incident,
    LogCheckpoint,
    LogEntry,
    PersonRequest,
)


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request as shown; ``days_left`` is negative when it is overdue, None when it is closed."""

    number: str
    person_code: str
    kind: rights.Kind
    field: str
    claim: str
    text: str
    asked_at: datetime
    due_on: date
    due_is_provisional: bool
    state: str
    answer: str
    ground: rights.Ground | None
    answered_at: datetime | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """One thing to agree to, and whether the person does now (``given_at``), with what they agreed to before."""

    text: rights.ConsentText
    given_at: datetime | None
    is_older_version: bool
    past: tuple[tuple[int, datetime, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a person's file: when, which office, in which role, for which purpose, doing what. Never who."""

    seq: int
    at: datetime
    office: str
    role: str
    purpose: str
    action: str
    result: str


def _opened(value: object) -> str:
    return sealer().open(bytes(value)) if value else ""  # type: ignore[call-overload]


def _line(row: PersonRequest, today: date) -> RequestLine:
    return RequestLine(
        row.number, row.person_code, rights.kinds()[row.kind], row.field, _opened(row.claim), _opened(row.text),
        row.asked_at, row.due_on, row.due_is_provisional, row.state, _opened(row.answer),
        rights.grounds(row.kind).get(row.ground), row.answered_at,
        (row.due_on - today).days if row.state == "open" else None,
    )  # fmt: skip


def list_requests(
    *, today: date, person_code: str = "", state: str = "", after: str | None = None, limit: int = 50
) -> tuple[tuple[RequestLine, ...], str | None]:
    """Requests, the one due first on top; with the cursor of the next page. Row security keeps them to the place."""
    rows = PersonRequest.objects.order_by("due_on", "number")
    if person_code:
        rows = rows.filter(person_code=person_code).order_by("-asked_at")
    if state:
        rows = rows.filter(state=state)
    if after:
        day, _, number = after.partition("|")
        rows = rows.filter(Q(due_on__gt=day) | Q(due_on=day, number__gt=number))
    found = list(rows[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return tuple(_line(r, today) for r in found[:limit]), f"{last.due_on}|{last.number}" if last else None


def get_request(number: str, *, today: date, person_code: str = "") -> RequestLine:
    """One request; for the person's own page with their code, so that nobody reads another's by its number."""
    rows = PersonRequest.objects.filter(number=number)
    found = (rows.filter(person_code=person_code) if person_code else rows).first()
    if found is None:
        raise Refusal("rights.no_request", number=number)
    return _line(found, today)


def region_of(number: str) -> str | None:
    """The place a request belongs to."""
    return PersonRequest.objects.filter(number=number).values_list("region", flat=True).first()


def count_requests(today: date) -> dict[str, int]:
    """Open, overdue and answered requests within the reader's places."""
    return PersonRequest.objects.aggregate(
        open=Count("id", filter=Q(state="open")),
        overdue=Count("id", filter=Q(state="open", due_on__lt=today)),
        answered=Count("id", filter=Q(state="answered")),
        refused=Count("id", filter=Q(state="refused")),
    )


def list_consents(person_code: str, on: date) -> tuple[ConsentLine, ...]:
    """Everything a person may agree to, in the order of the catalogue."""
    rows = list(Consent.objects.filter(person_code=person_code).order_by("given_at"))
    lines = []
    for topic, text in rights.consent_texts(on).items():
        mine = [r for r in rows if r.topic == topic]
        current = next((r for r in mine if r.withdrawn_at is None), None)
        lines.append(
            ConsentLine(
                text, current.given_at if current else None, bool(current and current.version < text.version),
                tuple((r.version, r.given_at, r.withdrawn_at) for r in mine if r is not current),
            )
        )  # fmt: skip
    return tuple(lines)


def count_consents() -> dict[str, int]:
    """People who agree now, by topic, within the reader's places."""
    rows = Consent.objects.filter(withdrawn_at__isnull=True).values_list("topic").annotate(Count("id"))
    return dict(rows.order_by("topic"))


def consenting(topic: str, person_codes: Collection[str]) -> frozenset[str]:
    """Those who agree now to the text in force: asked right before something is done on a consent.

    A withdrawal counts from the moment it is made; who agreed to an older text has not agreed to this one.
    """
    text = rights.consent_texts(timezone.localdate()).get(topic)
    if text is None:
        raise Refusal("rights.unknown_consent", asked=topic, known=", ".join(rights.catalogue()["consents"]))
    found = Consent.objects.filter(
        topic=topic, version=text.version, withdrawn_at__isnull=True, person_code__in=list(person_codes)
    )
    return frozenset(found.values_list("person_code", flat=True))


def list_looks(
    person_code: str, *, before: int | None = None, limit: int = 50, without: str = ""
) -> tuple[tuple[Look, ...], int | None]:
    """Who looked at a person's file, newest first: the office and the purpose, not the worker's name.

    ``without`` leaves one account's acts out: the person's own.
    """
    rows = LogEntry.objects.filter(person_code=person_code).exclude(account=without).order_by("-seq")
    if before is not None:
        rows = rows.filter(seq__lt=before)
    found = list(rows[: limit + 1])
    looks = []
    for row in found[:limit]:
        told = json.loads(row.data)
        looks.append(
            Look(
                row.seq, row.at, told.get("office", ""), told.get("role", ""), told.get("purpose", ""),
                told.get("action", ""), told.get("result", ""),
            )
        )  # fmt: skip
    return tuple(looks), found[limit - 1].seq if len(found) > limit else None


def list_incidents(limit: int = 200) -> tuple[Incident, ...]:
    """Incidents, newest first."""
    return tuple(Incident.objects.order_by("-found_at")[:limit])


def incident_share() -> tuple[int, int, float]:
    """The mission's figure: incidents, logged interactions, and the one divided by the other (0 without any)."""
    incidents = Incident.objects.count()
    # The signed size, which anyone may know: row security shows an officer only the entries of an audit.
    interactions = LogCheckpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
    return incidents, interactions, incidents / interactions if interactions else 0.0


def list_assessments() -> tuple[Assessment, ...]:
    """Impact assessments, newest first."""
    return tuple(Assessment.objects.order_by("-made_at"))

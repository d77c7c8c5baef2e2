"""Reading contradictions as work: who must settle which, by when, what the sources say, what was decided."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from anju.kernel.refusal import Refusal
from anju.register import dossier, settling
from anju.register.store.models import Discrepancy, SettleBatch, Settlement
from anju.register.store.queries import sql
from anju.register.store.queries.people import resolve_code
from anju.register.store.queries.person import MASKED, get_person_file
from anju.register.store.queries.values import Page, Source
from anju.trust import masking
from anju.trust.sealing import sealer


def regions_of(codes: Collection[str]) -> dict[str, str | None]:
    """Where the register knows these people to live; those it does not know are missing."""
    if not codes:
        return {}
    found = sql.rows(
        "SELECT person_code, region FROM register_identity WHERE person_code = ANY(%s) AND known_to IS NULL",
        list(codes),
    )
    return {r["person_code"]: r["region"] for r in found}


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One contradiction in a list. ``days_left`` is negative when it is overdue, None when it is closed."""

    id: int
    person_code: str
    person_name: str
    region: str | None
    field: str
    owner: str
    state: str
    opened_at: datetime
    due_on: date | None
    days_left: int | None
    is_requested: bool


@dataclass(frozen=True, slots=True)
class Option:
    """One value somebody states, with who does, and whether the department with authority is among them."""

    value: str
    shown_as: str
    sources: tuple[Source, ...]
    is_shown: bool
    has_authority: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a case's history."""

    kind: str
    at: datetime
    by: str
    department: str
    to: str
    note: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One field of one person: what is said, what was decided, whose turn it is. ``id`` None: nobody raised it yet."""

    id: int | None
    person_code: str
    person_name: str
    field: str
    owner: str
    state: str
    opened_at: datetime | None
    due_on: date | None
    due_is_provisional: bool
    days_left: int | None
    request: str
    evidence: str
    why: str
    settled_at: datetime | None
    options: tuple[Option, ...]
    steps: tuple[StepLine, ...]
    is_contradicted: bool
    batch: int | None
    masked: bool


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """Open cases within the filters: all, overdue, asked for by the person; by field and by department."""

    open: int
    overdue: int
    requested: int
    by_field: Mapping[str, int]
    by_owner: Mapping[str, int]


STATES = ("open", "overdue", "requested", "settled", "dropped")
AGES = (7, 15, 30, 90)


def _where(
    scope: Sequence[str], owner: str, field: str, state: str, older_than: int, at: datetime
) -> tuple[str, list[Any]]:
    place, values = sql.within(scope, "s.region")
    parts, told = [place], list(values)
    parts.append("s.state = 'open'" if state not in ("settled", "dropped") else f"s.state = '{state}'")
    if state == "overdue":
        parts.append("s.due_on < %s")
        told.append(at.date())
    if state == "requested":
        parts.append("s.is_requested")
    for column, wanted in (("owner", owner), ("field", field)):
        if wanted:
            parts.append(f"s.{column} = %s")
            told.append(wanted)
    if older_than:
        parts.append("s.opened_at < %s")
        told.append(at - timedelta(days=older_than))
    return " AND ".join(parts), told


def list_cases(
    *,
    scope: Sequence[str],
    at: datetime,
    owner: str = "",
    field: str = "",
    state: str = "open",
    older_than: int = 0,
    after: str | None = None,
    limit: int = 50,
    masked: bool = True,
) -> Page[CaseLine]:
    """Cases in the scope, what is due first on top; settled ones newest first. ``older_than`` in days since found."""
    closed = state in ("settled", "dropped")
    order = sql.Order(
        "settled" if closed else "due", (("s.settled_at" if closed else "s.due_on"), "s.id"), closed
    )
    where, values = _where(scope, owner, field, state, older_than, at)
    beyond, start = order.beyond(after)
    size = sql.page_size(limit)
    found = sql.rows(
        f"SELECT f.*, coalesce(i.name, '') AS name FROM (SELECT s.id, s.person_code, s.region, s.field, s.owner, s.state, "
        f"s.opened_at, s.due_on, s.is_requested, s.settled_at, {order.keys} FROM register_settlement s "
        f"WHERE {where} AND {beyond} ORDER BY {order.by} LIMIT %s) f "
        "LEFT JOIN register_identity i ON i.person_code = f.person_code AND i.known_to IS NULL "
        f"ORDER BY {order.by.replace('s.', 'f.')}",
        *values,
        *start,
        size + 1,
    )
    following = order.cursor(found[size - 1]) if len(found) > size else None
    return Page(tuple(_line(r, at.date(), masked) for r in found[:size]), following)


def _line(r: Mapping[str, Any], today: date, masked: bool) -> CaseLine:
    return CaseLine(
        r["id"], r["person_code"], (masking.mask_name(r["name"]) if masked else r["name"]) or "", r["region"], r["field"],
        r["owner"], r["state"], r["opened_at"], r["due_on"],
        (r["due_on"] - today).days if r["state"] == "open" and r["due_on"] else None, r["is_requested"],
    )  # fmt: skip


def count_cases(
    scope: Sequence[str], at: datetime, *, owner: str = "", field: str = "", older_than: int = 0
) -> CaseCounts:
    """Open cases, counted once over."""
    where, values = _where(scope, owner, field, "open", older_than, at)
    found = sql.rows(
        "SELECT s.field, s.owner, count(*) AS n, count(*) FILTER (WHERE s.due_on < %s) AS late, "
        f"count(*) FILTER (WHERE s.is_requested) AS asked FROM register_settlement s WHERE {where} "
        "GROUP BY GROUPING SETS ((s.field), (s.owner), ()) ",
        at.date(),
        *values,
    )
    whole = next((r for r in found if r["field"] is None and r["owner"] is None), None)
    fields = {r["field"]: r["n"] for r in found if r["field"] is not None}
    owners = {r["owner"]: r["n"] for r in found if r["owner"] is not None}
    return CaseCounts(
        whole["n"] if whole else 0, whole["late"] if whole else 0, whole["asked"] if whole else 0,
        dict(sorted(fields.items())), dict(sorted(owners.items())),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnersCases:
    """Open cases of one department: all, those a person asked for, the earliest deadline."""

    cases: int
    requested: int
    first_due: date | None


def open_by_owner(
    *, since: datetime | None = None, until: date | None = None, beyond: date | None = None
) -> dict[str, OwnersCases]:
    """Department -> its open cases. ``until``: due on that day at the latest. ``since``: opened after that moment, or (with
    ``beyond``) due after that day. Counts alone: for those who tell departments what waits."""
    found = Settlement.objects.filter(state="open")
    if until is not None:
        found = found.filter(due_on__lte=until)
    if since is not None:
        newer = Q(opened_at__gt=since)
        found = found.filter(newer | Q(due_on__gt=beyond) if beyond is not None else newer)
    counted = found.values("owner").annotate(
        n=Count("id"), asked=Count("id", filter=Q(is_requested=True)), first=Min("due_on")
    )
    return {c["owner"]: OwnersCases(c["n"], c["asked"], c["first"]) for c in counted.order_by("owner")}


def get_case(code: str, field: str, *, today: date, masked: bool = True) -> CaseFile:
    """One field of one person with every value stated of it, and the newest case about it."""
    if field not in dossier.FIELDS:
        raise Refusal("register.cannot_settle", field=field)
    file = get_person_file(code, masked=False, aspects=())
    view = next(f for f in file.fields if f.field == field)
    case = Settlement.objects.filter(person_code=file.code, field=field).order_by("-id").first()
    owner = case.owner if case else settling.owner_of(field, authority(field))
    told = [(view.value or "", view.sources, True), *((o.value, o.sources, False) for o in view.others)]
    options = tuple(
        Option(
            value, mask(field, value) if masked else value, sources, is_shown,
            any(settling.departments().get(s.dataset) == owner for s in sources),
        )
        for value, sources, is_shown in told
        if value
    )  # fmt: skip
    opened = sealer().open
    is_open = case is not None and case.state == "open"
    name = (masking.mask_name(file.line.name) if masked else file.line.name) or ""
    return CaseFile(
        case.pk if case else None, file.code, name, field, owner, case.state if case else "", case.opened_at if case else None,
        case.due_on if case else None, bool(case and case.due_is_provisional),
        (case.due_on - today).days if is_open and case.due_on else None,
        case.request if case else "", case.evidence if case else "", opened(case.why) if case and case.why else "",
        case.settled_at if case else None, options, steps_of(case), any(d.field == field for d in file.discrepancies),
        case.batch_id if case else None, masked,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseHead:
    """Who settles what about one person by when, and how far it is: the newest case about stays, jobs or family."""

    person_code: str
    person_name: str
    field: str
    owner: str
    id: int | None
    state: str
    opened_at: datetime | None
    due_on: date | None
    request: str
    why: str
    settled_at: datetime | None
    steps: tuple[StepLine, ...]
    is_contradicted: bool


def head(code: str, field: str, *, masked: bool = True) -> CaseHead:
    """The newest case about ``field`` of one person, or none yet. Refuses a person who is not there."""
    current = resolve_code(code)
    named = sql.rows(
        "SELECT name FROM register_identity WHERE person_code = %s AND known_to IS NULL", current
    )
    if not named:
        raise Refusal("register.no_person")
    name = (masking.mask_name(named[0]["name"]) if masked else named[0]["name"]) or ""
    case = Settlement.objects.filter(person_code=current, field=field).order_by("-id").first()
    if case is None:
        owner = settling.owner_of(field, authority(field))
        return CaseHead(
            current,
            name,
            field,
            owner,
            None,
            "",
            None,
            None,
            "",
            "",
            None,
            (),
            is_contradicted(current, field),
        )
    return CaseHead(
        current, name, field, case.owner, case.pk, case.state, case.opened_at, case.due_on, case.request,
        sealer().open(case.why) if case.why else "", case.settled_at, steps_of(case), is_contradicted(current, field),
    )  # fmt: skip


def steps_of(case: Settlement | None) -> tuple[StepLine, ...]:
    """A case's history, the oldest step first."""
    opened = sealer().open
    return tuple(
        StepLine(s.kind, s.at, s.by, s.department, s.to, opened(s.note) if s.note else "")
        for s in (case.steps.order_by("at", "id") if case else ())
    )


def mask(field: str, value: str) -> str:
    """A value of a field as a list shows it."""
    return (MASKED[field](value) if field in MASKED else value) or ""


def stated(code: str, field: str) -> tuple[str, ...]:
    """Every value the departments state of a field."""
    view = next(f for f in get_person_file(code, masked=False, aspects=()).fields if f.field == field)
    told = [(view.value, view.sources), *((o.value, o.sources) for o in view.others)]
    return tuple(v for v, sources in told if v and any(s.dataset not in settling.OWN for s in sources))


def said_of(code: str) -> tuple[dossier.Said, ...]:
    """Every record behind one person with its keys; what they state stands for nothing here."""
    found = _dossier(code)
    return dossier.unpack(found, {}) if found else ()


def _dossier(code: str) -> str:
    found = sql.rows(
        "SELECT records FROM register_dossier WHERE person_code = %s AND known_to IS NULL ORDER BY known_from DESC LIMIT 1",
        code,
    )
    return sealer().open(found[0]["records"]) if found and found[0]["records"] is not None else ""


def shown_and_said(code: str) -> tuple[dict[str, str], tuple[dossier.Said, ...]]:
    """What is shown of a person and what every record states, in clear: to be compared, not to be shown."""
    file = get_person_file(code, masked=False, aspects=())
    shown = {f.field: f.value or "" for f in file.fields}
    return shown, dossier.unpack(_dossier(file.code), shown)


def is_contradicted(code: str, field: str) -> bool:
    """Whether the newest run found departments at odds over this field."""
    return Discrepancy.objects.filter(person_code=code, field=field, known_to__isnull=True).exists()


def authority(field: str) -> str:
    """The department with the highest authority over a field, or empty."""
    ranked = sorted(
        (rank, settling.departments()[d]) for d, rank in settling.ranks(field).items() if 0 < rank < 9
    )
    return ranked[0][1] if ranked else ""


def overruled() -> tuple[tuple[str, str, str], ...]:
    """What sources said against the decisions that stand: person code (today's), field, value. For a run alone."""
    newest: dict[tuple[str, str], Settlement] = {}
    found = Settlement.objects.filter(state="settled", overruled__isnull=False).exclude(
        field__in=settling.IN_PARTS
    )
    for case in found.order_by("id"):
        newest[(case.person_code, case.field)] = case
    opened = sealer().open
    return tuple(
        (resolve_code(code), field, value)
        for (code, field), case in sorted(newest.items())
        for value in json.loads(opened(case.overruled))
    )


@dataclass(frozen=True, slots=True)
class BatchLine:
    """Contradictions settled together: by which rule, when, how many, why, and whether it was taken back."""

    id: int
    rule: str
    owner: str
    count: int
    why: str
    settled_at: datetime
    settled_by: str
    undone_at: datetime | None


def list_batches(limit: int = 50) -> tuple[BatchLine, ...]:
    """Batches, newest first. Row security keeps them to the reader's places."""
    opened = sealer().open
    return tuple(
        BatchLine(
            b.pk,
            b.rule,
            b.owner,
            b.count,
            opened(b.why) if b.why else "",
            b.settled_at,
            b.settled_by,
            b.undone_at,
        )
        for b in SettleBatch.objects.order_by("-settled_at")[:limit]
    )

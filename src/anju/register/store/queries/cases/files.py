"""One contradiction: what every source says, what was decided about it, how it went; who has authority over what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from anju.kernel.refusal import Refusal
from anju.register import dossier, settling
from anju.register.store.models import Discrepancy, Settlement
from anju.register.store.queries import sql
from anju.register.store.queries.codes import resolve_code
from anju.register.store.queries.person import MASKED, get_person_file
from anju.register.store.queries.values import Source
from anju.trust import masking
from anju.trust.sealing import sealer


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


def said_of_many(codes: Sequence[str]) -> dict[str, tuple[dossier.Said, ...]]:
    """``said_of`` for several people at once; who lies outside the caller's places is left out."""
    found = sql.rows(
        "SELECT person_code, records FROM register_dossier WHERE person_code = ANY(%s) AND known_to IS NULL "
        "AND records IS NOT NULL",
        list(codes),
    )
    return {r["person_code"]: dossier.unpack(sealer().open(r["records"]), {}) for r in found}


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

"""Contradictions followed to their end: cases opened after each run, sent on, settled, dropped, taken back.

Each action is one transaction with its log entry. A settled value stands in the person's file at once and outranks
every source from the next run on, until the department with authority says something new.
"""

from __future__ import annotations

import json
from datetime import date, datetime

from django.db import connection, transaction

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import settling
from anju.register.store import loading, showing_parts
from anju.register.store.models import Identity, Settlement, SettlementStep
from anju.register.store.queries import cases
from anju.register.store.queries.codes import resolve_code
from anju.register.store.showing import show
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log, rights_actions, rights_queries

LEAST_WHY = 4
LONGEST_WHY = 400


def follow(at: datetime) -> dict[str, int]:
    """Open a case for every contradiction that has none, end those the sources settled themselves. Set-based; idempotent."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT known_from::date FROM register_discrepancy WHERE known_to IS NULL")
        limits = [(day, settling.due(day)) for (day,) in cursor.fetchall()]
        cursor.execute("CREATE TEMP TABLE due_by (found date, due date, provisional bool) ON COMMIT DROP")
        for day, limit in limits:
            cursor.execute("INSERT INTO due_by VALUES (%s, %s, %s)", [day, limit.on, limit.is_provisional])
        cursor.execute(
            "CREATE TEMP TABLE routed (field varchar(20), owner varchar(20)) ON COMMIT DROP",
        )
        for field, owner in settling.plan()["owners"].items():
            cursor.execute("INSERT INTO routed VALUES (%s, %s)", [field, owner])
        tables = Settlement._meta.db_table, SettlementStep._meta.db_table
        # The first cases come by the hundred thousand: their indexes are made after them.
        stripped = loading.strip(*tables) if loading.is_empty(tables[0]) and loading.hold(*tables) else None
        cursor.execute(_OPEN, [settling.plan()["otherwise"]])
        opened = cursor.rowcount
        ended = moved = 0
        if stripped:  # every case was opened just now
            loading.restore(stripped)
        else:
            cursor.execute(_END, [at])
            ended = cursor.rowcount
            cursor.execute(_MOVE)
            moved = cursor.rowcount
        cursor.execute("DROP TABLE due_by, routed")
        return {"opened": opened, "ended": ended, "moved": moved}


_OPEN = """
INSERT INTO register_settlement (person_code, region, field, owner, state, opened_at, due_on, due_is_provisional,
    is_requested, request, evidence, settled_by)
SELECT d.person_code, d.region, d.field, coalesce(r.owner, nullif(d.owner, ''), %s), 'open', d.known_from, b.due,
    b.provisional, false, '', '', ''
FROM register_discrepancy d JOIN due_by b ON b.found = d.known_from::date LEFT JOIN routed r ON r.field = d.field
WHERE d.known_to IS NULL AND NOT EXISTS (
    SELECT 1 FROM register_settlement s WHERE s.person_code = d.person_code AND s.field = d.field
        AND (s.state = 'open' OR s.state IN ('settled', 'dropped') AND s.settled_at >= d.known_from)
)
ON CONFLICT DO NOTHING
"""
_END = """
UPDATE register_settlement s SET state = 'ended', settled_at = %s
WHERE s.state = 'open' AND NOT s.is_requested AND NOT EXISTS (
    SELECT 1 FROM register_discrepancy d
    WHERE d.person_code = s.person_code AND d.field = s.field AND d.known_to IS NULL
)
"""
_MOVE = """
UPDATE register_settlement s SET region = i.region FROM register_identity i
WHERE i.person_code = s.person_code AND i.known_to IS NULL AND s.region IS DISTINCT FROM i.region
    AND s.state IN ('open', 'settled')
"""


def open_case(code: str, field: str, at: datetime) -> Settlement:
    """The open case, or a new one where a person or a colleague raises what no run has found."""
    if field not in settling.FIELDS:
        raise Refusal("register.cannot_settle", field=field)
    found = Settlement.objects.select_for_update().filter(person_code=code, field=field, state="open").first()
    if found is not None:
        return found
    person = Identity.objects.filter(person_code=code, known_to__isnull=True).only("region").first()
    if person is None:
        raise Refusal("register.no_person")
    limit = settling.due(day_of(at))
    return Settlement.objects.create(
        person_code=code, region=person.region, field=field, owner=settling.owner_of(field, cases.authority(field)),
        opened_at=at, due_on=limit.on, due_is_provisional=limit.is_provisional,
    )  # fmt: skip


def check_theirs(case: Settlement, by: Actor) -> None:
    """Refuses a department's officer where it is another department's turn."""
    if by.department and by.department != case.owner:
        raise Refusal("register.other_department", owner=case.owner)


def check_why(why: str) -> str:
    """A reason as it is kept. Refuses one too short or too long."""
    told = why.strip()
    if len(told) < LEAST_WHY:
        raise Refusal("register.why_needed", letters=LEAST_WHY)
    if len(told) > LONGEST_WHY:
        raise Refusal("register.why_too_long", longest=LONGEST_WHY)
    return told


def _step(case: Settlement, kind: str, note: str, *, by: Actor, at: datetime, to: str = "") -> None:
    SettlementStep.objects.create(
        settlement=case, person_code=case.person_code, region=case.region, kind=kind, to=to,
        note=sealer().seal(note) if note else None, at=at, by=by.account, department=by.department,
    )  # fmt: skip


def _tell(case: Settlement, what: str, *, by: Actor, at: datetime, purpose: str) -> None:
    log.record(
        by, "discrepancy.settle", at, purpose=purpose, subject=f"person:{case.person_code}",
        detail={"field": case.field, "what": what},
    )  # fmt: skip


@transaction.atomic
def settle(
    code: str, field: str, value: str, *, why: str, evidence: str = "records", by: Actor, at: datetime, purpose: str
) -> int:  # fmt: skip
    """Decide which value is right. It is shown at once; whoever asked for it is told. Returns the case's id.

    What the sources say against it is kept with the decision: said again it changes nothing, something new from the
    department with authority does.
    """
    current, value, why = resolve_code(code), settling.check(field, value), check_why(why)
    case = open_case(current, field, at)
    check_theirs(case, by)
    former = show(current, field, value, at)
    against = sorted({v for v in cases.stated(current, field) if v != value})
    return decide(case, value, former, against, why=why, evidence=evidence, by=by, at=at, purpose=purpose)


def decide(
    case: Settlement, value: str, former: str, against: list[str], *, why: str, evidence: str, by: Actor, at: datetime,
    purpose: str,
) -> int:  # fmt: skip
    """Close a case with what was decided, and answer who asked. Call inside a transaction that has shown it."""
    if evidence not in settling.plan()["evidence"]:
        raise Refusal("register.unknown_evidence")
    seal = sealer().seal
    case.state, case.settled_at, case.settled_by = "settled", at, by.account
    case.value, case.former, case.evidence, case.why = seal(value), seal(former), evidence, seal(why)
    case.overruled = seal(json.dumps(against, ensure_ascii=False))
    case.save()
    _step(case, "settled", why, by=by, at=at)
    _tell(case, "settled", by=by, at=at, purpose=purpose)
    _answer(case, why, by=by, at=at, purpose=purpose)
    return int(case.pk)


@transaction.atomic
def send(code: str, field: str, to: str, *, note: str, by: Actor, at: datetime, purpose: str) -> None:
    """Hand a case to another department, which answers by settling it or sending it back."""
    current, note = resolve_code(code), check_why(note)
    if to not in settling.code_values("department"):
        raise Refusal("register.unknown_department")
    case = open_case(current, field, at)
    check_theirs(case, by)
    if to == case.owner:
        raise Refusal("register.has_it_already")
    case.owner = to
    if not case.is_requested:  # the person's limit does not move
        limit = settling.due(day_of(at), sent=True)
        case.due_on, case.due_is_provisional = limit.on, limit.is_provisional
    case.save(update_fields=["owner", "due_on", "due_is_provisional"])
    _step(case, "sent", note, by=by, at=at, to=to)
    _tell(case, "sent", by=by, at=at, purpose=purpose)


@transaction.atomic
def drop(code: str, field: str, *, why: str, ground: str = "", by: Actor, at: datetime, purpose: str) -> None:
    """Close a case without a decision: both may be true, or the person's request is refused on a legal ground."""
    current, why = resolve_code(code), check_why(why)
    case = open_case(current, field, at)
    check_theirs(case, by)
    case.state, case.settled_at, case.settled_by, case.why = "dropped", at, by.account, sealer().seal(why)
    case.save(update_fields=["state", "settled_at", "settled_by", "why"])
    _step(case, "dropped", why, by=by, at=at)
    _tell(case, "dropped", by=by, at=at, purpose=purpose)
    _answer(case, why, by=by, at=at, purpose=purpose, ground=ground or "is_right")


def _answer(case: Settlement, why: str, *, by: Actor, at: datetime, purpose: str, ground: str = "") -> None:
    """Tell the person who asked; a request that was answered at another desk stays as it is."""
    if case.request and rights_queries.get_request(case.request, today=day_of(at)).state == "open":
        rights_actions.answer(case.request, why, by=by, at=at, purpose=purpose, ground=ground)


@transaction.atomic
def undo(settlement: int, *, why: str, by: Actor, at: datetime, purpose: str) -> None:
    """Take a decision back: the value shown before stands again, and the case is open.

    Of decisions about several stays, jobs or relatives each can be taken back; its case is open again unless a newer one is there.
    """
    why = check_why(why)
    case = (
        Settlement.objects.select_for_update().filter(pk=settlement, state__in=["settled", "dropped"]).first()
    )
    if case is None:
        raise Refusal("register.nothing_to_undo")
    check_theirs(case, by)
    newer = Settlement.objects.filter(person_code=case.person_code, field=case.field, pk__gt=case.pk)
    if case.field in settling.IN_PARTS and case.state == "settled":
        if any(showing_parts.is_same(case, later) for later in newer.filter(state="settled")):
            raise Refusal("register.not_the_newest")
    elif newer.filter(state="open").exists():
        raise Refusal("register.case_open")
    elif newer.exists():
        raise Refusal("register.not_the_newest")
    reopen(case, at, state="ended" if newer.exists() else "open")
    _step(case, "undone", why, by=by, at=at)
    _tell(case, "undone", by=by, at=at, purpose=purpose)


def reopen(case: Settlement, at: datetime, state: str = "open") -> None:
    """A decided case is open again and what was shown before stands. Call inside a transaction that tells the log."""
    if case.state == "settled" and case.former is not None:
        code, former = resolve_code(case.person_code), sealer().open(case.former)
        if case.field in settling.IN_PARTS:
            showing_parts.restore(code, case, former, at)
        else:
            show(code, case.field, former, at, settled=False)
    limit = settling.due(day_of(at))
    case.state, case.settled_at, case.settled_by, case.batch = state, None, "", None
    case.value = case.former = case.overruled = case.why = None
    case.due_on, case.due_is_provisional = limit.on, limit.is_provisional
    case.is_requested, case.request = False, ""  # what was answered to the person stays answered
    case.save()


@transaction.atomic
def open_request(
    number: str, code: str, field: str, due_on: date, *, provisional: bool, by: Actor, at: datetime
) -> None:
    """A person's correction request becomes a case with the request's own limit. Other fields are answered by hand."""
    if field not in settling.FIELDS:
        return
    case = open_case(resolve_code(code), field, at)
    case.is_requested, case.request = True, number
    case.due_on, case.due_is_provisional = due_on, provisional
    case.save(update_fields=["is_requested", "request", "due_on", "due_is_provisional"])
    _step(case, "requested", "", by=by, at=at)


@transaction.atomic
def withdraw_request(number: str, *, by: Actor, at: datetime) -> None:
    """The person took the request back: a case no run has found is dropped, another goes on without them."""
    case = Settlement.objects.select_for_update().filter(request=number, state="open").first()
    if case is None:
        return
    case.is_requested, case.request = False, ""
    if not cases.is_contradicted(case.person_code, case.field):
        case.state, case.settled_at, case.settled_by = "dropped", at, by.account
    case.save()
    _step(case, "dropped" if case.state == "dropped" else "requested", "", by=by, at=at)

"""Telling senders unasked: what there is to tell is written down once; whom to tell, and whether they know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Count, Min, Q

from anju.exchange import notices
from anju.exchange.contracts import get_codelist, list_contracts
from anju.exchange.doors import webhooks
from anju.exchange.store.models import Batch, HeldRow
from anju.exchange.store.notice_models import Contact, Delivery, Notice
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register.store.queries import cases
from anju.trust.access import Actor
from anju.trust.store import log

ACTION = "exchange.notify"
LANGUAGES = ("zh", "en")
MOST_CONTACTS = 10
LONGEST_MAIL = 200


def collect(at: datetime) -> int:
    """Write down what there is to tell now and was not told before; how many notices that makes. Idempotent."""
    told = [*_held(at), *_waiting(at), *_due(at)]
    Notice.objects.bulk_create(told, ignore_conflicts=True)
    return Notice.objects.filter(made_at=at).count()


def _notice(kind: str, department: str, key: str, at: datetime, facts: dict[str, Any], **more: Any) -> Notice:
    return Notice(kind=kind, department=department, key=key, facts=facts, made_at=at, **more)


def _held(at: datetime) -> Iterator[Notice]:
    """One for each batch of the last days with rows that wait to be mended."""
    contracts = {c.id: c for c in list_contracts()}
    since = at - timedelta(days=notices.plan().batch_days)
    found = Batch.objects.filter(accepted_at__gte=since, rows_held__gt=0, dataset__in=contracts)
    waiting = found.annotate(still=Count("held", filter=Q(held__state="open"))).filter(still__gt=0)
    for batch in waiting.order_by("accepted_at", "id").only("id", "dataset", "accepted_at"):
        contract = contracts[batch.dataset]
        facts = {
            "dataset": batch.dataset, "batch": batch.id, "held": batch.still, "cycle": contract.cycle_days,
            "day": day_of(batch.accepted_at).isoformat(),
        }  # fmt: skip
        yield _notice("held", contract.department, batch.id, at, facts)


def _last(kind: str) -> dict[str, Notice]:
    """The newest notice of a kind, by department."""
    return {n.department: n for n in Notice.objects.filter(kind=kind).order_by("made_at", "id")}


def _waiting(at: datetime) -> Iterator[Notice]:
    """At most one a day and department: contradictions that have come up since the last one."""
    today, last = day_of(at).isoformat(), _last("waiting")
    for owner, now in cases.open_by_owner().items():
        former = last.get(owner)
        if former is not None and (former.key == today or now.newest <= former.facts["newest"]):
            continue
        new = cases.open_by_owner(after=former.facts["newest"])[owner] if former else now
        facts = {
            "new": new.cases, "requested": new.requested, "open": now.cases, "newest": now.newest,
            "first_due": now.first_due.isoformat() if now.first_due else "—",
        }  # fmt: skip
        yield _notice("waiting", owner, today, at, facts)


def _due(at: datetime) -> Iterator[Notice]:
    """At most one a day and department: when something has come near its deadline that was not told of before."""
    today, ahead = day_of(at), timedelta(days=notices.plan().days_ahead)
    last, near, held = _last("due"), cases.open_by_owner(until=today + ahead), _held_due(today)
    late = cases.open_by_owner(until=today - timedelta(days=1))
    for owner in sorted({*near, *held}):
        former, rows = last.get(owner), held.get(owner, {})
        if former is not None and not _is_new(former, owner, rows, today, today + ahead):
            continue
        cases_late = late[owner].cases if owner in late else 0
        cases_soon = (near[owner].cases if owner in near else 0) - cases_late
        held_late = sum(n for (_from_on, day), n in rows.items() if day < today)
        held_soon = sum(rows.values()) - held_late
        facts = {
            "day": today.isoformat(), "days": ahead.days, "cases_soon": cases_soon, "cases_overdue": cases_late,
            "held_soon": held_soon, "held_overdue": held_late, "soon": cases_soon + held_soon,
            "overdue": cases_late + held_late, "newest": near[owner].newest if owner in near else 0,
        }  # fmt: skip
        yield _notice("due", owner, today.isoformat(), at, facts, upto=today + ahead)


def _is_new(
    former: Notice, owner: str, rows: Mapping[tuple[date, date], int], today: date, horizon: date
) -> bool:
    """Whether something is near that ``former`` did not tell of."""
    if former.key == today.isoformat():
        return False
    told_on = day_of(former.made_at)
    if any(from_on > told_on for from_on, _day in rows):
        return True
    after, beyond = former.facts["newest"], former.upto or date.min
    return owner in cases.open_by_owner(until=horizon, after=after, beyond=beyond)


def _held_due(today: date) -> dict[str, dict[tuple[date, date], int]]:
    """Department -> the day from which it is near, and the day by which held rows should be back -> how many still wait.

    Near: the days ahead of every deadline, but the last third of a short cycle.
    """
    found: dict[str, dict[tuple[date, date], int]] = {}
    for contract in list_contracts():
        ahead = min(notices.plan().days_ahead, contract.cycle_days // 3)
        waiting = HeldRow.objects.filter(dataset=contract.id, state="open")
        for one in waiting.values("batch_id").annotate(n=Count("id"), since=Min("since")):
            day = day_of(one["since"]) + timedelta(days=contract.cycle_days)
            from_on = day - timedelta(days=ahead)
            if from_on <= today:
                rows = found.setdefault(contract.department, {})
                rows[from_on, day] = rows.get((from_on, day), 0) + one["n"]
    return found


@transaction.atomic
def set_contact(
    department: str, address: str, *, language: str = "zh", by: Actor, at: datetime, purpose: str = ""
) -> None:
    """Name an office's mail address, or the URL of a system, that a department is told through beside those it has.

    Refuses another department's officer, what is neither, and a URL that leads where notices may not go.
    """
    if department not in get_codelist("department").labels:
        raise Refusal("notices.unknown_department")
    theirs(department, by)
    if language not in LANGUAGES:
        raise Refusal("notices.unknown_language")
    address = address.strip()
    way = "webhook" if "://" in address else "mail"
    if way == "webhook":
        webhooks.find(address)
    else:
        _check_mail(address)
    found = Contact.objects.filter(department=department)
    if found.count() >= MOST_CONTACTS and not found.filter(address=address).exists():
        raise Refusal("notices.too_many_contacts", most=MOST_CONTACTS)
    told = {"way": way, "language": language, "set_at": at, "set_by": by.account}
    Contact.objects.update_or_create(department=department, address=address, defaults=told)
    log.record(
        by,
        ACTION,
        at,
        purpose=purpose,
        subject=f"department:{department}",
        detail={"what": "contact", "way": way},
    )


def _check_mail(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError:
        raise Refusal("notices.no_address") from None
    if len(address) > LONGEST_MAIL:
        raise Refusal("notices.no_address")


@transaction.atomic
def remove_contact(contact: int, *, by: Actor, at: datetime, purpose: str = "") -> None:
    """A department is no longer told through a contact; what waits to go there goes nowhere."""
    found = Contact.objects.select_for_update().filter(pk=contact).first()
    if found is None:
        raise Refusal("notices.no_contact")
    theirs(found.department, by)
    Delivery.objects.filter(
        notice__department=found.department, address=found.address, state__in=["waiting", "failed"]
    ).delete()
    found.delete()
    log.record(
        by, ACTION, at, purpose=purpose, subject=f"department:{found.department}", detail={"what": "contact removed", "way": found.way}
    )  # fmt: skip


@transaction.atomic
def mark_seen(notice: int, *, by: Actor, at: datetime, purpose: str = "") -> None:
    """The department says that it knows."""
    found = Notice.objects.select_for_update().filter(pk=notice, seen_at=None).first()
    if found is None:
        raise Refusal("notices.nothing_to_see")
    theirs(found.department, by)
    found.seen_at, found.seen_by = at, by.account
    found.save(update_fields=["seen_at", "seen_by"])
    log.record(by, ACTION, at, purpose=purpose, subject=f"notice:{found.pk}", detail={"what": "seen"})


def theirs(department: str, by: Actor) -> None:
    """Refuses what is another department's than the officer's own."""
    if by.department and by.department != department:
        raise Refusal("notices.other_department")

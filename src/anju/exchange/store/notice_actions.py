"""Telling senders unasked: what there is to tell is written down once, then handed to the mail server, again until it is taken.

A try is written down before it is made: a program killed in between leaves a notice *uncertain*, never a second mail.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Count, Min, Q

from anju.exchange import notices
from anju.exchange.contracts import get_codelist, list_contracts
from anju.exchange.store.models import Batch, HeldRow
from anju.exchange.store.notice_models import Contact, Notice
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register.store.queries import cases
from anju.trust.access import Actor
from anju.trust.store import log

ACTION = "exchange.notify"
LANGUAGES = ("zh", "en")


def collect(at: datetime) -> int:
    """Write down what there is to tell now and was not told before; how many notices that makes. Idempotent."""
    told = [*_held(at), *_waiting(at), *_due(at)]
    Notice.objects.bulk_create(told, ignore_conflicts=True)
    return Notice.objects.filter(made_at=at).count()


def _notice(kind: str, department: str, key: str, at: datetime, facts: dict[str, Any], **more: Any) -> Notice:
    return Notice(
        kind=kind, department=department, key=key, facts=facts, made_at=at, next_try_at=at, **more
    )  # fmt: skip


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


def deliver(at: datetime, limit: int = 200) -> dict[str, int]:
    """Hand what is due to the mail server; how many were sent, put off, given up, or have nobody to go to."""
    _doubt(at)
    counts = dict.fromkeys(("sent", "put_off", "failed", "nobody"), 0)
    contacts = {c.department: c for c in Contact.objects.all()}
    ready = Notice.objects.filter(state="waiting", next_try_at__lte=at).order_by("next_try_at", "id")
    for number in list(ready.values_list("id", flat=True)[:limit]):
        begun = _begin(number, contacts, at)
        if begun is None:
            counts["nobody"] += Notice.objects.filter(pk=number, state="waiting").exists()
            continue
        counts[_try(begun, contacts[begun.department], at)] += 1
    return counts


def _doubt(at: datetime) -> None:
    """Tries nobody reported on: the program was killed while it sent."""
    before = at - notices.plan().uncertain_after
    Notice.objects.filter(state="sending", tried_at__lt=before).update(state="uncertain")


def _begin(number: int, contacts: dict[str, Contact], at: datetime) -> Notice | None:
    """Write down that this one is being tried; None where another process has it, or nobody is named to tell."""
    with transaction.atomic():
        found = Notice.objects.select_for_update(skip_locked=True).filter(pk=number, state="waiting").first()
        if found is None or found.department not in contacts:
            return None
        found.state, found.tries, found.tried_at = "sending", found.tries + 1, at
        found.address = contacts[found.department].address
        found.save(update_fields=["state", "tries", "tried_at", "address"])
        return found


def _try(notice: Notice, contact: Contact, at: datetime) -> str:
    subject, text = notices.letter(notice.kind, notice.department, notice.facts, contact.language)
    mail = EmailMessage(subject, text, None, [contact.address], headers={"Message-ID": _name(notice)})
    try:
        mail.send()
    except (smtplib.SMTPException, OSError) as error:
        again = notices.plan().again
        is_over = notice.tries > len(again)
        notice.state = "failed" if is_over else "waiting"
        notice.next_try_at = at if is_over else at + again[notice.tries - 1]
        notice.trouble = type(error).__name__[:40]
    else:
        notice.state, notice.trouble = "sent", ""
    notice.save(update_fields=["state", "next_try_at", "trouble"])
    return {"sent": "sent", "waiting": "put_off", "failed": "failed"}[notice.state]


def _name(notice: Notice) -> str:
    """The same for every try, and no other deployment's: a mail server knows a mail again that it has taken already."""
    told = f"{notice.pk} {notice.department} {notice.kind} {notice.key} {notice.made_at.isoformat()}"
    sender = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{sha256(told.encode()).hexdigest()[:32]}@{sender}>"


@transaction.atomic
def set_contact(
    department: str, address: str, *, language: str = "zh", by: Actor, at: datetime, purpose: str = ""
) -> None:
    """Name whom a department is told through. Refuses another department's officer, and what is no address."""
    if department not in get_codelist("department").labels:
        raise Refusal("notices.unknown_department")
    _theirs(department, by)
    if language not in LANGUAGES:
        raise Refusal("notices.unknown_language")
    try:
        validate_email(address.strip())
    except ValidationError:
        raise Refusal("notices.no_address") from None
    told = {"address": address.strip(), "language": language, "set_at": at, "set_by": by.account}
    Contact.objects.update_or_create(department=department, defaults=told)
    log.record(
        by, ACTION, at, purpose=purpose, subject=f"department:{department}", detail={"what": "contact"}
    )


@transaction.atomic
def send_again(notice: int, *, by: Actor, at: datetime, purpose: str = "") -> None:
    """A person decides that a notice that is uncertain or was given up is sent once more."""
    found = Notice.objects.select_for_update().filter(pk=notice, state__in=["uncertain", "failed"]).first()
    if found is None:
        raise Refusal("notices.nothing_to_send")
    _theirs(found.department, by)
    found.state, found.tries, found.next_try_at = "waiting", 0, at
    found.save(update_fields=["state", "tries", "next_try_at"])
    log.record(by, ACTION, at, purpose=purpose, subject=f"notice:{found.pk}", detail={"what": "again"})


@transaction.atomic
def mark_seen(notice: int, *, by: Actor, at: datetime, purpose: str = "") -> None:
    """The department says that it knows."""
    found = Notice.objects.select_for_update().filter(pk=notice, seen_at=None).first()
    if found is None:
        raise Refusal("notices.nothing_to_see")
    _theirs(found.department, by)
    found.seen_at, found.seen_by = at, by.account
    found.save(update_fields=["seen_at", "seen_by"])
    log.record(by, ACTION, at, purpose=purpose, subject=f"notice:{found.pk}", detail={"what": "seen"})


def _theirs(department: str, by: Actor) -> None:
    if by.department and by.department != department:
        raise Refusal("notices.other_department")

"""Notices on their way: by mail or to a department's own system, again until they are taken.

A try is written down before it is made. A program killed in between leaves a mail *uncertain*, never a second one; a webhook
is tried again by itself, for its receiver knows the name it comes under.
"""

from __future__ import annotations

import smtplib
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q

from anju.exchange import notices
from anju.exchange.doors import webhooks
from anju.exchange.store.notice_actions import ACTION, theirs
from anju.exchange.store.notice_models import Contact, Delivery, Notice
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log


def deliver(at: datetime, limit: int = 200) -> dict[str, int]:
    """Hand over what is due; how many went out, were put off, given up; and how many notices have nobody to go to.

    An address that does not answer is not asked again in the same round.
    """
    _doubt(at)
    _address(at)
    counts = dict.fromkeys(("sent", "put_off", "failed"), 0)
    silent: set[str] = set()
    ready = Delivery.objects.filter(state="waiting", next_try_at__lte=at).order_by("next_try_at", "id")
    for number, address in list(ready.values_list("id", "address")[:limit]):
        begun = None if address in silent else _begin(number, at)
        if begun is None:
            continue
        state = _try(begun, at)
        counts[state] += 1
        if state != "sent" and begun.way == "webhook":
            silent.add(address)
    return counts | {"nobody": Notice.objects.filter(deliveries=None).count()}


def _doubt(at: datetime) -> None:
    """Tries nobody reported on: the program was killed while it sent."""
    before = at - notices.plan().uncertain_after
    lost = Delivery.objects.filter(state="sending", tried_at__lt=before)
    lost.filter(way="mail").update(state="uncertain")
    lost.filter(way="webhook").update(state="waiting", next_try_at=at)


def _address(at: datetime) -> None:
    """Whoever is named now is told what nobody of the department was told yet."""
    contacts: dict[str, list[Contact]] = {}
    for contact in Contact.objects.order_by("id"):
        contacts.setdefault(contact.department, []).append(contact)
    waiting = Notice.objects.filter(deliveries=None, department__in=contacts)
    Delivery.objects.bulk_create(
        (
            Delivery(notice=n, way=c.way, address=c.address, language=c.language, next_try_at=at)
            for n in waiting for c in contacts[n.department]
        ),
        ignore_conflicts=True,
    )  # fmt: skip


def _begin(number: int, at: datetime) -> Delivery | None:
    """Write down that this one is being tried; None where another process has it."""
    with transaction.atomic():
        found = (
            Delivery.objects.select_for_update(skip_locked=True).filter(pk=number, state="waiting").first()
        )
        if found is None:
            return None
        found.state, found.tries, found.tried_at = "sending", found.tries + 1, at
        found.save(update_fields=["state", "tries", "tried_at"])
        return found


def _try(delivery: Delivery, at: datetime) -> str:
    send = _post if delivery.way == "webhook" else _mail
    try:
        send(delivery, at)
    except (smtplib.SMTPException, OSError, webhooks.NotTakenError, Refusal) as error:
        again = notices.plan().again
        is_over = delivery.tries > len(again)
        delivery.state = "failed" if is_over else "waiting"
        delivery.next_try_at = at if is_over else at + again[delivery.tries - 1]
        told = {webhooks.NotTakenError: str(error), Refusal: getattr(error, "code", "")}
        delivery.trouble = told.get(type(error), type(error).__name__)[:40]
    else:
        delivery.state, delivery.trouble = "sent", ""
    delivery.save(update_fields=["state", "next_try_at", "trouble"])
    return {"sent": "sent", "waiting": "put_off", "failed": "failed"}[delivery.state]


def _mail(delivery: Delivery, at: datetime) -> None:
    notice = delivery.notice
    subject, text = notices.letter(notice.kind, notice.department, notice.facts, delivery.language)
    sender = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    named = {"Message-ID": f"<{_name(notice, delivery.address)}@{sender}>"}
    EmailMessage(subject, text, None, [delivery.address], headers=named).send()


def _post(delivery: Delivery, at: datetime) -> None:
    notice = delivery.notice
    place = webhooks.find(
        delivery.address
    )  # anew each time: a name may lead elsewhere than when it was given
    subject, text = notices.letter(notice.kind, notice.department, notice.facts, delivery.language)
    told = {
        "kind": notice.kind, "department": notice.department, "made_at": notice.made_at.isoformat(), "subject": subject,
        "text": text, "facts": {name: notice.facts[name] for name in notices.FACTS[notice.kind]},
    }  # fmt: skip
    webhooks.post(
        place, *webhooks.letter(told, _name(notice, delivery.address), int(at.timestamp()), sealer().ring)
    )


def _name(notice: Notice, address: str) -> str:
    """The same for every try, and no other deployment's, notice's or contact's: whoever has taken it already knows it again."""
    told = (
        f"{notice.pk} {notice.department} {notice.kind} {notice.key} {notice.made_at.isoformat()} {address}"
    )
    return sha256(told.encode()).hexdigest()[:32]


@transaction.atomic
def send_again(delivery: int, *, by: Actor, at: datetime, purpose: str = "") -> None:
    """A person decides that a notice that is uncertain or was given up is sent once more."""
    is_stuck = Q(pk=delivery, state__in=["uncertain", "failed"])
    found = Delivery.objects.select_for_update(of=("self",)).select_related("notice").filter(is_stuck).first()
    if found is None:
        raise Refusal("notices.nothing_to_send")
    theirs(found.notice.department, by)
    found.state, found.tries, found.next_try_at = "waiting", 0, at
    found.save(update_fields=["state", "tries", "next_try_at"])
    log.record(by, ACTION, at, purpose=purpose, subject=f"notice:{found.notice_id}", detail={"what": "again"})

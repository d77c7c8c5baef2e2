"""What senders were told: the list, and whom each department is told through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anju.exchange import notices
from anju.exchange.doors import webhooks
from anju.exchange.store.notice_models import Contact, Delivery, Notice
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.register.store.queries import Page


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """How a notice went to one contact. ``address``: a webhook's without what may be a secret in it."""

    id: int
    way: str
    address: str
    state: str
    tries: int
    tried_at: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One notice. ``subject`` as it is told in ``language``; ``has_contact``: there is somebody to send it to."""

    id: int
    department: str
    kind: str
    subject: str
    made_at: datetime
    deliveries: tuple[DeliveryLine, ...]
    seen_at: datetime | None
    batch: str
    has_contact: bool


@dataclass(frozen=True, slots=True)
class ContactLine:
    """Whom a department is told through."""

    id: int
    department: str
    way: str
    address: str
    language: str
    set_at: datetime


def list_notices(
    *, department: str = "", language: str = "zh", after: str | None = None, limit: int = 50
) -> Page[NoticeLine]:
    """Notices, the newest first; of one department or all. ``after``: the last id of the page before."""
    rows = Notice.objects.order_by("-id").prefetch_related("deliveries")
    if department:
        rows = rows.filter(department=department)
    if after:
        last = whole(after)
        if last is None:
            raise Refusal("intake.bad_page")
        rows = rows.filter(id__lt=last)
    found = list(rows[: limit + 1])
    named = set(Contact.objects.values_list("department", flat=True))
    return Page(
        tuple(_line(n, language, n.department in named) for n in found[:limit]),
        str(found[limit - 1].pk) if len(found) > limit else None,
    )


def _line(n: Notice, language: str, has_contact: bool) -> NoticeLine:
    subject, _text = notices.letter(n.kind, n.department, n.facts, language)
    ways = sorted(n.deliveries.all(), key=lambda d: d.pk)
    return NoticeLine(
        n.pk, n.department, n.kind, subject.partition("：")[2] or subject.partition(": ")[2], n.made_at,
        tuple(
            DeliveryLine(d.pk, d.way, _shown(d.way, d.address), d.state, d.tries, d.tried_at, d.trouble) for d in ways
        ),
        n.seen_at, str(n.facts.get("batch", "")), has_contact,
    )  # fmt: skip


def _shown(way: str, address: str) -> str:
    return webhooks.shown(address) if way == "webhook" else address


def contacts(department: str = "") -> tuple[ContactLine, ...]:
    """Contacts, of one department or all."""
    rows = Contact.objects.order_by("department", "id")
    if department:
        rows = rows.filter(department=department)
    return tuple(
        ContactLine(c.pk, c.department, c.way, _shown(c.way, c.address), c.language, c.set_at) for c in rows
    )


def unheard() -> dict[str, Any]:
    """How many notices nobody was told of: ``nobody`` to tell, ``failed``, ``uncertain``."""
    return {
        "nobody": Notice.objects.filter(deliveries=None).count(),
        "failed": Delivery.objects.filter(state="failed").count(),
        "uncertain": Delivery.objects.filter(state="uncertain").count(),
    }

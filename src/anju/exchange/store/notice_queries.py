"""What senders were told: the list, and whom each department is told through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anju.exchange import notices
from anju.exchange.store.notice_models import Contact, Notice
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.register.store.queries import Page


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One notice. ``subject`` as it is told in ``language``; ``has_contact``: there is somebody to send it to."""

    id: int
    department: str
    kind: str
    subject: str
    made_at: datetime
    state: str
    address: str
    tries: int
    tried_at: datetime | None
    next_try_at: datetime
    trouble: str
    seen_at: datetime | None
    batch: str
    has_contact: bool


@dataclass(frozen=True, slots=True)
class ContactLine:
    """Whom a department is told through."""

    department: str
    address: str
    language: str
    set_at: datetime


def list_notices(
    *, department: str = "", language: str = "zh", after: str | None = None, limit: int = 50
) -> Page[NoticeLine]:
    """Notices, the newest first; of one department or all. ``after``: the last id of the page before."""
    rows = Notice.objects.order_by("-id")
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
    return NoticeLine(
        n.pk, n.department, n.kind, subject.partition("：")[2] or subject.partition(": ")[2], n.made_at, n.state, n.address,
        n.tries, n.tried_at, n.next_try_at, n.trouble, n.seen_at, str(n.facts.get("batch", "")), has_contact,
    )  # fmt: skip


def contacts(department: str = "") -> tuple[ContactLine, ...]:
    """Contacts, of one department or all."""
    rows = Contact.objects.order_by("department")
    if department:
        rows = rows.filter(department=department)
    return tuple(ContactLine(c.department, c.address, c.language, c.set_at) for c in rows)


def unheard() -> dict[str, Any]:
    """How many notices nobody was told of: ``nobody`` to tell, ``failed``, ``uncertain``."""
    named = Contact.objects.values_list("department", flat=True)
    return {
        "nobody": Notice.objects.filter(state="waiting").exclude(department__in=named).count(),
        "failed": Notice.objects.filter(state="failed").count(),
        "uncertain": Notice.objects.filter(state="uncertain").count(),
    }

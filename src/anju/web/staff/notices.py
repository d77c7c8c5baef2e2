"""What senders were told unasked: when, where to, whether it was taken, whether they have seen it; the contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from anju.exchange.contracts import get_codelist
from anju.exchange.store import notice_actions, notice_delivery, notice_queries
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.web.guard import Access, guard, may
from anju.web.shell.tags import is_english, refusal_words
from anju.web.shell.terms import code_label


@dataclass(frozen=True, slots=True)
class NoticesPage:
    """Notices with their state, contacts, and what can be done. ``department``: an officer's own, the only one they see."""

    rows: tuple[notice_queries.NoticeLine, ...]
    next_after: str | None
    contacts: tuple[notice_queries.ContactLine, ...]
    departments: tuple[tuple[str, str], ...]
    department: str
    given: dict[str, str]
    trouble: str
    may_act: bool
    is_posted: bool
    """Whether there is a mail server; else mails are written into a folder."""


@require_http_methods(["GET", "POST"])
@guard("exchange.read", unsafe="exchange.notify")
def notices(request: HttpRequest) -> HttpResponse:
    """The list; name or remove a contact, confirm a notice, have one sent again."""
    access: Access = request.access  # type: ignore[attr-defined]
    trouble = ""
    if request.method == "POST":
        try:
            done = _do(request.POST, access)
        except Refusal as refusal:
            trouble = refusal_words(refusal)
        else:
            messages.success(request, done)
            return redirect("staff:notices")
    mine = access.actor.department
    found = notice_queries.list_notices(
        department=mine, language="en" if is_english() else "zh", after=request.GET.get("after")
    )
    page = NoticesPage(
        found.rows, found.next_after, notice_queries.contacts(mine),
        tuple((d, code_label("owner", d)) for d in get_codelist("department").labels if mine in ("", d)), mine,
        request.POST.dict() if trouble else {}, trouble, may(request, "exchange.notify"),
        "filebased" not in settings.EMAIL_BACKEND,
    )  # fmt: skip
    return render(request, "staff/notices.html", {"page": page}, status=422 if trouble else 200)


def _do(given: QueryDict, access: Access) -> str:
    who: dict[str, Any] = {"by": access.actor, "at": timezone.now(), "purpose": access.purpose}
    do = given.get("do", "")
    notice, delivery, contact = (whole(given.get(name)) for name in ("notice", "delivery", "contact"))
    if do == "contact":
        notice_actions.set_contact(
            given.get("department", ""), given.get("address", ""), language=given.get("language", "zh"), **who
        )
        return _("已保存联系人。")
    if do == "remove" and contact is not None:
        notice_actions.remove_contact(contact, **who)
        return _("已移除联系人。")
    if do == "seen" and notice is not None:
        notice_actions.mark_seen(notice, **who)
        return _("已确认。")
    if do == "again" and delivery is not None:
        notice_delivery.send_again(delivery, **who)
        return _("将在下一次发送时重发。")
    raise Refusal("notices.nothing_to_see")

"""What I agreed to: given, seen, withdrawn, each with its text."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.trust import rights
from anju.trust.access import Subject
from anju.trust.store import rights_actions, rights_queries
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class Child:
    """One child below the age at which it agrees by itself, and what its parent can agree to for it."""

    code: str
    name: str
    lines: tuple[rights_queries.ConsentLine, ...]


@dataclass(frozen=True, slots=True)
class ConsentsPage:
    """Everything one can agree to for oneself, and for each child; ``is_minor``: a guardian has to."""

    lines: tuple[rights_queries.ConsentLine, ...]
    children: tuple[Child, ...]
    is_minor: bool
    minor: int


@require_GET
@guard("own.consent")
def consents(request: HttpRequest) -> HttpResponse:
    """List what I can agree to, for me and for my children."""
    code, today = request.access.actor.person_code, timezone.localdate()
    mine = rights_queries.list_consents(code, today)
    children = tuple(
        Child(c.code, c.name, rights_queries.list_consents(c.code, today))
        for c in register.my_children()
        if rights.is_minor(c.born_on, today)
    )
    own = tuple(line for line in mine if line.text.guardian_under is None)
    is_minor = rights.is_minor(register.person_born_on(code), today)
    page = ConsentsPage(own, children, is_minor, rights.MINOR)
    return render(request, "resident/consents.html", {"page": page})


@require_POST
@guard("own.consent")
def change(request: HttpRequest, topic: str) -> HttpResponse:
    """Agree, or take it back; as the guardian of a child where one is named."""
    actor, named = request.access.actor, request.POST.get("child", "")
    child = next((c for c in register.my_children() if c.code == named), None) if named else None
    if named and child is None:
        raise PermissionDenied(_("登记库中没有您的这名子女。"))
    code = child.code if child else actor.person_code
    request.access.subject = Subject("person", code, person_code=actor.person_code)
    try:
        if request.POST.get("do") == "withdraw":
            rights_actions.withdraw_consent(topic, person_code=code, by=actor, at=timezone.now())
            messages.success(request, _("已撤回。从现在起不再按这项同意处理。"))
        else:
            rights_actions.give_consent(
                topic,
                person_code=code,
                region=child.region if child else register.person_region(code),
                born_on=child.born_on if child else register.person_born_on(code),
                guardian_code=actor.person_code if child else "",
                by=actor,
                at=timezone.now(),
            )
            messages.success(request, _("已同意。随时可以在这里撤回。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("resident:consents")

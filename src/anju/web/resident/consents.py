"""What I agreed to: given, seen, withdrawn, each with its text."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.trust.store import rights_actions, rights_queries
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class ConsentsPage:
    """Everything one can agree to, and where one stands."""

    lines: tuple[rights_queries.ConsentLine, ...]


@require_GET
@guard("own.consent")
def consents(request: HttpRequest) -> HttpResponse:
    """List what I can agree to."""
    lines = rights_queries.list_consents(request.access.actor.person_code, timezone.localdate())
    return render(request, "resident/consents.html", {"page": ConsentsPage(lines)})


@require_POST
@guard("own.consent")
def change(request: HttpRequest, topic: str) -> HttpResponse:
    """Agree, or take it back."""
    actor = request.access.actor
    try:
        if request.POST.get("do") == "withdraw":
            rights_actions.withdraw_consent(topic, person_code=actor.person_code, by=actor, at=timezone.now())
            messages.success(request, _("已撤回。从现在起不再按这项同意处理。"))
        else:
            rights_actions.give_consent(
                topic,
                person_code=actor.person_code,
                region=register.person_region(actor.person_code),
                born_on=register.person_born_on(actor.person_code),
                by=actor,
                at=timezone.now(),
            )
            messages.success(request, _("已同意。随时可以在这里撤回。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("resident:consents")

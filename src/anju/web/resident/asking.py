"""What I asked: a copy, a correction, an objection, a deletion, an explanation, a human."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.register.store import settling
from anju.trust import rights
from anju.trust.access import Actor
from anju.trust.store import erasure_queries, rights_actions, rights_queries
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words
from anju.web.shell.terms import field_label


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """What I asked so far, and what can be asked."""

    lines: tuple[rights_queries.RequestLine, ...]
    kinds: tuple[rights.Kind, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class AskPage:
    """One kind of request, asked as one question; ``fields`` only for a correction."""

    kind: rights.Kind
    fields: tuple[tuple[str, str], ...]
    field: str
    claim: str
    text: str
    trouble: str


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One request, and the erasure it led to."""

    line: rights_queries.RequestLine
    erasure: erasure_queries.ErasureLine | None


@require_GET
@guard("own.ask")
def requests(request: HttpRequest) -> HttpResponse:
    """What I asked, the newest first."""
    lines, _after = rights_queries.list_requests(
        today=timezone.localdate(), person_code=request.access.actor.person_code, limit=100
    )
    page = RequestsPage(lines, tuple(rights.kinds().values()), None)
    return render(request, "resident/requests.html", {"page": page})


@require_http_methods(["GET", "POST"])
@guard("own.ask")
def ask(request: HttpRequest, kind: str) -> HttpResponse:
    """Ask one thing."""
    if kind not in rights.kinds():
        return redirect("resident:requests")
    given = {name: request.POST.get(name, request.GET.get(name, "")) for name in ("field", "claim", "text")}
    trouble = ""
    if request.method == "POST":
        actor, at = request.access.actor, timezone.now()
        try:
            number = rights_actions.ask(
                kind,
                person_code=actor.person_code,
                region=register.person_region(actor.person_code),
                by=actor,
                at=at,
                **given,
            )
            if kind == "correct":
                _raise_case(number, actor, given["field"], at)
        except Refusal as refusal:
            trouble = refusal_words(refusal)
        else:
            messages.success(request, _("已收到。我们会在期限内答复，答复会出现在这一页。"))
            return redirect("resident:request", number)
    told = rights.kinds()[kind]
    fields = tuple((f, field_label(f)) for f in rights.FIELDS) if "field" in told.needs else ()
    page = AskPage(told, fields, given["field"], given["claim"], given["text"], trouble)
    return render(request, "resident/ask.html", {"page": page}, status=422 if trouble else 200)


@require_http_methods(["GET", "POST"])
@guard("own.ask")
def request_detail(request: HttpRequest, number: str) -> HttpResponse:
    """One of my requests, its limit and its answer; an open one can be taken back."""
    actor = request.access.actor
    if request.method == "POST":
        try:
            rights_actions.withdraw_request(
                number, person_code=actor.person_code, by=actor, at=timezone.now()
            )
            settling.withdraw_request(number, by=actor, at=timezone.now())
            messages.success(request, _("已撤回。"))
        except Refusal as refusal:
            messages.error(request, refusal_words(refusal))
        return redirect("resident:requests")
    line = rights_queries.get_request(number, today=timezone.localdate(), person_code=actor.person_code)
    page = RequestPage(line, erasure_queries.erasure_for(line.number))
    return render(request, "resident/request.html", {"page": page.line, "erasure": page.erasure})


def _raise_case(number: str, actor: Actor, field: str, at: datetime) -> None:
    """A correction is settled where contradictions are, within the request's own limit."""
    line = rights_queries.get_request(number, today=timezone.localdate(), person_code=actor.person_code)
    settling.open_request(
        number, actor.person_code, field, line.due_on, provisional=line.due_is_provisional, by=actor, at=at
    )

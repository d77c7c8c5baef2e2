"""The desk itself, and the requests on it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from anju.kernel.refusal import Refusal
from anju.trust import rights
from anju.trust.store import erasure_queries, rights_actions, rights_queries
from anju.web.dpo import erasing
from anju.web.guard import guard, may
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class DeskPage:
    """What waits, and the figures the officer answers for."""

    counts: dict[str, int]
    consents: tuple[tuple[rights.ConsentText, int], ...]
    incidents: int
    interactions: int
    share: float
    aim: float
    assessments_open: int
    runs_waiting: int
    restricted: int


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """Requests of the officer's places, the one due first on top."""

    lines: tuple[rights_queries.RequestLine, ...]
    next_after: str | None
    state: str


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """One request to be answered; ``grounds`` fit its kind."""

    line: rights_queries.RequestLine
    grounds: tuple[rights.Ground, ...]
    answer: str
    trouble: str
    held: erasing.Held | None
    may_erase: bool


@require_GET
@guard("consent.read")
def desk(request: HttpRequest) -> HttpResponse:
    """What waits today."""
    today = timezone.localdate()
    incidents, interactions, share = rights_queries.incident_share()
    agreed = rights_queries.count_consents()
    page = DeskPage(
        rights_queries.count_requests(today),
        tuple((text, agreed.get(topic, 0)) for topic, text in rights.consent_texts(today).items()),
        incidents,
        interactions,
        share,
        rights.catalogue()["incidents"]["aim_share"],
        sum(1 for a in rights_queries.list_assessments() if a.approved_at is None),
        sum(1 for run in erasure_queries.list_runs() if run.state in {"planned", "asked"} and run.total),
        len(erasure_queries.list_restrictions()),
    )
    return render(request, "dpo/desk.html", {"page": page})


@require_GET
@guard("request.answer")
def requests(request: HttpRequest) -> HttpResponse:
    """Requests, filtered by state in the address."""
    state = request.GET.get("state", "open")
    lines, following = rights_queries.list_requests(
        today=timezone.localdate(), state="" if state == "all" else state, after=request.GET.get("after")
    )
    return render(request, "dpo/requests.html", {"page": RequestsPage(lines, following, state)})


@require_http_methods(["GET", "POST"])
@guard("request.answer")
def request_detail(request: HttpRequest, number: str) -> HttpResponse:
    """Read one request and answer it, or refuse it on a legal ground."""
    given, ground, trouble = request.POST.get("answer", ""), request.POST.get("refusal", ""), ""
    if request.method == "POST":
        try:
            rights_actions.answer(
                number,
                given,
                by=request.access.actor,
                at=timezone.now(),
                purpose=request.access.purpose,
                ground=ground if request.POST.get("do") == "refuse" else "",
            )
        except Refusal as refusal:
            trouble = refusal_words(refusal)
        else:
            messages.success(request, _("已答复，本人现在就能看到。"))
            return redirect("dpo:requests")
    line = rights_queries.get_request(number, today=timezone.localdate())
    page = AnswerPage(
        line, tuple(rights.grounds(line.kind.key).values()), given, trouble, erasing.held(line),
        may(request, "person.erase"),
    )  # fmt: skip
    return render(request, "dpo/request.html", {"page": page}, status=422 if trouble else 200)

"""My places on publication lists: how it came out, and an objection while the window is open."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.policy import loading
from anju.policy.words import number as points
from anju.services.store import list_actions, list_queries
from anju.web.guard import guard
from anju.web.shell.tags import is_english, refusal_words

STATES = {"open": "signal", "upheld": "good", "rejected": "quiet"}


@dataclass(frozen=True, slots=True)
class Mine:
    """One place of mine, in words, with my objections to it."""

    place: list_queries.PlaceView
    name: str
    score: str
    line: str
    is_open: bool
    may_object: bool
    objections: tuple[tuple[list_queries.ObjectionView, str, str], ...]


@require_GET
@guard("own.read")
def lists(request: HttpRequest) -> HttpResponse:
    """Every published list I stand on."""
    code, today = request.access.actor.person_code, timezone.localdate()
    objections = list_queries.objections_of(code)
    page = tuple(_mine(p, objections, today) for p in list_queries.places_of(code))
    return render(request, "resident/lists.html", {"page": page})


@require_POST
@guard("own.ask")
def object_to(request: HttpRequest, number: int, reference: str) -> HttpResponse:
    """Object to my own place."""
    try:
        list_actions.object_to(
            number, reference, request.POST.get("claim", ""), by=request.access.actor, at=timezone.now()
        )
        messages.success(request, _("异议已提交。结果会出现在这一页。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("resident:lists")


def _mine(place, objections, today) -> Mine:  # type: ignore[no-untyped-def]
    mine = [o for o in objections if (o.list_number, o.reference) == (place.list.number, place.reference)]
    words = {"open": _("待处理"), "upheld": _("成立"), "rejected": _("不成立")}
    try:
        programme = loading.get(place.list.programme)
        name = programme.label("en" if is_english() else "zh")
    except Refusal:  # the file is gone; the list stays
        name = place.list.programme
    is_open = place.list.is_open(today)
    line = "" if place.list.line_score is None else points(place.list.line_score)
    return Mine(
        place, name, points(place.score), line, is_open, is_open and all(o.state != "open" for o in mine),
        tuple((o, STATES[o.state], words[o.state]) for o in mine),
    )  # fmt: skip

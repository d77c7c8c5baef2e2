"""What is held about me, and who looked."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from anju.kernel.numbers import whole
from anju.register.store import queries as register
from anju.trust.access import rules
from anju.trust.store import rights_queries
from anju.web.guard import guard
from anju.web.resident.copies import as_json, as_pdf


@dataclass(frozen=True, slots=True)
class HomePage:
    """The way in: the name, and how many things wait."""

    name: str
    open_requests: int
    consents_given: int
    discrepancies: int


@dataclass(frozen=True, slots=True)
class LookLine:
    """One look in plain words."""

    look: rights_queries.Look
    action: object
    purpose: object
    role: object
    office: str


@dataclass(frozen=True, slots=True)
class LooksPage:
    """Who looked at my file, newest first."""

    lines: tuple[LookLine, ...]
    next_before: int | None
    is_all: bool


@require_GET
@guard("own.read")
def home(request: HttpRequest) -> HttpResponse:
    """The resident's front page."""
    code = request.access.actor.person_code
    today = timezone.localdate()
    held = register.get_person_file(code, masked=False)
    asked, _after = rights_queries.list_requests(today=today, person_code=code, state="open")
    agreed = rights_queries.list_consents(code, today)
    page = HomePage(held.line.name, len(asked), sum(1 for c in agreed if c.given_at), len(held.discrepancies))
    return render(request, "resident/home.html", {"page": page})


@require_GET
@guard("own.read")
def file(request: HttpRequest) -> HttpResponse:
    """What is held about me, in plain words, each value with where it came from."""
    held = register.get_person_file(request.access.actor.person_code, masked=False)
    return render(request, "resident/file.html", {"page": held})


@require_GET
@guard("own.looks")
def looks(request: HttpRequest) -> HttpResponse:
    """Who looked at my file, when, for which purpose. The office is named, not the worker.

    My own acts would hide what others did: they are shown when asked for.
    """
    after, is_all, me = request.GET.get("after", ""), request.GET.get("all") == "1", request.access.actor
    found, following = rights_queries.list_looks(
        me.person_code, before=whole(after), without="" if is_all else me.account
    )
    told = rules()
    lines = tuple(
        LookLine(
            look,
            told.actions.get(look.action),
            told.purposes.get(look.purpose),
            told.roles.get(look.role),
            look.office,
        )
        for look in found
    )
    return render(request, "resident/looks.html", {"page": LooksPage(lines, following, is_all)})


@require_GET
@guard("own.read")
def copy_json(request: HttpRequest) -> HttpResponse:
    """A copy of my file for machines."""
    held = register.get_person_file(request.access.actor.person_code, masked=False)
    answer = JsonResponse(as_json(held), json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = 'attachment; filename="anju-my-file.json"'
    return answer


@require_GET
@guard("own.read")
def copy_pdf(request: HttpRequest) -> HttpResponse:
    """A copy of my file for people and printers."""
    held = register.get_person_file(request.access.actor.person_code, masked=False)
    answer = HttpResponse(as_pdf(held, timezone.now()), content_type="application/pdf")
    answer["Content-Disposition"] = 'attachment; filename="anju-my-file.pdf"'
    return answer

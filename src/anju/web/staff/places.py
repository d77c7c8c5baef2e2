"""Dwellings and employers: the list, and one with the people in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.web.guard import guard
from anju.web.shell import maps
from anju.web.shell.sealed import open_sealed, seal
from anju.web.staff.people import back_to_now, clocks, end_of, scope

GRADES = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class DwellingsPage:
    """One page of dwellings, with what was asked for."""

    text: str
    grade: str
    grades: tuple[str, ...]
    rows: tuple[register.DwellingLine, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class EmployersPage:
    """One page of employers, with what was asked for."""

    text: str
    rows: tuple[register.EmployerLine, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class PlacePage:
    """One dwelling or employer, with the people of a day as known on a day; the dwelling's community drawn."""

    file: register.DwellingFile | register.EmployerFile
    valid_on: str
    known_on: str
    map: maps.Sketch | None = None
    hidden: int = 0


@require_GET
@guard("dwelling.read")
def dwellings(request: HttpRequest) -> HttpResponse:
    """Dwellings of the place, by address or code, by safety grade."""
    text, grade = open_sealed(request.GET.get("q", ""), request.user.pk), request.GET.get("grade", "")
    found = register.list_dwellings(
        text,
        scope=scope(request.access.actor),
        grade=grade if grade in GRADES else None,
        after=request.GET.get("after"),
        sort=request.GET.get("sort", ""),
    )
    page = DwellingsPage(text, grade, GRADES, found.rows, found.next_after)
    return render(request, "staff/dwellings.html", {"page": page})


@require_POST
@guard("dwelling.read")
def find_dwelling(request: HttpRequest) -> HttpResponse:
    """Take an address that was typed and show the list under a sealed address."""
    told = {
        "q": seal(request.POST.get("text", "").strip(), request.user.pk),
        "grade": request.POST.get("grade", ""),
    }
    query = urlencode({k: v for k, v in told.items() if v})
    return HttpResponseRedirect(reverse("staff:dwellings") + (f"?{query}" if query else ""))


@require_GET
@guard("dwelling.read", subject="dwelling:code")
def dwelling(request: HttpRequest, code: str) -> HttpResponse:
    """One dwelling and who lives there, now or on a day."""
    valid_on, known_on = clocks(request)
    try:
        held = register.get_dwelling(
            code,
            valid_on=valid_on,
            known_on=end_of(known_on),
            today=known_on or timezone.localdate(),
            with_families=request.access.opens("kin"),
        )
    except Refusal:
        if known_on is None:
            raise
        return back_to_now(request, known_on)
    drawn = maps.community(held.line.region, held.longitude, held.latitude)
    page = PlacePage(held, _stated(valid_on), _stated(known_on), drawn)
    return render(request, "staff/dwelling.html", {"page": page})


@require_GET
@guard("employer.read")
def employers(request: HttpRequest) -> HttpResponse:
    """Employers of the place, by name or credit code."""
    text = request.GET.get("text", "")
    found = register.list_employers(
        text,
        scope=scope(request.access.actor),
        after=request.GET.get("after"),
        sort=request.GET.get("sort", ""),
    )
    return render(
        request, "staff/employers.html", {"page": EmployersPage(text, found.rows, found.next_after)}
    )


@require_GET
@guard("employer.read", subject="employer:code")
def employer(request: HttpRequest, code: str) -> HttpResponse:
    """One employer and who works there, now or on a day."""
    valid_on, known_on = clocks(request)
    try:
        held = register.get_employer(
            code, valid_on=valid_on, known_on=end_of(known_on), today=known_on or timezone.localdate()
        )
    except Refusal:
        if known_on is None:
            raise
        return back_to_now(request, known_on)
    # What a library counted is of everybody; the rows are of those who live in one's own places.
    hidden = held.line.workers - len(held.workers) - held.more if not (valid_on or known_on) else 0
    page = PlacePage(held, _stated(valid_on), _stated(known_on), hidden=max(hidden, 0))
    return render(request, "staff/employer.html", {"page": page})


def _stated(told: date | None) -> str:
    return told.isoformat() if told else ""

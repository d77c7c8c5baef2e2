"""Find a person, open the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.trust import places
from anju.trust.access import Actor
from anju.web.guard import guard, may
from anju.web.shell import compiled
from anju.web.shell.sealed import open_sealed, seal
from anju.web.staff import words  # noqa: F401 - the compiled pages' own filters

REVEAL_SECONDS = 60
REVEALED = ("name", "citizen_no", "phone", "address")
"""Fields that are masked, and shown in clear for a purpose and a minute."""


def scope(actor: Actor) -> tuple[str, ...]:
    """The region prefixes an actor works in, for queries; row security holds the same."""
    if not actor.region:
        return ()
    return ("",) if actor.region == places.WHOLE else (places.prefix(actor.region),)


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of people found; ``text`` is what was looked for."""

    text: str
    rows: tuple[register.PersonLine, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One person's file and the two clocks it is read by."""

    file: register.PersonFile
    family: tuple[register.KinView, ...]
    valid_on: str
    known_on: str
    may_reveal: tuple[str, ...]
    may_settle: bool
    may_see_cases: bool
    may_see_employers: bool


@require_GET
@guard("person.search")
def people(request: HttpRequest) -> HttpResponse:
    """The list of people found, or of the place when nothing is asked for."""
    text = open_sealed(request.GET.get("q", ""), request.user.pk)
    found = register.find_people(
        text,
        scope=scope(request.access.actor),
        after=request.GET.get("after"),
        sort=request.GET.get("sort", ""),
    )
    request.access.detail["rows"] = len(found.rows)
    return compiled.respond(request, "staff/people.html", PeoplePage(text, found.rows, found.next_after))


@require_POST
@guard("person.search")
def find(request: HttpRequest) -> HttpResponse:
    """Take what was typed and show the list under a sealed address."""
    text = request.POST.get("text", "").strip()
    query = urlencode({"q": seal(text, request.user.pk)}) if text else ""
    return HttpResponseRedirect(reverse("staff:people") + (f"?{query}" if query else ""))


@require_GET
@guard("person.read", subject="person:code")
def person(request: HttpRequest, code: str) -> HttpResponse:
    """The file of one person, as true on a day and as known on a day."""
    valid_on, known_on = clocks(request)
    try:
        held = register.get_person_file(
            code, valid_on=valid_on, known_on=end_of(known_on), aspects=request.access.decision.aspects
        )
    except Refusal:
        if known_on is None:
            raise
        return back_to_now(request, known_on)
    if held.code != code:
        messages.info(
            request, _("编码 %(old)s 已并入 %(new)s，这是现在的档案。") % {"old": code, "new": held.code}
        )
        return redirect("staff:person", held.code)
    page = PersonPage(
        held,
        _family(held.family),
        valid_on.isoformat() if valid_on else "",
        known_on.isoformat() if known_on else "",
        () if known_on or not may(request, "person.reveal") else REVEALED,  # what is sealed is today's value
        not (known_on or valid_on) and may(request, "discrepancy.settle"),
        may(request, "discrepancy.read"),
        may(request, "employer.read"),
    )
    return compiled.respond(request, "staff/person.html", page)


@require_POST
@guard("person.reveal", subject="person:code")
def reveal(request: HttpRequest, code: str, field: str) -> HttpResponse:
    """One value in clear, for a minute. Without JavaScript it is a page of its own."""
    value = register.reveal(code, field)
    request.access.detail["field"] = field
    context = {"value": value, "field": field, "code": code, "seconds": REVEAL_SECONDS}
    part = "staff/revealed.html" if request.headers.get("HX-Request") else "staff/revealed_page.html"
    answer = render(request, part, context)
    answer["Cache-Control"] = "no-store"
    return answer


def _family(told: tuple[register.KinView, ...]) -> tuple[register.KinView, ...]:
    """Each relative once: what both sides state stands in the library twice, once from each side."""
    once: dict[tuple[str, str], register.KinView] = {}
    for kin in sorted(told, key=lambda k: k.is_inverse):
        once.setdefault((kin.relation, kin.relative_code or kin.name), kin)
    return tuple(once.values())


def day(stated: str | None) -> date | None:
    """A day of the address, or None where none, or nonsense, stands there."""
    try:
        return date.fromisoformat(stated) if stated else None
    except ValueError:
        return None


def clocks(request: HttpRequest) -> tuple[date | None, date | None]:
    """The days a file is read by: as true on one, as known on one. A day that is none, or is to come, is said and left out."""
    found = []
    for name in ("valid_on", "known_on"):
        stated = request.GET.get(name, "")
        told = day(stated)
        if stated and (told is None or told > timezone.localdate()):
            messages.warning(
                request, _("“%(day)s”不是过去的日期，这里显示现在的情况。") % {"day": stated[:20]}
            )
            told = None
        found.append(told)
    return found[0], found[1]


def back_to_now(request: HttpRequest, known_on: date) -> HttpResponse:
    """To the same page as of now: on that day nothing was known yet."""
    messages.info(
        request,
        _("到 %(day)s 为止还没有收到这方面的资料，这里显示现在的情况。") % {"day": known_on.isoformat()},
    )
    return redirect(request.path)


def end_of(last: date | None) -> datetime | None:
    """The last moment of a day here: what was known by then."""
    return timezone.make_aware(datetime.combine(last, time.max)) if last else None

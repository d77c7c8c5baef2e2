"""The counter: is this person here already; in when you come, out when you leave; undo."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from anju.kernel.refusal import Refusal
from anju.register.store import actions
from anju.register.store import queries as register
from anju.trust.access import Subject
from anju.web.guard import guard
from anju.web.shell.sealed import open_sealed, seal
from anju.web.shell.tags import refusal_words
from anju.web.staff import visit
from anju.web.staff.people import day, scope

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Told:
    """What the person at the counter says of themselves, as typed."""

    name: str = ""
    citizen_no: str = ""
    born_on: str = ""
    phone: str = ""

    @property
    def wanted(self) -> register.Wanted:
        """As the live check takes it."""
        return register.Wanted(self.name, self.citizen_no, day(self.born_on), self.phone)

    @property
    def is_enough(self) -> bool:
        """Whether a check can tell anything: a number, a phone, a name."""
        return bool(self.citizen_no or self.phone or self.name)


@dataclass(frozen=True, slots=True)
class CounterPage:
    """The live check: what was told, who may be meant, whether somebody lives elsewhere, what was entered today."""

    told: Told
    token: str
    candidates: tuple[register.Candidate, ...] = ()
    elsewhere: tuple[str, str | None] | None = None
    has_asked: bool = False
    entries: tuple[register.EntryLine, ...] = ()
    trouble: str = ""


@require_http_methods(["GET", "POST"])
@guard("person.search")
def counter(request: HttpRequest) -> HttpResponse:
    """Ask who is here; with htmx only the answer, while one types."""
    told = _told(request)
    page = CounterPage(told, pack(request, told), entries=_today(request))
    if request.method == "POST":
        page = _checked(page)
        request.access.detail["rows"] = len(page.candidates)
        if page.elsewhere:
            request.access.subject = Subject("person", page.elsewhere[0])
    part = "staff/candidates.html" if request.headers.get("HX-Request") else "staff/counter.html"
    return render(request, part, {"page": page})


def _told(request: HttpRequest) -> Told:
    if request.method == "GET":
        return unpack(request)
    return Told(**{name: request.POST.get(name, "").strip()[:80] for name in Told.__slots__})


def _checked(page: CounterPage) -> CounterPage:
    if not page.told.is_enough:
        return replace(page, trouble=refusal_words(Refusal("register.nothing_told")))
    (found,) = register.find_candidates([page.told.wanted], limit=SHOWN)
    elsewhere = None
    if not any(c.strength == "sure" for c in found):
        elsewhere = register.find_elsewhere(page.told.wanted)
        if elsewhere and elsewhere[0] in {c.person.code for c in found}:
            elsewhere = None
    return replace(page, candidates=found, elsewhere=elsewhere, has_asked=True)


def _today(request: HttpRequest) -> tuple[register.EntryLine, ...]:
    begin = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
    return register.entries_of(request.access.actor.account, begin)


def pack(request: HttpRequest, told: Told) -> str:
    """What was told, sealed for the address of the next step: nobody reads a name there."""
    return seal(json.dumps(asdict(told), ensure_ascii=False), request.user.pk) if told.is_enough else ""


def unpack(request: HttpRequest) -> Told:
    """What was told, out of the address; nothing when it is foreign or too old."""
    opened = open_sealed(request.GET.get("t", "") or request.POST.get("t", ""), request.user.pk)
    return Told(**json.loads(opened)) if opened else Told()


@require_http_methods(["GET", "POST"])
@guard("person.register")
def arrive(request: HttpRequest, code: str = "") -> HttpResponse:
    """Somebody comes: known (``code``) or new. Person, stay, guardian and job are one act, whole or not at all."""
    told = unpack(request)
    form = (
        visit.read(request.POST)
        if request.method == "POST"
        else visit.begin(told.citizen_no, timezone.localdate())
    )
    trouble = ""
    if request.POST.get("do") == "register":
        try:
            with transaction.atomic():
                code = _arrive(request, code, told, form)
            messages.success(request, _("已登记入住，即时生效。"))
            return redirect("staff:person", code)
        except Refusal as refused:
            trouble = refusal_words(refused)
    page = visit.page(
        code, told, request.GET.get("t", ""), form,
        scope=scope(request.access.actor), today=timezone.localdate(), trouble=trouble,
    )  # fmt: skip
    if page.person is not None:
        request.access.subject = Subject("person", page.person.code)
    status = 422 if trouble else 200
    return render(request, "staff/arrive.html", {"page": page}, status=status)


def _arrive(request: HttpRequest, code: str, told: Told, form: visit.Form) -> str:
    actor, at, purpose = request.access.actor, timezone.now(), request.access.purpose
    who: dict[str, Any] = {"by": actor, "at": at, "purpose": purpose}
    if not form.dwelling:
        raise Refusal("register.choose_dwelling")
    if not code:
        home = register.get_dwelling(form.dwelling).line
        values = visit.person_values(told, form)
        code = actions.register_person(values, region=home.region, observed_on=timezone.localdate(), **who)
    begin_on = day(form.begin_on)
    if begin_on is None:
        raise Refusal("register.choose_day")
    actions.register_stay(
        code, dwelling_code=form.dwelling, begin_on=begin_on, dwelling_kind=form.dwelling_kind, reason=form.reason,
        guardian=visit.guardian(form), known_by=(told.citizen_no.upper(), told.name), **who,
    )  # fmt: skip
    if form.employer:
        job_on = day(form.job_begin_on) or begin_on
        actions.register_job(
            code, employer_code=form.employer, begin_on=job_on, occupation=form.occupation, **who
        )
    return code


@dataclass(frozen=True, slots=True)
class LeavePage:
    """Somebody leaves: who, from where, on which day."""

    file: register.PersonFile
    stay: register.StayView | None
    end_on: str
    trouble: str


@require_http_methods(["GET", "POST"])
@guard("person.register", subject="person:code")
def leave(request: HttpRequest, code: str) -> HttpResponse:
    """Somebody leaves: the stay ends at once."""
    stated = request.POST.get("end_on", "") or timezone.localdate().isoformat()
    trouble = ""
    if request.method == "POST":
        try:
            end_on = day(stated)
            if end_on is None:
                raise Refusal("register.choose_day")
            actions.end_stay(
                code,
                end_on=end_on,
                by=request.access.actor,
                at=timezone.now(),
                purpose=request.access.purpose,
            )
            messages.success(request, _("已办理离开，即时生效。"))
            return redirect("staff:counter")
        except Refusal as refused:
            trouble = refusal_words(refused)
    held = register.get_person_file(code, aspects=("stay",))
    stay = next((s for s in held.stays if s.until is None), None)
    page = LeavePage(held, stay, stated, trouble)
    return render(request, "staff/leave.html", {"page": page}, status=422 if trouble else 200)


@require_POST
@guard("person.register", subject="person:code")
def undo(request: HttpRequest, code: str, key: str) -> HttpResponse:
    """Take an entry of this person back."""
    try:
        actions.withdraw_entry(
            key, of=code, by=request.access.actor, at=timezone.now(), purpose=request.access.purpose
        )
        messages.success(request, _("已撤回。"))
    except Refusal as refused:
        messages.error(request, refusal_words(refused))
    return redirect("staff:counter")

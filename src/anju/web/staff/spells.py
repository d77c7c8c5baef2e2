"""One person's stays or jobs: put right when each began and ended and where it was, or take out what never was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.register import settling
from anju.register.spells import Change
from anju.register.store import queries as register
from anju.register.store import settling_parts
from anju.register.store.queries.spells import SpellPage, get_spells
from anju.trust import rights
from anju.trust.access import Actor
from anju.trust.store import rights_queries
from anju.web.guard import Access, guard, may
from anju.web.shell.tags import refusal_words
from anju.web.staff.discrepancies import departments, named, step, theirs_to_see
from anju.web.staff.people import scope

FOUND = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A dwelling or employer that may be the right one."""

    code: str
    words: str
    region: str
    note: str


@dataclass(frozen=True, slots=True)
class SpellsPage:
    """The spells with the case about them, and what can be done. ``places``: found for ``text``; None: not asked."""

    held: SpellPage
    departments: tuple[tuple[str, str], ...]
    evidence: dict[str, dict[str, str]]
    request: rights_queries.RequestLine | None
    grounds: tuple[rights.Ground, ...]
    given: dict[str, str]
    chosen: int
    text: str
    places: tuple[Place, ...] | None
    most: int
    trouble: str
    may_settle: bool
    is_theirs: bool


@require_http_methods(["GET", "POST"])
@guard("discrepancy.read", subject="person:code", unsafe="discrepancy.settle")
def spells(request: HttpRequest, code: str, aspect: str) -> HttpResponse:
    """See the spells; put one right, hand the case on, close it, take a decision back."""
    access: Access = request.access  # type: ignore[attr-defined]
    trouble, is_looking = "", request.POST.get("do") == "look"
    if request.method == "POST" and not is_looking:
        try:
            done = _do(request.POST, access, code, aspect)
        except Refusal as refusal:
            trouble = refusal_words(named(refusal))
        else:
            messages.success(request, done)
            return redirect("staff:case", code, aspect)
    held = get_spells(code, aspect)
    head = held.case
    theirs_to_see(head, access.actor)
    asked = rights_queries.get_request(head.request, today=timezone.localdate()) if head.request else None
    given = request.POST.dict() if trouble or is_looking else {}
    row, text = given.get("row", ""), given.get("text", "").strip()[:80]
    page = SpellsPage(
        held, departments(head.owner), settling.plan()["evidence"], asked,
        tuple(rights.grounds("correct").values()) if asked else (), given, whole(row) or 0, text,
        _places(aspect, text, access.actor) if text else None, FOUND, trouble,
        may(request, "discrepancy.settle"), not access.actor.department or access.actor.department == head.owner,
    )  # fmt: skip
    return render(request, "staff/spells.html", {"page": page}, status=422 if trouble else 200)


def _do(given: QueryDict, access: Access, code: str, aspect: str) -> str:
    why, do = given.get("why", ""), given.get("do", "")
    who = {"by": access.actor, "at": timezone.now(), "purpose": access.purpose}
    if do in ("change", "take_out"):
        row = whole(given.get("row"))
        if row is None:
            raise Refusal("register.choose_spell")
        change = Change(is_taken_out=True) if do == "take_out" else _change(given, aspect, access)
        told = {"why": why, "evidence": given.get("evidence", "records")}
        settling_parts.settle_spell(code, aspect, row, change, **told, **who)
        return _("已更正，现在就这样显示；以后的汇总也以它为准。")
    if done := step(given, code, aspect, who):
        return done
    raise Refusal("register.choose_spell")


def _places(aspect: str, text: str, actor: Actor) -> tuple[Place, ...]:
    """Dwellings or employers of the actor's place that fit what was typed, or a code."""
    if aspect == "stay":
        found = register.list_dwellings(text, scope=scope(actor), limit=FOUND).rows
        return tuple(Place(d.code, d.address or d.code, d.region, "") for d in found)
    return tuple(
        Place(e.code, e.name, "", e.code)
        for e in register.list_employers(text, scope=("",), limit=FOUND).rows
    )


def _change(given: QueryDict, aspect: str, access: Access) -> Change:
    to_place, is_open = given.get("to_place", ""), bool(given.get("text")) and "to_place" not in given
    if is_open or (to_place and to_place not in {p.code for p in _places(aspect, to_place, access.actor)}):
        raise Refusal("register.choose_place")
    return Change(
        _day(given.get("begin_on", "")),
        _day(given.get("end_on", "")),
        bool(given.get("goes_on")),
        to_place=to_place,
    )


def _day(told: str) -> date | None:
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise Refusal("register.choose_day") from None

"""Objections to a publication list: taken at the counter, settled with one fact put right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from anju.kernel.refusal import Refusal
from anju.policy.form import asked
from anju.services.store import list_actions, list_queries
from anju.trust.access import Subject
from anju.web.guard import guard
from anju.web.planner.list_words import Head, Objection, head_of, objection_of, programme_of
from anju.web.planner.programmes import language
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class Asked:
    """One fact an objection may correct: key, words, how to write it, its value on the list."""

    key: str
    name: str
    how: str
    value: str


@dataclass(frozen=True, slots=True)
class ObjectionPage:
    """One objection to be settled."""

    head: Head
    objection: Objection
    facts: tuple[Asked, ...]


@require_POST
@guard("case.decide")
def object_for(request: HttpRequest, number: int) -> HttpResponse:
    """An officer takes an objection for somebody at the counter, or raises one."""
    access = request.access
    try:
        list_actions.object_to(
            number, request.POST.get("reference", "").strip().upper(), request.POST.get("claim", ""), by=access.actor,
            at=timezone.now(), purpose=access.purpose, is_by_officer=True,
        )  # fmt: skip
        messages.success(request, _("异议已受理。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("planner:list", number)


@require_http_methods(["GET", "POST"])
@guard("case.decide")
def objection(request: HttpRequest, number: int) -> HttpResponse:
    """One objection: what was claimed, what the list rests on, and the settling of it."""
    access = request.access
    told = list_queries.get_objection(number)
    access.subject = Subject("person", told.person_code)
    if request.method == "POST":
        key, value = request.POST.get("fact", ""), request.POST.get("value", "").strip()
        try:
            outcome = list_actions.settle(
                number, {key: value} if key else {}, request.POST.get("answer", ""), by=access.actor, at=timezone.now(),
                purpose=access.purpose,
            )  # fmt: skip
        except Refusal as refusal:
            messages.error(request, refusal_words(refusal))
            return redirect("planner:objection", number)
        messages.success(
            request, _("异议成立，名单已更正。") if outcome == "upheld" else _("异议已答复，名单不变。")
        )
        return redirect("planner:list", told.list_number)
    found = list_queries.get_list(told.list_number)
    held = list_actions.facts_of(number)
    facts = tuple(
        Asked(
            r["key"], r[language()], r[f"form_{language()}"], _shown(held.get(r["key"]), r.get("options", ()))
        )
        for r in asked(programme_of(found.programme))
    )
    page = ObjectionPage(head_of(found), objection_of(told), facts)
    return render(request, "planner/objection.html", {"page": page})


def _shown(value: object, options: Sequence[Mapping[str, str]]) -> str:
    if value is None:
        return "—"
    words = next((o[language()] for o in options if o["code"] == value), "")
    if words:
        return words
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)

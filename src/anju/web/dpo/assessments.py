"""Impact assessments: begun from what the catalogue knows, answered, approved by a second person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from anju.kernel.refusal import Refusal
from anju.register import canon
from anju.trust import rights
from anju.trust.access import rules
from anju.trust.store import rights_actions, rights_queries
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class AssessmentsPage:
    """All assessments, and the purposes one can be begun for."""

    rows: tuple[tuple[object, object], ...]
    purposes: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class AssessmentPage:
    """One assessment: what is known, each question with its answer so far."""

    row: object
    purpose: object
    questions: tuple[tuple[dict[str, str], str], ...]
    known: dict[str, Any]


def known_of(purpose_name: str) -> dict[str, Any]:
    """What the catalogue already answers about a purpose: basis, who, which columns, which of them sensitive."""
    purpose = rules().purposes[purpose_name]
    aspects = [canon.ASPECTS[a] for a in purpose.aspects if a in canon.ASPECTS]
    return {
        "basis": dict(purpose.basis),
        "roles": sorted(purpose.roles),
        "departments": sorted(purpose.departments),
        "aspects": list(purpose.aspects),
        "columns": sum(len(a.columns) for a in aspects),
        "sensitive": [f"{c.zh} {c.name}" for a in aspects for c in a.columns if c.privacy == "sensitive"],
    }


@require_http_methods(["GET", "POST"])
@guard("consent.read")
def assessments(request: HttpRequest) -> HttpResponse:
    """List assessments; begin one."""
    if request.method == "POST":
        subject = request.POST.get("subject", "")
        try:
            if subject not in rules().purposes:
                raise Refusal("rights.unknown_assessment", number=subject)
            number = rights_actions.start_assessment(
                subject, known_of(subject), by=request.access.actor, at=timezone.now()
            )
            return redirect("dpo:assessment", number)
        except Refusal as refusal:
            messages.error(request, refusal_words(refusal))
    told = rules().purposes
    rows = tuple((row, told.get(row.subject)) for row in rights_queries.list_assessments())
    return render(request, "dpo/assessments.html", {"page": AssessmentsPage(rows, tuple(told.values()))})


@require_http_methods(["GET", "POST"])
@guard("consent.read")
def assessment(request: HttpRequest, number: str) -> HttpResponse:
    """Answer an assessment, or approve a colleague's."""
    if request.method == "POST":
        try:
            if request.POST.get("do") == "approve":
                rights_actions.approve_assessment(number, by=request.access.actor, at=timezone.now())
                messages.success(request, _("已批准，报告至少保存三年。"))
            else:
                rights_actions.answer_assessment(
                    number, dict(request.POST.items()), by=request.access.actor, at=timezone.now()
                )
                messages.success(request, _("已保存。"))
        except Refusal as refusal:
            messages.error(request, refusal_words(refusal))
        return redirect("dpo:assessment", number)
    row = next((a for a in rights_queries.list_assessments() if a.number == number), None)
    if row is None:
        return redirect("dpo:assessments")
    questions = tuple((q, row.answers.get(q["id"], "")) for q in rights.catalogue()["assessment"])
    page = AssessmentPage(row, rules().purposes.get(row.subject), questions, row.known)
    return render(request, "dpo/assessment.html", {"page": page})

"""The incident register, and the figure the mission names: incidents per interaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from anju.kernel.refusal import Refusal
from anju.trust import rights
from anju.trust.store import rights_actions, rights_queries
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class IncidentsPage:
    """The register, what kinds there are, and the figure with its aim."""

    rows: tuple[object, ...]
    kinds: dict[str, dict[str, str]]
    count: int
    interactions: int
    share: float
    aim: float
    trouble: str


@require_http_methods(["GET", "POST"])
@guard("incident.write")
def incidents(request: HttpRequest) -> HttpResponse:
    """List incidents; write a new one."""
    trouble = ""
    if request.method == "POST":
        told = request.POST
        try:
            number = rights_actions.write_incident(
                told.get("kind", ""),
                told.get("what", ""),
                max(int(told.get("people") or 0), 0),
                date.fromisoformat(told.get("happened_on", "")),
                by=request.access.actor,
                at=timezone.now(),
            )
        except Refusal as refusal:
            trouble = refusal_words(refusal)
        except ValueError:
            trouble = _("请核对人数和日期（如 2026-11-22）。")
        else:
            messages.success(request, _("已登记事件 %(number)s。") % {"number": number})
            return redirect("dpo:incidents")
    told_kinds = rights.catalogue()["incidents"]
    count, interactions, share = rights_queries.incident_share()
    page = IncidentsPage(
        tuple((row, told_kinds["kinds"].get(row.kind)) for row in rights_queries.list_incidents()),
        told_kinds["kinds"], count, interactions, share, told_kinds["aim_share"], trouble,
    )  # fmt: skip
    return render(request, "dpo/incidents.html", {"page": page}, status=422 if trouble else 200)


@require_POST
@guard("incident.write")
def follow(request: HttpRequest, number: str) -> HttpResponse:
    """One step of an incident."""
    try:
        rights_actions.follow_incident(
            number,
            request.POST.get("step", ""),
            by=request.access.actor,
            at=timezone.now(),
            measures=request.POST.get("measures", ""),
        )
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("dpo:incidents")

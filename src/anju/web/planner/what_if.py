"""What-if: change numbers in a form made from the file, see at once what comes of it for everyone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.policy import library, whatif
from anju.policy.bound import bind
from anju.policy.model import Programme
from anju.policy.simulate import assumed, simulate
from anju.web.guard import guard
from anju.web.planner import form
from anju.web.planner.programmes import get_version, language, library_day, waiting
from anju.web.planner.results import Picture, picture, protected

MOST_SETTINGS = 200


@dataclass(frozen=True, slots=True)
class WhatIfPage:
    """The form, what is changed, and what comes of it."""

    programme: Programme
    name: str
    on: date
    sections: tuple[form.FormSection, ...]
    changes: tuple[form.Changed, ...]
    settings: Mapping[str, str]
    query: str
    service: str
    services: tuple[tuple[str, str], ...]
    picture: Picture
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A draft of a new version: what changes, and the readable difference of the files."""

    programme: Programme
    name: str
    changes: tuple[form.Changed, ...]
    query: str
    lines: tuple[tuple[str, str], ...]


def settings_of(request: HttpRequest) -> dict[str, str]:
    """Settings in an address: ``?set=path=value&set=…``."""
    return whatif.parse_settings(request.GET.getlist("set")[:MOST_SETTINGS])


def query_of(settings: Mapping[str, str], service: str = "") -> str:
    """The address part that says these settings."""
    asked = [("set", f"{k}={v}") for k, v in settings.items()]
    return urlencode(asked + ([("service", service)] if service else []))


def try_on_everyone(
    programme: Programme, settings: Mapping[str, str], on: date, service: str = ""
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The protected result over the library's people, and the facts that no dataset gives."""
    other = whatif.changed(programme, settings)[0] if settings else programme
    numbers = assumed()
    with library.everyone([programme, other], on) as people:
        groups = [c for c in people.columns if c.startswith("group_")]
        found = simulate(
            people.engine, people.source, bind(programme, on, {}), bind(other, on, {}), service=service or None, groups=groups,
            cost_per_10000_yuan=numbers.get("cost_per_10000_people_yuan", 0), least_cell=numbers.get("least_cell", 10),
        )  # fmt: skip
    labels = {u.fact.column: u.label(language()) for u in programme.uses}
    return protected(found), tuple(labels[c] for c in people.absent if c in labels)


def service_of(request: HttpRequest, programme: Programme) -> str:
    """The service asked for, if the programme decides it."""
    asked = request.GET.get("service", "") or request.POST.get("service", "")
    return asked if asked in {s.id for s in programme.services} else ""


@require_GET
@guard("policy.simulate")
def what_if(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """The form and the result of the numbers in the address."""
    found = get_version(place, programme, version)
    settings, service, on = settings_of(request), service_of(request, found), library_day(found)
    if (wait := waiting(request, found, on)) is not None:
        return wait
    sections = form.form(found, settings)
    told, absent = try_on_everyone(found, settings, on, service)
    request.access.detail["settings"] = len(settings)
    services = tuple((s.id, s.label(language())) for s in found.services)
    page = WhatIfPage(
        found, found.label(language()), on, sections, form.changes(found, sections), settings, query_of(settings, service),
        service or found.services[0].id, services if len(services) > 1 else (), picture(told), absent,
    )  # fmt: skip
    return render(request, "planner/what_if.html", {"page": page})


@require_POST
@guard("policy.simulate")
def change(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """Take the form: only what differs from the file goes into the address."""
    found = get_version(place, programme, version)
    settings = form.read(found, request.POST)
    if settings:
        whatif.changed(found, settings)  # refuses here what would break the file
    query = query_of(settings, service_of(request, found))
    where = reverse("planner:what_if", args=[place, programme, version])
    return HttpResponseRedirect(f"{where}?{query}" if query else where)


@require_GET
@guard("policy.edit")
def draft(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """The draft of a new version as a readable difference, before it is downloaded."""
    found = get_version(place, programme, version)
    settings = settings_of(request)
    old = Path(found.file).read_text(encoding="utf-8")
    text = whatif.changed(found, settings)[1]
    changes = form.changes(found, form.form(found, settings))
    lines = tuple((_kind(line), line) for line in whatif.diff(old, text, found.id).splitlines())
    page = DraftPage(found, found.label(language()), changes, query_of(settings), lines)
    return render(request, "planner/draft.html", {"page": page})


@require_GET
@guard("policy.edit")
def export(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """The draft as a policy file for review; its head says what it was made from."""
    found = get_version(place, programme, version)
    settings = settings_of(request)
    text = whatif.changed(found, settings)[1]
    told = "".join(f"#   {path} = {value}\n" for path, value in settings.items())
    head = f"# {_('送审稿，尚未生效。改自')} {found.id} ({found.digest[:12]})\n{told}"
    answer = HttpResponse(head + text, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{place}-{programme}-{found.version}-draft.yaml"'
    return answer


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "head"
    return {"+": "new", "-": "old"}.get(line[:1], "same")

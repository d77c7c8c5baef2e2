"""Kept what-ifs: save under a name, list, share, compare, remove."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.policy import loading, whatif
from anju.policy.model import Programme
from anju.policy.store import actions, queries
from anju.trust.store import log
from anju.web.guard import guard
from anju.web.planner import form
from anju.web.planner.programmes import get_version, language, library_day
from anju.web.planner.results import Picture, picture
from anju.web.planner.what_if import query_of, service_of, try_on_everyone
from anju.web.shell.charts import Chart, Series

MOST_COMPARED = 6


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept what-if with its programme in words; ``is_stale`` when the file has changed since."""

    view: queries.ScenarioView
    programme: Programme | None
    name: str
    changes: tuple[form.Changed, ...]
    query: str
    is_own: bool
    is_stale: bool
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Several kept what-ifs: a picture, rows of figures, rows of settings."""

    kept: tuple[Kept, ...]
    chart: Chart | None
    figures: tuple[tuple[str, tuple[str, ...]], ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]


@require_POST
@guard("policy.edit")
def save(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """Keep the what-if under a name, with its result worked out here, not taken from the page."""
    found = get_version(place, programme, version)
    settings = whatif.parse_settings(request.POST.getlist("set"))
    service, on, access = service_of(request, found), library_day(found), request.access
    result, _absent = try_on_everyone(found, settings, on, service)
    at, purpose = timezone.now(), access.purpose or "planning"
    kept = actions.save_scenario(
        request.POST.get("name", "")[:120], found, settings, population=f"library {on.isoformat()}", by=access.actor.account,
        at=at, purpose=purpose, service=service, result=result, note=request.POST.get("note", "")[:1000],
    )  # fmt: skip
    _log(request, "saved", kept.id)
    messages.success(request, _("方案已保存。"))
    return redirect("planner:scenario", kept.id)


@require_GET
@guard("policy.simulate")
def scenarios(request: HttpRequest) -> HttpResponse:
    """One's own what-ifs and those that colleagues share."""
    account = request.access.actor.account
    kept = tuple(_kept(s, account) for s in queries.list_scenarios(account))
    return render(request, "planner/scenarios.html", {"page": kept})


@require_GET
@guard("policy.simulate")
def scenario(request: HttpRequest, number: int) -> HttpResponse:
    """One kept what-if as it came out when it was kept."""
    account = request.access.actor.account
    try:
        page = _kept(queries.get_scenario(number, account), account)
    except Refusal as refusal:
        raise Http404 from refusal
    return render(request, "planner/scenario.html", {"page": page})


@require_POST
@guard("policy.edit")
def share(request: HttpRequest, number: int) -> HttpResponse:
    """Share with every planner, or stop."""
    access = request.access
    shared = request.POST.get("shared") == "1"
    actions.share_scenario(
        number,
        shared=shared,
        by=access.actor.account,
        at=timezone.now(),
        purpose=access.purpose or "planning",
    )
    _log(request, "shared" if shared else "unshared", number)
    return redirect("planner:scenario", number)


@require_POST
@guard("policy.edit")
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Remove one's own."""
    access = request.access
    actions.remove_scenario(
        number, by=access.actor.account, at=timezone.now(), purpose=access.purpose or "planning"
    )
    _log(request, "removed", number)
    messages.success(request, _("方案已删除。"))
    return redirect("planner:scenarios")


@require_GET
@guard("policy.simulate")
def side_by_side(request: HttpRequest) -> HttpResponse:
    """Chosen what-ifs beside each other."""
    account = request.access.actor.account
    numbers = [n for told in request.GET.getlist("id") if (n := whole(told)) is not None][:MOST_COMPARED]
    kept = tuple(
        k for n in numbers if (k := _kept(queries.get_scenario(n, account), account)).picture is not None
    )
    if len(kept) < 2:
        messages.warning(request, _("请至少选两个方案。"))
        return HttpResponseRedirect("../")
    return render(request, "planner/side_by_side.html", {"page": _compared(kept)})


def _kept(view: queries.ScenarioView, account: str) -> Kept:
    try:
        programme: Programme | None = loading.get(view.programme)
    except Refusal:
        programme = None
    try:
        changes = form.changes(programme, form.form(programme, view.settings)) if programme else ()
    except Refusal:
        changes = ()
    return Kept(
        view, programme, programme.label(language()) if programme else view.programme, changes,
        query_of(view.settings, view.service), view.created_by == account,
        programme is None or programme.digest != view.file_sha256, picture(view.result) if view.result else None,
    )  # fmt: skip


def _compared(kept: tuple[Kept, ...]) -> SideBySide:
    titles = list(dict.fromkeys(t.words for k in kept for t in (k.picture.tiles if k.picture else ())))
    values = [{t.words: t.value for t in k.picture.tiles} if k.picture else {} for k in kept]
    figures = tuple((t, tuple(v.get(t, "—") for v in values)) for t in titles)
    told = [{c.label: c.after for c in k.changes} for k in kept]
    labels = list(dict.fromkeys(c.label for k in kept for c in k.changes))
    settings = tuple((label, tuple(t.get(label, _("未改")) for t in told)) for label in labels)
    after = [(k.view.result or {}).get("after", {}) for k in kept]
    chart = Chart(
        "scenarios", _("符合人数与入围人数"), "row", [k.view.name for k in kept],
        [Series(_("符合人数"), [a.get("qualified") for a in after]), Series(_("入围人数"), [a.get("admitted") for a in after])], _("人"),
    )  # fmt: skip
    return SideBySide(kept, chart, figures, settings)


def _log(request: HttpRequest, result: str, number: int) -> None:
    access = request.access
    log.record(
        access.actor, "policy.edit", timezone.now(), purpose=access.purpose, subject="", detail={"scenario": number, "step": result}
    )  # fmt: skip

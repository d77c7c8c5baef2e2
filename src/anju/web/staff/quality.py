"""Contradictions, and the board of data quality."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from anju.register.store import queries as register
from anju.web.guard import guard
from anju.web.shell.charts import Chart, Series
from anju.web.shell.tags import is_english
from anju.web.shell.terms import dataset_name, field_label
from anju.web.staff.people import scope

RECORDS = {"contradiction_rate": "/staff/discrepancies/", "standardisation_rate": "/staff/batches/"}
"""Where the records behind a measure are listed."""


@dataclass(frozen=True, slots=True)
class DiscrepanciesPage:
    """One page of contradictions; ``counts`` per field for the filter."""

    rows: tuple[register.DiscrepancyLine, ...]
    next_after: str | None
    field: str
    counts: dict[str, int]
    total: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure as drawn: its words, definition, value, aim, course, and what it is made of."""

    view: register.MeasureView
    name: str
    definition: str
    shown: str
    aim: str
    tone: str
    charts: tuple[Chart, ...]
    href: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The newest run and every measure of it."""

    run: register.RunLine
    measures: tuple[Measure, ...]


@require_GET
@guard("discrepancy.read")
def discrepancies(request: HttpRequest) -> HttpResponse:
    """Contradictions of the place, filtered by field."""
    where, field = scope(request.access.actor), request.GET.get("field", "")
    found = register.list_discrepancies(scope=where, field=field or None, after=request.GET.get("after"))
    request.access.detail["rows"] = len(found.rows)
    counts = register.count_discrepancies(where)
    page = DiscrepanciesPage(found.rows, found.next_after, field, counts, sum(counts.values()))
    return render(request, "staff/discrepancies.html", {"page": page})


@require_GET
@guard("quality.read")
def board(request: HttpRequest) -> HttpResponse:
    """How good the data are, by the newest run; each figure with its definition."""
    told = register.quality_board()
    return render(
        request, "staff/quality.html", {"page": BoardPage(told.run, tuple(map(_measure, told.measures)))}
    )


def _measure(view: register.MeasureView) -> Measure:
    english = is_english()
    name, definition = (view.en, view.definition_en) if english else (view.zh, view.definition_zh)
    return Measure(
        view, name, definition, _shown(view.unit, view.value),
        _("目标 %(aim)s") % {"aim": _shown(view.unit, view.target)} if view.target is not None else "",
        "" if view.meets is None else "good" if view.meets else "signal",
        tuple(filter(None, (_chart(view, name), _course(view, name)))), RECORDS.get(view.key, ""),
    )  # fmt: skip


def _chart(view: register.MeasureView, name: str) -> Chart | None:
    """Parts as bars, biggest first; the table of the same numbers stands under it for screen readers."""
    shown = sorted(
        ((_part(label), value) for label, value in view.parts if value is not None), key=lambda p: -p[1]
    )
    if len(shown) < 2:
        return None
    scale, unit, places = (
        (100, "%", 1) if view.unit == "share" else (1, _("天") if view.unit == "days" else "", 0)
    )
    return Chart(
        f"measure-{view.key}", name, "row", [label for label, _v in shown],
        [Series(name, [round(value * scale, 2) for _l, value in shown])], unit, places,
    )  # fmt: skip


def _course(view: register.MeasureView, name: str) -> Chart | None:
    """How the measure went from run to run; nothing while there is one run only."""
    told = [(on, value) for on, value in view.history if value is not None]
    if len(told) < 2 or view.unit == "count":
        return None
    scale, unit = (100, "%") if view.unit == "share" else (1, _("天"))
    return Chart(
        f"course-{view.key}", _("%(name)s：历次汇总") % {"name": name}, "line", [on.isoformat() for on, _v in told],
        [Series(name, [round(value * scale, 2) for _o, value in told])], unit, 1,
        target=None if view.target is None else view.target * scale, target_label=_("目标"),
    )  # fmt: skip


def _part(label: str) -> str:
    named = dataset_name(label)
    return named if named != label else field_label(label)


def _shown(unit: str, value: float | None) -> str:
    if value is None:
        return "—"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "days":
        return f"{value:,.1f}"
    return f"{value:,.0f}"

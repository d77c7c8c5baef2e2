"""The board of data quality."""

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

RECORDS = {"contradiction_rate": "/staff/discrepancies/", "standardisation_rate": "/staff/batches/"}
"""Where the records behind a measure are listed."""
HIGH_IS_GOOD = frozenset({"standardisation_rate", "on_time_rate"})
DRAWN = 12
"""Bars in one picture; the other parts stand in its table."""


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
    """The parts that need most work as bars, worst first; the table under them holds every part."""
    high_is_good = view.key in HIGH_IS_GOOD
    told = sorted(((_part(p), v) for p, v in view.parts), key=lambda p: p[1] if high_is_good else -p[1])
    if len(told) < 2:
        return None
    scale, unit, places = (
        (100, "%", 1) if view.unit == "share" else (1, _("天") if view.unit == "days" else "", 0)
    )
    rows = [(label, round(value * scale, 2)) for label, value in told]
    drawn, rest = rows[:DRAWN], rows[DRAWN:]
    return Chart(
        f"measure-{view.key}", _("%(name)s：最需改进的 %(n)s 项") % {"name": name, "n": len(drawn)} if rest else name,
        "row", [label for label, _v in drawn], [Series(name, [v for _l, v in drawn])], unit, places,
        more=[(label, [v]) for label, v in rest],
    )  # fmt: skip


def _course(view: register.MeasureView, name: str) -> Chart | None:
    """How the measure went from run to run; nothing while there is one run only."""
    told = [(on, value) for on, value in view.history if value is not None]
    if len(told) < 3 or view.unit == "count":
        return None
    scale, unit = (100, "%") if view.unit == "share" else (1, _("天"))
    return Chart(
        f"course-{view.key}", _("%(name)s：历次汇总") % {"name": name}, "line", [on.isoformat() for on, _v in told],
        [Series(name, [round(value * scale, 2) for _o, value in told])], unit, 1,
        target=None if view.target is None else view.target * scale, target_label=_("目标"),
    )  # fmt: skip


def _part(label: str) -> str:
    """A part in words: a dataset, a field, or a field of a dataset."""
    dataset, dot, field = label.partition(".")
    if dot:
        return f"{dataset_name(dataset)} · {field}"
    named = dataset_name(label)
    return named if named != label else field_label(label)


def _shown(unit: str, value: float | None) -> str:
    if value is None:
        return "—"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "days":
        return f"{value:,.1f}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"

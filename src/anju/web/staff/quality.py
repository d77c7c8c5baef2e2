"""The board of data quality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from anju.exchange.contracts import list_contracts
from anju.exchange.store import course_queries
from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.register.store.queries import cases
from anju.web.guard import guard, may
from anju.web.shell.charts import Chart, Series
from anju.web.shell.tags import is_english
from anju.web.shell.terms import dataset_name, field_label, sent_field
from anju.web.staff.people import scope

PAGES = {
    "contradiction_rate": "staff:discrepancies",
    "standardisation_rate": "staff:batches",
    "freshness_days": "staff:batches",
    "on_time_rate": "staff:batches",
    "waiting": "staff:batches",
    "fixed_rate": "staff:batches",
    "review": "staff:review",
}
"""Where the records behind a measure are listed, other than people."""
ASKED_AS = {"staff:batches": "department", "staff:discrepancies": "owner"}
"""What a page calls the department whose records alone it is to show."""
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
class Queue:
    """What waits to be mended or decided: its figure now, and its course over the runs."""

    key: str
    name: str
    shown: str
    note: str
    href: str
    tone: str
    definition: str
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The newest run, what waits, and every measure; all of one department's own datasets where one is chosen."""

    run: register.RunLine
    queues: tuple[Queue, ...]
    measures: tuple[Measure, ...]
    department: str
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BehindPage:
    """The people behind one figure."""

    name: str
    definition: str
    shown: str
    rows: tuple[register.PersonLine, ...]
    next_after: str | None


@require_GET
@guard("quality.read")
def board(request: HttpRequest) -> HttpResponse:
    """How good the data are, by the newest run, over the runs, per department; each figure opens its records."""
    told = register.quality_board()
    owners = {c.id: c.department for c in list_contracts()}
    department = request.GET.get("department", "")
    department = department if department in owners.values() else ""
    datasets = frozenset(d for d, owner in owners.items() if owner == department) if department else None
    measures = tuple(_measures(request, told, datasets, department))
    queues = _queues(request, told.history, department, datasets)
    page = BoardPage(told.run, queues, measures, department, tuple(sorted(set(owners.values()))))
    return render(request, "staff/quality.html", {"page": page})


@require_GET
@guard("person.search")
def behind(request: HttpRequest, measure: str) -> HttpResponse:
    """The people behind a figure, within the places one works in."""
    found = register.people_behind(measure, scope=scope(request.access.actor), after=request.GET.get("after"))
    request.access.detail["rows"] = len(found.rows)
    view = next((m for m in register.quality_board().measures if m.key == measure), None)
    if view is None:
        raise Refusal("register.no_measure")
    name, definition = (view.en, view.definition_en) if is_english() else (view.zh, view.definition_zh)
    page = BehindPage(name, definition, _shown(view.unit, view.value), found.rows, found.next_after)
    return render(request, "staff/behind.html", {"page": page})


def _queues(
    request: HttpRequest,
    runs: tuple[register.RunLine, ...],
    department: str,
    datasets: frozenset[str] | None,
) -> tuple[Queue, ...]:
    """What waits to be mended or decided, now and at each run: rows held back, questions, a department's contradictions."""
    now = timezone.now()
    dated = [(r.known_at, r.as_of) for r in reversed(runs) if r.known_at is not None and r.as_of is not None]
    moments = [*(at for at, _on in dated), now]
    labels = [*(on.isoformat() for _at, on in dated), _("现在")]
    held = course_queries.held(moments, datasets)
    waiting, fixed = held.waiting[-1], held.done[-1]
    found = [
        Queue("held", _("退回待改"), f"{waiting:,}", "", _href(request, "waiting", department),
              "signal" if waiting else "good", _("各部门报送中被退回、尚未改正或放弃的行。"),
              _drawn("held", labels, ((_("退回待改"), held.waiting), (_("已改正"), held.done)))),
        Queue("fixed", _("退回改正率"), _shown("share", fixed / (waiting + fixed) if waiting + fixed else None),
              _("已改正 %(n)s 行") % {"n": f"{fixed:,}"}, _href(request, "fixed_rate", department), "",
              _("已改正的行 ÷（已改正的行＋待改的行）。"), None),
    ]  # fmt: skip
    if department:
        count = cases.count_cases(scope(request.access.actor), now, owner=department).open
        found.append(
            Queue("owned", _("待核定的不一致事项"), f"{count:,}", "",
                  _href(request, "contradiction_rate", department), "signal" if count else "good",
                  _("由该部门负责核定、尚未核定的不一致事项。"), None)
        )  # fmt: skip
    else:
        asked = course_queries.questions(moments)
        count = asked.waiting[-1]
        found.append(
            Queue("review", _("待人工判别"), f"{count:,}", "", _href(request, "review"), "signal" if count else "good",
                  _("比对时拿不准、等人判断是否同一人的记录对。"),
                  _drawn("review", labels, ((_("待人工判别"), asked.waiting), (_("已判别"), asked.done))))
        )  # fmt: skip
    return tuple(found)


def _drawn(key: str, labels: list[str], told: tuple[tuple[str, tuple[int, ...]], ...]) -> Chart:
    """The course of a queue over the runs and until now."""
    series = [Series(name, list(values)) for name, values in told]
    return Chart(
        f"queue-{key}", _("%(name)s：历次汇总") % {"name": told[0][0]}, "line", labels, series, "", 0
    )


def _href(request: HttpRequest, key: str, department: str = "") -> str:
    """Where the records behind a figure (of one department) are; empty for those who may not open them."""
    if key in register.BEHIND and key != "contradiction_rate":
        return reverse("staff:behind", args=[key]) if may(request, "person.search") else ""
    right = {
        "staff:discrepancies": "discrepancy.read",
        "staff:batches": "exchange.read",
        "staff:review": "review.read",
    }
    name = PAGES.get(key)
    if not name or not may(request, right[name]):
        return ""
    asked = {ASKED_AS[name]: department} if department and name in ASKED_AS else {}
    asked |= {"waiting": "1"} if key == "waiting" else {}
    return reverse(name) + ("?" + urlencode(asked) if asked else "")


def _measures(
    request: HttpRequest, told: register.Board, datasets: frozenset[str] | None, department: str
) -> Iterator[Measure]:
    """Every measure; for a department those that its own datasets make up."""
    for view in told.measures:
        own = _of(view, datasets) if datasets is not None else view
        if own is not None:
            yield _measure(request, own, told.history, datasets or frozenset(), department)


def _of(view: register.MeasureView, datasets: frozenset[str]) -> register.MeasureView | None:
    """The measure of these datasets alone, from its parts; None where it has no such parts."""
    parts = tuple((p, v) for p, v in view.parts if p.partition(".")[0] in datasets)
    if not parts:
        return None
    weighed = [(v, view.weights.get(p, 1.0 if len(parts) == 1 else None)) for p, v in parts]
    whole = sum(w for _v, w in weighed if w is not None)
    is_known = whole > 0 and all(w is not None for _v, w in weighed)
    value = sum(v * (w or 0.0) for v, w in weighed) / whole if is_known else None
    meets = None
    if value is not None and view.target is not None:
        meets = value >= view.target if view.key in HIGH_IS_GOOD else value <= view.target
    return replace(view, parts=parts, value=value, meets=meets)


def _measure(
    request: HttpRequest,
    view: register.MeasureView,
    runs: tuple[register.RunLine, ...],
    datasets: frozenset[str],
    department: str,
) -> Measure:
    name, definition = (view.en, view.definition_en) if is_english() else (view.zh, view.definition_zh)
    course = _course_of(view, name, runs, datasets) if datasets else _course(view, name)
    return Measure(
        view, name, definition, _shown(view.unit, view.value), _aim(view),
        "" if view.meets is None else "good" if view.meets else "signal",
        tuple(filter(None, (_chart(view, name), course))), _href(request, view.key, department),
    )  # fmt: skip


def _aim(view: register.MeasureView) -> str:
    """The target in words, and where things began."""
    if view.target is None:
        return ""
    aim = _("目标 %(aim)s") % {"aim": _shown(view.unit, view.target)}
    if view.baseline is None:
        return aim
    return _("%(aim)s，起点 %(baseline)s") % {"aim": aim, "baseline": _shown(view.unit, view.baseline)}


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
    if len(told) < 2 or view.unit == "count":
        return None
    scale, unit = (100, "%") if view.unit == "share" else (1, _("天"))
    return Chart(
        f"course-{view.key}", _("%(name)s：历次汇总") % {"name": name}, "line", [on.isoformat() for on, _v in told],
        [Series(name, [round(value * scale, 2) for _o, value in told])], unit, 1,
        target=None if view.target is None else view.target * scale, target_label=_("目标"),
    )  # fmt: skip


def _course_of(
    view: register.MeasureView, name: str, runs: tuple[register.RunLine, ...], datasets: frozenset[str]
) -> Chart | None:
    """How the measure went for each dataset of a department; fields of a dataset are not drawn one by one."""
    dated = [r for r in reversed(runs) if r.as_of is not None]
    told = {d: [r.figures.get(view.key, {}).get("parts", {}).get(d) for r in dated] for d in sorted(datasets)}
    told = {d: values for d, values in told.items() if any(v is not None for v in values)}
    if len(dated) < 2 or not told or view.unit == "count":
        return None
    scale, unit = (100, "%") if view.unit == "share" else (1, _("天"))
    series = [
        Series(dataset_name(d), [None if v is None else round(v * scale, 2) for v in vs])
        for d, vs in told.items()
    ]
    return Chart(
        f"course-{view.key}", _("%(name)s：历次汇总") % {"name": name}, "line",
        [r.as_of.isoformat() for r in dated if r.as_of], series, unit, 1,
        target=None if view.target is None else view.target * scale, target_label=_("目标"),
    )  # fmt: skip


def _part(label: str) -> str:
    """A part in words: a dataset, a field, or a field of a dataset."""
    dataset, dot, field = label.partition(".")
    if dot:
        _name, _dot, meaning = sent_field(dataset, field).partition(" · ")
        return f"{dataset_name(dataset)} · {meaning or field}"
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

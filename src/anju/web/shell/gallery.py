"""The gallery: every part that pages are made of, in every state, with invented content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from anju.web.guard import public
from anju.web.shell.charts import Chart, Series

COLOURS = (
    "ink", "ink-2", "ink-3", "paper", "ground", "sunk", "line", "line-strong", "accent", "accent-deep",
    "accent-wash", "signal", "signal-wash", "good", "good-wash", "bad", "bad-wash", "calm", "calm-wash",
    "chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "chart-6",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """An invented row of the sample table."""

    name: str
    number: str
    arrived_on: date
    months: int
    tone: str
    state: str


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """Samples of every part."""

    colours: tuple[str, ...]
    rows: tuple[Row, ...]
    charts: tuple[Chart, ...]
    sort: str = "name"


def _charts() -> tuple[Chart, ...]:
    months = ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]
    return (
        Chart(
            "sample-row",
            _("各来源确认信息的平均天数"),
            "row",
            [_("居住登记"), _("社会保险"), _("义务教育"), _("网格走访")],
            [Series(_("天数"), [1.2, 3.5, 28.0, 6.4])],
            _("天"),
            1,
            target=7,
            target_label=_("目标 7 天"),
        ),
        Chart(
            "sample-line",
            _("预计在校人数"),
            "line",
            months,
            [
                Series(
                    _("小学"),
                    [5100, 5160, 5230, 5300, 5350, 5410],
                    [5000, 5030, 5060, 5080, 5090, 5100],
                    [5200, 5290, 5400, 5520, 5610, 5720],
                ),
                Series(_("初中"), [2400, 2410, 2430, 2470, 2490, 2500]),
            ],
            _("人"),
        ),
    )


@require_GET
@public
def gallery(request: HttpRequest) -> HttpResponse:
    """Show every part; nothing here is about anyone."""
    rows = (
        Row("张*三", "**************1234", date(2026, 3, 2), 8, "good", _("在住")),
        Row("欧阳*", "**************002X", date(2025, 11, 19), 12, "signal", _("待核实")),
        Row("阿卜杜***·买买提****", "**************7719", date(2024, 1, 31), 34, "quiet", _("已离开")),
    )
    page = GalleryPage(COLOURS, rows, _charts())
    return render(request, "shell/gallery.html", {"page": page})

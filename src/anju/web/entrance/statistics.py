"""Public statistics: what was released, as a table and as a file, with its gate and the privacy budget."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.insight.store import statistics as releasing
from anju.insight.tables import Table, tables
from anju.kernel.refusal import Refusal
from anju.trust.disclosure import TOTAL
from anju.trust.store import release_queries
from anju.trust.store.release_queries import Released, Spent
from anju.web.guard import guard, may, public
from anju.web.shell.tags import refusal_words
from anju.web.shell.terms import code_label, region_name


@dataclass(frozen=True, slots=True)
class ListPage:
    """Every table with its releases; the year's privacy budget; whether the one who looks may release."""

    tables: tuple[tuple[Table, tuple[Released, ...]], ...]
    spent: tuple[tuple[Spent, Table | None], ...]
    used: float
    budget: float
    may_release: bool


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """One release as a cross table: the last dimension across, the others down. ``hidden``: cells not shown."""

    number: int
    table: Table | None
    title: str
    released_at: datetime
    as_of: str
    rules: dict[str, Any]
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[int | None, ...]], ...]
    hidden: int


@require_GET
@public
def index(request: HttpRequest) -> HttpResponse:
    """List what was released."""
    released = release_queries.list_releases()
    listed = tuple(
        (table, tuple(r for r in released if r.answer["table"] == name)) for name, table in tables().items()
    )
    spent = release_queries.spends(timezone.localdate().year)
    page = ListPage(
        listed, tuple((s, tables().get(s.what)) for s in spent), round(sum(s.epsilon for s in spent), 3), release_queries.budget(),
        request.user.is_authenticated and may(request, "statistics.release"),
    )  # fmt: skip
    return render(request, "entrance/statistics.html", {"page": page})


@require_GET
@public
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One release as a cross table."""
    return render(request, "entrance/statistic.html", {"page": _page(_get(number))})


@require_GET
@public
def as_csv(request: HttpRequest, number: int) -> HttpResponse:
    """One release as CSV, one cell a line, codes as they are; a hidden cell is empty."""
    found = _get(number)
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow([*found.answer["dimensions"], "people"])
    lines.writerows(found.answer["cells"])
    answer = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"anju-{found.answer['table']}-{found.answer['as_of']}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@guard("statistics.release")
def release(request: HttpRequest, table: str) -> HttpResponse:
    """Release a table as the newest library has it."""
    try:
        number = releasing.publish(table, by=request.access.actor, at=timezone.now())  # type: ignore[attr-defined]
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
        return redirect("entrance:statistics")
    messages.success(request, _("已发布，任何人现在都能看到。"))
    return redirect("entrance:statistic", number)


def _get(number: int) -> Released:
    found = release_queries.find_release(number)
    if found is None:
        raise Http404
    return found


def _page(found: Released) -> ReleasePage:
    told = found.answer
    *down, across = told["dimensions"]
    columns = sorted({c[-2] for c in told["cells"]}, key=_order)
    values = {tuple(c[:-1]): c[-1] for c in told["cells"]}
    rows = sorted({tuple(c[:-2]) for c in told["cells"]}, key=lambda key: [_order(part) for part in key])
    return ReleasePage(
        found.id,
        tables().get(told["table"]),
        found.title,
        found.released_at,
        told["as_of"],
        found.rules,
        tuple(words(d) for d in down),
        tuple(part_words(across, c) for c in columns),
        tuple(
            (
                tuple(part_words(d, p) for d, p in zip(down, key, strict=True)),
                tuple(values.get((*key, c)) for c in columns),
            )
            for key in rows
        ),
        sum(c[-1] is None for c in told["cells"]),
    )


def _order(part: str) -> tuple[int, str]:
    """Values first, then "nobody said", then the total."""
    return (2 if part == TOTAL else 1 if part == "" else 0, part)


def words(dimension: str) -> str:
    """A dimension's name."""
    return {
        "district": _("区"), "age": _("年龄"), "sex": _("性别"), "origin": _("户籍省份"), "education": _("受教育程度"),
        "industry": _("行业"), "arrived_month": _("到来月份"),
    }.get(dimension, dimension)  # fmt: skip


def part_words(dimension: str, part: str) -> str:
    """One value of a dimension in words."""
    if part == TOTAL:
        return _("合计")
    if part == "":
        return _("未说明")
    if dimension == "district":
        return region_name(part, levels=1)
    if dimension == "origin":
        return region_name(part + "0000", levels=1)
    if dimension == "age":
        low, _dash, high = part.partition("-")
        return part.replace("+", " ") + _("岁及以上") if "+" in part else f"{int(low)}–{int(high)} " + _("岁")
    return str(code_label(dimension, part)) if dimension in {"sex", "education", "industry"} else part

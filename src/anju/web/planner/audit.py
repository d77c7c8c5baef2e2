"""Fair? Pass rates and score gaps by group, with intervals, what drives them, and what would happen otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from anju.policy import library
from anju.policy.audit import Audit, Counterfactual, Driver, GroupResult
from anju.policy.audit import audit as run
from anju.policy.bound import bind
from anju.policy.model import Programme
from anju.policy.simulate import assumed
from anju.web.guard import guard
from anju.web.planner.programmes import get_version, language, library_day, waiting
from anju.web.planner.results import GROUPS, group_title, group_value

DRIVERS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One group: figures, where its interval is drawn (0-100), and what drives its gap."""

    name: str
    result: GroupResult
    at: str
    low: str
    width: str
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """All groups of one kind."""

    title: str
    rows: tuple[Row, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class Otherwise:
    """One counterfactual and the group it is about, in words."""

    what: Counterfactual
    group: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The whole report."""

    programme: Programme
    name: str
    on: date
    people: int
    least: int
    different: tuple[tuple[str, Row], ...]
    groupings: tuple[Grouping, ...]
    flips: tuple[Otherwise, ...]
    without: tuple[Otherwise, ...]


@require_GET
@guard("policy.simulate")
def fairness(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """The report on one version, over everyone who lives here."""
    found = get_version(place, programme, version)
    on = library_day(found)
    if (wait := waiting(request, found, on)) is not None:
        return wait
    with library.everyone([found], on) as people:
        there = [c for c in GROUPS if c in people.columns]
        told = run(
            people.engine, people.source, bind(found, on, {}), there, least_cell=assumed().get("least_cell", 10)
        )  # fmt: skip
    return render(request, "planner/audit.html", {"page": _page(found, on, told, there)})


def _page(found: Programme, on: date, told: Audit, columns: Sequence[str]) -> AuditPage:
    groupings = tuple(_grouping(c, told) for c in columns)
    different = tuple(
        (grouping.title, row) for grouping in groupings for row in grouping.rows if row.result.is_different
    )
    others = [
        Otherwise(c, group_value(c.column, c.value) if c.column and c.value else "") for c in told.counterfactuals
    ]  # fmt: skip
    return AuditPage(
        found, found.label(language()), on, told.people, told.least_cell, different, groupings,
        tuple(o for o in others if o.what.kind == "flip"), tuple(o for o in others if o.what.kind == "without"),
    )  # fmt: skip


def _grouping(column: str, told: Audit) -> Grouping:
    mine = [r for r in told.groups if r.column == column]
    top = max((r.rate_high or 0 for r in mine), default=0) or 1
    shown = [r for r in mine if r.rate is not None]
    return Grouping(
        group_title(column), tuple(_row(r, told, top) for r in shown), len(mine) - len(shown)
    )  # fmt: skip


def _row(result: GroupResult, told: Audit, top: float) -> Row:
    """Places on a line of 0-100 that ends at the highest interval of its kind."""
    low, high = (result.rate_low or 0) / top * 100, (result.rate_high or 0) / top * 100
    drivers = [d for d in told.drivers if (d.column, d.value) == (result.column, result.value)][:DRIVERS]
    return Row(
        group_value(result.column, result.value), result, f"{(result.rate or 0) / top * 100:.2f}", f"{low:.2f}",
        f"{high - low:.2f}", tuple(drivers) if result.is_different else (),
    )  # fmt: skip

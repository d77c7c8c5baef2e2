"""Runs, the quality board, contradictions, and where the library's files are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from anju.kernel import wording
from anju.kernel.home import lake
from anju.kernel.refusal import Refusal
from anju.register.store.models import Run
from anju.register.store.queries import lines, sql
from anju.register.store.queries.person import discrepancy
from anju.register.store.queries.values import Board, DiscrepancyLine, MeasureView, Page, PersonLine, RunLine

HISTORY = 60
DISCREPANCY_ORDERS = {
    "region": ("d.region", "d.person_code", "d.field"),
    "field": ("d.field", "d.region", "d.person_code"),
    "owner": ("d.owner", "d.region", "d.person_code", "d.field"),
    "known_from": ("d.known_from", "d.id"),
}


def latest_run() -> RunLine | None:
    """The newest finished run, or None before the first."""
    found = Run.objects.filter(state="finished").order_by("-id").first()
    return _run(found) if found else None


def list_runs(limit: int = HISTORY) -> tuple[RunLine, ...]:
    """Runs, newest first, failed ones too."""
    return tuple(_run(r) for r in Run.objects.order_by("-id")[:limit])


def _run(r: Run) -> RunLine:
    return RunLine(
        r.pk, r.state, r.started_at, r.known_at, r.as_of, r.seconds, r.people, r.records, r.figures
    )


def quality_board() -> Board:
    """Every measure of the newest run with its definition and course. Refuses before the first run."""
    runs = [_run(r) for r in Run.objects.filter(state="finished").order_by("-id")[:HISTORY]]
    if not runs:
        raise Refusal("register.no_library")
    keys = sorted(runs[0].figures, key=lambda k: runs[0].figures[k].get("place", 0))
    return Board(runs[0], tuple(_measure(key, runs) for key in keys), tuple(runs))


def _measure(key: str, runs: Sequence[RunLine]) -> MeasureView:
    told: dict[str, Any] = runs[0].figures[key]
    value, target = told["value"], told.get("target")
    return MeasureView(
        key=key,
        zh=wording.say(f"library.measure.{key}", "zh"),
        en=wording.say(f"library.measure.{key}", "en"),
        definition_zh=wording.say(f"library.definition.{key}", "zh"),
        definition_en=wording.say(f"library.definition.{key}", "en"),
        unit=told.get("unit", "count"),
        value=value,
        numerator=told["numerator"],
        denominator=told["denominator"],
        target=target,
        meets=_meets(value, target, told.get("less_is_better", True)),
        parts=tuple(sorted(told.get("parts", {}).items())),
        history=tuple(
            (r.as_of, r.figures.get(key, {}).get("value")) for r in reversed(runs) if r.as_of is not None
        ),
        weights=told.get("weights", {}),
        baseline=told.get("baseline"),
    )


def _meets(value: float | None, target: float | None, less_is_better: bool) -> bool | None:
    if value is None or target is None:
        return None
    return value <= target if less_is_better else value >= target


def list_discrepancies(
    *,
    scope: Sequence[str],
    field: str | None = None,
    owner: str | None = None,
    after: str | None = None,
    limit: int = 50,
    masked: bool = True,
    sort: str = "",
) -> Page[DiscrepancyLine]:
    """Contradictions in the scope. ``sort``: region, field, owner or known_from, with a leading ``-`` descending."""
    order = sql.order(sort, DISCREPANCY_ORDERS)
    size = sql.page_size(limit)
    place, values = sql.within(scope, "d.region")
    conditions = ["d.known_to IS NULL", "d.region IS NOT NULL", place]
    for column, wanted in (("field", field), ("owner", owner)):
        if wanted:
            conditions.append(f"d.{column} = %s")
            values.append(wanted)
    beyond, start = order.beyond(after)
    found = sql.rows(
        f"SELECT f.*, coalesce(i.name, '') AS name FROM (SELECT d.*, {order.keys} FROM register_discrepancy d "
        f"WHERE {' AND '.join([*conditions, beyond])} ORDER BY {order.by} LIMIT %s) f "
        "LEFT JOIN register_identity i ON i.person_code = f.person_code AND i.known_to IS NULL "
        f"ORDER BY {order.by.replace('d.', 'f.')}",
        *values,
        *start,
        size + 1,
    )
    following = order.cursor(found[size - 1]) if len(found) > size else None
    return Page(tuple(discrepancy(r, masked) for r in found[:size]), following)


BEHIND = {
    "duplicate_rate": "i.record_count > i.dataset_count",
    "contradiction_rate": "i.discrepancy_count > 0",
    "missing_from_police_rate": "i.is_resident AND NOT i.in_police",
    "residents": "i.is_resident",
    "people": "TRUE",
    "records": "TRUE",
    "records_per_person": "i.record_count > i.dataset_count",
}
"""Measure -> which people are behind its figure."""


def people_behind(
    measure: str, *, scope: Sequence[str], after: str | None = None, limit: int = 50, masked: bool = True
) -> Page[PersonLine]:
    """The people behind a measure's figure, by division. Refuses a measure that is not about people."""
    if measure not in BEHIND:
        raise Refusal("register.no_measure")
    order = sql.Order(measure, ("i.region", "i.person_code"))
    size = sql.page_size(limit)
    place, values = sql.within(scope, "i.region")
    beyond, start = order.beyond(after)
    found = sql.in_order(
        f"SELECT f.*, {lines.PLACE} FROM (SELECT {lines.COLUMNS}, {order.keys} FROM register_identity i "
        f"WHERE i.known_to IS NULL AND i.region IS NOT NULL AND {place} AND {BEHIND[measure]} AND {beyond} "
        f"ORDER BY {order.by} LIMIT %s) f {lines.JOIN_PLACE.replace('i.', 'f.')} "
        f"ORDER BY {order.by.replace('i.', 'f.')}",
        *values,
        *start,
        size + 1,
    )
    following = order.cursor(found[size - 1]) if len(found) > size else None
    return Page(lines.lines(found[:size], masked), following)


def count_discrepancies(scope: Sequence[str]) -> dict[str, int]:
    """Contradictions in the scope per field."""
    place, values = sql.within(scope, "d.region")
    found = sql.rows(
        f"SELECT d.field, count(*) AS n FROM register_discrepancy d WHERE d.known_to IS NULL AND {place} "
        "GROUP BY d.field ORDER BY d.field",
        *values,
    )
    return {r["field"]: r["n"] for r in found}


def library_files(known_on: datetime | None = None) -> dict[str, list[Path]]:
    """Table -> Parquet files of the newest finished run (as known then), the whole one and later parts, oldest first.

    Refuses when there is none on disk. What counts of them tells ``exchange.library.standing``.
    """
    runs = Run.objects.filter(state="finished").order_by("-id")
    if known_on is not None:
        runs = runs.filter(known_at__lte=known_on)
    found = runs.first()
    folder = lake() / found.folder if found else None
    if folder is None or not folder.is_dir():
        raise Refusal("register.no_library")
    found_files: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.parquet"), key=lambda p: p.stem):
        found_files.setdefault(path.stem.partition("-")[0], []).append(path)
    return found_files

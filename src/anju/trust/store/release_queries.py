"""Reads of released statistics and of the privacy budget. Open to anyone: nothing here is about one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anju.trust.rights import catalogue
from anju.trust.store.models import PrivacySpend, Release


@dataclass(frozen=True, slots=True)
class Released:
    """One release as it was shown: ``answer`` with table, run, as_of, dimensions, cells; ``rules`` of the gate."""

    id: int
    title: str
    released_at: datetime
    answer: dict[str, Any]
    rules: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spent:
    """One withdrawal from a population's yearly privacy budget."""

    population: str
    year: int
    epsilon: float
    what: str
    spent_at: datetime


def _released(row: Release) -> Released:
    return Released(row.pk, row.title, row.released_at, row.answer, row.rules)


def list_releases(limit: int = 200) -> tuple[Released, ...]:
    """Releases, newest first."""
    return tuple(_released(r) for r in Release.objects.order_by("-released_at", "-id")[:limit])


def find_release(number: int) -> Released | None:
    """One release, or None."""
    row = Release.objects.filter(pk=number).first()
    return _released(row) if row else None


def last_release(table: str) -> Released | None:
    """The newest release of a table, or None."""
    row = Release.objects.filter(answer__table=table).order_by("-released_at").first()
    return _released(row) if row else None


def answers_of_run(run: int) -> list[dict[str, Any]]:
    """What every release of one library run showed."""
    return list(Release.objects.filter(answer__run=run).order_by("id").values_list("answer", flat=True))


def spends(year: int) -> tuple[Spent, ...]:
    """The year's withdrawals, newest first."""
    rows = PrivacySpend.objects.filter(year=year).order_by("-spent_at")
    return tuple(Spent(r.population, r.year, r.epsilon, r.what, r.spent_at) for r in rows)


def budget() -> float:
    """Epsilon a population has in a year."""
    return float(catalogue()["disclosure"]["epsilon_per_year"])

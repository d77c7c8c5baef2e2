"""Reads about restriction, erasure and retention."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from anju.trust.store import prepared
from anju.trust.store.models import Erasure, NameTombstone, Restriction, RetentionRun, Tombstone


@dataclass(frozen=True, slots=True)
class RestrictionLine:
    """One restriction in force: on which ground, since when, until which day (None: until it is lifted)."""

    person_code: str
    ground: str
    request: str
    since: datetime
    until: date | None


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """One erasure; ``is_whole`` None until it is carried out, then whether nothing is left."""

    number: str
    person_code: str
    ground: str
    request: str
    ordered_at: datetime
    done_at: datetime | None
    is_whole: bool | None
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """Rows that went, in all tables and datasets together."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class RunLine:
    """One retention run with what would go and what went, class -> rows."""

    number: str
    as_of: date
    state: str
    planned_at: datetime
    planned_by: str
    counts: dict[str, int]
    asked_by: str
    approved_by: str
    approved_at: datetime | None
    done_at: datetime | None
    erased: dict[str, int]

    @property
    def total(self) -> int:
        """Rows that would go, or that went."""
        return sum((self.erased if self.state == "done" else self.counts).values())


def restricted(codes: Collection[str]) -> frozenset[str]:
    """Those of ``codes`` whose data may only be kept now: bulk answers, feeds and exports leave them out."""
    found = prepared.rows(
        "SELECT person_code FROM trust_restriction WHERE person_code = ANY(%s) AND lifted_at IS NULL",
        list(codes),
    )
    return frozenset(row["person_code"] for row in found)


def find_restriction(person_code: str) -> RestrictionLine | None:
    """The restriction in force, or None."""
    names = RestrictionLine.__slots__
    row = (
        Restriction.objects.filter(person_code=person_code, lifted_at__isnull=True)
        .values_list(*names)
        .first()
    )
    return RestrictionLine(*row) if row else None


def list_restrictions(limit: int = 200) -> tuple[RestrictionLine, ...]:
    """Restrictions in force within the reader's places, newest first."""
    rows = Restriction.objects.filter(lifted_at__isnull=True).order_by("-since")
    return tuple(RestrictionLine(*row) for row in rows.values_list(*RestrictionLine.__slots__)[:limit])


def erasures_of(person_code: str) -> tuple[ErasureLine, ...]:
    """Erasures of one person, newest first."""
    return tuple(_erasure(e) for e in Erasure.objects.filter(person_code=person_code).order_by("-ordered_at"))


def erasure_for(request: str) -> ErasureLine | None:
    """The erasure a request led to, or None."""
    row = Erasure.objects.filter(request=request).first() if request else None
    return _erasure(row) if row else None


def list_erasures(limit: int = 50) -> tuple[ErasureLine, ...]:
    """The newest erasures of the reader's places."""
    return tuple(_erasure(e) for e in Erasure.objects.order_by("-ordered_at")[:limit])


def open_erasures() -> tuple[ErasureLine, ...]:
    """Orders that wait to be carried out, oldest first. For the pipeline."""
    return tuple(_erasure(e) for e in Erasure.objects.filter(done_at__isnull=True).order_by("ordered_at"))


def _erasure(row: Erasure) -> ErasureLine:
    return ErasureLine(
        row.number, row.person_code, row.ground, row.request, row.ordered_at, row.done_at, row.is_whole, row.counts
    )  # fmt: skip


def list_runs(limit: int = 50) -> tuple[RunLine, ...]:
    """Retention runs, newest first."""
    return tuple(_run(r) for r in RetentionRun.objects.order_by("-id")[:limit])


def approved_runs() -> tuple[RunLine, ...]:
    """Runs two people agreed to that are not carried out yet, oldest first."""
    return tuple(_run(r) for r in RetentionRun.objects.filter(state="approved").order_by("planned_at"))


def find_run(number: str) -> RunLine | None:
    """One run, or None."""
    row = RetentionRun.objects.filter(number=number).first()
    return _run(row) if row else None


def _run(row: RetentionRun) -> RunLine:
    values: list[Any] = [getattr(row, name) for name in RunLine.__slots__]
    return RunLine(*values)


def has_named() -> bool:
    """Whether anybody was blotted out of records about something else."""
    return NameTombstone.objects.exists()


def count_tombstones() -> int:
    """How many erased records may not come back."""
    return Tombstone.objects.count()

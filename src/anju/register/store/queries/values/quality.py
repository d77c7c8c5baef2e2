"""Runs of the library and the measures of data quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of the library."""

    id: int
    state: str
    started_at: datetime
    known_at: datetime | None
    as_of: date | None
    seconds: float
    people: int
    records: int
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MeasureView:
    """One measure of the newest run, with its definition and its course over the runs.

    ``weights`` of its parts, where runs keep them; ``baseline``: where things stood before there was a register.
    """

    key: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    unit: str
    value: float | None
    numerator: float
    denominator: float
    target: float | None
    meets: bool | None
    parts: tuple[tuple[str, float], ...]
    history: tuple[tuple[date, float | None], ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    baseline: float | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The data quality board."""

    run: RunLine
    measures: tuple[MeasureView, ...]
    history: tuple[RunLine, ...]

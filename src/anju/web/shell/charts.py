"""A picture of some numbers: one value that is drawn by ECharts and read out as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of bars; ``low`` and ``high`` draw its uncertainty."""

    label: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar or line chart: labels along the axis, series over them, the unit that stands at the axis.

    ``kind`` is ``bar`` (upright), ``row`` (lying, for long names) or ``line``. Bars begin at zero, always.
    ``target`` draws a line to compare with; ``places`` is how many decimals are shown.
    """

    key: str
    title: str
    kind: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str = ""
    places: int = 0
    target: float | None = None
    target_label: str = ""
    links: Sequence[str] = field(default=())
    more: Sequence[tuple[str, Sequence[float | None]]] = ()
    """Rows that stand in the table only: a picture of two hundred bars says nothing."""

    def __post_init__(self) -> None:
        if self.kind not in {"bar", "row", "line"}:
            raise ValueError(f"no chart is drawn as {self.kind!r}")
        if any(len(s.values) != len(self.labels) for s in self.series):
            raise ValueError("a series and the labels differ in length")

    @property
    def data_id(self) -> str:
        """The id of the element that holds the numbers for the drawing script."""
        return f"chart-data-{self.key}"

    def drawn(self) -> dict[str, Any]:
        """What the drawing script reads."""
        return {
            "kind": self.kind,
            "labels": list(self.labels),
            "unit": self.unit,
            "places": self.places,
            "target": self.target,
            "targetLabel": self.target_label,
            "links": list(self.links),
            "series": [
                {"label": s.label, "values": list(s.values), "low": list(s.low), "high": list(s.high)}
                for s in self.series
            ],
        }

    def rows(self) -> list[tuple[str, list[float | None]]]:
        """The same numbers as table rows: a label and one value per series."""
        drawn = [(name, [s.values[i] for s in self.series]) for i, name in enumerate(self.labels)]
        return drawn + [(name, list(values)) for name, values in self.more]

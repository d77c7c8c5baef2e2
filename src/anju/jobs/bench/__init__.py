"""Benchmarks: every figure stands beside a reference measured in the same run, because machines are noisy.

One module per topic with ``run(people: int, progress) -> list[Figure]``; ``anju bench TOPIC`` finds it by name.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

TOPICS = ("exchange", "linkage", "doors", "requests", "policy", "trust")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: what was measured, its value and unit, the aim, and what ran beside it."""

    name: str
    value: float
    unit: str
    aim: str = ""
    beside: str = ""
    ratio: float | None = None

    def told(self) -> dict[str, object]:
        """The figure as plain values, for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Lap:
    """Seconds of one timed stretch, filled in when it ends."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Lap]:
    """Time a stretch of code by the wall."""
    lap, begin = Lap(), time.perf_counter()
    try:
        yield lap
    finally:
        lap.seconds = time.perf_counter() - begin


def peak_memory_gb() -> float:
    """The largest resident size this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def percentile(seconds: list[float], share: float) -> float:
    """The value below which ``share`` of the measurements lie."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

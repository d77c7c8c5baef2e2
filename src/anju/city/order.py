"""What city someone asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

FIRST_DAY = date(2026, 6, 30)
"""The day of the first load."""
EARLIEST, LATEST = date(1990, 1, 1), date(2040, 12, 31)
"""Between these a first day may lie: births before 1900 and leases after 2050 have no day number to be written with."""


@dataclass(frozen=True, slots=True)
class Order:
    """What city to make."""

    people: int
    out: Path
    seed: int = 1
    errors: str = "real"
    days: int = 0
    today: date = FIRST_DAY
    like: str = ""
    """City of the census whose row is matched; empty for the pack's own choice."""

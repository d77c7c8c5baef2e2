"""A row that goes back to its sender."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """One row to be held: its number, record id (None: unreadable key), faults as (field, code)."""

    row_no: int
    record_id: int | None
    faults: tuple[tuple[str, str], ...]

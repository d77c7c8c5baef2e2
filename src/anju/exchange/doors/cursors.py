"""Where a follower of the change feed stands. A cursor names a committed position, so nothing can slip in before it.

While the first state is read: ``s<base>.<source number>.<row id>``. Afterwards: ``c<position>`` with everything up to it
read, or ``c<position>.<source number>.<row id>`` in the middle of a run or of a person's rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anju.kernel.refusal import Refusal

_FORM = re.compile(r"([sc])(\d{1,18})(?:\.(\d{1,3})\.(\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Cursor:
    """``is_state``: reading the state at ``position``; else reading on after it, or within it from (source, row) on."""

    position: int
    is_state: bool = False
    source: int | None = None
    row: int = 0

    def __str__(self) -> str:
        inner = "" if self.source is None else f".{self.source}.{self.row}"
        return f"{'s' if self.is_state else 'c'}{self.position}{inner}"


def parse(text: str) -> Cursor | None:
    """A cursor handed back by a follower; None at the very beginning. Refuses what was not made here."""
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if not found or (found[1] == "s" and found[3] is None):
        raise Refusal("doors.bad_cursor")
    source = int(found[3]) if found[3] is not None else None
    return Cursor(int(found[2]), found[1] == "s", source, int(found[4] or 0))

"""Values of other programs as the text a clerk would have typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import orjson
import pyarrow as pa

EXACT = 10**15
"""From here on a spreadsheet rounds whole numbers: what it shows is not what was typed."""


def typed_column(cells: Sequence[Any]) -> pa.Array:
    """The cells of a column as text, which most of them are already."""
    try:
        return pa.array(cells, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([_typed(cell) for cell in cells], pa.string())


def _typed(value: Any) -> str:
    """A cell of a spreadsheet. A long number is told as the rounded one it is, which no field takes."""
    if isinstance(value, int | float) and abs(value) >= EXACT:
        return f"{value:.14E}"
    return text(value)


def text(value: Any) -> str:
    """A cell as a clerk would have typed it: whole numbers without a point, days as ISO."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | list):
        # No field is an object or a list: the mark of broken text keeps it from being read as one.
        return "�" + orjson.dumps(value).decode()
    return "" if value is None else str(value)

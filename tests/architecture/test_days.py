"""An instant's day is asked for in one way: ``.date()`` of an instant kept in UTC is yesterday until eight in the morning."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

from anju.kernel.workdays import day_of

SOURCE = Path(__file__).parents[2] / "src" / "anju"
DAY_OF_AN_INSTANT = re.compile(r"\b(?:\w+_)?at\.date\(\)|\bnow\(\)\.date\(\)|\bnow\(UTC\)\.date\(\)")


def test_days_are_those_of_the_place() -> None:
    assert day_of(datetime(2026, 7, 2, 20, tzinfo=UTC)) == date(2026, 7, 3)
    assert day_of(datetime(2026, 7, 2, 15, 59, tzinfo=UTC)) == date(2026, 7, 2)
    files = [path for path in SOURCE.rglob("*.py") if DAY_OF_AN_INSTANT.search(path.read_text())]
    assert files == []

"""Deadlines in working days, against ninety cases computed from the State Council's notices."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import deadline, is_workday

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "deadlines.json").read_text())


@pytest.mark.parametrize(("start", "days", "due"), CASES)
def test_deadlines(start: str, days: int, due: str) -> None:
    found = deadline(date.fromisoformat(start), days)
    if found.is_provisional:
        assert found.on <= date.fromisoformat(due)
    else:
        assert found.on == date.fromisoformat(due)


def test_a_year_not_announced_is_not_guessed() -> None:
    with pytest.raises(Refusal, match="year_not_announced"):
        is_workday(date(2035, 1, 4))
    found = deadline(date(2034, 12, 30), 15)
    assert found.is_provisional
    assert found.on == date(2035, 1, 14)

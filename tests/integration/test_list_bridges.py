"""Two groups of rows that one pair alone holds together are two people, and the pair is a question."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from anju.exchange.linkage import bridges
from anju.exchange.linkage.steps import Steps
from anju.jobs.engine import DuckEngine

FATHER, SON, LONE = (1, 2, 3, 4), (5, 6, 7, 8), (20, 21, 22)


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(DuckEngine(tmp_path, memory="200MB"))


def outcomes(steps: Steps, same: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    values = ", ".join(f"({a}, {b}, 5.0, 'same', 'weight')" for a, b in same)
    steps.table("lk_decided", f"SELECT * FROM (VALUES {values}) AS d(a, b, weight, outcome, reason)")
    bridges.part(steps)
    return {(a, b): o for a, b, o in steps.engine.rows("SELECT a, b, outcome FROM lk_decided")}


def test_a_pair_that_alone_joins_two_groups_is_asked(steps: Steps) -> None:
    groups = [pair for group in (FATHER, SON) for pair in combinations(group, 2)]
    found = outcomes(steps, [*groups, (4, 5), (20, 21), (21, 22)])
    assert {pair for pair, outcome in found.items() if outcome == "ask"} == {(4, 5)}


def test_a_row_that_is_like_half_of_a_group_stays_with_it(steps: Steps) -> None:
    found = outcomes(steps, [*combinations(FATHER, 2), (3, 9), (4, 9)])
    assert set(found.values()) == {"same"}

"""Kept what-ifs: one's own, shared, and never settings that do not apply."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from anju.kernel.refusal import Refusal
from anju.policy import loading
from anju.policy.store import actions, queries

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_a_scenario_is_kept_shared_and_removed() -> None:
    programme = loading.get("guangzhou/settlement@2025")
    settings = {"items.pension.points": "5", "conditions.years": "5"}
    kept = actions.save_scenario(
        "五年五分",
        programme,
        settings,
        population="library 2026-01-05",
        by="planner",
        at=AT,
        purpose="planning",
    )
    assert queries.get_scenario(kept.id, "planner").settings == settings
    with pytest.raises(Refusal, match="no_scenario"):
        queries.get_scenario(kept.id, "another")
    actions.share_scenario(kept.id, shared=True, by="planner", at=AT, purpose="planning")
    assert [s.name for s in queries.list_scenarios("another", programme.id)] == ["五年五分"]
    with pytest.raises(Refusal, match="no_scenario"):
        actions.remove_scenario(kept.id, by="another", at=AT, purpose="planning")
    actions.remove_scenario(kept.id, by="planner", at=AT, purpose="planning")
    assert queries.list_scenarios("planner") == ()


def test_settings_that_do_not_apply_are_refused() -> None:
    programme = loading.get("guangzhou/settlement@2025")
    with pytest.raises(Refusal, match="unknown_path"):
        actions.save_scenario(
            "x",
            programme,
            {"items.nothing.points": "5"},
            population="p",
            by="planner",
            at=AT,
            purpose="planning",
        )

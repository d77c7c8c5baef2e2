"""Reads of the policy room: kept what-ifs, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from anju.kernel.refusal import Refusal
from anju.policy.store.models import Scenario


@dataclass(frozen=True, slots=True)
class ScenarioView:
    """One kept what-if."""

    id: int
    name: str
    programme: str
    file_sha256: str
    service: str
    settings: Mapping[str, str]
    population: str
    result: Mapping[str, Any] | None
    note: str
    is_shared: bool
    created_by: str
    created_at: datetime


def list_scenarios(by: str, programme: str = "", limit: int = 100) -> tuple[ScenarioView, ...]:
    """Somebody's own what-ifs and those shared with all, the newest first; of one programme when named."""
    found = Scenario.objects.filter(Q(created_by=by) | Q(is_shared=True))
    if programme:
        found = found.filter(programme=programme)
    return tuple(view(s) for s in found[:limit])


def get_scenario(number: int, by: str) -> ScenarioView:
    """One what-if of one's own or shared; refuses another's that is not shared, as if there were none."""
    found = Scenario.objects.filter(Q(created_by=by) | Q(is_shared=True), id=number).first()
    if found is None:
        raise Refusal("policy.no_scenario", number=number)
    return view(found)


def view(scenario: Scenario) -> ScenarioView:
    """A row as a plain value."""
    return ScenarioView(
        scenario.id, scenario.name, scenario.programme, scenario.file_sha256, scenario.service, scenario.settings,
        scenario.population, scenario.result, scenario.note, scenario.is_shared, scenario.created_by, scenario.created_at,
    )  # fmt: skip

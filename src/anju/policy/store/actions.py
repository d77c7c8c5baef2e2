"""Writes of the policy room: keep, share and remove what-ifs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from anju.kernel.refusal import Refusal
from anju.policy.model import Programme
from anju.policy.store.models import Scenario
from anju.policy.store.queries import ScenarioView, view
from anju.policy.whatif import changed


@transaction.atomic
def save_scenario(
    name: str,
    programme: Programme,
    settings: Mapping[str, str],
    *,
    population: str,
    by: str,
    at: datetime,
    purpose: str,
    service: str = "",
    result: Mapping[str, Any] | None = None,
    note: str = "",
) -> ScenarioView:
    """Keep a what-if under a name of one's own; a name used before is written over. Refuses settings that do not apply.

    ``purpose`` belongs in the caller's log entry: a scenario holds nothing about any person.
    """
    if not name.strip() or not purpose.strip():
        raise Refusal("policy.scenario_needs_name")
    changed(programme, settings)
    kept, _ = Scenario.objects.update_or_create(
        created_by=by,
        name=name.strip(),
        defaults={
            "programme": programme.id, "file_sha256": programme.digest, "service": service, "settings": dict(settings),
            "population": population, "result": result, "note": note, "created_at": at,
        },
    )  # fmt: skip
    return view(kept)


@transaction.atomic
def share_scenario(number: int, *, shared: bool, by: str, at: datetime, purpose: str) -> ScenarioView:
    """Share one's own what-if with every planner, or stop sharing it. Refuses another's."""
    kept = _own(number, by)
    kept.is_shared = shared
    kept.save(update_fields=["is_shared"])
    return view(kept)


@transaction.atomic
def remove_scenario(number: int, *, by: str, at: datetime, purpose: str) -> None:
    """Remove one's own what-if. Refuses another's."""
    _own(number, by).delete()


def _own(number: int, by: str) -> Scenario:
    found = Scenario.objects.select_for_update().filter(id=number, created_by=by).first()
    if found is None:
        raise Refusal("policy.no_scenario", number=number)
    return found

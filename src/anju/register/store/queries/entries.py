"""What was entered here since the beginning: sources of the next run, opened for it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from anju.register.store.models import CounterEntry, Settlement
from anju.register.store.queries.people import resolve_code
from anju.trust.sealing import sealer


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """One record of our own: dataset, key, the person it is about (today's code), canonical columns as text."""

    dataset: str
    record_key: str
    person_code: str
    observed_on: date
    values: Mapping[str, str]


def own_records() -> list[OwnRecord]:
    """Counter entries that stand, and the newest settled value of every contradiction."""
    seal = sealer()
    entries = CounterEntry.objects.filter(is_withdrawn=False).order_by("id")
    found = [
        OwnRecord(
            "counter_entry",
            e.record_key,
            resolve_code(e.person_code),
            e.observed_on,
            json.loads(seal.open(e.values)),
        )
        for e in entries
    ]
    newest = {(s.person_code, s.field): s for s in Settlement.objects.filter(state="settled").order_by("id")}
    for (code, field), case in sorted(newest.items()):
        value = {f"person.{field}": seal.open(case.value)}
        current = resolve_code(code)
        found.append(OwnRecord("settlement", f"{code}-{field}", current, case.settled_at.date(), value))
    return found

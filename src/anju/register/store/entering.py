"""What every entry at a counter does: keep the record for the next run, open and close rows, remember both for an undo."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection, models

from anju.kernel.refusal import Refusal
from anju.register import canon
from anju.register.store.models import CounterEntry, Dossier, Identity, Job, Kin, Stay
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log

DATASET = "counter_entry"
TABLES: Mapping[str, type[models.Model]] = {
    "identity": Identity,
    "dossier": Dossier,
    "stay": Stay,
    "job": Job,
    "kin": Kin,
}


@dataclass
class Written:
    """Rows an entry opened and closed, by table; where the person's rows lay before."""

    opened: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    closed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    former_region: str = ""

    def open(self, table: str, row: models.Model) -> None:
        """Write a new live row."""
        row.is_live = True  # type: ignore[attr-defined]
        row.save(force_insert=True)
        self.opened[table].append(row.pk)

    def replace(self, table: str, row: Any, at: datetime, **changes: Any) -> None:
        """End what was known of a row, and say it anew with changes: nothing is overwritten."""
        type(row).objects.filter(pk=row.pk).update(known_to=at)
        self.closed[table].append(row.pk)
        row.pk, row.known_from, row.known_to = None, at, None
        for name, value in changes.items():
            setattr(row, name, value)
        self.open(table, row)

    def told(self) -> dict[str, Any]:
        """As it is kept with the entry."""
        return {"opened": dict(self.opened), "closed": dict(self.closed), "region": self.former_region}


@dataclass(frozen=True, slots=True)
class Entered:
    """Who enters something, when, and why."""

    by: Actor
    at: datetime
    purpose: str


def enter(
    code: str, region: str, what: str, values: Mapping[str, Any], seen: date, who: Entered, wrote: Written
) -> str:
    """Keep one entry, and tell the log. Returns its key."""
    told = {name: value for name, value in values.items() if value not in (None, "")}
    for name in told:
        canon.column(name)
    key = f"{code}-{CounterEntry.objects.filter(person_code=code).count() + 1}"
    CounterEntry.objects.create(
        record_key=key,
        person_code=code,
        region=region,
        what=what,
        values=sealer().seal(json.dumps(told, ensure_ascii=False, sort_keys=True)),
        entered_at=who.at,
        observed_on=seen,
        entered_by=who.by.account,
        purpose=who.purpose,
        wrote=wrote.told(),
    )
    subject = f"person:{code}"
    log.record(who.by, "person.register", who.at, purpose=who.purpose, subject=subject, detail={"what": what})
    return key


def shown_person(code: str) -> Identity:
    """The person as shown now, locked until the transaction ends. Refuses one who is not (to be) seen."""
    found = Identity.objects.select_for_update().filter(person_code=code, known_to__isnull=True).first()
    if found is None:
        raise Refusal("register.no_person")
    return found


def take_in(code: str, region: str, numbers: list[bytes], key: str) -> bool:
    """Let a person's rows follow to another place; False where the caller may not (see migration 0006)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT register_take_in(%s, %s, %s, %s)", [code, region, numbers, key])
        return bool(cursor.fetchone()[0])


def undo(entry: CounterEntry, at: datetime) -> None:
    """Close what an entry opened and say again what it closed. After a run there is nothing to close: it has its own rows."""
    wrote = entry.wrote or {}
    still = {
        table: list(TABLES[table].objects.filter(pk__in=ids, known_to__isnull=True))
        for table, ids in wrote.get("opened", {}).items()
    }
    if not any(still.values()):
        return
    for table, listed in still.items():
        TABLES[table].objects.filter(pk__in=[row.pk for row in listed]).update(known_to=at)
    again: dict[str, dict[int, int]] = {table: {} for table in TABLES}
    for table, ids in wrote.get("closed", {}).items():
        for row in TABLES[table].objects.filter(pk__in=ids).order_by("pk"):
            former_pk, row.pk, row.known_from, row.known_to = row.pk, None, at, None
            row.save(force_insert=True)
            again[table][former_pk] = row.pk
    _follow(entry, again)
    former = wrote.get("region")
    if former and not take_in(entry.person_code, former, [], ""):
        raise Refusal("register.no_person")


def _follow(entry: CounterEntry, again: Mapping[str, Mapping[int, int]]) -> None:
    """Earlier entries of the person own the rows said again, so that they too can be undone."""
    for earlier in CounterEntry.objects.filter(person_code=entry.person_code, pk__lt=entry.pk):
        opened = (earlier.wrote or {}).get("opened", {})
        told = {table: [again[table].get(pk, pk) for pk in ids] for table, ids in opened.items()}
        if told != opened:
            earlier.wrote["opened"] = told
            earlier.save(update_fields=["wrote"])

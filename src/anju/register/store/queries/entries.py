"""What was entered here since the beginning: sources of the next run, opened for it alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from anju.kernel.workdays import day_of
from anju.register import settling
from anju.register.store.models import CounterEntry, Identity, Settlement
from anju.register.store.queries import sql
from anju.register.store.queries.codes import resolve_code
from anju.trust import masking, places
from anju.trust.sealing import sealer
from anju.trust.store import erasure_queries


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """One record of our own: dataset, key, the person it is about (today's code), canonical columns as text."""

    dataset: str
    record_key: str
    person_code: str
    observed_on: date
    values: Mapping[str, str]
    is_withdrawn: bool = False


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
    settled = Settlement.objects.filter(state="settled").exclude(field__in=settling.IN_PARTS).order_by("id")
    newest = {(s.person_code, s.field): s for s in settled}
    for (code, field), case in sorted(newest.items()):
        value = {f"person.{field}": seal.open(case.value)}
        current = resolve_code(code)
        found.append(OwnRecord("settlement", f"{code}-{field}", current, day_of(case.settled_at), value))
    return found


def to_carry(
    region: str, told: Collection[int], withdrawn: Collection[int]
) -> tuple[list[OwnRecord], list[int], list[int]]:
    """Counter entries of a division that another deployment was not told yet, and those told that were taken back since.

    Returns the records, the entries told with them, and those told as withdrawn. To be linked there a record says who the
    person is: the number, or else birthday, sex and phone as shown here. Who asked to be restricted is left out.
    """
    below, above = places.bounds(region)
    every = CounterEntry.objects.filter(region__gte=below, region__lt=above).values_list("id", "is_withdrawn")
    fresh = [n for n, gone in every if n not in told and not gone]
    gone = [n for n, gone in every if n in told and gone and n not in withdrawn]
    entries = list(CounterEntry.objects.filter(pk__in=[*fresh, *gone]).order_by("id"))
    now = {e.pk: resolve_code(e.person_code) for e in entries}
    held = erasure_queries.restricted(sorted(set(now.values())))
    who = _identities({c for c in now.values() if c not in held})
    found = [
        OwnRecord("counter_entry", e.record_key, now[e.pk], e.observed_on, {}, is_withdrawn=True)
        if e.is_withdrawn
        else OwnRecord(
            "counter_entry", e.record_key, now[e.pk], e.observed_on,
            {**who.get(now[e.pk], {}), **json.loads(sealer().open(e.values))},
        )
        for e in entries
        if e.is_withdrawn or now[e.pk] not in held
    ]  # fmt: skip
    return found, [n for n in fresh if now[n] not in held], gone


def _identities(codes: Collection[str]) -> dict[str, dict[str, str]]:
    """What tells these people apart: the citizen number, else birthday, sex and phone."""
    seal, told = sealer(), {}
    for i in Identity.objects.filter(person_code__in=codes, known_to__isnull=True):
        who = {"person.name": i.name}
        if i.citizen_no:
            who["person.citizen_no"] = seal.open(i.citizen_no)
        else:
            born = i.born_on.isoformat() if i.born_on else ""
            who |= {
                "person.born_on": born,
                "person.sex": i.sex,
                "person.phone": seal.open(i.phone) if i.phone else "",
            }
        told[i.person_code] = {name: value for name, value in who.items() if value}
    return told


def keys_of(codes: Collection[str]) -> list[str]:
    """Record keys of what was entered here about these people."""
    return list(CounterEntry.objects.filter(person_code__in=codes).values_list("record_key", flat=True))


def spoken_of(codes: Collection[str]) -> set[str]:
    """Those of these people about whom something was entered or settled here."""
    entered = CounterEntry.objects.filter(person_code__in=codes, is_withdrawn=False)
    settled = Settlement.objects.filter(person_code__in=codes, state="settled")
    return {code for found in (entered, settled) for code in found.values_list("person_code", flat=True)}


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One counter entry in a list; the name is masked. ``may_undo``: the newest one of its person that stands."""

    record_key: str
    person_code: str
    name: str
    what: str
    entered_at: datetime
    is_withdrawn: bool
    may_undo: bool


def entries_of(account: str, since: datetime, limit: int = 20) -> tuple[EntryLine, ...]:
    """What an account entered since a moment, newest first, within the caller's places."""
    found = sql.rows(
        "SELECT e.record_key, e.person_code, e.what, e.entered_at, e.is_withdrawn, NOT EXISTS (SELECT 1 "
        "FROM register_counterentry l WHERE l.person_code = e.person_code AND l.id > e.id AND NOT l.is_withdrawn) AS newest, "
        "(SELECT i.name FROM register_identity i WHERE i.person_code = e.person_code ORDER BY i.known_to DESC NULLS FIRST LIMIT 1) "
        "AS name FROM register_counterentry e WHERE e.entered_by = %s AND e.entered_at >= %s ORDER BY e.id DESC LIMIT %s",
        account,
        since,
        limit,
    )
    return tuple(
        EntryLine(
            r["record_key"],
            r["person_code"],
            masking.mask_name(r["name"]) or "",
            r["what"],
            r["entered_at"],
            r["is_withdrawn"],
            r["newest"] and not r["is_withdrawn"],
        )
        for r in found
    )

"""Writing into the register between two runs: a stay registered at a counter is here at once.

Each action is one transaction with its log entry. What is entered is kept as a ``CounterEntry`` too: the next run
reads it as one more source, with the person code fixed, and the row written here gives way to the library's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from anju.kernel.identifiers import PersonCode, mint_person_code
from anju.kernel.refusal import Refusal
from anju.register import canon, dossier, names
from anju.register.store.models import CounterEntry, Dossier, Dwelling, Identity, Person, Settlement, Stay
from anju.register.store.queries.people import resolve_code
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log

DATASET = "counter_entry"
SETTLED_FIELDS = frozenset(dossier.FIELDS)


@transaction.atomic
def register_person(
    values: Mapping[str, str], *, region: str, observed_on: date, by: Actor, at: datetime, purpose: str
) -> PersonCode:
    """A person nobody knew, entered at a counter; ``values`` are person columns (see ``register.canon``).

    The caller has asked the live check first. Returns the new code, fixed for life. Refuses without a name.
    """
    if not values.get("name"):
        raise Refusal("register.name_needed")
    code = mint_person_code()
    Person.objects.create(code=code)
    seal = sealer()
    number, phone = values.get("citizen_no"), values.get("phone")
    key = names.key(values["name"])
    sounds = names.syllables(key)
    Identity.objects.create(
        person_code=code,
        region=region,
        is_live=True,
        name=values["name"],
        name_key=key,
        pinyin="".join(sounds),
        initials="".join(s[:1] for s in sounds),
        sex=values.get("sex", ""),
        born_on=values.get("born_on") or None,
        citizen_no=seal.seal(number) if number else None,
        citizen_no_index=seal.index("citizen_no", number) if number else None,
        citizen_no_last4=(number or "")[-4:],
        phone=seal.seal(phone) if phone else None,
        phone_index=seal.index("phone", phone) if phone else None,
        phone_last4=(phone or "")[-4:],
        hukou_region=values.get("hukou_region", ""),
        education=values.get("education", ""),
        marital=values.get("marital", ""),
        is_resident=True,
        record_count=1,
        dataset_count=1,
    )
    record_key = _enter(
        code, region, {f"person.{k}": v for k, v in values.items() if v}, observed_on, by, at, purpose
    )
    parts = [dossier.SHOWN if values.get(f) else "" for f in dossier.FIELDS]
    packed = dossier.PART_MARK.join([observed_on.isoformat(), DATASET, record_key, "", *parts])
    Dossier.objects.create(person_code=code, region=region, is_live=True, records=seal.seal(packed))
    log.record(by, "person.register", at, purpose=purpose, subject=f"person:{code}")
    return code


@transaction.atomic
def register_stay(
    code: str,
    *,
    dwelling_code: str,
    begin_on: date,
    dwelling_kind: str = "",
    reason: str = "",
    by: Actor,
    at: datetime,
    purpose: str,
) -> str:
    """A stay registered at a counter: in the person's file at once. Returns the entry's key.

    The person's former open stay is presumed to end that day. Refuses an unknown person or dwelling.
    """
    current = resolve_code(code)
    dwelling = Dwelling.objects.filter(dwelling_code=dwelling_code, known_to__isnull=True).first()
    if dwelling is None:
        raise Refusal("register.no_dwelling")
    person = Identity.objects.select_for_update().filter(person_code=current, known_to__isnull=True).first()
    if person is None:
        raise Refusal("register.no_person")
    seen = at.date()
    Stay.objects.create(
        person_code=current,
        region=dwelling.region,
        is_live=True,
        sources=f"{DATASET}@{seen.isoformat()}",
        dwelling_code=dwelling_code,
        stay_region=dwelling.region,
        begin_on=begin_on,
        dwelling_kind=dwelling_kind,
        reason=reason,
        confirmed_on=seen,
    )
    _settle_in(person, dwelling, at)
    told: dict[str, Any] = {f"stay.{p}": getattr(dwelling, p) for p in _ADDRESS if getattr(dwelling, p)}
    told |= {
        "stay.begin_on": begin_on.isoformat(),
        "stay.dwelling_kind": dwelling_kind,
        "stay.reason": reason,
    }
    told |= {"person.name": person.name}
    key = _enter(current, dwelling.region, {k: v for k, v in told.items() if v}, seen, by, at, purpose)
    log.record(
        by, "person.register", at, purpose=purpose, subject=f"person:{current}", detail={"what": "stay"}
    )
    return key


_ADDRESS = ("region", "street", "number", "building", "unit", "room", "address")


def _settle_in(person: Identity, dwelling: Dwelling, at: datetime) -> None:
    """The person is shown in the new dwelling from now on; what was shown before stays in the history."""
    Identity.objects.filter(pk=person.pk).update(known_to=at)
    person.pk = None
    person.is_live, person.is_resident, person.known_from = True, True, at
    person.dwelling_code, person.region = dwelling.dwelling_code, dwelling.region
    person.save(force_insert=True)


def _enter(
    code: str,
    region: str | None,
    values: Mapping[str, Any],
    observed_on: date,
    by: Actor,
    at: datetime,
    purpose: str,
) -> str:
    for name in values:
        canon.column(name)
    count = CounterEntry.objects.filter(person_code=code).count()
    key = f"{code}-{count + 1}"
    CounterEntry.objects.create(
        record_key=key,
        person_code=code,
        region=region,
        values=sealer().seal(json.dumps(dict(values), ensure_ascii=False, sort_keys=True)),
        entered_at=at,
        observed_on=observed_on,
        entered_by=by.account,
        purpose=purpose,
    )
    return key


@transaction.atomic
def withdraw_entry(record_key: str, *, by: Actor, at: datetime, purpose: str) -> None:
    """A counter entry was a mistake: the next run leaves it out. Refuses an unknown one."""
    found = CounterEntry.objects.select_for_update().filter(record_key=record_key, is_withdrawn=False).first()
    if found is None:
        raise Refusal("register.no_entry")
    found.is_withdrawn = True
    found.save(update_fields=["is_withdrawn"])
    Stay.objects.filter(person_code=found.person_code, is_live=True, known_to__isnull=True).update(
        known_to=at
    )
    log.record(by, "person.correct", at, purpose=purpose, subject=f"person:{found.person_code}")


@transaction.atomic
def settle_discrepancy(
    code: str, field: str, value: str, *, reason: str, by: Actor, at: datetime, purpose: str
) -> None:
    """Decide which value of a field is right: it outranks every source from the next run on, with its reason kept."""
    current = resolve_code(code)
    if field not in SETTLED_FIELDS:
        raise Refusal("register.cannot_settle", field=field)
    person = Identity.objects.filter(person_code=current, known_to__isnull=True).first()
    if person is None:
        raise Refusal("register.no_person")
    case = (
        Settlement.objects.select_for_update().filter(person_code=current, field=field, state="open").first()
    )
    case = case or Settlement(person_code=current, region=person.region, field=field, opened_at=at)
    case.state, case.settled_at, case.settled_by = "settled", at, by.account
    case.value, case.why = sealer().seal(value), sealer().seal(reason)
    case.save()
    log.record(
        by, "person.correct", at, purpose=purpose, subject=f"person:{current}", detail={"field": field}
    )

"""Writing into the register between two runs: who comes in at a counter is here at once, who leaves is gone at once.

Each action is one transaction with its log entry. What is entered is kept as a ``CounterEntry`` too: the next run
reads it as one more source, with the person code fixed, and the row written here gives way to the library's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from anju.kernel.identifiers import PersonCode, is_citizen_no, mint_person_code
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import counter, dossier, names
from anju.register.counter import Guardian
from anju.register.store.entering import (
    DATASET,
    Entered,
    Written,
    enter,
    shown_person,
    take_in,
    undo,
)
from anju.register.store.models import (
    CounterEntry,
    Dossier,
    Dwelling,
    Employer,
    Identity,
    Job,
    Kin,
    Person,
    Stay,
)
from anju.register.store.queries.codes import resolve_code
from anju.register.store.queries.people import find_by_number, person_region
from anju.trust import places
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log

_ADDRESS = ("region", "street", "number", "building", "unit", "room", "address")


@transaction.atomic
def register_person(
    values: Mapping[str, str], *, region: str, observed_on: date, by: Actor, at: datetime, purpose: str
) -> PersonCode:
    """A person nobody knew, entered at a counter; ``values`` are person columns (see ``register.canon``).

    The caller has asked the live check first. Returns the new code, fixed for life. Refuses without a name, a number
    that is not valid, and one that somebody here has already.
    """
    if not values.get("name"):
        raise Refusal("register.name_needed")
    number, phone = values.get("citizen_no"), values.get("phone")
    if number and not is_citizen_no(number):
        raise Refusal("register.number_not_valid")
    if number and find_by_number(number):
        raise Refusal("register.number_taken")
    _check_place(region, by)
    code, seal, wrote = mint_person_code(), sealer(), Written()
    Person.objects.create(code=code)
    key = names.key(values["name"])
    sounds = names.syllables(key)
    plain = {name: values.get(name, "") for name in ("sex", "hukou_region", "education", "marital")}
    person = Identity(
        person_code=code,
        region=region,
        name=values["name"],
        name_key=key,
        pinyin="".join(sounds),
        initials="".join(s[:1] for s in sounds),
        born_on=values.get("born_on") or None,
        citizen_no=seal.seal(number) if number else None,
        citizen_no_index=seal.index("citizen_no", number) if number else None,
        citizen_no_last4=(number or "")[-4:],
        phone=seal.seal(phone) if phone else None,
        phone_index=seal.index("phone", phone) if phone else None,
        phone_last4=(phone or "")[-4:],
        is_resident=True,
        record_count=1,
        dataset_count=1,
        **plain,
    )
    wrote.open("identity", person)
    parts = [dossier.SHOWN if values.get(f) else "" for f in dossier.FIELDS]
    packed = dossier.PART_MARK.join([observed_on.isoformat(), DATASET, f"{code}-1", "", *parts])
    wrote.open("dossier", Dossier(person_code=code, region=region, records=seal.seal(packed)))
    told = {f"person.{name}": value for name, value in values.items()}
    enter(code, region, "person", told, observed_on, Entered(by, at, purpose), wrote)
    return code


@transaction.atomic
def register_stay(
    code: str,
    *,
    dwelling_code: str,
    begin_on: date,
    dwelling_kind: str = "",
    reason: str = "",
    guardian: Guardian | None = None,
    known_by: tuple[str, str] | None = None,
    by: Actor,
    at: datetime,
    purpose: str,
) -> str:
    """A stay registered at a counter: in the person's file at once. Returns the entry's key.

    The person's former open stays are presumed to end that day. ``known_by`` is number and name: whoever tells both may
    take a person in from another place. Refuses an unknown person or dwelling, a stay that goes on already, a day that
    cannot be meant, and a minor without a guardian.
    """
    current = resolve_code(code)
    dwelling = Dwelling.objects.filter(dwelling_code=dwelling_code, known_to__isnull=True).first()
    if dwelling is None:
        raise Refusal("register.no_dwelling")
    _check_place(dwelling.region, by)
    counter.check_day(begin_on, day_of(at))
    wrote = Written()
    person = _person_moving(current, dwelling.region, known_by, wrote)
    beside = _guardian(person, guardian, day_of(at), wrote)
    for former in _open_stays(current, begin_on):
        if former.dwelling_code == dwelling_code:
            raise Refusal("register.lives_here_already")
        wrote.replace("stay", former, at, presumed_end_on=max(begin_on, former.begin_on))
    wrote.open(
        "stay",
        Stay(
            person_code=current,
            region=dwelling.region,
            sources=_source(at),
            dwelling_code=dwelling_code,
            stay_region=dwelling.region,
            begin_on=begin_on,
            dwelling_kind=dwelling_kind,
            reason=reason,
            confirmed_on=day_of(at),
        ),
    )
    wrote.replace(
        "identity", person, at, is_resident=True, dwelling_code=dwelling.dwelling_code, region=dwelling.region
    )
    told = _stay_told(dwelling) | beside | {"person.name": person.name, "stay.begin_on": begin_on.isoformat()}
    told |= {"stay.dwelling_kind": dwelling_kind, "stay.reason": reason}
    return enter(current, dwelling.region, "stay", told, day_of(at), Entered(by, at, purpose), wrote)


@transaction.atomic
def end_stay(code: str, *, end_on: date, by: Actor, at: datetime, purpose: str) -> str:
    """A person leaves: the stay that goes on ends (``end_on``: the first day away). Returns the entry's key.

    Refuses a person who lives nowhere here, and a day before the stay began.
    """
    current = resolve_code(code)
    counter.check_day(end_on, day_of(at))
    person, wrote = shown_person(current), Written()
    going_on = list(_open_stays(current, None))
    if not going_on:
        raise Refusal("register.no_open_stay")
    last = going_on[0]
    if end_on <= last.begin_on:
        raise Refusal("register.ends_before_begin")
    begin_on, address = (
        last.begin_on,
        Dwelling.objects.filter(dwelling_code=last.dwelling_code, known_to=None),
    )
    told = _stay_told(address.first()) or {"stay.region": last.stay_region}
    for stay in going_on:
        wrote.replace(
            "stay", stay, at, end_on=end_on, confirmed_on=day_of(at), sources=f"{stay.sources};{_source(at)}"
        )
    wrote.replace("identity", person, at, is_resident=False, dwelling_code=None)
    told |= {
        "person.name": person.name,
        "stay.begin_on": begin_on.isoformat(),
        "stay.end_on": end_on.isoformat(),
    }
    return enter(current, person.region, "leave", told, day_of(at), Entered(by, at, purpose), wrote)


@transaction.atomic
def register_job(
    code: str,
    *,
    employer_code: str,
    begin_on: date,
    occupation: str = "",
    by: Actor,
    at: datetime,
    purpose: str,
) -> str:
    """A job told at the counter, in the same visit as a stay. Returns the entry's key. Refuses an unknown employer."""
    current = resolve_code(code)
    counter.check_day(begin_on, day_of(at))
    employer = Employer.objects.filter(employer_code=employer_code, known_to__isnull=True).first()
    if employer is None:
        raise Refusal("register.no_employer")
    person, wrote = shown_person(current), Written()
    wrote.open(
        "job",
        Job(
            person_code=current,
            region=person.region,
            sources=_source(at),
            employer_code=employer_code,
            employer_name=employer.name,
            begin_on=begin_on,
            occupation=occupation,
            confirmed_on=day_of(at),
        ),
    )
    wrote.replace("identity", person, at, employer_code=employer_code)
    told = {
        "person.name": person.name,
        "job.employer_code": employer_code,
        "job.employer_name": employer.name,
    }
    told |= {"job.begin_on": begin_on.isoformat(), "job.occupation": occupation}
    return enter(current, person.region, "job", told, day_of(at), Entered(by, at, purpose), wrote)


@transaction.atomic
def withdraw_entry(record_key: str, *, of: str = "", by: Actor, at: datetime, purpose: str) -> None:
    """A counter entry was a mistake: its rows are undone now, and the next run leaves it out.

    ``of``: the person it has to be about. Refuses an unknown one, and one on which a later entry of the same person rests.
    """
    found = CounterEntry.objects.select_for_update().filter(record_key=record_key, is_withdrawn=False).first()
    if found is None or (of and resolve_code(of) != resolve_code(found.person_code)):
        raise Refusal("register.no_entry")
    later = CounterEntry.objects.filter(person_code=found.person_code, pk__gt=found.pk, is_withdrawn=False)
    if later.exists():
        raise Refusal("register.later_entry")
    found.is_withdrawn = True
    found.save(update_fields=["is_withdrawn"])
    undo(found, at)
    log.record(by, "person.correct", at, purpose=purpose, subject=f"person:{found.person_code}")


def _check_place(region: str, by: Actor) -> None:
    """A dwelling of another place may be in sight, where somebody in sight has lived; nobody is moved in there from here."""
    if not places.within(region, by.region):
        raise Refusal("register.dwelling_elsewhere")


def _source(at: datetime) -> str:
    return f"{DATASET}@{day_of(at).isoformat()}"


def _stay_told(dwelling: Dwelling | None) -> dict[str, Any]:
    return {f"stay.{p}": getattr(dwelling, p) for p in _ADDRESS} if dwelling else {}


def _open_stays(code: str, before: date | None) -> Any:
    """Stays that go on as known now, the newest first."""
    going_on = Q(end_on__isnull=True, presumed_end_on__isnull=True)
    if before is not None:
        going_on |= Q(end_on__isnull=True, presumed_end_on__gt=before)
    found = Stay.objects.select_for_update().filter(going_on, person_code=code, known_to__isnull=True)
    return found.order_by("-begin_on", "-pk")


def _person_moving(code: str, region: str, known_by: tuple[str, str] | None, wrote: Written) -> Identity:
    """The person, with every row of theirs in the new place: they are that place's to see from now on."""
    former = person_region(code)
    if former == region:
        return shown_person(code)
    number, name = known_by or ("", "")
    told = sealer().indexes("citizen_no", number) if number else []
    if not take_in(code, region, told, names.key(name)):
        raise Refusal("register.no_person")
    wrote.former_region = former or ""
    return shown_person(code)


def _guardian(person: Identity, told: Guardian | None, today: date, wrote: Written) -> dict[str, str]:
    """What is recorded of a guardian. Refuses a minor for whom none is told, nor known."""
    relations = counter.rules().guardian_relations
    if told is None or not told.name:
        known = Kin.objects.filter(
            person_code=person.person_code, known_to__isnull=True, relation__in=relations
        )
        if counter.needs_guardian(person.born_on, today) and not known.exists():
            raise Refusal("register.guardian_needed", age=counter.rules().guardian_below)
        return {}
    if told.relation not in relations:
        raise Refusal("register.no_guardian_relation")
    kin = Kin(
        person_code=person.person_code,
        region=person.region,
        relation=told.relation,
        relative_name=told.name,
        sources=f"{DATASET}@{today.isoformat()}",
    )
    wrote.open("kin", kin)
    told_of = {
        "name": told.name,
        "relation": told.relation,
        "phone": told.phone,
        "citizen_no": told.citizen_no,
    }
    return {f"kin.{name}": value for name, value in told_of.items()}

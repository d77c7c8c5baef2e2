"""A decided stay or job in the person's file at once, and back again: rows as a counter entry writes them.

The person's own row is said anew each time, so that the next run knows of people with a spell taken out too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Min, Value
from django.db.models.functions import Coalesce

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import spells
from anju.register.spells import Change, SpellDecision
from anju.register.store.entering import Written, shown_person
from anju.register.store.models import Contribution, Dwelling, Employer, Enrolment, Job, Stay
from anju.register.store.showing import DATASET

MODELS: dict[str, Any] = {"stay": Stay, "job": Job}
Days = tuple[date, date | None, date | None]
"""Begin, stated end, presumed end."""
INSURED = timedelta(days=92)
"""A contribution so late shows that somebody is here, as in a run."""


def show(
    code: str, aspect: str, row: int, change: Change, earlier: Iterable[SpellDecision], at: datetime
) -> tuple[SpellDecision, list[int]]:
    """Write a decision about the current row ``row``; return it and the rows that were shown before.

    ``earlier``: decisions that stand, the newest last; one about this spell tells what the sources had stated. Refuses a
    row that is not this person's, or no longer current, and a place that is not known.
    """
    person, wrote = shown_person(code), Written()
    found = (
        MODELS[aspect].objects.select_for_update().filter(pk=row, person_code=code, known_to=None).first()
        if aspect in MODELS
        else None
    )
    if found is None:
        raise Refusal("register.no_spell")
    now = spells.decide(stated(aspect, found), change, day_of(at))
    first = next((e for e in earlier if e.shows(now.key, found.begin_on, found.end_on)), None)
    decision = now if first is None else spells.carried(now, first)
    closed = [row]
    if decision.is_taken_out:
        MODELS[aspect].objects.filter(pk=row).update(known_to=at)
    else:
        place = _place(aspect, now.to_place) if now.to_place else {}
        beside = _meeting(code, found, now, day_of(at)) if place else []
        days = (now.begin_on, now.end_on, found.presumed_end_on if found.end_on == now.end_on else None)
        for other in beside:
            MODELS[aspect].objects.filter(pk=other.pk).update(known_to=at)
            closed.append(other.pk)
            days = _together(days, other, change)
        told = {
            s for f in (found, *beside) for s in f.sources.split(";") if s and not s.startswith(f"{DATASET}@")
        }
        told.add(f"{DATASET}@{day_of(at).isoformat()}")
        wrote.replace(
            aspect, found, at, begin_on=days[0], end_on=days[1], presumed_end_on=days[2], confirmed_on=day_of(at),
            sources=";".join(sorted(told)), **place,
        )  # fmt: skip
    _restate(person, wrote, at)
    return decision, closed


def _place(aspect: str, code: str) -> dict[str, str]:
    """The columns that say where. Refuses an unknown dwelling or employer."""
    if aspect == "stay":
        dwelling = Dwelling.objects.filter(dwelling_code=code, known_to=None).first()
        if dwelling is None:
            raise Refusal("register.no_dwelling")
        return {"dwelling_code": code, "stay_region": dwelling.region}
    employer = Employer.objects.filter(employer_code=code, known_to=None).first()
    if employer is None:
        raise Refusal("register.no_employer")
    return {"employer_code": code, "employer_name": employer.name}


def _meeting(code: str, found: Any, now: SpellDecision, today: date) -> list[Any]:
    """Other current rows of the person at the right place, in the same time: with this one they are one spell."""
    same = (
        type(found).objects.select_for_update().filter(person_code=code, known_to=None).exclude(pk=found.pk)
    )
    return [
        row
        for row in same.order_by("pk")
        if stated(now.aspect, row).key == now.shown_key
        and row.begin_on < (now.end_on or date.max)
        and (row.end_on or date.max) > (now.begin_on or today)
    ]


def _together(days: Days, other: Any, change: Change) -> Days:
    """The period of a spell grown together with ``other``; days that were put right stand."""
    begin_on = days[0] if change.begin_on else min(days[0], other.begin_on)
    if change.end_on or change.goes_on:
        return begin_on, days[1], None
    ends = (days[1], other.end_on)
    end_on = None if None in ends else max(ends)
    presumed = max(days[2], other.presumed_end_on) if days[2] and other.presumed_end_on else None
    return begin_on, end_on, None if end_on else presumed


def stated(aspect: str, row: Any) -> SpellDecision:
    """A row as what is stated, before anything is decided."""
    if aspect == "stay":
        place, told = row.dwelling_code, row.stay_region if row.stay_region.strip("0") else ""
    else:
        place, told = row.employer_code, row.employer_name
    return SpellDecision(aspect, place, "" if place else told, row.begin_on, row.end_on)


def restore(code: str, decision: SpellDecision, former: Iterable[int], at: datetime) -> None:
    """What was shown before the decision stands again."""
    person, wrote = shown_person(code), Written()
    model = MODELS[decision.aspect]
    for row in model.objects.filter(person_code=code, known_to=None):
        if stated(decision.aspect, row).key == decision.shown_key and (
            row.begin_on == decision.begin_on or decision.meets(row.begin_on, row.end_on, day_of(at))
        ):
            model.objects.filter(pk=row.pk).update(known_to=at)
    for again in model.objects.filter(pk__in=former, person_code=code).order_by("pk"):
        again.pk, again.known_from, again.known_to, again.region = None, at, None, person.region
        wrote.open(decision.aspect, again)
    _restate(person, wrote, at)


def _restate(person: Any, wrote: Written, at: datetime) -> None:
    """Who lives, works and is here today by the rows that stand; where rows belong follows with the next run."""
    code, today = person.person_code, day_of(at)
    stay, job, pupil = (_going(model, code, today) for model in (Stay, Job, Enrolment))
    told = any(m.objects.filter(person_code=code, known_to=None).exists() for m in (Stay, Job, Enrolment))
    insured = Contribution.objects.filter(person_code=code, known_to=None, to_month__gt=today - INSURED)
    wrote.replace(
        "identity", person, at, dwelling_code=(stay.dwelling_code or None) if stay else None,
        employer_code=job.employer_code if job else "",
        arrived_on=Stay.objects.filter(person_code=code, known_to=None).aggregate(first=Min("begin_on"))["first"],
        is_resident=bool(stay or job or pupil) or not told or insured.exists(),
    )  # fmt: skip


def _going(model: Any, code: str, today: date) -> Any:
    """The row of a table that goes on today, the newest first."""
    until = Coalesce("end_on", "presumed_end_on", Value(date.max))
    found = model.objects.filter(person_code=code, known_to=None, begin_on__lte=today).annotate(until=until)
    return found.filter(until__gt=today).order_by("-begin_on", "-confirmed_on", "pk").first()

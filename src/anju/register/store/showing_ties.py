"""A decided family tie in both files at once, and back again: rows as a counter entry writes them.

The relative's side is written where the one who decides may see it; elsewhere it follows with the next run.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import counter, ties
from anju.register.store.entering import Written, shown_person
from anju.register.store.models import Identity, Kin
from anju.register.store.showing import DATASET
from anju.register.ties import TieDecision


def show(code: str, relative: str, name: str, relation: str, at: datetime) -> tuple[TieDecision, list[int]]:
    """Write a decision; return it and the rows that were shown before, of both sides.

    ``relation`` empty: not related. Refuses a person who is not in sight, a new relative who is not, what cannot be, what
    is shown so already, and to leave a minor without anybody who can stand beside them.
    """
    person, wrote = shown_person(code), Written()
    mine = _rows(code, relative, name)
    other = _in_sight(relative, is_known=bool(mine)) if relative else None
    name = other.name if other else mine[0].relative_name if mine else name
    decision = ties.check(
        TieDecision(relative, name, relation, ties.kinds(r.relation for r in mine if not _is_decided(r.sources))),
        code, person.born_on, other.born_on if other else None,
    )  # fmt: skip
    if decision.is_taken_out and not mine:
        raise Refusal("register.no_tie")
    if relation and {row.relation for row in mine if not row.household} == {relation}:
        raise Refusal("register.tie_unchanged")
    if relative and other is None and {ties.kind(r.relation) for r in mine} & ties.YOUNGER:
        raise Refusal("register.relative_elsewhere")  # nobody here sees whether a minor would be left alone
    minors = [p for p in (person, other) if p is not None and _guarded(p, day_of(at))]
    _write(person, mine, decision, False, at, wrote)
    if other is not None:
        seen = ties.inverse(relation, person.sex) if relation else ""
        theirs = TieDecision(code, person.name, seen)
        _write(other, _rows(relative, code, person.name), theirs, True, at, wrote)
    _check_guarded(minors, day_of(at))
    return decision, wrote.closed["kin"]


def _in_sight(relative: str, *, is_known: bool) -> Identity | None:
    """The relative as shown now; None for one told of already who lives out of sight."""
    found = Identity.objects.select_for_update().filter(person_code=relative, known_to__isnull=True).first()
    if found is None and not is_known:
        raise Refusal("register.no_person")
    return found


def _rows(code: str, relative: str, name: str) -> list[Any]:
    """Current rows of a person about one relative."""
    found = Kin.objects.select_for_update().filter(person_code=code, known_to=None)
    about = (
        found.filter(relative_code=relative)
        if relative
        else found.filter(relative_code="", relative_name=name)
    )
    return list(about.order_by("pk"))


def _is_decided(sources: str) -> bool:
    return all(s.startswith(f"{DATASET}@") for s in sources.split(";"))


def _guarded(person: Identity, today: date) -> bool:
    """Whether a minor has somebody who can stand beside them; an adult needs nobody and counts as no."""
    if not counter.needs_guardian(person.born_on, today):
        return False
    relations = counter.rules().guardian_relations
    return Kin.objects.filter(
        person_code=person.person_code, known_to__isnull=True, relation__in=relations
    ).exists()


def _check_guarded(minors: Iterable[Identity], today: date) -> None:
    """Refuses what leaves one of these minors alone."""
    if not all(_guarded(minor, today) for minor in minors):
        raise Refusal("register.last_guardian", age=counter.rules().guardian_below)


def _write(
    person: Identity, rows: list[Any], decision: TieDecision, is_inverse: bool, at: datetime, wrote: Written
) -> None:
    """One side: what says otherwise ends, what is decided is said. One household stays one unless they are not related."""
    source, relation = f"{DATASET}@{day_of(at).isoformat()}", decision.relation
    agreeing = [r for r in rows if relation and r.relation == relation and r.is_inverse == is_inverse]
    for row in rows:
        if not relation or not (row.household or row.relation == relation):
            Kin.objects.filter(pk=row.pk).update(known_to=at)
            wrote.closed["kin"].append(row.pk)
    for row in agreeing:
        wrote.replace("kin", row, at, sources=";".join(sorted({*row.sources.split(";"), source})))
    if relation and not agreeing:
        tie = Kin(
            person_code=person.person_code, region=person.region, relative_code=decision.relative, relation=relation,
            relative_name=decision.name, is_inverse=is_inverse, sources=source,
        )  # fmt: skip
        wrote.open("kin", tie)
    wrote.replace("identity", person, at)  # the next run knows of people with a tie taken out, too


def restore(code: str, decision: TieDecision, former: Iterable[int], at: datetime) -> None:
    """What was shown before the decision stands again, on both sides. Refuses to leave a minor alone."""
    person, wrote = shown_person(code), Written()
    sides = [(code, decision.relative, decision.name)]
    if decision.relative:
        sides.append((decision.relative, code, person.name))
    shown = Identity.objects.select_for_update().filter(known_to__isnull=True)
    people = list(shown.filter(person_code__in=[mine for mine, _theirs, _name in sides]).order_by("pk"))
    minors = [p for p in people if _guarded(p, day_of(at))]
    for mine, theirs, name in sides:
        for row in _rows(mine, theirs, name):
            if f"{DATASET}@" in row.sources:
                Kin.objects.filter(pk=row.pk).update(known_to=at)
    for again in Kin.objects.filter(pk__in=former).order_by("pk"):
        again.pk, again.known_from, again.known_to = None, at, None
        wrote.open("kin", again)
    _check_guarded(minors, day_of(at))
    for seen in people:
        wrote.replace("identity", seen, at)

"""Writes about restriction, erasure and retention. Each is one transaction with its log entry inside."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.store import log
from anju.trust.store.models import Erasure, Restriction, RetentionRun
from anju.trust.store.rights_actions import make_number, one_at_a_time

GROUNDS = ("term_over", "unlawful", "sender")


@transaction.atomic
def restrict(
    person_code: str,
    region: str | None,
    ground: str,
    *,
    by: Actor,
    at: datetime,
    purpose: str,
    request: str = "",
    until: date | None = None,
) -> None:
    """From now on the person's data are kept and otherwise left alone. A restriction in force is renewed."""
    if ground not in Restriction.GROUNDS:
        raise Refusal("rights.unknown_ground", ground=ground)
    one_at_a_time("restriction", person_code)
    held = (
        Restriction.objects.select_for_update()
        .filter(person_code=person_code, lifted_at__isnull=True)
        .first()
    )
    made = held or Restriction(person_code=person_code, region=region, since=at)
    made.ground, made.until, made.ordered_by = ground, until, by.account
    made.request = request or made.request
    made.save()
    log.record(
        by, "person.restrict", at, purpose=purpose, subject=f"person:{person_code}",
        detail={"ground": ground, "request": request},
    )  # fmt: skip


@transaction.atomic
def lift(person_code: str, *, by: Actor, at: datetime, purpose: str) -> None:
    """The restriction ends. Refuses when there is none."""
    ended = Restriction.objects.filter(person_code=person_code, lifted_at__isnull=True).update(
        lifted_at=at, lifted_by=by.account
    )
    if not ended:
        raise Refusal("rights.not_restricted")
    log.record(
        by, "person.restrict", at, purpose=purpose, subject=f"person:{person_code}", detail={"lifted": 1}
    )


@transaction.atomic
def order_erasure(
    person_code: str,
    region: str | None,
    ground: str,
    *,
    by: Actor,
    at: datetime,
    purpose: str,
    request: str = "",
    until: date | None = None,
) -> str:
    """Erase what the law lets go; until then, and for what must stay, nobody works with it. Returns the number.

    ``term_over``: what is past its term; ``unlawful``: everything, whatever its term; ``sender``: what whoever sent it has
    erased. ``until``: when the last term of
    what stays is over. The pipeline carries it out (``jobs.pipeline.erasure``).
    """
    if ground not in GROUNDS:
        raise Refusal("rights.unknown_ground", ground=ground)
    one_at_a_time("restriction", person_code)
    waiting = Erasure.objects.filter(person_code=person_code, done_at__isnull=True).first()
    if waiting:
        raise Refusal("rights.already_ordered", number=waiting.number)
    restrict(person_code, region, "kept_by_law", by=by, at=at, purpose=purpose, request=request, until=until)
    made = Erasure.objects.create(
        number=make_number("E", at), person_code=person_code, region=region, ground=ground, request=request,
        ordered_by=by.account, ordered_at=at,
    )  # fmt: skip
    log.record(
        by, "person.erase", at, purpose=purpose, subject=f"person:{person_code}",
        detail={"erasure": made.number, "ground": ground},
    )  # fmt: skip
    return made.number


@transaction.atomic
def finish_erasure(number: str, counts: dict[str, int], *, is_whole: bool, by: Actor, at: datetime) -> None:
    """What an order came to; a person of whom nothing is left needs no restriction any more."""
    row = Erasure.objects.select_for_update().get(number=number)
    row.done_at, row.counts, row.is_whole = at, counts, is_whole
    row.save()
    if is_whole or row.ground == "sender":
        Restriction.objects.filter(person_code=row.person_code, lifted_at__isnull=True).update(
            lifted_at=at, lifted_by=by.account
        )
    log.record(
        by, "person.erase", at, subject=f"person:{row.person_code}",
        detail={"erasure": number, "rows": sum(counts.values()), "whole": int(is_whole)},
    )  # fmt: skip


@transaction.atomic
def plan_run(as_of: date, counts: dict[str, int], *, by: Actor, at: datetime) -> str:
    """Keep what a run would erase; an older plan nobody put forward gives way. Returns the number."""
    RetentionRun.objects.filter(state="planned").update(state="dropped")
    made = RetentionRun.objects.create(
        number=make_number("R", at), as_of=as_of, planned_at=at, planned_by=by.account, counts=counts
    )
    log.record(by, "retention.run", at, detail={"run": made.number, "would": sum(counts.values())})
    return made.number


@transaction.atomic
def decide_run(number: str, step: str, *, by: Actor, at: datetime) -> None:
    """One step of a run: ``ask`` puts it forward, ``approve`` is the second person's word, ``drop`` ends it."""
    row = RetentionRun.objects.select_for_update().filter(number=number).first()
    allowed = {"ask": ("planned",), "approve": ("asked",), "drop": ("planned", "asked")}
    if row is None or row.state not in allowed.get(step, ()):
        raise Refusal("rights.run_not_open", number=number)
    if step == "ask":
        row.state, row.asked_by, row.asked_at = "asked", by.account, at
    elif step == "approve":
        if by.account == row.asked_by:
            raise Refusal("rights.own_answer")
        row.state, row.approved_by, row.approved_at = "approved", by.account, at
    else:
        row.state = "dropped"
    row.save()
    log.record(by, "retention.run", at, purpose="retention", detail={"run": number, "step": step})


@transaction.atomic
def finish_run(number: str, erased: dict[str, int], *, by: Actor, at: datetime) -> None:
    """What a run erased: counts alone."""
    RetentionRun.objects.filter(number=number, state="approved").update(
        state="done", done_at=at, erased=erased
    )
    log.record(by, "retention.run", at, detail={"run": number, "erased": sum(erased.values())})

"""Decisions about one stay, one job, one family tie. Each is one transaction with its log entry; shown at once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from anju.register import spells, ties
from anju.register.store import settling, showing_spells, showing_ties
from anju.register.store.models import Settlement
from anju.register.store.queries import cases
from anju.register.store.queries import spells as spell_queries
from anju.register.store.queries import ties as tie_queries
from anju.register.store.queries.codes import resolve_code
from anju.trust.access import Actor
from anju.trust.store import log


@transaction.atomic
def settle_spell(
    code: str, aspect: str, row: int, change: spells.Change, *, why: str, evidence: str = "records", by: Actor,
    at: datetime, purpose: str,
) -> int:  # fmt: skip
    """Decide that a stay or job (its current row) had another period or place, or never was. Shown at once; who asked is told.

    Later runs follow it until the dataset with authority, after this day, states what it had not stated before. A decision
    that had to yield so has had its time when the spell is decided anew. Returns the case's id.
    """
    current, why = resolve_code(code), settling.check_why(why)
    case = settling.open_case(current, aspect, at)
    settling.check_theirs(case, by)
    standing = [s for s in spell_queries.standing(current) if s.decision.aspect == aspect]
    decision, former = showing_spells.show(current, aspect, row, change, [s.decision for s in standing], at)
    if cases.is_contradicted(current, aspect):
        stated = decision.stated_begin_on, decision.stated_end_on
        over = [
            s.id
            for s in standing
            if s.decision.key == decision.key and s.decision.meets(*stated, s.decided_on)
        ]
        Settlement.objects.filter(pk__in=over).update(state="ended")
    return settling.decide(
        case, spells.pack(decision), ",".join(map(str, former)), [], why=why, evidence=evidence, by=by, at=at, purpose=purpose
    )  # fmt: skip


@transaction.atomic
def settle_tie(
    code: str, relative: str, relation: str, *, name: str = "", why: str, evidence: str = "records", by: Actor,
    at: datetime, purpose: str,
) -> int:  # fmt: skip
    """Decide what ``relative`` (a code; empty: the one called ``name``) is to the person; empty ``relation``: nothing.

    Shown at once in both files, and told to both; who asked is answered. Later runs follow it until the dataset with
    authority, after this day, states a relation of another kind than before. Returns the case's id.
    """
    current, why = resolve_code(code), settling.check_why(why)
    case = settling.open_case(current, ties.FIELD, at)
    settling.check_theirs(case, by)
    other = resolve_code(relative) if relative else ""
    decision, former = showing_ties.show(current, other, name, relation, at)
    over = [s.id for s in tie_queries.standing(current) if s.decision.is_about(decision)]
    if cases.is_contradicted(current, ties.FIELD):
        Settlement.objects.filter(pk__in=over).update(state="ended")
    if other:
        told = {"field": ties.FIELD, "what": "settled"}
        log.record(by, "discrepancy.settle", at, purpose=purpose, subject=f"person:{other}", detail=told)
    rows = ",".join(map(str, former))
    return settling.decide(
        case, ties.pack(decision), rows, [], why=why, evidence=evidence, by=by, at=at, purpose=purpose
    )

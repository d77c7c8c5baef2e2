"""Merging and splitting whole people: proposed by one, confirmed by another, undone as a whole. Effective from the next run.

A confirmed change is a set of words on pairs of records (must be one person, must not), which linkage follows like a
reviewer's. Codes are never lost: linkage forwards the one that yields to the one that stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from anju.exchange.review.questions import common_region, record_id
from anju.exchange.store.models import PersonChange, ReviewWord
from anju.kernel.refusal import Refusal
from anju.register.store.queries import cases, latest_run, resolve_code
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log

LEAST_WHY = 4
OWN = frozenset({"settlement", "counter_entry"})
"""Records of our own: their person is fixed, linkage does not weigh them."""


def _records(code: str) -> list[int]:
    found = [record_id(s.dataset, s.record_key) for s in cases.said_of(code) if s.dataset not in OWN]
    return sorted(dict.fromkeys(found))


def _why(why: str) -> str:
    if len(why.strip()) < LEAST_WHY:
        raise Refusal("review.reason_needed", letters=LEAST_WHY)
    return why.strip()[:400]


def _no_other(*codes: str) -> None:
    waiting = PersonChange.objects.filter(state="proposed").filter(
        Q(person_code__in=codes) | Q(other_code__in=codes)
    )
    if waiting.exists():
        raise Refusal("review.change_waits")


def _no_merge_shown_still(code: str) -> None:
    """Records are chosen on the file as it is shown: one that holds a merge taken back since would say it anew."""
    run = latest_run()
    if run is None or run.known_at is None:
        return
    undone = PersonChange.objects.filter(kind="merge", undone_at__gt=run.known_at, answered_at__isnull=False)
    if undone.filter(Q(person_code=code) | Q(other_code=code)).exists():
        raise Refusal("review.merge_shown_still")


@transaction.atomic
def propose_merge(code: str, other: str, *, why: str, by: Actor, at: datetime, purpose: str) -> int:
    """Two codes are one person. Refuses two that lead to the same one. Returns the change."""
    one, two, why = resolve_code(code), resolve_code(other.strip().upper()), _why(why)
    if one == two:
        raise Refusal("review.same_person")
    _no_other(one, two)
    here, there = _records(one), _records(two)
    if not (here and there):
        raise Refusal("register.no_person")
    return _propose("merge", one, two, there[:1], here[:1], why, by=by, at=at, purpose=purpose)


@transaction.atomic
def propose_split(
    code: str, records: Sequence[int], *, why: str, by: Actor, at: datetime, purpose: str
) -> int:
    """Some records of a person are another person's. Refuses all or none of them. Returns the change."""
    one, why = resolve_code(code), _why(why)
    _no_other(one)
    _no_merge_shown_still(one)
    mine = _records(one)
    moved = sorted(set(records) & set(mine))
    kept = [r for r in mine if r not in set(moved)]
    if not moved or not kept:
        raise Refusal("review.split_needs_both")
    return _propose("split", one, "", moved, kept, why, by=by, at=at, purpose=purpose)


def _propose(
    kind: str, code: str, other: str, moved: list[int], kept: list[int], why: str, *, by: Actor, at: datetime,
    purpose: str,
) -> int:  # fmt: skip
    where = cases.regions_of([c for c in (code, other) if c])
    made = PersonChange.objects.create(
        kind=kind, person_code=code, other_code=other, region=common_region(where.get(code), where.get(other)),
        moved=[str(r) for r in moved], kept=[str(r) for r in kept], reason=sealer().seal(why), purpose=purpose,
        proposed_by=by.account, proposed_at=at,
    )  # fmt: skip
    _tell(made, "proposed", by=by, at=at, purpose=purpose)
    return int(made.pk)


def _get(change: int, states: Sequence[str]) -> PersonChange:
    found = PersonChange.objects.select_for_update().filter(pk=change).first()
    if found is None:
        raise Refusal("review.no_change")
    if found.state not in states:
        raise Refusal("review.change_closed")
    return found


def _tell(change: PersonChange, what: str, *, by: Actor, at: datetime, purpose: str) -> None:
    for code in filter(None, (change.person_code, change.other_code)):
        log.record(
            by, "person.merge", at, purpose=purpose, subject=f"person:{code}",
            detail={"change": change.pk, "kind": change.kind, "what": what},
        )  # fmt: skip


@transaction.atomic
def answer(change: int, *, agrees: bool, by: Actor, at: datetime, purpose: str) -> None:
    """The second person's answer; agreed, the words stand and the next run follows them. Refuses one's own."""
    row = _get(change, ["proposed"])
    if row.proposed_by == by.account:
        raise Refusal("review.own_change")
    row.state, row.answered_by, row.answered_at = ("confirmed" if agrees else "refused"), by.account, at
    row.save(update_fields=["state", "answered_by", "answered_at"])
    if agrees:
        ReviewWord.objects.bulk_create(_words(row, by, at))
    _tell(row, row.state, by=by, at=at, purpose=purpose)


def _words(row: PersonChange, by: Actor, at: datetime) -> list[ReviewWord]:
    """A merge is one pair. A split keeps both halves together, each in a chain, and parts the two."""
    moved, kept = [int(r) for r in row.moved], [int(r) for r in row.kept]

    def word(a: int, b: int, said: str) -> ReviewWord:
        return ReviewWord(
            change=row, record_a=min(a, b), record_b=max(a, b), region=row.region, word=said, purpose=row.purpose,
            said_by=by.account, said_at=at,
        )  # fmt: skip

    if row.kind == "merge":
        return [word(moved[0], kept[0], "same")]
    chains = [word(half[0], other, "same") for half in (moved, kept) for other in half[1:]]
    return [*chains, word(moved[0], kept[0], "different")]


@transaction.atomic
def given(parted: Sequence[tuple[str, str]]) -> None:
    """Splits that a run has carried out: the change names the code of the other person too."""
    for code, other in parted:
        change = PersonChange.objects.filter(
            kind="split", state="confirmed", person_code=code, other_code=""
        ).order_by("-answered_at")
        PersonChange.objects.filter(pk__in=change.values("pk")[:1]).update(other_code=other)


@transaction.atomic
def undo(change: int, *, why: str, by: Actor, at: datetime, purpose: str) -> None:
    """Take a confirmed change back whole: from the next run on the evidence decides again."""
    why = _why(why)
    row = _get(change, ["confirmed", "proposed"])
    if row.state == "proposed":
        row.answered_by, row.answered_at = "", at
    row.state, row.undone_by, row.undone_at, row.undone_why = "undone", by.account, at, sealer().seal(why)
    row.save()
    row.words.filter(undone_at__isnull=True).update(undone_by=by.account, undone_at=at)
    _tell(row, "undone", by=by, at=at, purpose=purpose)

"""Many contradictions settled by one rule: counted and shown first, then settled in sets, undone as a batch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register import dossier, settling
from anju.register.settling import Rule
from anju.register.store.models import SettleBatch, Settlement
from anju.register.store.queries import sql
from anju.register.store.queries.person import MASKED
from anju.register.store.settling import check_why, reopen
from anju.register.store.showing import show
from anju.trust import masking
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log
from anju.trust.store.log import Entry

CHUNK = 2000
SAMPLE = 20
MOST = 20_000
"""Settled in one go from a page; what is left waits for the next. The command line knows no such bound."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One contradiction the rule settles: the value it takes, what is shown, what is said against it."""

    case: int
    person_code: str
    field: str
    value: str
    shown: str
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the picks as a page shows it, masked."""

    person_code: str
    person_name: str
    field: str
    value: str
    shown: str
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would do: ``count`` of ``examined`` open contradictions; ``changes`` of them show another value after."""

    rule: Rule
    count: int
    changes: int
    examined: int
    is_more: bool
    samples: tuple[Sample, ...]


def _picks(
    rule: Rule, scope: Sequence[str], owner: str, codes: Sequence[str] | None = None
) -> Iterator[Pick | None]:
    """Every open contradiction on the rule's fields: what the rule takes, or None where its conditions do not hold."""
    place, values = sql.within(scope, "s.region")
    more, told = ("AND s.owner = %s", [owner]) if owner else ("", [])
    shown = ", ".join(f"i.{f}" for f in dossier.FIELDS)
    opens_number = "citizen_no" in rule.fields or "fits_number" in rule.when
    seal = sealer()
    last = 0
    while True:
        found = sql.rows(
            f"SELECT s.id, s.person_code, s.field, s.owner, {shown}, d.records FROM register_settlement s "
            "JOIN register_identity i ON i.person_code = s.person_code AND i.known_to IS NULL "
            "JOIN register_dossier d ON d.person_code = s.person_code AND d.known_to IS NULL "
            f"WHERE s.state = 'open' AND NOT s.is_requested AND s.field = ANY(%s) AND {place} {more} AND s.id > %s "
            "ORDER BY s.id LIMIT %s",
            list(rule.fields), *values, *told, last, CHUNK,
        )  # fmt: skip
        for row in found:
            view: dict[str, str | None] = {
                f: row[f] or None for f in dossier.FIELDS if f not in ("citizen_no", "phone")
            }
            view["born_on"] = row["born_on"].isoformat() if row["born_on"] else None
            view["citizen_no"] = seal.open(row["citizen_no"]) if opens_number and row["citizen_no"] else None
            said = dossier.unpack(seal.open(row["records"]), view)
            value = settling.decide(rule, row["field"], row["owner"], view, said)
            if value is None:
                yield None
                continue
            stated = {
                s.values[row["field"]]
                for s in said
                if s.values.get(row["field"]) and s.dataset not in settling.OWN
            }
            yield Pick(
                row["id"], row["person_code"], row["field"], value, view[row["field"]] or "",
                tuple(sorted(stated - {value})),
            )  # fmt: skip
        if len(found) < CHUNK:
            return
        last = found[-1]["id"]


def preview(rule: str, *, scope: Sequence[str], owner: str = "", most: int | None = MOST) -> Preview:
    """How many contradictions a rule would settle, how many of them would show another value, and some of them."""
    told, examined, count, changes = settling.get_rule(rule), 0, 0, 0
    picks: list[Pick] = []
    is_more = False
    for pick in _picks(told, scope, owner):
        if most is not None and count >= most:
            is_more = True
            break
        examined += 1
        if pick is not None:
            count += 1
            changes += pick.value != pick.shown
            if len(picks) < SAMPLE or (pick.value != pick.shown and changes <= SAMPLE // 2):
                picks.append(pick)
    shown_first = sorted(picks, key=lambda p: p.value == p.shown)[:SAMPLE]
    return Preview(told, count, changes, examined, is_more, tuple(_samples(shown_first)))


def _samples(picks: Sequence[Pick]) -> Iterator[Sample]:
    found = sql.rows(
        "SELECT person_code, name FROM register_identity WHERE person_code = ANY(%s) AND known_to IS NULL",
        [p.person_code for p in picks],
    )
    called = {r["person_code"]: masking.mask_name(r["name"]) or "" for r in found}
    for p in picks:
        mask = MASKED.get(p.field, lambda v: v)
        yield Sample(
            p.person_code, called.get(p.person_code, ""), p.field, mask(p.value) or "", mask(p.shown) or "",
            tuple(mask(v) or "" for v in p.against),
        )  # fmt: skip


@transaction.atomic
def apply(
    rule: str, *, scope: Sequence[str], region: str | None, why: str, by: Actor, at: datetime, purpose: str,
    owner: str = "", most: int | None = MOST,
) -> tuple[int, int]:  # fmt: skip
    """Settle what the rule settles; returns the batch and how many. A department's officer settles their department's alone.

    ``region``: the division the batch belongs to, for those who may see and undo it (None: the whole deployment).
    """
    told, why = settling.get_rule(rule), check_why(why)
    owner = by.department or owner
    batch = SettleBatch.objects.create(
        rule=rule, owner=owner, region=region, count=0, why=sealer().seal(why), purpose=purpose, settled_at=at,
        settled_by=by.account,
    )  # fmt: skip
    count, pending = 0, []
    for pick in _picks(told, scope, owner):
        if most is not None and count >= most:
            break
        if pick is None:
            continue
        count += 1
        if pick.value != pick.shown:
            show(pick.person_code, pick.field, pick.value, at)
        pending.append(pick)
        if len(pending) == CHUNK:
            _settle(pending, batch, why, by, at)
            pending = []
    _settle(pending, batch, why, by, at)
    if not count:
        raise Refusal("register.nothing_fits")
    batch.count = count
    batch.save(update_fields=["count"])
    log.record(
        by, "discrepancy.settle", at, purpose=purpose, subject=f"settlebatch:{batch.pk}",
        detail={"rule": rule, "count": count},
    )  # fmt: skip
    return int(batch.pk), count


def _settle(picks: Sequence[Pick], batch: SettleBatch, why: str, by: Actor, at: datetime) -> None:
    """The decisions of one rule, written in one set, with a log entry for each person."""
    if not picks:
        return
    seal = sealer()
    values = seal.seal_many([p.value for p in picks])
    formers = seal.seal_many([p.shown for p in picks])
    against = seal.seal_many([json.dumps(p.against, ensure_ascii=False) for p in picks])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE deciding (id bigint, value bytea, former bytea, overruled bytea) ON COMMIT DROP"
        )
        with cursor.copy("COPY deciding FROM STDIN") as copy:
            for p, value, former, over in zip(picks, values, formers, against, strict=True):
                copy.write_row((p.case, value, former, over))
        cursor.execute(
            "UPDATE register_settlement s SET state = 'settled', settled_at = %s, settled_by = %s, value = d.value, "
            "former = d.former, overruled = d.overruled, evidence = 'records', why = %s, batch_id = %s "
            "FROM deciding d WHERE s.id = d.id AND s.state = 'open'",
            [at, by.account, seal.seal(why), batch.pk],
        )
        cursor.execute("DROP TABLE deciding")
    log.record_many(
        Entry.of(
            by,
            "discrepancy.settle",
            at,
            purpose=batch.purpose,
            subject=f"person:{p.person_code}",
            result="done",
            detail={"field": p.field, "what": "settled", "batch": batch.pk},
        )
        for p in picks
    )


@transaction.atomic
def undo_batch(batch: int, *, why: str, by: Actor, at: datetime, purpose: str) -> int:
    """Take a whole batch back; returns how many are open again. Those decided anew since, or open again, stay."""
    why = check_why(why)
    row = SettleBatch.objects.select_for_update().filter(pk=batch, undone_at__isnull=True).first()
    if row is None:
        raise Refusal("register.batch_closed")
    if by.department and by.department != row.owner:
        raise Refusal("register.other_department", owner=row.owner)
    told = _reopen_all(batch, at)
    done = len(told)
    row.undone_at, row.undone_by = at, by.account
    row.save(update_fields=["undone_at", "undone_by"])
    log.record_many(
        Entry.of(
            by,
            "discrepancy.settle",
            at,
            purpose=purpose,
            subject=f"person:{code}",
            result="done",
            detail={"field": field, "what": "undone", "batch": batch},
        )
        for code, field in told
    )
    log.record(
        by, "discrepancy.settle", at, purpose=purpose, subject=f"settlebatch:{batch}", detail={"undone": done}
    )
    return done


def _reopen_all(batch: int, at: datetime) -> list[tuple[str, str]]:
    """Open a batch's cases again, those that changed nothing shown in one set; returns people and fields."""
    newer = {
        (r["person_code"], r["field"])
        for r in sql.rows(
            "SELECT n.person_code, n.field FROM register_settlement s JOIN register_settlement n "
            "ON n.person_code = s.person_code AND n.field = s.field AND n.id > s.id WHERE s.batch_id = %s",
            batch,
        )
    }
    standing = [
        c
        for c in Settlement.objects.select_for_update().filter(batch_id=batch, state="settled")
        if (c.person_code, c.field) not in newer
    ]
    seal = sealer()
    values = seal.open_many([c.value for c in standing])
    formers = seal.open_many([c.former for c in standing])
    unchanged = [c.pk for c, v, f in zip(standing, values, formers, strict=True) if v == f]
    for case, value, former in zip(standing, values, formers, strict=True):
        if value != former:
            reopen(case, at)
    limit = settling.due(day_of(at))
    Settlement.objects.filter(pk__in=unchanged).update(
        state="open", settled_at=None, settled_by="", batch=None, value=None, former=None, overruled=None, why=None,
        due_on=limit.on, due_is_provisional=limit.is_provisional,
    )  # fmt: skip
    return [(c.person_code, c.field) for c in standing]

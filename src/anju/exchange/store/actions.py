"""Writes of the exchange: a batch is accepted whole, held rows are fixed or waived."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, transaction

from anju.exchange.store.models import Batch, HeldRow
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.sealing.suites import suite
from anju.trust.store import log


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a file. ``is_new`` False: it had been accepted before and nothing changed."""

    batch: str
    dataset: str
    is_new: bool
    rows: int
    held: int
    fixed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """One row to be held: its number, record id (None: unreadable key), faults as (field, code)."""

    row_no: int
    record_id: int | None
    faults: tuple[tuple[str, str], ...]


def new_batch(**told: Any) -> Batch:
    """A batch that counts for nothing until ``accept`` saves it."""
    return Batch(**told)


@transaction.atomic
def accept(
    batch: Batch, held: Sequence[Held], fixed: FixedBy, *, by: Actor, at: datetime, purpose: str
) -> int:
    """Make a batch count: its row, its held rows, the rows of earlier batches it mends, the log entry. Returns mended.

    Raises IntegrityError when the same file was accepted meanwhile.
    """
    batch.receipt = receipt(batch)
    batch.save(force_insert=True)
    _copy_held(batch, held, at)
    mended = _fix(batch, fixed, at)
    detail: dict[str, str | int] = {
        "rows": batch.rows_accepted,
        "held": batch.rows_held,
        "sha256": batch.sha256,
        "fixed": mended,
    }
    log.record(by, "exchange.send", at, purpose=purpose, subject=f"batch:{batch.id}", detail=detail)
    return mended


@dataclass(frozen=True, slots=True)
class FixedBy:
    """What a batch answers: the record ids of its good rows (a Parquet-side lookup), and rows named by an error report."""

    record_ids: Callable[[Sequence[int]], Sequence[int]]
    named: Sequence[tuple[str, int]] = ()


def _copy_held(batch: Batch, held: Sequence[Held], at: datetime) -> None:
    if not held:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY exchange_heldrow (batch_id, dataset, row_no, record_id, faults, state, since, ended_by, reason) FROM STDIN"
        ) as copy,
    ):
        for row in held:
            copy.write_row(
                (
                    batch.id,
                    batch.dataset,
                    row.row_no,
                    row.record_id,
                    json.dumps(row.faults, ensure_ascii=False),
                    "open",
                    at,
                    "",
                    "",
                )
            )


def _fix(batch: Batch, fixed: FixedBy, at: datetime) -> int:
    """Open rows of earlier batches whose record is good in this one are fixed."""
    waiting = HeldRow.objects.filter(dataset=batch.dataset, state="open").exclude(batch=batch)
    ids = [
        int(r) for r in waiting.filter(record_id__isnull=False).values_list("record_id", flat=True).distinct()
    ]
    ended: dict[str, Any] = {"state": "fixed", "ended_at": at, "ended_by": batch.id}
    done = 0
    if ids and (answered := fixed.record_ids(ids)):
        done += waiting.filter(record_id__in=list(answered)).update(**ended)
    for earlier, row_no in fixed.named:
        done += waiting.filter(batch_id=earlier, row_no=row_no).update(**ended)
    return done


@transaction.atomic
def waive(batch: str, *, rows: Sequence[int], reason: str, by: Actor, at: datetime, purpose: str = "") -> int:
    """Give up held rows that will not come back; needs a reason. No ``rows`` means every open one. Returns how many."""
    if not reason.strip():
        raise Refusal("intake.reason_needed")
    waiting = HeldRow.objects.filter(batch_id=batch, state="open")
    if not Batch.objects.filter(id=batch).exists():
        raise Refusal("intake.no_batch", batch=batch)
    if rows:
        waiting = waiting.filter(row_no__in=list(rows))
    done = waiting.update(state="waived", ended_at=at, ended_by=by.account, reason=reason.strip()[:300])
    log.record(by, "exchange.fix", at, purpose=purpose, subject=f"batch:{batch}", detail={"waived": done})
    return done


@transaction.atomic
def note_refused(refusal: Refusal, *, by: Actor, at: datetime, purpose: str = "") -> None:
    """The one trace a refused file leaves: that it was refused, and why."""
    log.record(by, "exchange.send", at, purpose=purpose, result="refused", detail={"code": refusal.code})


def receipt(batch: Batch) -> str:
    """A statement for the sender: what was accepted, signed with the deployment's key. Checkable by anyone."""
    told = {
        "batch": batch.id, "dataset": batch.dataset, "sha256": batch.sha256, "sent_on": batch.sent_on.isoformat(),
        "accepted_at": batch.accepted_at.isoformat(), "rows": batch.rows_accepted, "held": batch.rows_held,
    }  # fmt: skip
    key = sealer().ring.newest("sign")
    signed = suite(key.suite).sign(
        key.secret, json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    )
    return json.dumps({**told, "key": key.id, "suite": key.suite, "signature": signed.hex()}, sort_keys=True)


def accept_upload(
    path: Path, *, name: str, dataset: str | None, by: Actor, at: datetime, purpose: str
) -> Accepted:
    """Take in one file that came through a page. The work is ``jobs``'; the web process hands it over."""
    if TAKER is None:
        raise Refusal("intake.no_taker")
    return TAKER(path, name=name, dataset=dataset, by=by, at=at, purpose=purpose)


TAKER: Callable[..., Accepted] | None = None
"""Set by ``jobs`` when the process starts: rooms do not open engines, and web does not import jobs."""

__all__ = [
    "Accepted",
    "FixedBy",
    "Held",
    "IntegrityError",
    "accept",
    "accept_upload",
    "note_refused",
    "receipt",
    "waive",
]

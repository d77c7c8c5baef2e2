"""Writes of the exchange: a batch is accepted whole, held rows are fixed or waived."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from django.db import IntegrityError, connection, transaction

from anju.exchange.intake.held import Held
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
    file: str = ""


def new_batch(**told: Any) -> Batch:
    """A batch that counts for nothing until ``accept`` saves it."""
    return Batch(**told)


@transaction.atomic
def accept(
    batch: Batch,
    held: Sequence[Held],
    answers: Answers,
    files: Files,
    *,
    by: Actor,
    at: datetime,
    purpose: str,
) -> int:
    """Make a batch count: its row, its files, its held rows, the rows of earlier batches it mends, the log entry.

    Returns how many it mends. Raises IntegrityError when the same file was accepted meanwhile.
    """
    batch.receipt = receipt(batch)
    batch.save(force_insert=True)
    files.place()
    try:
        _copy_held(batch, held, at)
        mended = _fix(batch, answers, at)
        _follow(batch, answers.again, at)
        detail: dict[str, str | int] = {
            "rows": batch.rows_accepted,
            "held": batch.rows_held,
            "sha256": batch.sha256,
            "fixed": mended,
        }
        log.record(by, "exchange.send", at, purpose=purpose, subject=f"batch:{batch.id}", detail=detail)
    except BaseException:
        files.displace()
        raise
    return mended


@dataclass(frozen=True, slots=True)
class Answers:
    """What a batch answers of earlier ones: records by the ids of its good rows, rows that an error report names.

    ``again``: rows an error report names whose mended form, a row of this batch, is faulty still.
    """

    record_ids: Callable[[list[int]], list[int]]
    named: Sequence[tuple[str, int]] = ()
    again: Sequence[tuple[str, int, int]] = ()


class Files(Protocol):
    """The files of a batch, written already."""

    def place(self) -> None:
        """Move them to where a batch's files lie."""
        ...

    def displace(self) -> None:
        """Remove what ``place`` moved."""
        ...


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


def _fix(batch: Batch, answers: Answers, at: datetime) -> int:
    """Open rows of earlier batches whose record is good in this one are fixed."""
    waiting = HeldRow.objects.filter(dataset=batch.dataset, state="open").exclude(batch=batch)
    ids = [
        int(r) for r in waiting.filter(record_id__isnull=False).values_list("record_id", flat=True).distinct()
    ]
    ended: dict[str, Any] = {"state": "fixed", "ended_at": at, "ended_by": batch.id}
    done = 0
    if ids and (answered := answers.record_ids(ids)):
        done += waiting.filter(record_id__in=list(answered)).update(**ended)
    for earlier, row_no in answers.named:
        done += waiting.filter(batch_id=earlier, row_no=row_no).update(**ended)
    return done


FOLLOW = """
WITH named AS (
  SELECT * FROM unnest(%(batches)s::text[], %(rows)s::bigint[], %(here)s::bigint[]) AS a (batch_id, row_no, here)
), pairs AS (
  SELECT o.id AS old_id, o.since, n.id AS new_id
  FROM exchange_heldrow o JOIN exchange_heldrow n ON n.dataset = o.dataset AND n.record_id = o.record_id
  WHERE n.batch_id = %(batch)s AND n.state = 'open' AND o.state = 'open' AND o.batch_id <> n.batch_id
  UNION
  SELECT o.id, o.since, n.id
  FROM named a JOIN exchange_heldrow o ON o.batch_id = a.batch_id AND o.row_no = a.row_no
  JOIN exchange_heldrow n ON n.batch_id = %(batch)s AND n.row_no = a.here
  WHERE o.state = 'open' AND o.dataset = n.dataset AND o.batch_id <> n.batch_id
), first AS (
  UPDATE exchange_heldrow n SET since = p.since
  FROM (SELECT new_id, min(since) AS since FROM pairs GROUP BY new_id) p WHERE n.id = p.new_id
)
UPDATE exchange_heldrow o SET state = 'again', ended_at = %(at)s, ended_by = %(batch)s
FROM (SELECT DISTINCT old_id FROM pairs) p WHERE o.id = p.old_id
"""


def _follow(batch: Batch, again: Sequence[tuple[str, int, int]], at: datetime) -> None:
    """An open row that comes again and is faulty still is followed in this batch, from the day it was first held."""
    batches, rows, here = ([a[n] for a in again] for n in range(3))
    told = {"batch": batch.id, "at": at, "batches": batches, "rows": rows, "here": here}
    with connection.cursor() as cursor:
        cursor.execute(FOLLOW, told)


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
    "Answers",
    "Files",
    "IntegrityError",
    "accept",
    "accept_upload",
    "note_refused",
    "receipt",
    "waive",
]

"""Intake: a file becomes one immutable batch, or nothing.

Order of the steps, so that a kill at any moment leaves either no batch or a whole one: the files are written under
names that count for nothing; then, in one transaction, the batch's row is written, the files are moved to their
place, and held rows and log entry follow. A file without a row counts for nothing and is swept by the next run.

Several files are prepared at once, the largest first, by threads of this process or by Spark's executors; they are
accepted one after the other in their order, by this process alone.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from django.db import DatabaseError, DataError, IntegrityError, connection

from anju.exchange.store import actions, queries
from anju.exchange.store.actions import Accepted
from anju.jobs import engines
from anju.jobs.pipeline.reading.crew import Crew, opened
from anju.jobs.pipeline.reading.files import Meter, files, sent_on, size, state
from anju.jobs.pipeline.reading.files import Told as Tell
from anju.jobs.pipeline.reading.made import Asked, Hands, Made
from anju.jobs.pipeline.reading.work import Here
from anju.jobs.pipeline.reading.writing import record_ids
from anju.kernel.home import home, lake
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.trust import scanning
from anju.trust.access import Actor

LOG = logging.getLogger(__name__)
SWEEPING = 0x616E6A75
"""Number of the database lock that every intake shares and the sweeper wants for itself."""
FORGOTTEN = 8 * 24 * 3600
"""Seconds after which content sent over HTTP that nobody finished is removed; an upload itself lasts seven days."""
FURTHEST = timedelta(days=2 * 366)
"""How far ahead of today a file's stated day may lie: an invented city's may, a slip of the pen lies further."""
BROKE = frozenset({"intake.out_of_memory", "intake.not_read"})
"""Refusals after which an engine is not used again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that was refused."""

    path: Path
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file that is written and waits to be accepted; without ``made`` it had been accepted before."""

    digest: str
    made: Made | None = None
    batch: Any = None
    seconds: float = 0.0


def ingest(
    paths: Sequence[Path],
    *,
    by: Actor,
    at: Callable[[], datetime],
    dataset: str | None = None,
    told: Tell = lambda name, read: None,
    engine_name: str = "",
) -> Iterator[Accepted | Failed]:
    """Take in every file below ``paths``, in the order of their days; a refused one does not keep the others out.

    ``told`` hears of each file with 0 when it begins, then of bytes as they are read. ``engine_name``: who reads, checks
    and standardises, duckdb (threads of this process) or spark (executors).
    """
    sweep()
    with _undisturbed(), _hands(engine_name) as hands, ThreadPoolExecutor(hands.lanes, "files") as lanes:
        for _, group in groupby(files(paths), key=lambda path: sent_on(path, date.max)):
            listed, known = list(group), queries.known_digests()
            meters = {path: Meter(path, told) for path in listed}
            ready = {
                path: lanes.submit(
                    _prepare, hands, path, known.__contains__, name=path.name, dataset=dataset, by=by, at=at(),
                    read=meters[path].read,
                )
                for path in sorted(listed, key=lambda path: -meters[path].left)
            }  # fmt: skip
            try:
                for path in listed:
                    yield _outcome(path, ready.pop(path), by=by, at=at())
                    meters[path].read(meters[path].left)
            finally:
                if ready:
                    hands.leave()
                for future in ready.values():
                    if not future.cancel() and future.exception() is None and (made := future.result().made):
                        made.discard()


@contextmanager
def _hands(engine_name: str) -> Iterator[Hands]:
    """Who reads the files."""
    if engines.wanted(engine_name) == "spark":
        from anju.jobs.pipeline.reading import spark

        with spark.opened() as executors:
            yield executors
    else:
        with opened() as crew:
            yield Here(crew, os.cpu_count() or 2)


def _outcome(path: Path, ready: Future[_Ready], *, by: Actor, at: datetime) -> Accepted | Failed:
    """What became of a file. One that breaks the reading in a way nobody foresaw does not keep the others out."""
    try:
        with _told_why(path.name):
            return _accept(ready.result(), by=by, at=at)
    except Refusal as refusal:
        actions.note_refused(refusal, by=by, at=at)
        return Failed(path, refusal)


@contextmanager
def _told_why(name: str) -> Iterator[None]:
    """Whatever breaks the reading of one file becomes a refusal of that file; a broken database stays what it is."""
    try:
        yield
    except Refusal:
        raise
    except (MemoryError, duckdb.OutOfMemoryException) as broken:
        raise Refusal("intake.out_of_memory", file=name) from broken
    except Exception as broken:
        if isinstance(broken, DatabaseError) and not isinstance(broken, DataError):
            raise
        # Where, not what: a message may quote the row.
        LOG.error("%s\n%s", type(broken).__name__, "".join(traceback.format_tb(broken.__traceback__)))
        raise Refusal("intake.not_read", file=name, what=type(broken).__name__) from None


def take_upload(
    path: Path, *, name: str, dataset: str | None, by: Actor, at: datetime, purpose: str
) -> Accepted:
    """One file that came through a page, under the sender's name for it, which may state its day. The caller's transaction
    keeps the refusal's log entry."""
    day = sent_on(Path(Path(name).name), day_of(at))
    with _told_why(name), opened() as crew:
        return take(crew, path, name=name, dataset=dataset, by=by, at=at, purpose=purpose, day=day)


def take(
    crew: Crew,
    path: Path,
    *,
    name: str,
    by: Actor,
    at: datetime,
    dataset: str | None = None,
    purpose: str = "",
    day: date | None = None,
) -> Accepted:
    """One file: read, check, standardise, accept. The same file twice changes nothing."""
    with _told_why(name), _undisturbed():

        def is_known(digest: str) -> bool:
            return queries.find_by_sha256(digest) is not None

        ready = _prepare(Here(crew), path, is_known, name=name, dataset=dataset, by=by, at=at, day=day)
        return _accept(ready, by=by, at=at, purpose=purpose)


def _prepare(
    hands: Hands,
    path: Path,
    is_known: Callable[[str], bool],
    *,
    name: str,
    dataset: str | None,
    by: Actor,
    at: datetime,
    day: date | None = None,
    read: Callable[[int], None] = lambda count: None,
) -> _Ready:
    """Everything that needs no database: the files of the batch, and what its row will say."""
    begin, before = time.perf_counter(), state(path, name)
    digest = hands.digest(path)
    if is_known(digest):
        return _Ready(digest)
    scanning.check(path, name)
    today = day_of(at)
    stated = day or sent_on(path, today)
    if stated > today + FURTHEST:
        raise Refusal("intake.day_ahead", file=name, day=stated, today=today)
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    asked = Asked(path.absolute(), name, dataset, by.department, stated, today, lake(), token)
    made = hands.made(asked, digest, read)
    if state(path, name) != before:
        made.discard()
        raise Refusal("intake.still_written", file=name)
    row = actions.new_batch(
        id=made.batch, dataset=made.dataset, sha256=digest, file_name=name[:200], format=made.format,
        encoding=made.encoding, sent_on=asked.sent_on, accepted_at=at, accepted_by=by.account,
        contract_version=made.version, path=made.path.relative_to(home()).as_posix(), headers=list(made.headers),
        rows_read=made.told.rows, rows_accepted=made.told.good, rows_held=len(made.told.held), fields=made.fields,
    )  # fmt: skip
    return _Ready(digest, made, row, time.perf_counter() - begin)


def _accept(ready: _Ready, *, by: Actor, at: datetime, purpose: str = "") -> Accepted:
    begin, made = time.perf_counter(), ready.made
    if made is not None:
        answers = actions.Answers(record_ids(made.path), made.told.named, made.told.again)
        try:
            fixed = actions.accept(ready.batch, made.told.held, answers, made, by=by, at=at, purpose=purpose)
        except IntegrityError:
            # Another process was quicker with the same file; what it accepted is what this one holds.
            if queries.find_by_sha256(ready.digest) is None:
                raise
        else:
            row = ready.batch
            seconds = round(ready.seconds + time.perf_counter() - begin, 3)
            return Accepted(
                row.id, row.dataset, True, row.rows_accepted, row.rows_held, fixed, seconds, row.file_name
            )
        finally:
            made.discard()
    known = queries.find_by_sha256(ready.digest)
    assert known is not None
    return Accepted(known.id, known.dataset, False, known.rows, known.held_total, file=known.name)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While files are taken in, nobody sweeps."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [SWEEPING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [SWEEPING])


def sweep() -> None:
    """Remove what killed runs left: files no accepted batch names, old uploads. Not while a file is taken in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SWEEPING])
        if not cursor.fetchone()[0]:
            return
        try:
            known = {path.stem for path in queries.batch_paths()}
            for path in [*(lake() / "batches").rglob("*"), *(lake() / "held").glob("*")]:
                if path.is_file() and (path.suffix != ".parquet" or path.stem not in known):
                    path.unlink(missing_ok=True)
            for path in (lake() / "uploads").glob("*"):
                if time.time() - path.stat().st_mtime > FORGOTTEN:
                    path.unlink(missing_ok=True)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SWEEPING])


def told(outcome: Accepted | Failed) -> dict[str, Any]:
    """An outcome as plain values, for JSON."""
    if isinstance(outcome, Failed):
        return {"file": outcome.path.name, "refused": outcome.refusal.code, **dict(outcome.refusal.facts)}
    return {
        "batch": outcome.batch, "dataset": outcome.dataset, "new": outcome.is_new, "rows": outcome.rows,
        "held": outcome.held, "fixed": outcome.fixed, "seconds": outcome.seconds,
    }  # fmt: skip


__all__ = ["Failed", "files", "ingest", "opened", "sent_on", "size", "sweep", "take", "take_upload", "told"]

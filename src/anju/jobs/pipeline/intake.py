"""Intake: a file becomes one immutable batch, or nothing.

Order of the steps, so that a kill at any moment leaves either no batch or a whole one: the files are written under
names that count for nothing; then, in one transaction, the batch's row is written, the files are moved to their
place, and held rows and log entry follow. A file without a row counts for nothing and is swept by the next run.

Several files are prepared at once, the largest first; they are accepted one after the other in their order.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from django.db import DatabaseError, DataError, IntegrityError, connection

from anju.exchange.intake import address, lookups, macros
from anju.exchange.intake.reading import sniff
from anju.exchange.intake.reading.sniffing import ENDINGS
from anju.exchange.intake.standardise import Standardiser
from anju.exchange.store import actions, queries
from anju.exchange.store.actions import Accepted
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline.intake_work import Crew, Work, record_ids
from anju.kernel.home import home, lake
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.trust import scanning
from anju.trust.access import Actor

LOG = logging.getLogger(__name__)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SWEEPING = 0x616E6A75
"""Number of the database lock that every intake shares and the sweeper wants for itself."""
FORGOTTEN = 8 * 24 * 3600
"""Seconds after which content sent over HTTP that nobody finished is removed; an upload itself lasts seven days."""
BROKE = frozenset({"intake.out_of_memory", "intake.not_read"})
"""Refusals after which an engine is not used again."""
KEPT_OPTIMISERS = frozenset({"common_subexpressions", "unused_columns", "column_lifetime"})
Told = Callable[[str, int], None]
_SUFFIXES = {ending for listed in ENDINGS.values() for ending in listed if ending}


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that was refused."""

    path: Path
    refusal: Refusal


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file below the paths, folders of days in their order; folders called ``truth`` and hidden files left out.

    Links, devices, and folders that are called like files are among them: each is refused by name, not passed over.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Refusal("intake.no_such_path", path=path)
        below = [p for p in path.rglob("*") if _is_meant(p)] if path.is_dir() else [path]
        below = [p for p in below if not _is_aside(p.relative_to(path))]
        if not below:
            raise Refusal("intake.no_files", path=path)
        found += below
    return sorted(dict.fromkeys(found), key=lambda p: (sent_on(p, date.max).isoformat(), str(p)))


def _is_meant(path: Path) -> bool:
    return not path.is_dir() or path.is_symlink() or path.suffix.lower() in _SUFFIXES


def _is_aside(below: Path) -> bool:
    return "truth" in below.parts[:-1] or any(part.startswith(".") for part in below.parts)


def sent_on(path: Path, otherwise: date) -> date:
    """The day a file states by its folder (``2026-06-30``) or its name (``…_20260630.csv``); else ``otherwise``."""
    folders = (part for part in reversed(path.parent.parts) if DAY.fullmatch(part))
    named = re.search(r"(20\d{2})[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)", path.stem)
    for stated in (*folders, "-".join(named.groups()) if named else ""):
        with suppress(ValueError):  # 2026-13-45 is a name like any other
            return date.fromisoformat(stated)
    return otherwise


@contextmanager
def opened(memory: str = "4GB") -> Iterator[Crew]:
    """Threads that know how to read every field, for as many files as one wants."""
    # Arrow's own pool gives large pieces back to the system after each chunk, and gets them anew.
    pa.set_memory_pool(pa.system_memory_pool())
    engine = DuckEngine(home() / "spill", memory=memory, threads=1)
    # A reading is one long chain of projections: of DuckDB's optimisers three help, the others only cost. Measured:
    # planning falls to a tenth, running to half. Answers must come in the order of what was asked.
    named = [name for (name,) in engine.rows("SELECT name FROM duckdb_optimizers()")]
    engine.run(f"SET disabled_optimizers = '{','.join(n for n in named if n not in KEPT_OPTIMISERS)}'")
    engine.run("SET preserve_insertion_order = true")
    for module in (macros, address, lookups):
        module.define(engine)
    crew = Crew(engine, (address.PLACES, lookups.DIVISIONS, lookups.LUNAR))
    try:
        yield crew
    finally:
        crew.close()
        engine.close()


def size(paths: Sequence[Path]) -> int:
    """Bytes of every file below the paths."""
    return sum(path.stat().st_size for path in files(paths) if path.is_file())


class _Meter:
    """Tells how many bytes of a file are done: roughly while it is read, exactly when it is finished."""

    def __init__(self, path: Path, told: Told) -> None:
        self.path, self.told, self.left = path, told, path.stat().st_size if path.is_file() else 0
        self.is_begun = False

    def read(self, count: int) -> None:
        """About ``count`` more bytes have been read."""
        if not self.is_begun:
            self.is_begun = True
            self.told(self.path.name, 0)
        if step := min(count, self.left):
            self.left -= step
            self.told(self.path.name, step)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file that is written and waits to be accepted; without ``work`` it had been accepted before."""

    digest: str
    work: Work | None = None
    batch: Any = None
    seconds: float = 0.0


def ingest(
    paths: Sequence[Path],
    *,
    by: Actor,
    at: Callable[[], datetime],
    dataset: str | None = None,
    told: Told = lambda name, read: None,
) -> Iterator[Accepted | Failed]:
    """Take in every file below ``paths``, in the order of their days; a refused one does not keep the others out.

    ``told`` hears of each file with 0 when it begins, then of bytes as they are read.
    """
    sweep()
    with _undisturbed(), opened() as crew, ThreadPoolExecutor(os.cpu_count() or 2, "files") as lanes:
        for _, group in groupby(files(paths), key=lambda path: sent_on(path, date.max)):
            listed, known = list(group), queries.known_digests()
            meters = {path: _Meter(path, told) for path in listed}
            ready = {
                path: lanes.submit(
                    _prepare, crew, path, known.__contains__, name=path.name, dataset=dataset, by=by, at=at(),
                    read=meters[path].read,
                )
                for path in sorted(listed, key=lambda path: -meters[path].left)
            }  # fmt: skip
            try:
                for path in listed:
                    yield _outcome(path, ready.pop(path), by=by, at=at())
                    meters[path].read(meters[path].left)
            finally:
                crew.is_leaving |= bool(ready)
                for future in ready.values():
                    if not future.cancel() and future.exception() is None and (work := future.result().work):
                        work.discard()


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
    """One file that came through a page or the API. The caller's transaction keeps the refusal's log entry."""
    with _told_why(name), opened() as crew:
        return take(crew, path, name=name, dataset=dataset, by=by, at=at, purpose=purpose)


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

        ready = _prepare(crew, path, is_known, name=name, dataset=dataset, by=by, at=at, day=day)
        return _accept(ready, by=by, at=at, purpose=purpose)


def _prepare(
    crew: Crew,
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
    begin, before = time.perf_counter(), _state(path, name)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if is_known(digest):
        return _Ready(digest)
    scanning.check(path, name)
    found = sniff(path, name, dataset)
    contract = found.contract
    assert contract is not None
    if by.department and by.department != contract.department:
        raise Refusal("doors.dataset_out_of_scope", dataset=contract.id)
    today = day_of(at)
    batch, stated = f"{contract.id}-{digest[:16]}", day or sent_on(path, today)
    standard = Standardiser(contract, found.present, batch, stated, today)
    work = Work(crew, found, contract, standard, batch, read)
    told = work.run()
    if _state(path, name) != before:
        work.discard()
        raise Refusal("intake.still_written", file=name)
    row = actions.new_batch(
        id=batch, dataset=contract.id, sha256=digest, file_name=name[:200], format=found.format,
        encoding=found.encoding, sent_on=stated, accepted_at=at, accepted_by=by.account,
        contract_version=contract.version, path=work.path.relative_to(home()).as_posix(), headers=list(found.headers),
        rows_read=told.rows, rows_accepted=told.good, rows_held=len(told.held), fields=work.figures(),
    )  # fmt: skip
    return _Ready(digest, work, row, time.perf_counter() - begin)


def _state(path: Path, name: str) -> tuple[int, int, int]:
    """What changes when somebody writes to a file. A link may lead anywhere, so it is none."""
    if path.is_symlink() or not path.is_file():
        raise Refusal("intake.no_file", file=name)
    told = path.stat()
    return told.st_size, told.st_mtime_ns, told.st_ino


def _accept(ready: _Ready, *, by: Actor, at: datetime, purpose: str = "") -> Accepted:
    begin, work = time.perf_counter(), ready.work
    if work is not None:
        answers = actions.Answers(record_ids(work.path), work.told.named, work.told.again)
        try:
            fixed = actions.accept(ready.batch, work.told.held, answers, work, by=by, at=at, purpose=purpose)
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
            work.discard()
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
    """Remove what killed runs left: files no accepted batch names, rows half pulled, old uploads. Not while a file is taken in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SWEEPING])
        if not cursor.fetchone()[0]:
            return
        try:
            known = {path.stem for path in queries.batch_paths()}
            for path in [*(lake() / "batches").rglob("*"), *(lake() / "held").glob("*")]:
                if path.is_file() and (path.suffix != ".parquet" or path.stem not in known):
                    path.unlink(missing_ok=True)
            for folder in (home() / "spill").glob("pull-*"):
                shutil.rmtree(folder, ignore_errors=True)
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

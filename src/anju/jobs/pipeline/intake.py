"""Intake: a file becomes one immutable batch, or nothing.

Order of the steps, so that a kill at any moment leaves either no batch or a whole one: the Parquet file is written
under a name of its own and moved into place; then its row is committed with the held rows and the log entry. A file
without a row counts for nothing and is swept by the next run.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from anju.exchange.contracts import Contract
from anju.exchange.intake import address, lookups, macros
from anju.exchange.intake.compile import Batch as BatchIds
from anju.exchange.intake.reading import Sniffed, sniff
from anju.exchange.store import actions, queries
from anju.exchange.store.actions import Accepted
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline.intake_work import Work
from anju.kernel.home import home, lake
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SWEEPING = 0x616E6A75
"""Number of the database lock that every intake shares and the sweeper wants for itself."""
KEPT_OPTIMISERS = frozenset({"common_subexpressions", "unused_columns", "column_lifetime"})
HELPFUL = {"unused_columns", "column_lifetime", "common_subexpressions"}
Told = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that was refused."""

    path: Path
    refusal: Refusal


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file below the paths, folders of days in their order; folders called ``truth`` and hidden files left out."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Refusal("intake.no_such_path", path=path)
        below = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        found += [
            p for p in below
            if "truth" not in p.relative_to(path).parts[:-1] and not any(x.startswith(".") for x in p.relative_to(path).parts)
        ]  # fmt: skip
    return sorted(dict.fromkeys(found), key=lambda p: (sent_on(p, date.max).isoformat(), str(p)))


def sent_on(path: Path, otherwise: date) -> date:
    """The day a file states by its folder (``2026-06-30``) or its name (``…_20260630.csv``); else ``otherwise``."""
    for part in reversed(path.parent.parts):
        if DAY.fullmatch(part):
            return date.fromisoformat(part)
    named = re.search(r"(20\d{2})[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)", path.stem)
    try:
        return date(int(named[1]), int(named[2]), int(named[3])) if named else otherwise
    except ValueError:
        return otherwise


@contextmanager
def opened(memory: str = "4GB") -> Iterator[DuckEngine]:
    """An engine that knows how to read every field, for as many files as one wants."""
    engine = DuckEngine(home() / "spill", memory=memory)
    try:
        # The compiled statements are one long chain of projections over a stream of unknown size. Most rules of
        # the optimiser only lengthen its plan, or turn a small lookup round and keep the whole file in memory.
        known = {name for (name,) in engine.rows("SELECT name FROM duckdb_optimizers()")}
        engine.run(f"SET disabled_optimizers = '{','.join(sorted(known - HELPFUL))}'")
        _keep_optimisers(engine)
        macros.define(engine)
        address.define(engine)
        lookups.define(engine)
        yield engine
    finally:
        engine.close()


def _keep_optimisers(engine: DuckEngine) -> None:
    """A contract's SQL is one long projection: of DuckDB's optimisers three help, the others only cost.

    Measured: planning one file falls from about a second to a tenth, running it by half.
    """
    named = [name for (name,) in engine.rows("SELECT name FROM duckdb_optimizers()")]
    engine.run(f"SET disabled_optimizers = '{','.join(n for n in named if n not in KEPT_OPTIMISERS)}'")


def size(paths: Sequence[Path]) -> int:
    """Bytes of every file below the paths."""
    return sum(path.stat().st_size for path in files(paths))


class _Meter:
    """Tells how many bytes of a file are done: roughly while it is read, exactly when it is finished."""

    def __init__(self, path: Path, told: Told) -> None:
        self.path, self.told, self.left = path, told, path.stat().st_size
        told(path.name, 0)

    def read(self, count: int) -> None:
        """About ``count`` more bytes have been read."""
        step = min(count, self.left)
        if step:
            self.left -= step
            self.told(self.path.name, step)


def ingest(
    paths: Sequence[Path],
    *,
    by: Actor,
    at: Callable[[], datetime],
    dataset: str | None = None,
    told: Told = lambda name, read: None,
) -> Iterator[Accepted | Failed]:
    """Take in every file below ``paths``, one after the other; a refused one does not keep the others out.

    ``told`` hears of each file with 0 when it begins, then of bytes as they are read.
    """
    sweep()
    with opened() as engine:
        for path in files(paths):
            meter = _Meter(path, told)
            outcome: Accepted | Failed
            try:
                outcome = take(engine, path, name=path.name, dataset=dataset, by=by, at=at(), read=meter.read)
            except Refusal as refusal:
                actions.note_refused(refusal, by=by, at=at())
                outcome = Failed(path, refusal)
            meter.read(meter.left)
            yield outcome


def take_upload(
    path: Path, *, name: str, dataset: str | None, by: Actor, at: datetime, purpose: str
) -> Accepted:
    """One file that came through a page or the API. The caller's transaction keeps the refusal's log entry."""
    with opened() as engine:
        return take(engine, path, name=name, dataset=dataset, by=by, at=at, purpose=purpose)


def take(
    engine: DuckEngine,
    path: Path,
    *,
    name: str,
    by: Actor,
    at: datetime,
    dataset: str | None = None,
    purpose: str = "",
    day: date | None = None,
    read: Callable[[int], None] = lambda count: None,
) -> Accepted:
    """One file: read, check, standardise, accept. The same file twice changes nothing."""
    begin = time.perf_counter()
    digest = _sha256(path)
    with _only_one(digest):
        known = queries.find_by_sha256(digest)
        if known is not None:
            return Accepted(known.id, known.dataset, False, known.rows, known.held_total)
        found = sniff(path, name, dataset)
        contract = _contract(found)
        batch = BatchIds(f"{contract.id}-{digest[:16]}", day or sent_on(path, at.date()))
        work = Work(engine, found, contract, batch, read)
        try:
            made = work.run(digest, by, at)
            fixed = actions.accept(made, work.held, work.answers(), by=by, at=at, purpose=purpose)
        except BaseException:
            work.undo()
            raise
    return Accepted(
        made.id,
        made.dataset,
        True,
        made.rows_accepted,
        made.rows_held,
        fixed,
        round(time.perf_counter() - begin, 3),
    )


def _contract(found: Sniffed) -> Contract:
    assert found.contract is not None
    return found.contract


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _only_one(digest: str) -> Iterator[None]:
    """Two processes with the same file wait for each other; the second then finds it accepted. None is swept away."""
    number = int(digest[:15], 16)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s), pg_advisory_lock(%s)", [SWEEPING, number])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s), pg_advisory_unlock_shared(%s)", [number, SWEEPING])


def sweep() -> None:
    """Remove what killed runs left: files in the lake that no accepted batch names. Not while a file is taken in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SWEEPING])
        if not cursor.fetchone()[0]:
            return
        try:
            known = {path.stem for path in queries.batch_paths()}
            for path in [*(lake() / "batches").rglob("*"), *(lake() / "held").glob("*")]:
                if path.is_file() and (path.suffix != ".parquet" or path.stem not in known):
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

"""The library run: accepted batches and the linkage in, Parquet files and PostgreSQL out.

Killed at any moment, the library is the former one; run again, it is as if nothing had happened: the Parquet
files of a run count only when its row in PostgreSQL says *finished*, and that is written in the transaction that
loads the tables (``publishing``).
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from anju.exchange.library import rules
from anju.exchange.library.inputs import BatchFile, Inputs
from anju.exchange.linkage import state
from anju.jobs.pipeline import fitting, linkage
from anju.jobs.pipeline.publishing import PublishSummary, Tell, Work, entered, publish
from anju.kernel.home import lake
from anju.kernel.refusal import Refusal

KEPT_RUNS = 3
"""Parquet files of so many runs stay; the history of every run stays in PostgreSQL."""


def folder() -> Path:
    """Where the library's Parquet files are."""
    path = lake() / "library"
    path.mkdir(parents=True, exist_ok=True)
    return path


def part(run_id: int) -> Path:
    """Where the Parquet files of a run are."""
    return folder() / f"run-{run_id:06d}"


def collect() -> Inputs:
    """What the next run reads: every accepted batch, the newest linkage, our own records. Refuses without batches."""
    from anju.exchange.store import queries
    from anju.jobs.pipeline import own_records
    from anju.register.store.queries import cases, spells, ties
    from anju.register.store.queries.entries import own_records as own_entries

    accepted = queries.accepted_batches()
    if not accepted:
        raise Refusal("library.nothing_accepted")
    batches = tuple(
        BatchFile(b.id, b.dataset, fitting.fitted(b.id, b.path, folder() / "own"), place)
        for place, b in enumerate(accepted)
    )
    own_records.write_overruled(cases.overruled(), folder() / "own")
    own, fixed = own_records.write(own_entries(), folder() / "own", len(batches))
    decided = own_records.write_decided(spells.standing(), folder() / "own")
    decided_kin = own_records.write_decided_kin(ties.standing(), folder() / "own")
    assignment = (*state.parts(linkage.get_current(), "assignment"), *((fixed,) if fixed else ()))
    return inputs((*batches, *own), assignment, max(b.sent_on for b in accepted), decided, decided_kin)


def inputs(
    batches: tuple[BatchFile, ...],
    assignment: tuple[Path, ...],
    as_of: date,
    decided: Path | None = None,
    decided_kin: Path | None = None,
) -> Inputs:
    """Inputs with the columns each dataset's batches hold."""
    columns: dict[str, frozenset[str]] = {}
    for batch in batches:
        held = frozenset(pq.read_schema(batch.path).names)
        columns[batch.dataset] = columns.get(batch.dataset, frozenset()) | held
    return Inputs(batches, columns, assignment, as_of, decided, decided_kin)


def digest(given: Inputs, said: rules.Rules) -> str:
    """One text for everything that decides the outcome of a run."""
    told = hashlib.sha256(repr(said).encode())
    for batch in given.batches:
        told.update(f"{batch.id}\n".encode())
    told.update(given.as_of.isoformat().encode())
    own = (b.path for b in given.batches if b.id.startswith("own-"))
    for path in filter(None, (*given.assignment, *own, given.decided, given.decided_kin)):
        with path.open("rb") as stream:
            told.update(hashlib.file_digest(stream, "sha256").digest())
    return told.hexdigest()


def run(
    tell: Tell = lambda _: None, memory: str = "", engine_name: str = "", full: bool = False
) -> PublishSummary:
    """Resolve and publish what was accepted and linked. Nothing new since the last run changes nothing.

    ``engine_name``: where it is resolved, duckdb or spark; PostgreSQL is loaded from this machine in either case.
    ``full``: resolve everybody, whatever the last run did.
    """
    from anju.exchange.store import queries as exchange_queries
    from anju.register.store import runs

    with runs.only_one():
        read_at, before = runs.clock(), entered()
        given, said = collect(), rules.load()
        rules.check(said, given.datasets)
        wanted = digest(given, said)
        newest = runs.newest()
        if newest is not None and newest.inputs == wanted and not full:
            return PublishSummary(newest.id, False, newest.people, newest.records, {}, newest.figures)
        clean()
        standard = standardised(exchange_queries.standardisation())
        begun = runs.begin(wanted, given.as_of, read_at)
        work = Work(begun, given, said, standard, tell, part(begun), before)
        try:
            return publish(work, memory, engine_name, full)
        except BaseException:
            runs.fail(begun)
            raise


def standardised(told: Any) -> dict[str, tuple[int, int]]:
    """Intake's counts as field -> (stated, standardised). It may tell them per dataset and field."""
    found: dict[str, tuple[int, int]] = {}
    for name, counts in told.items():
        fields = {name: counts} if "stated" in counts else {f"{name}.{f}": c for f, c in counts.items()}
        found.update({f: (int(c["stated"]), int(c["standard"])) for f, c in fields.items()})
    return found


def clean() -> None:
    """Remove what a killed run left, and the files of runs that are no longer kept."""
    from anju.register.store import runs

    kept = {name.rpartition("/")[2] for name in runs.fail_abandoned(KEPT_RUNS)}
    for path in folder().iterdir():
        if path.name not in kept | {"own"}:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    for path in (folder() / "own").glob("*.part"):
        path.unlink(missing_ok=True)

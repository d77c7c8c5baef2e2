"""The library run: accepted batches and the linkage in, Parquet files and PostgreSQL out.

Killed at any moment, the library is the former one; run again, it is as if nothing had happened: the Parquet
files of a run count only when its row in PostgreSQL says *finished*, and that is written in the transaction that
loads the tables.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from anju.exchange.library import kept, measures, partial, resolve, rules
from anju.exchange.library.inputs import BatchFile, Inputs
from anju.exchange.linkage import state
from anju.jobs import engines, scratch
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import exports, fitting, linkage, loads
from anju.kernel.home import lake
from anju.kernel.refusal import Refusal

Tell = Callable[[str], None]
Entered = Mapping[str, frozenset[str]]
KEPT_RUNS = 3
"""Parquet files of so many runs stay; the history of every run stays in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class PublishSummary:
    """What a run did."""

    run: int
    is_new: bool
    people: int
    records: int
    tables: dict[str, int]
    figures: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    cases: dict[str, int] | None = None
    """Cases of contradictions the load has opened, ended and moved already; None: they are to be followed yet."""


def folder() -> Path:
    """Where the library's Parquet files are."""
    path = lake() / "library"
    path.mkdir(parents=True, exist_ok=True)
    return path


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
        try:
            return publish(begun, given, said, standard, tell, memory, before, engine_name, full)
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


def publish(
    run_id: int,
    given: Inputs,
    said: rules.Rules,
    standard: dict[str, tuple[int, int]],
    tell: Tell,
    memory: str,
    before: Entered,
    engine_name: str = "",
    full: bool = False,
) -> PublishSummary:
    """Resolve into a folder of its own and load it in one transaction. ``before``: what was entered when it was read.

    After a former run only those whose rows can differ from it are resolved, unless ``full`` or where that cannot be
    known (``partial``). The first run loads each table while the next is resolved.
    """
    from anju.register.store import runs

    work = Work(run_id, given, said, standard, tell, folder() / f"run-{run_id:06d}", before)
    former = runs.newest()
    if former is not None and not full and engines.wanted(engine_name) != "spark":
        with opened(memory) as engine, timed(work.seconds, "total"):
            if _publish_some(work, engine, lake() / former.folder):
                return work.summary()
    with opened(memory) as engine, resolving_on(engine_name, engine) as worker, timed(work.seconds, "total"):
        if former is None:
            _publish_first(work, engine, worker)
        else:
            _publish_whole(work, engine, worker, lake() / former.folder)
    return work.summary()


@dataclass
class Work:
    """One run under way: what it reads, where it writes, what it has found."""

    run: int
    given: Inputs
    said: rules.Rules
    standard: dict[str, tuple[int, int]]
    tell: Tell
    part: Path
    before: Entered
    seconds: dict[str, float] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, int] | None = None

    def measured(
        self, worker: Any, counted: Mapping[str, measures.Counted], dated: Mapping[str, str] | None = None
    ) -> None:
        """Measure what has just been resolved."""
        with timed(self.seconds, "measure"):
            self.tell("measures")
            figures = measures.measure(worker, self.given, self.said, self.standard, counted, dated)
        self.told["figures"] = figures
        self.told.update({name: int(figures[name]["value"]) for name in ("people", "records")})

    def kept(self, worker: Any, *, here: bool) -> None:
        """Measure a whole run and keep what the next one needs, where it was resolved ``here``."""
        counted = measures.count(worker, self.given)
        self.measured(worker, counted)
        if here:
            with timed(self.seconds, "keep"):
                kept.keep(worker, self.given, self.said, self.part, counted, loads.codes())

    def summary(self) -> PublishSummary:
        """What the run did."""
        seconds = {k: round(v, 3) for k, v in self.seconds.items()}
        told = self.told
        return PublishSummary(
            self.run, True, told["people"], told["records"], self.tables, told["figures"], seconds, self.cases
        )


def _publish_first(work: Work, engine: DuckEngine, worker: Any) -> None:
    """Load each table while the next one is resolved."""
    from anju.register.store import loading

    targets = {t.source: t for t in loading.TARGETS}

    def resolving() -> Iterator[loading.Target]:
        with timed(work.seconds, "resolve"):
            for name, rows in resolve.steps(worker, work.given, work.said, work.part, work.tell):
                if worker is not engine and not work.tables:
                    _lives(worker, engine)
                work.tables[name] = rows
                yield targets[name]
        work.kept(worker, here=worker is engine)

    exporter = exports.Exporter(engine.connection, folder() / "export", work.part, True)
    with exports.abreast(resolving()) as made:
        work.cases = loads.load(exporter, work, made)


def _publish_whole(work: Work, engine: DuckEngine, worker: Any, former: Path) -> None:
    """Resolve everybody, then load what is not as in the former run."""
    with timed(work.seconds, "resolve"):
        work.tables = resolve.resolve(worker, work.given, work.said, work.part, work.tell)
    if worker is not engine:
        _lives(worker, engine)
    work.kept(worker, here=worker is engine)
    resolve.forget(worker)
    exports.show(engine, work.part, former, some=False)
    _load_changes(work, engine)


def _publish_some(work: Work, engine: DuckEngine, former: Path) -> bool:
    """Resolve those whose rows can differ from the former run's and load what does; False, and nothing done, if everybody
    must be resolved."""
    stood = kept.read(former)
    if stood is None or not kept.may_follow(stood, work.given, work.said):
        return False
    with timed(work.seconds, "resolve"):
        written = partial.resolve_some(
            engine, work.given, work.said, stood, work.part, frozenset(work.before), work.tell, loads.codes()
        )
    if written is None:
        return False
    work.tables = written.tables
    work.measured(engine, written.counted, written.dated)
    exports.show(engine, work.part, former, some=True)
    _load_changes(work, engine, stood)
    return True


def _load_changes(work: Work, engine: DuckEngine, stood: kept.Before | None = None) -> None:
    """Load what is not as in the former run."""
    from anju.register.store import loading

    with timed(work.seconds, "load"):
        apart = _apart(work.before, entered())
        exporter = exports.Exporter(engine.connection, folder() / "export", work.part, False, *apart)
        # Plain tables first: PostgreSQL has work while the first values are sealed.
        targets = sorted(loading.TARGETS, key=lambda t: len(t.hidden))
        loads.load(exporter, work, iter(targets), stood)


def entered() -> Entered:
    """What was entered here since the newest run began to read."""
    from anju.register.store import loading, runs

    former = runs.newest()
    return loading.entered(former.started_at) if former else {}


def _apart(before: Entered, now: Entered) -> tuple[list[str], list[str]]:
    """People the run has read with what was entered (loaded anew), and those about whom more was entered meanwhile
    (left to the next run)."""
    again = [code for code, rows in now.items() if before.get(code) == rows]
    return again, [code for code in now if code not in set(again)]


def clean() -> None:
    """Remove what a killed run left, and the files of runs that are no longer kept."""
    from anju.register.store import runs

    kept = {name.rpartition("/")[2] for name in runs.fail_abandoned(KEPT_RUNS)}
    for path in folder().iterdir():
        if path.name not in kept | {"own"}:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    for path in (folder() / "own").glob("*.part"):
        path.unlink(missing_ok=True)


@contextmanager
def opened(memory: str) -> Iterator[DuckEngine]:
    """An engine for one run, closed afterwards. Without a ``memory`` it takes a quarter of the machine's and spills."""
    share = psutil.virtual_memory().total // 4 // 2**20
    with scratch.place("library") as spill:
        engine = DuckEngine(spill, memory=memory or f"{share}MiB")
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def resolving_on(name: str, engine: DuckEngine) -> Iterator[Any]:
    """The engine that resolves: the one that loads, or a Spark session."""
    if engines.wanted(name) != "spark":
        yield engine
        return
    with scratch.place("library-spark") as spill:
        worker = engines.opened_spark(spill)
        try:
            yield worker
        finally:
            worker.close()


def _lives(worker: Any, engine: DuckEngine) -> None:
    """Where people live, carried from the engine that resolves to the one that loads."""
    path = folder() / "export" / "lives.parquet"
    worker.save("SELECT person_code, region FROM lives", path)
    engine.run(f"CREATE OR REPLACE TABLE lives AS SELECT * FROM read_parquet('{path}')")


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Keep how long a part took."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = time.perf_counter() - begun

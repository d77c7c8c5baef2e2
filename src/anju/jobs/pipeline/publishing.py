"""What was accepted and linked is resolved into a folder of its own and loaded in one transaction: of everybody, or after a
former run of those whose rows can differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from anju.exchange.library import kept, measures, partial, resolve, rules
from anju.exchange.library.inputs import Inputs
from anju.jobs import engines, scratch
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import exports, loads
from anju.kernel.home import lake

Tell = Callable[[str], None]
Entered = Mapping[str, frozenset[str]]


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


def publish(work: Work, memory: str = "", engine_name: str = "", full: bool = False) -> PublishSummary:
    """Do the run. After a former one only those whose rows can differ from it are resolved, unless ``full`` or where that
    cannot be known (``partial``). The first run loads each table while the next is resolved.
    """
    from anju.register.store import runs

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
    """One run under way: what it reads, where it writes (``part``, its own folder), what it has found.

    ``standard``: field -> values stated, standardised. ``before``: what was entered here when it was read.
    """

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

    @property
    def export(self) -> Path:
        """Where what goes to PostgreSQL passes."""
        return self.part.parent / "export"

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
                    _lives(worker, engine, work.export)
                work.tables[name] = rows
                yield targets[name]
        work.kept(worker, here=worker is engine)

    exporter = exports.Exporter(engine.connection, work.export, work.part, True)
    with exports.abreast(resolving()) as made:
        work.cases = loads.load(exporter, work, made)


def _publish_whole(work: Work, engine: DuckEngine, worker: Any, former: Path) -> None:
    """Resolve everybody, then load what is not as in the former run."""
    with timed(work.seconds, "resolve"):
        work.tables = resolve.resolve(worker, work.given, work.said, work.part, work.tell)
    if worker is not engine:
        _lives(worker, engine, work.export)
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
        exporter = exports.Exporter(engine.connection, work.export, work.part, False, *apart)
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


def _lives(worker: Any, engine: DuckEngine, export: Path) -> None:
    """Where people live, carried from the engine that resolves to the one that loads."""
    path = export / "lives.parquet"
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

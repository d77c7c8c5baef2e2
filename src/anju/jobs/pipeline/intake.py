"""Intake: a file becomes one immutable batch, or nothing.

Order of the steps, so that a kill at any moment leaves either no batch or a whole one: the Parquet file is written
under a name of its own and moved into place; then its row is committed with the held rows and the log entry. A file
without a row counts for nothing and is swept by the next run.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import connection

from anju.exchange.contracts import Contract
from anju.exchange.intake import address, lookups, macros
from anju.exchange.intake.compile import Batch as BatchIds
from anju.exchange.intake.compile import compiled
from anju.exchange.intake.reading import Sniffed, rows, sniff
from anju.exchange.store import actions, queries
from anju.exchange.store.actions import Accepted, FixedBy, Held
from anju.jobs.engine import DuckEngine
from anju.kernel.home import home, lake
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SWEEPING = 0x616E6A75
"""Number of the database lock that every intake shares and the sweeper wants for itself."""
LONGEST_HELD = 2_000
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


def ingest(
    paths: Sequence[Path],
    *,
    by: Actor,
    at: Callable[[], datetime],
    dataset: str | None = None,
    told: Told = lambda name, rows: None,
) -> Iterator[Accepted | Failed]:
    """Take in every file below ``paths``, one after the other; a refused one does not keep the others out."""
    sweep()
    with opened() as engine:
        for path in files(paths):
            told(path.name, 0)
            try:
                yield take(engine, path, name=path.name, dataset=dataset, by=by, at=at())
            except Refusal as refusal:
                actions.note_refused(refusal, by=by, at=at())
                yield Failed(path, refusal)


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
        work = _Work(engine, found, contract, batch)
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


class _Work:
    """One file on its way to a batch."""

    def __init__(self, engine: DuckEngine, found: Sniffed, contract: Contract, batch: BatchIds) -> None:
        self.engine, self.found, self.contract, self.batch = engine, found, contract, batch
        self.path = lake() / "batches" / contract.id / f"{batch.id}.parquet"
        self.held_path = queries.held_path(batch.id)
        self.statement = compiled(contract, found.present, batch)
        self.held: list[Held] = []
        self.named: list[tuple[str, int]] = []

    def run(self, digest: str, by: Actor, at: datetime) -> Any:
        """Write the files; the row that makes them count is returned, not yet saved."""
        wanted = {f"f{field}": place for field, place in self.found.fields}
        stream = rows(self.found, wanted)
        self.engine.feed("raw", stream.reader())
        try:
            good = self.engine.save(self.statement.good, self.path)
        except Exception as error:
            if stream.refused is not None:
                raise stream.refused from error
            raise
        finally:
            self.engine.connection.unregister("raw")
        if stream.total == 0:
            raise Refusal("intake.empty", file=self.found.name)
        if good < stream.total:
            self._hold(stream.broken, stream.total - good)
        if self.found.returned:
            self._returned()
        if len(self.held) > stream.total * self.contract.refuse_share:
            raise self._too_many(stream.total)
        return actions.new_batch(
            id=self.batch.id, dataset=self.contract.id, sha256=digest, file_name=self.found.name[:200],
            format=self.found.format, encoding=self.found.encoding, sent_on=self.batch.sent_on, accepted_at=at,
            accepted_by=by.account, contract_version=self.contract.version,
            path=self.path.relative_to(home()).as_posix(), headers=list(self.found.headers),
            rows_read=stream.total, rows_accepted=good, rows_held=len(self.held), fields=self._figures(),
        )  # fmt: skip

    def _hold(self, broken: dict[int, str], expected: int) -> None:
        """Read the file once more for the rows that are not in the batch; name their faults, keep their text."""
        kept = pq.read_table(self.path, columns=["row_no"])["row_no"].to_numpy()
        everything = {f"c{place}": place for _, place in self.found.fields}
        parts: list[pa.RecordBatch] = []
        wanting = expected - len(broken)
        taken = np.zeros(0, dtype=bool)
        for batch in rows(self.found, everything).batches:
            if wanting <= 0:
                break
            numbers = batch["row_no"].to_numpy()
            if len(taken) <= numbers[-1]:
                taken = np.zeros(2 * int(numbers[-1]) + 1, dtype=bool)
                taken[kept[kept < len(taken)]] = True
            missing = ~taken[numbers]
            if missing.any():
                parts.append(batch.filter(pa.array(missing)))
                wanting -= int(missing.sum())
        table = pa.Table.from_batches(parts) if parts else None
        if table is not None:
            names = {f"c{place}": f"f{field}" for field, place in self.found.fields}
            columns = {names[c]: table[c] for c in table.column_names if c in names} | {
                "row_no": table["row_no"]
            }
            self.engine.load("held_raw", pa.table(columns))
            sql = self.statement.faults.replace(" raw", " held_raw")
            for row_no, record_id, *flags in self.engine.rows(sql):
                listed = tuple(
                    (field, code)
                    for (field, code, holds), is_set in zip(self.statement.checks, flags, strict=True)
                    if is_set and holds
                )
                key = None if record_id is None else int(record_id)
                self.held.append(Held(int(row_no), key, listed or (("", "unreadable"),)))
            self.engine.run("DROP TABLE held_raw")
        self.held += [Held(number, None, (("", "wrong_cells"),)) for number in broken]
        self._keep_text(table, broken)
        if len(self.held) != expected:
            raise AssertionError(f"rows lost on the way: {expected} expected, {len(self.held)} held")

    def _keep_text(self, table: pa.Table | None, broken: dict[int, str]) -> None:
        """The held rows as they were sent, in a file that only its owner reads.

        Columns the contract does not know are not kept: nobody agreed to send them.
        """
        width = len(self.found.headers)
        odd = [
            {"row_no": n, **{f"c{i}": None for i in range(width)}, "c0": text[:LONGEST_HELD]}
            for n, text in broken.items()
        ]
        schema = pa.schema([*((f"c{i}", pa.string()) for i in range(width)), ("row_no", pa.uint32())])
        parts = []
        if table is not None:
            there = set(table.column_names)
            empty = pa.nulls(len(table), pa.string())
            parts = [pa.table([table[n] if n in there else empty for n in schema.names], names=schema.names)]
        parts += [pa.Table.from_pylist(odd, schema=schema)] if odd else []
        self.held_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self.held_path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            pq.write_table(pa.concat_tables(parts), stream, compression="zstd")
        part.rename(self.held_path)

    def _returned(self) -> None:
        """Rows of an earlier batch that good rows of this one answer by name: the columns of an error report."""
        assert self.found.returned is not None
        bad = {h.row_no for h in self.held}
        for batch in rows(self.found, {"b": self.found.returned[0], "r": self.found.returned[1]}).batches:
            for row in batch.to_pylist():
                if row["row_no"] not in bad and row["b"] and str(row["r"] or "").strip().isdigit():
                    self.named.append((row["b"].strip(), int(row["r"])))

    def answers(self) -> FixedBy:
        """What this batch mends."""

        def record_ids(asked: Sequence[int]) -> Sequence[int]:
            held = pq.read_table(self.path, columns=["record_id"])["record_id"]
            return [
                int(v)
                for v in pc.unique(held.filter(pc.is_in(held, pa.array(asked, pa.uint64())))).to_pylist()
            ]

        return FixedBy(record_ids, tuple(self.named))

    def _figures(self) -> dict[str, dict[str, int]]:
        """Per field: stated, standard among them, held, noted. One pass over the batch."""
        held: dict[str, int] = {}
        for row in self.held:
            for field in {f for f, _ in row.faults}:
                held[field] = held.get(field, 0) + 1
        asked, sql = [], []
        for number, _place in sorted(self.found.fields):
            spec = self.contract.fields[number]
            target = next((f"{t}.address" if spec.type == "address" else t for t in spec.to), None)
            if target is None:
                continue
            asked.append(spec.name)
            sql.append(f'count("{target}"), count(*) FILTER (WHERE (noted >> {number}) & 1 = 1)')
        if not asked:
            return {}
        told = self.engine.rows(f"SELECT {', '.join(sql)} FROM read_parquet('{self.path}')")[0]
        figures = {}
        for i, name in enumerate(asked):
            standard, noted = int(told[2 * i]), int(told[2 * i + 1])
            bad = held.get(name, 0)
            figures[name] = {
                "stated": standard + noted + bad,
                "standard": standard,
                "held": bad,
                "noted": noted,
            }
        return figures

    def _too_many(self, total: int) -> Refusal:
        counts: dict[tuple[str, str], int] = {}
        for row in self.held:
            for fault in row.faults:
                counts[fault] = counts.get(fault, 0) + 1
        top = sorted(counts.items(), key=lambda c: -c[1])[:3]
        listed = "; ".join(f"{field} {code} × {count}" for (field, code), count in top)
        return Refusal(
            "intake.too_many_held", file=self.found.name, held=len(self.held), rows=total, faults=listed
        )

    def undo(self) -> None:
        """Nothing of a file that was not accepted stays."""
        for path in (self.path, self.held_path):
            path.unlink(missing_ok=True)
            path.with_suffix(".part").unlink(missing_ok=True)
        self.engine.connection.execute("DROP TABLE IF EXISTS held_raw")


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


__all__ = ["Failed", "files", "ingest", "opened", "sent_on", "sweep", "take", "take_upload", "told"]

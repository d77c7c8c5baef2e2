"""One file on its way to a batch: the good rows into Parquet, the others into a file for their sender."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.exchange.contracts import Contract
from anju.exchange.intake.compile import Batch as BatchIds
from anju.exchange.intake.compile import compiled
from anju.exchange.intake.reading import Sniffed, rows
from anju.exchange.store import actions, queries
from anju.exchange.store.actions import FixedBy, Held
from anju.jobs.engine import DuckEngine
from anju.kernel.home import home, lake
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor

LONGEST_HELD = 2_000
KEPT_BYTES = 512 << 20
"""Up to here a file's rows stay in memory for the held ones among them; a larger file is read once more."""


class Work:
    """One file on its way to a batch."""

    def __init__(
        self,
        engine: DuckEngine,
        found: Sniffed,
        contract: Contract,
        batch: BatchIds,
        read: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.read = read
        self.engine, self.found, self.contract, self.batch = engine, found, contract, batch
        self.path = lake() / "batches" / contract.id / f"{batch.id}.parquet"
        self.held_path = queries.held_path(batch.id)
        self.statement = compiled(contract, found.present, batch)
        self.wanted = {f"f{field}": place for field, place in found.fields}
        self.held: list[Held] = []
        self.named: list[tuple[str, int]] = []
        self.kept: list[pa.RecordBatch] | None = []

    def run(self, digest: str, by: Actor, at: datetime) -> Any:
        """Write the files; the row that makes them count is returned, not yet saved."""
        stream = rows(self.found, self.wanted)
        stream.batches = self._keeping(stream.batches)
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

    def _keeping(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows as they pass, kept for the held ones among them as long as the file is not too large for that."""
        size = 0
        for batch in batches:
            self.read(batch.nbytes)
            size += batch.nbytes
            if self.kept is not None:
                self.kept.append(batch)
            if size > KEPT_BYTES:
                self.kept = None
            yield batch

    def _hold(self, broken: dict[int, str], expected: int) -> None:
        """Find the rows that are not in the batch; name their faults, keep their text."""
        table = self._missing(expected - len(broken))
        self.kept = None
        if table is not None:
            self.engine.load("raw", table)
            for row_no, record_id, *flags in self.engine.rows(self.statement.faults):
                listed = tuple(
                    (field, code)
                    for (field, code, holds), is_set in zip(self.statement.checks, flags, strict=True)
                    if is_set and holds
                )
                key = None if record_id is None else int(record_id)
                self.held.append(Held(int(row_no), key, listed or (("", "unreadable"),)))
            self.engine.run("DROP TABLE raw")
        self.held += [Held(number, None, (("", "wrong_cells"),)) for number in broken]
        self._keep_text(table, broken)
        if len(self.held) != expected:
            raise AssertionError(f"rows lost on the way: {expected} expected, {len(self.held)} held")

    def _missing(self, wanting: int) -> pa.Table | None:
        """The ``wanting`` rows that were read and are not in the batch, out of memory or out of the file once more."""
        accepted = pq.read_table(self.path, columns=["row_no"])["row_no"].to_numpy()
        parts: list[pa.RecordBatch] = []
        taken = np.zeros(0, dtype=bool)
        for batch in self.kept if self.kept is not None else rows(self.found, self.wanted).batches:
            if wanting <= 0:
                break
            numbers = batch["row_no"].to_numpy()
            if len(numbers) and len(taken) <= numbers[-1]:
                taken = np.zeros(2 * int(numbers[-1]) + 1, dtype=bool)
                taken[accepted[accepted < len(taken)]] = True
            missing = ~taken[numbers]
            if missing.any():
                parts.append(batch.filter(pa.array(missing)))
                wanting -= int(missing.sum())
        return pa.Table.from_batches(parts) if parts else None

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
            there = {place: table[name] for name, place in self.wanted.items()}
            empty = pa.nulls(len(table), pa.string())
            cells = [there.get(place, empty) for place in range(width)]
            parts = [pa.table([*cells, table["row_no"]], names=schema.names)]
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
        self.engine.connection.execute("DROP TABLE IF EXISTS raw")

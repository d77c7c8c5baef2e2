"""One file on its way to a batch: the good rows into Parquet, the others into a file for their sender."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.exchange.contracts import Contract
from anju.exchange.intake.reading import Sniffed, chunks, rows
from anju.exchange.intake.recall import Recall
from anju.exchange.intake.report import reason
from anju.exchange.intake.standardise import Standard, Standardiser
from anju.exchange.store import queries
from anju.exchange.store.actions import Held
from anju.jobs.engine import DuckEngine
from anju.kernel.home import lake
from anju.kernel.refusal import Refusal

AHEAD = 2
"""Chunks of a file that may be under way beside the one being written: this bounds the memory."""
LONGEST_HELD = 2_000
LARGEST_LIST = 64 << 20
"""Bytes of distinct values a column may list before they are written out: more than a chunk ever has."""
_FROM_CELLS = re.compile(r"\bFROM cells\b")
NO_ROWS = np.zeros(0, dtype=np.uint32)


class _Cells:
    """What a prepared statement reads: registered once, with another table each time it is executed."""

    table: pa.Table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Crew:
    """Threads that standardise chunks, each on a connection of its own to one engine.

    Planning a statement takes longer than running it over a short list, so each connection prepares it once. The
    tables in ``lookups`` are registered as what they are: a plan over stored ones would be made anew every time.
    """

    def __init__(self, engine: DuckEngine, lookups: Sequence[str]) -> None:
        self.connection = engine.connection
        self.lookups = {name: self.connection.sql(f"FROM {name}").to_arrow_table() for name in lookups}
        for name in lookups:
            engine.run(f"DROP TABLE {name}")
        self.pool = ThreadPoolExecutor(os.cpu_count() or 2, "standardise")
        self.is_leaving = False
        self.recall = Recall(self.ask)
        self._own = threading.local()
        self._open: list[Any] = []

    def ask(self, sql: str, cells: pa.Table) -> pa.Table:
        """Answer SQL over ``cells``, on the connection of the calling thread."""
        prepared: dict[str, tuple[str, _Cells]] | None = getattr(self._own, "prepared", None)
        if prepared is None:
            self._own.connection, self._own.prepared = self.connection.cursor(), {}
            prepared = self._own.prepared
            self._open.append(self._own.connection)
            for name, table in self.lookups.items():
                self._own.connection.register(name, table)
        if sql not in prepared:
            name, given = f"q{len(prepared)}", _Cells()
            given.table = cells
            self._own.connection.register(f"cells_{name}", given)
            self._own.connection.execute(f"PREPARE {name} AS {_FROM_CELLS.sub(f'FROM cells_{name}', sql)}")
            prepared[sql] = name, given
        name, given = prepared[sql]
        given.table = cells
        answer = self._own.connection.sql(f"EXECUTE {name}").to_arrow_table()
        given.table = cells.slice(0, 0)
        return answer

    def standardised(
        self, standard: Standardiser, batches: Iterator[pa.RecordBatch], twice: np.ndarray
    ) -> Iterator[tuple[pa.RecordBatch, Standard]]:
        """Chunks with what became of them, in the order of the file, several at work at once."""
        under_way: deque[tuple[pa.RecordBatch, Future[Standard]]] = deque()
        for chunk in chunks(batches):
            under_way.append((chunk, self.pool.submit(standard, self, chunk, twice)))
            if len(under_way) > AHEAD:
                done, future = under_way.popleft()
                yield done, future.result()
            if self.is_leaving:
                raise InterruptedError
        for done, future in under_way:
            yield done, future.result()

    def close(self) -> None:
        """Let the threads go."""
        self.is_leaving = True
        self.pool.shutdown(cancel_futures=True)
        for connection in self._open:
            connection.close()


@dataclass(slots=True)
class Told:
    """What a pass over a file found: rows, held ones, per field how many good rows have a value or an unread one.

    ``named`` and ``again``: rows of earlier batches that an error report's good rows answer, and its bad ones repeat.
    """

    rows: int = 0
    good: int = 0
    held: list[Held] = field(default_factory=list)
    standard: Counter[int] = field(default_factory=Counter)
    noted: Counter[int] = field(default_factory=Counter)
    named: list[tuple[str, int]] = field(default_factory=list)
    again: list[tuple[str, int, int]] = field(default_factory=list)
    ids: list[np.ndarray] = field(default_factory=list)


class Work:
    """One file on its way to a batch. Its files count for nothing under their own names; ``place`` moves them."""

    def __init__(
        self, crew: Crew, found: Sniffed, contract: Contract, standard: Standardiser, batch: str,
        read: Callable[[int], None] = lambda count: None,
    ) -> None:  # fmt: skip
        self.crew, self.found, self.contract, self.standard, self.read = crew, found, contract, standard, read
        self.wanted = {f"f{number}": place for number, place in found.fields}
        self.path = lake() / "batches" / contract.id / f"{batch}.parquet"
        self.held_path = queries.held_path(batch)
        own = f".{os.getpid()}-{threading.get_ident()}.part"
        self.parts = {path: path.with_suffix(own) for path in (self.path, self.held_path)}
        self.told = Told()

    def run(self) -> Told:
        """Write the files and tell what is in them; nothing stays of a file that is refused."""
        try:
            self.told = self._pass(NO_ROWS)
            if len(twice := self._twice()):
                # Rare: a key came twice, and the first of its rows is long written.
                self.told = self._pass(twice)
            self.told.ids.clear()
            if self.told.rows == 0:
                raise Refusal("intake.empty", file=self.found.name)
            if len(self.told.held) != self.told.rows - self.told.good:
                raise AssertionError(f"rows lost on the way to {self.path.stem}")
            if len(self.told.held) > self.told.rows * self.contract.refuse_share:
                raise self._too_many()
        except OSError as failed:
            self.discard()
            if failed.errno == errno.ENOSPC:
                raise Refusal("intake.disk_full", file=self.found.name) from failed
            raise
        except BaseException:
            self.discard()
            raise
        return self.told

    def _pass(self, twice: np.ndarray) -> Told:
        """Once over the file; rows numbered in ``twice`` repeat the key of an earlier one and are held."""
        told = Told()
        returned = dict(zip(("batch", "row"), self.found.returned or (), strict=False))
        stream = rows(self.found, self.wanted | returned)
        with _Files(self.parts[self.path], self.parts[self.held_path], len(self.found.headers)) as files:
            for chunk, one in self.crew.standardised(self.standard, self._metered(stream.batches), twice):
                files.add_good(one.good)
                files.add_text(one.text, self.wanted)
                told.good += len(one.good)
                told.ids.append(one.good["record_id"].combine_chunks().fill_null(0).to_numpy())
                told.held += [Held(*row) for row in one.held]
                told.standard.update(one.standard)
                told.noted.update(one.noted)
                if returned:
                    _answered(told, chunk, {row_no for row_no, _, _ in one.held})
            told.held += [Held(number, None, (("", "wrong_cells"),)) for number in stream.broken]
            files.add_broken(stream.broken)
        told.rows = stream.total
        return told

    def _metered(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.read(batch.nbytes)
            yield batch

    def _twice(self) -> np.ndarray:
        """Numbers of the good rows whose key an earlier good row has."""
        ids = np.concatenate(self.told.ids) if self.told.ids else NO_ROWS
        ordered = np.sort(ids)
        if not ((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0)).any():
            return NO_ROWS
        later = ids > 0
        later[np.unique(ids, return_index=True)[1]] = False
        return pq.read_table(self.parts[self.path], columns=["row_no"])["row_no"].to_numpy()[later]

    def figures(self) -> Mapping[str, Mapping[str, int]]:
        """Per field that fills a column: stated, standard among them, held, noted."""
        held = Counter(name for row in self.told.held for name in {f for f, _ in row.faults})
        figures = {}
        for number, standard in sorted(self.told.standard.items()):
            name, noted = self.contract.fields[number].name, self.told.noted[number]
            figures[name] = {
                "stated": standard + noted + held[name], "standard": standard, "held": held[name], "noted": noted,
            }  # fmt: skip
        return figures

    def _too_many(self) -> Refusal:
        counts = Counter(fault for row in self.told.held for fault in row.faults)
        listed = {
            f"faults_{language}": "; ".join(
                f"{field} {reason(code, language)} × {count}".strip()
                for (field, code), count in counts.most_common(3)
            )
            for language in ("zh", "en")
        }
        return Refusal(
            "intake.too_many_held",
            file=self.found.name,
            held=len(self.told.held),
            rows=self.told.rows,
            **listed,
        )

    def place(self) -> None:
        """Move the files to where a batch's files lie."""
        for path, part in self.parts.items():
            if part.exists():
                part.rename(path)

    def displace(self) -> None:
        """Remove the files that ``place`` moved: the batch was not accepted after all."""
        for path in self.parts:
            path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Nothing of a file that was not accepted stays."""
        for part in self.parts.values():
            part.unlink(missing_ok=True)


class _Files:
    """The two files of a batch while they are written: its rows; and the text of rows that go back to their sender.

    The second is for its owner alone. Columns the contract does not know are not in it: nobody agreed to send them.
    """

    def __init__(self, path: Path, text: Path, width: int) -> None:
        self.path, self.text = path, text
        self.schema = pa.schema([*((f"c{i}", pa.string()) for i in range(width)), ("row_no", pa.uint32())])
        self.good_writer: pq.ParquetWriter | None = None
        self.text_writer: pq.ParquetWriter | None = None

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *failed: object) -> None:
        for writer in (self.good_writer, self.text_writer):
            if writer is not None:
                writer.close()

    def add_good(self, good: pa.Table) -> None:
        """One chunk's rows, a row group of their own."""
        if self.good_writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            listed = [f.name for f in good.schema if pa.types.is_dictionary(f.type)]
            # Smallest and largest of texts take a third of the writing, and nobody asks for them.
            measured = [
                f.name for f in good.schema if f.name not in listed and not pa.types.is_string(f.type)
            ]
            self.good_writer = pq.ParquetWriter(
                self.path, good.schema, compression="lz4", store_schema=False, use_dictionary=listed,
                dictionary_pagesize_limit=LARGEST_LIST, write_statistics=measured,
            )  # fmt: skip
        self.good_writer.write_table(good, row_group_size=max(1, len(good)))

    def add_text(self, text: pa.RecordBatch | None, wanted: Mapping[str, int]) -> None:
        """Rows as they were sent."""
        if text is None:
            return
        there = {place: text[name] for name, place in wanted.items()}
        empty = pa.nulls(text.num_rows, pa.string())
        cells = [there.get(place, empty) for place in range(len(self.schema) - 1)]
        self._write(pa.table([*cells, text["row_no"]], schema=self.schema))

    def add_broken(self, broken: Mapping[int, str]) -> None:
        """Rows that are no rows: what stood there, in the first cell."""
        if broken:
            odd = [{"row_no": number, "c0": text[:LONGEST_HELD]} for number, text in broken.items()]
            self._write(pa.Table.from_pylist(odd, schema=self.schema))

    def _write(self, told: pa.Table) -> None:
        if self.text_writer is None:
            self.text.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.text.touch(mode=0o600)
            self.text_writer = pq.ParquetWriter(self.text, self.schema, compression="zstd")
        self.text_writer.write_table(told)


def _answered(told: Told, chunk: pa.RecordBatch, held: set[int]) -> None:
    """The rows of earlier batches that an error report names: answered by its good rows, repeated by its held ones."""
    cells = (chunk[name].to_pylist() for name in ("row_no", "batch", "row"))
    for row_no, batch, row in zip(*cells, strict=True):
        if batch and str(row or "").strip().isdigit():
            if row_no in held:
                told.again.append((batch.strip(), int(row), row_no))
            else:
                told.named.append((batch.strip(), int(row)))


def record_ids(path: Path) -> Callable[[list[int]], list[int]]:
    """Which of the asked record ids are in a batch's file."""

    def found(asked: list[int]) -> list[int]:
        there = pq.read_table(path, columns=["record_id"])["record_id"]
        return [
            int(v) for v in pc.unique(there.filter(pc.is_in(there, pa.array(asked, pa.uint64())))).to_pylist()
        ]

    return found

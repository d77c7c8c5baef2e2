"""Threads that standardise, each on a connection of its own to one engine. Free of Django: Spark's workers have one too."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from anju.exchange.intake import address, lookups, macros
from anju.exchange.intake.reading import chunks
from anju.exchange.intake.recall import Recall
from anju.exchange.intake.standardise import Standard, Standardiser
from anju.jobs import scratch
from anju.jobs.engine import DuckEngine

AHEAD = 2
"""Chunks of a file that may be under way beside the one being written: this bounds the memory."""
KEPT_OPTIMISERS = frozenset({"common_subexpressions", "unused_columns", "column_lifetime"})
_FROM_CELLS = re.compile(r"\bFROM cells\b")


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

    def __init__(self, engine: DuckEngine, lookups: Sequence[str], threads: int = 0) -> None:
        self.connection = engine.connection
        self.lookups = {name: self.connection.sql(f"FROM {name}").to_arrow_table() for name in lookups}
        for name in lookups:
            engine.run(f"DROP TABLE {name}")
        self.pool = ThreadPoolExecutor(threads or os.cpu_count() or 2, "standardise")
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


@contextmanager
def opened(memory: str = "4GB", threads: int = 0) -> Iterator[Crew]:
    """Threads (as many as cores if not told) that know how to read every field, for as many files as one wants."""
    with scratch.place("reading") as spill, opened_in(spill, memory, threads) as crew:
        yield crew


@contextmanager
def opened_in(spill: Path, memory: str, threads: int) -> Iterator[Crew]:
    """The same with passing files in a folder that is there already."""
    # Arrow's own pool gives large pieces back to the system after each chunk, and gets them anew.
    pa.set_memory_pool(pa.system_memory_pool())
    engine = DuckEngine(spill, memory=memory, threads=1)
    # A reading is one long chain of projections: of DuckDB's optimisers three help, the others only cost. Measured:
    # planning falls to a tenth, running to half. Answers must come in the order of what was asked.
    named = [name for (name,) in engine.rows("SELECT name FROM duckdb_optimizers()")]
    engine.run(f"SET disabled_optimizers = '{','.join(n for n in named if n not in KEPT_OPTIMISERS)}'")
    engine.run("SET preserve_insertion_order = true")
    for module in (macros, address, lookups):
        module.define(engine)
    crew = Crew(engine, (address.PLACES, lookups.DIVISIONS, lookups.LUNAR), threads)
    try:
        yield crew
    finally:
        crew.close()
        engine.close()

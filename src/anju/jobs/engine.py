"""The one place that opens a connection to a columnar engine."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import duckdb

from anju.kernel.engine import literal


class DuckEngine:
    """DuckDB in process, with bounded memory and a spill folder. Satisfies ``kernel.engine.Engine``."""

    dialect = "duckdb"

    def __init__(self, spill: Path, memory: str = "4GB", threads: int | None = None) -> None:
        spill.mkdir(parents=True, exist_ok=True)
        self.threads = threads or os.cpu_count() or 2
        self.connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": str(spill),
                "threads": self.threads,
                "preserve_insertion_order": False,
                # Nothing outlives the process: a checkpoint would only pack tables that are read once more and dropped.
                "checkpoint_threshold": "1TB",
                # Memory given back after each step is taken again, page by page, by the next.
                "allocator_flush_threshold": memory,
                "allocator_bulk_deallocation_flush_threshold": memory,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        # It would write into what --json prints.
        self.connection.execute("SET enable_progress_bar = false")

    def watched(self) -> DuckEngine:
        """The same engine, one that can be asked how far it is (``percent``); it prints nothing."""
        self.run("SET enable_progress_bar = true")
        self.run("SET enable_progress_bar_print = false")
        return self

    @property
    def percent(self) -> int:
        """How far the statement under way is, 0 to 100; from any thread, where the engine is ``watched``."""
        return max(0, min(100, int(self.connection.query_progress())))

    def run(self, sql: str) -> None:
        """Run one statement for its effect."""
        self.connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one query and fetch its rows. For small answers only."""
        return self.connection.execute(sql).fetchall()

    def scan(self, name: str, paths: list[Path]) -> None:
        """Make Parquet files readable as the view ``name`` (columns joined by name)."""
        listed = ", ".join(literal(str(p)) for p in paths)
        self.run(
            f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet([{listed}], union_by_name=true)"
        )

    def feed(self, name: str, batches: Any) -> None:
        """Make a stream of Arrow record batches readable, once, as the view ``name``."""
        self.connection.register(name, batches)

    def save(
        self, query: str, path: Path, sort: str = "", group_rows: int = 122_880, plain: bool = False
    ) -> int:
        """Write a query's rows as one Parquet file, moved into place whole; return the row count.

        ``plain``: not compressed, for hashes and codes, which hardly shrink. The part is named by process and thread: two
        that write the same file do not write into each other's.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        order = f" ORDER BY {sort}" if sort else ""
        shape = (
            "uncompressed, DICTIONARY_SIZE_LIMIT 1, PARQUET_VERSION v2"
            if plain
            else "zstd, COMPRESSION_LEVEL 1"
        )
        written = self.rows(
            f"COPY ({query}{order}) TO '{part}' "
            f"(FORMAT parquet, COMPRESSION {shape}, ROW_GROUP_SIZE {group_rows})"
        )
        part.rename(path)
        return int(written[0][0])

    def stream(self, query: str, rows: int) -> Any:
        """A query's rows as a stream of Arrow record batches of about so many rows. One at a time."""
        return self.connection.sql(query).to_arrow_reader(rows)

    def load(self, name: str, table: Any) -> None:
        """Keep an Arrow table as the table ``name``."""
        self.connection.register("arriving", table)
        self.run(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arriving")
        self.connection.unregister("arriving")

    def rename(self, made: str, name: str) -> None:
        """Give a table another name."""
        self.run(f"ALTER TABLE {made} RENAME TO {name}")

    def lanes(self, most: int | None) -> None:
        """Work in at most so many threads from now on; None: in as many as at the beginning. Small steps go faster in one."""
        self.run(f"SET threads = {min(most or self.threads, self.threads)}")

    def splink(self) -> Any:
        """Splink's database API on this connection."""
        from splink import DuckDBAPI

        return DuckDBAPI(connection=self.connection)

    def close(self) -> None:
        """Give memory and files back."""
        self.connection.close()

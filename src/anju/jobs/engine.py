"""The one place that opens a connection to a columnar engine."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import duckdb


class DuckEngine:
    """DuckDB in process, with bounded memory and a spill folder. Satisfies ``kernel.engine.Engine``."""

    dialect = "duckdb"

    def __init__(self, spill: Path, memory: str = "4GB", threads: int | None = None) -> None:
        spill.mkdir(parents=True, exist_ok=True)
        self.connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": str(spill),
                "threads": threads or os.cpu_count() or 2,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        # It would write into what --json prints.
        self.connection.execute("SET enable_progress_bar = false")

    def run(self, sql: str) -> None:
        """Run one statement for its effect."""
        self.connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one query and fetch its rows. For small answers only."""
        return self.connection.execute(sql).fetchall()

    def scan(self, name: str, paths: list[Path]) -> None:
        """Make Parquet files readable as the view ``name`` (columns joined by name)."""
        listed = ", ".join("'" + str(p).replace("'", "''") + "'" for p in paths)
        self.run(
            f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet([{listed}], union_by_name=true)"
        )

    def feed(self, name: str, batches: Any) -> None:
        """Make a stream of Arrow record batches readable, once, as the view ``name``."""
        self.connection.register(name, batches)

    def save(self, query: str, path: Path, sort: str = "", group_rows: int = 122_880) -> int:
        """Write a query's rows as one Parquet file, moved into place whole; return the row count.

        The part is named by process and thread: two that write the same file do not write into each other's.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        order = f" ORDER BY {sort}" if sort else ""
        self.run(
            f"COPY ({query}{order}) TO '{part}' "
            f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {group_rows})"
        )
        part.rename(path)
        return int(self.rows(f"SELECT count(*) FROM read_parquet('{path}')")[0][0])

    def load(self, name: str, table: Any) -> None:
        """Keep an Arrow table as the table ``name``."""
        self.connection.register("arriving", table)
        self.run(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arriving")
        self.connection.unregister("arriving")

    def rename(self, made: str, name: str) -> None:
        """Give a table another name."""
        self.run(f"ALTER TABLE {made} RENAME TO {name}")

    def splink(self) -> Any:
        """Splink's database API on this connection."""
        from splink import DuckDBAPI

        return DuckDBAPI(connection=self.connection)

    def close(self) -> None:
        """Give memory and files back."""
        self.connection.close()

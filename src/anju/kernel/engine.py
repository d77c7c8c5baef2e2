"""The engine protocol: what set-based rooms may ask of DuckDB or Spark without opening either."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


class Engine(Protocol):
    """A place where SQL in DuckDB's dialect runs; another engine renders it to its own.

    Only ``jobs`` makes one. Rooms receive it as an argument.
    """

    dialect: str

    def run(self, sql: str) -> None:
        """Run one statement for its effect."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one query and fetch its rows. For small answers only."""
        ...

    def scan(self, name: str, paths: list[Path]) -> None:
        """Make Parquet files readable as the view ``name`` (columns joined by name)."""
        ...

    def feed(self, name: str, batches: Any) -> None:
        """Make a stream of Arrow record batches readable, once, as the view ``name``."""
        ...

    def save(self, query: str, path: Path, sort: str = "") -> int:
        """Write a query's rows as one Parquet file, moved into place whole; return the row count."""
        ...

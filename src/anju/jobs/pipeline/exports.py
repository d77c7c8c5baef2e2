"""What travels from a library's Parquet files into PostgreSQL: only rows that are new or no longer true."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import duckdb
from django.db import models

from anju.register.store.loading import TARGETS, Target
from anju.trust.sealing import sealer

CHUNK = 1 << 20
ROWS = 50_000
LAST_FOUR = {"citizen_no_last4": "citizen_no", "phone_last4": "phone"}
OPENED, CLOSED = "opened", "closed"


@dataclass(frozen=True, slots=True)
class Export:
    """One file of CSV rows on its way: of which table, whether its rows begin or end, how many."""

    target: Target
    kind: str
    path: Path

    def chunks(self) -> Iterator[bytes]:
        """The file in pieces; it goes when it is read."""
        with self.path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
        self.path.unlink()


class Exporter:
    """Writes export files ahead of the load, in a thread of its own."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, new: Path, old: Path | None
    ) -> None:
        self.connection, self.folder, self.first = connection, folder, old is None
        folder.mkdir(parents=True, exist_ok=True)
        for target in TARGETS:
            self._view(f"new_{target.source}", new / f"{target.source}.parquet")
            if old is not None:
                self._view(f"old_{target.source}", old / f"{target.source}.parquet")

    def _view(self, name: str, path: Path) -> None:
        self.connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet('{path}')")

    def write(self, query: str, name: str) -> Path:
        """A query's rows as CSV without a header; null is nothing, an empty text is quoted."""
        path = self.folder / f"{name}.csv"
        self.connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER false, NULLSTR '')")
        return path

    def ahead(self, targets: Sequence[Target]) -> Iterator[Export]:
        """Every export of ``targets`` in order; the next is written while the caller loads one."""
        ready: Queue[Export | BaseException | None] = Queue(maxsize=2)
        given_up = threading.Event()

        def produce() -> None:
            try:
                for target in targets:
                    for make in (self.closed, self.opened):
                        made = None if given_up.is_set() else make(target)
                        if made is not None:
                            ready.put(made)
                ready.put(None)
            except BaseException as broken:
                ready.put(broken)

        producer = threading.Thread(target=produce, daemon=True)
        producer.start()
        try:
            while (made := ready.get()) is not None:
                if isinstance(made, BaseException):
                    raise made
                yield made
        finally:
            given_up.set()
            while producer.is_alive():  # a load that broke leaves the producer waiting for room
                with contextlib.suppress(Empty):
                    ready.get(timeout=0.1)

    def closed(self, target: Target) -> Export | None:
        """Keys of rows that are no longer true."""
        if self.first:
            return None
        keys = ", ".join(_told(target, self._field(target, k)) for k in target.key)
        gone = f"SELECT {keys} FROM ({_without(target.source, 'old', 'new')}) AS q"
        return Export(target, CLOSED, self.write(gone, f"{target.source}-closed"))

    def _field(self, target: Target, name: str) -> models.Field:
        return next(f for f in target.fields if f.name == name)

    def opened(self, target: Target) -> Export:
        """Rows that are true from now on."""
        rows = f"SELECT * FROM new_{target.source}"
        if not self.first:
            rows = _without(target.source, "new", "old")
        columns = [_told(target, f) for f in target.plain]
        source = f"({rows}) AS q"
        if target.of_person and target.source != "person":
            source += " JOIN new_person AS p ON q.person_code = p.person_code"
        if not target.hidden:
            path = self.write(f"SELECT {', '.join(columns)} FROM {source}", target.source)
        else:
            path = self._sealed(target, columns, source)
        return Export(target, OPENED, path)

    def _sealed(self, target: Target, columns: list[str], source: str) -> Path:
        """CSV with sealed values and blind indexes after the plain columns."""
        line = " || ',' || ".join(_quoted(c, f) for c, f in zip(columns, target.plain, strict=True))
        kinds = [f for f in target.hidden if getattr(f, "kind", "")]
        values = ", ".join(f"q.{target.there(f.name)}" for f in kinds)
        answer = self.connection.cursor().execute(f"SELECT {line}, {values} FROM {source}")
        path = self.folder / f"{target.source}.csv"
        with path.open("wb") as stream:
            while rows := answer.fetchmany(ROWS):
                stream.write(_lines(target, kinds, rows))
        return path


def _without(source: str, these: str, those: str) -> str:
    """Rows of one state of a table that the other state does not have. Dossiers are told apart by their mark."""
    if source == "dossier":
        return (
            f"SELECT a.* FROM {these}_dossier AS a LEFT JOIN {those}_dossier AS b "
            "ON a.person_code = b.person_code AND a.mark = b.mark WHERE b.person_code IS NULL"
        )
    return f"SELECT * FROM {these}_{source} EXCEPT SELECT * FROM {those}_{source}"


def _told(target: Target, field: models.Field) -> str:
    """SQL for a plain column of a table here, from the library's row ``q`` (and ``p``, the person's)."""
    if field.name in LAST_FOUR:
        return f"coalesce(right(q.{LAST_FOUR[field.name]}, 4), '') AS {field.column}"
    if field.name == "region" and target.of_person:
        return "p.region AS region" if target.source != "person" else "q.region AS region"
    there = f"q.{target.there(field.name)}"
    if isinstance(field, models.CharField) and not field.null:
        return f"coalesce({there}, '') AS {field.column}"
    return f"{there} AS {field.column}"


def _quoted(column: str, field: models.Field) -> str:
    value = column.rpartition(" AS ")[0]
    text = f"CAST({value} AS VARCHAR)"
    if isinstance(field, models.CharField):
        text = f"concat('\"', replace({text}, '\"', '\"\"'), '\"')"
    return f"CASE WHEN {value} IS NULL THEN '' ELSE {text} END"


def _lines(target: Target, kinds: list[models.Field], rows: list[tuple[Any, ...]]) -> bytes:
    seal = sealer()
    made: dict[str, list[bytes | None]] = {}
    for place, field in enumerate(kinds, start=1):
        values = [row[place] for row in rows]
        made[field.name] = seal.seal_many(values)
        if field.index:
            made[field.index] = seal.index_many(field.kind, values)
    columns = [made[f.name] for f in target.hidden]
    hexed = zip(
        *([rf"\x{v.hex()}" if v is not None else "" for v in column] for column in columns), strict=True
    )
    return "".join(f"{row[0]},{','.join(hidden)}\n" for row, hidden in zip(rows, hexed, strict=True)).encode()


Tell = Callable[[str], None]

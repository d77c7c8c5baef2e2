"""What travels from a library's Parquet files into PostgreSQL: only rows that are new or no longer true.

One thread writes ahead of the load, so that DuckDB and the sealing keep one core busy and PostgreSQL another: plain
tables as CSV files made by DuckDB alone, sealed ones in pieces of ``ROWS``, dossiers in PostgreSQL's binary form.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import duckdb
import pyarrow as pa
from django.db import models

from anju.kernel.refusal import Refusal
from anju.register.store.loading import TARGETS, Target
from anju.trust.sealing import sealer

CHUNK = 1 << 20
ROWS = 100_000
AHEAD = 12
"""Pieces and files that may wait for the load: bounds memory to about 100 MB."""
LAST_FOUR = {"citizen_no_last4": "citizen_no", "phone_last4": "phone"}
OPENED, CLOSED = "opened", "closed"
BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_TAIL = b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Export:
    """Rows on their way: of which table, whether they begin or end, in CSV or PostgreSQL's binary form."""

    target: Target
    kind: str
    pieces: Iterator[bytes | Path]
    columns: tuple[str, ...] = ()
    is_binary: bool = False

    def chunks(self) -> Iterator[bytes]:
        """The rows in pieces; a file goes when it is read."""
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            with piece.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
            piece.unlink()


class Exporter:
    """Makes exports ahead of the load, in a thread of its own."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        new: Path,
        old: Path | None,
        again: Sequence[str] = (),
        later: Sequence[str] = (),
    ) -> None:
        """``again``: people whose rows are all loaded anew; ``later``: people whom this load does not touch."""
        if old is not None and not old.is_dir():
            raise Refusal("library.former_run_missing", folder=old.name)
        self.connection, self.folder, self.first, self.again = connection, folder, old is None, again
        self._people("again", again)
        self._people("apart", [*again, *later])
        folder.mkdir(parents=True, exist_ok=True)
        for target in TARGETS:
            self._view(f"new_{target.source}", new / f"{target.source}.parquet")
            if old is not None:
                self._view(f"old_{target.source}", old / f"{target.source}.parquet")

    def _people(self, name: str, codes: Sequence[str]) -> None:
        self.connection.register("arriving", pa.table({"code": pa.array(codes, pa.string())}))
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arriving")
        self.connection.unregister("arriving")

    def _changed(self, target: Target, these: str, those: str) -> str:
        """Rows of one state that the other does not have, of people who are not treated apart."""
        rows = _without(target.source, these, those)
        if not target.of_person:
            return rows
        return f"SELECT * FROM ({rows}) AS r WHERE person_code NOT IN (SELECT code FROM apart)"

    def _view(self, name: str, path: Path) -> None:
        self.connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet('{path}')")

    def write(
        self, query: str, name: str, connection: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[Path]:
        """A query's rows as one file of CSV without a header; null is nothing, an empty text is quoted."""
        path = self.folder / f"{name}.csv"
        (connection or self.connection).execute(
            f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER false, NULLSTR '')"
        )
        yield path

    def ahead(self, targets: Sequence[Target]) -> Iterator[Export]:
        """Every export of ``targets`` in order, the next made while the caller loads one. Read each to its end."""
        ready: Queue[Export | bytes | Path | BaseException | None] = Queue(maxsize=AHEAD)
        given_up = threading.Event()

        def produce() -> None:
            try:
                for target in targets:
                    for made in (self.closed(target), self.opened(target)):
                        if made is None:
                            continue
                        ready.put(made)
                        for piece in made.pieces:
                            if given_up.is_set():
                                return
                            ready.put(piece)
                        ready.put(None)
                ready.put(None)
            except BaseException as broken:
                ready.put(broken)

        def pieces() -> Iterator[bytes | Path]:
            while (piece := ready.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                assert isinstance(piece, bytes | Path)
                yield piece

        producer = threading.Thread(target=produce, daemon=True)
        producer.start()
        try:
            while (made := ready.get()) is not None:
                if isinstance(made, BaseException):
                    raise made
                assert isinstance(made, Export)
                yield Export(made.target, made.kind, pieces(), made.columns, made.is_binary)
        finally:
            given_up.set()
            while producer.is_alive():  # a load that broke leaves the producer waiting for room
                with contextlib.suppress(Empty):
                    ready.get(timeout=0.1)

    def closed(self, target: Target) -> Export | None:
        """Keys of rows that are no longer true."""
        if self.first:
            return None
        fields = {f.name: f for f in target.fields}
        keys = ", ".join(_told(target, fields[k]) for k in target.key)
        gone = f"SELECT {keys} FROM ({self._changed(target, 'old', 'new')}) AS q"
        return Export(target, CLOSED, self.write(gone, f"{target.source}-closed"))

    def opened(self, target: Target) -> Export:
        """Rows that are true from now on."""
        rows = f"SELECT * FROM new_{target.source}"
        if not self.first:
            rows = self._changed(target, "new", "old")
            if target.of_person and self.again:
                rows += f" UNION ALL SELECT * FROM new_{target.source} WHERE person_code IN (SELECT code FROM again)"
        columns = [_told(target, f) for f in target.plain]
        source = f"({rows}) AS q"
        if target.of_person and target.source != "person":
            source += " JOIN new_person AS p ON q.person_code = p.person_code"
        told = tuple(f.column for f in target.fields)
        if not target.hidden:
            query = f"SELECT {', '.join(columns)} FROM {source}"
            return Export(target, OPENED, self.write(query, target.source), told)
        if target.source == "dossier":
            query = f"SELECT q.person_code, p.region, q.records FROM {source}"
            return Export(target, OPENED, self._dossiers(query), ("person_code", "region", "records"), True)
        return Export(target, OPENED, self._sealed(target, columns, source), told)

    def _batches(self, query: str) -> Iterator[pa.RecordBatch]:
        yield from self.connection.cursor().sql(query).to_arrow_reader(ROWS)

    def _dossiers(self, query: str) -> Iterator[bytes]:
        """Dossiers in PostgreSQL's binary form: nothing to quote, half the bytes of a hexadecimal text."""
        seal = sealer()
        yield BINARY_HEAD
        for batch in self._batches(query):
            codes, regions, records = (column.to_pylist() for column in batch.columns)
            sealed = seal.seal_many(records)
            yield b"".join(
                b"\0\3" + _value(code.encode()) + _value(region and region.encode()) + _value(value)
                for code, region, value in zip(codes, regions, sealed, strict=True)
            )
        yield BINARY_TAIL

    def _sealed(self, target: Target, columns: list[str], source: str) -> Iterator[Path]:
        """CSV with sealed values and blind indexes after the plain columns, a file for each batch."""
        seal, own = sealer(), self.connection.cursor()
        kinds = [f for f in target.hidden if getattr(f, "kind", "")]
        values = [f"q.{target.there(f.name)} AS sealed_{f.name}" for f in kinds]
        plain = ", ".join(f.column for f in target.plain)
        hidden = ", ".join(f"'\\x' || lower(hex({f.column}))" for f in target.hidden)
        query = f"SELECT {', '.join([*columns, *values])} FROM {source}"
        for number, batch in enumerate(self._batches(query)):
            table = pa.table(batch.columns, names=batch.schema.names)
            for name, made in _hidden(seal, kinds, table).items():
                table = table.append_column(name, pa.array(made, pa.binary()))
            own.register("sealing", table)
            yield from self.write(
                f"SELECT {plain}, {hidden} FROM sealing", f"{target.source}-{number:05d}", own
            )
            own.unregister("sealing")


def _hidden(seal: Any, kinds: Sequence[models.Field], table: pa.Table) -> dict[str, list[bytes | None]]:
    made = {}
    for field in kinds:
        values = table.column(f"sealed_{field.name}").to_pylist()
        made[field.column] = seal.seal_many(values)
        if field.index:
            made[field.index] = seal.index_many(field.kind, values)
    return made


def _value(value: bytes | None) -> bytes:
    """One value in PostgreSQL's binary form: its length (-1 for null), then its bytes."""
    return b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4) + value


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

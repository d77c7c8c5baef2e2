"""What travels from a library's Parquet files into PostgreSQL: only rows that are new or no longer true.

One thread resolves, one makes exports ahead of the load, one loads, so that DuckDB, the sealing and PostgreSQL leave no
core idle.
Rows travel in PostgreSQL's binary form: nothing to quote, nothing to read twice, sealed values as they are.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import TypeVar

import duckdb
import pgpq
import pyarrow as pa
from django.db import models

from anju.exchange.library.catalogue import TABLES
from anju.exchange.library.standing import KEYS, Standing
from anju.kernel.engine import Engine
from anju.kernel.refusal import Refusal
from anju.register.store.loading import Target
from anju.trust.sealing import Sealer, sealer

CHUNK = 1 << 20
ROWS = 50_000
AHEAD = 12
"""Pieces that may wait for the load: bounds memory to about 100 MB."""
LAST_FOUR = {"citizen_no_last4": "citizen_no", "phone_last4": "phone"}
OPENED, CLOSED = "opened", "closed"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Export:
    """Rows on their way: of which table, whether they begin (binary) or end (keys in CSV)."""

    target: Target
    kind: str
    pieces: Iterator[bytes | Path]
    columns: tuple[str, ...] = ()

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


@contextlib.contextmanager
def abreast(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """``items`` walked in a thread of its own from now on; what breaks there is raised to whoever reads them.

    Left early, the walk ends with the item under way.
    """
    ready: Queue[tuple[Item] | BaseException | None] = Queue()
    given_up = threading.Event()

    def walk() -> None:
        try:
            for item in items:
                ready.put((item,))
                if given_up.is_set():
                    return
            ready.put(None)
        except BaseException as broken:
            ready.put(broken)

    def read() -> Iterator[Item]:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]

    walker = threading.Thread(target=walk, daemon=True)
    walker.start()
    try:
        yield read()
    finally:
        given_up.set()
        walker.join()


def show(engine: Engine, new: Path, old: Path, *, some: bool) -> None:
    """Views ``new_<table>`` and ``old_<table>`` of two runs. ``some``: those who were resolved alone (``partial``)."""
    if not old.is_dir():
        raise Refusal("library.former_run_missing", folder=old.name)
    standing = None if some else Standing(engine, old, "stood_")
    for table in TABLES:
        if standing:
            standing.scan(table)
            engine.scan(f"new_{table}", [new / f"{table}.parquet"])
        key = KEYS.get(table)
        touched = f" WHERE {key} IN (SELECT {key} FROM gone_{key})" if some and key else ""
        engine.run(f"CREATE OR REPLACE VIEW old_{table} AS SELECT * FROM stood_{table}{touched}")


class Exporter:
    """Makes exports ahead of the load, in a thread of its own."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        new: Path,
        first: bool,
        again: Sequence[str] = (),
        later: Sequence[str] = (),
    ) -> None:
        """``again``: people whose rows are all loaded anew; ``later``: people whom this load does not touch.

        Works beside whoever uses ``connection`` meanwhile. Unless it is the ``first`` load, ``show`` comes before.
        """
        self.connection, self.folder, self.first, self.again = connection.cursor(), folder, first, again
        self._people("again", again)
        self._people("apart", [*again, *later])
        folder.mkdir(parents=True, exist_ok=True)
        self.new = new

    def _people(self, name: str, codes: Sequence[str]) -> None:
        self.connection.register("arriving", pa.table({"code": pa.array(codes, pa.string())}))
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arriving")
        self.connection.unregister("arriving")

    def _changed(self, target: Target, these: str, those: str) -> str:
        """Rows of one state that the other does not have, of people who are not treated apart."""
        rows = _without(target, these, those)
        if not target.of_person:
            return rows
        return f"SELECT * FROM ({rows}) AS r WHERE person_code NOT IN (SELECT code FROM apart)"

    def see(self, source: str) -> None:
        """Make ``new_<source>`` readable in a first load."""
        if self.first:
            path = self.new / f"{source}.parquet"
            self.connection.execute(
                f"CREATE OR REPLACE VIEW new_{source} AS SELECT * FROM read_parquet('{path}')"
            )

    def write(self, query: str, name: str) -> Iterator[Path]:
        """A query's rows as one file of CSV without a header; null is nothing, an empty text is quoted."""
        path = self.folder / f"{name}.csv"
        self.connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER false, NULLSTR '')")
        yield path

    def ahead(self, targets: Iterable[Target]) -> Iterator[Export]:
        """Every export of ``targets`` in order, the next made while the caller loads one. Read each to its end.

        ``targets`` is walked in the thread that makes the exports.
        """
        ready: Queue[Export | bytes | Path | BaseException | None] = Queue(maxsize=AHEAD)
        given_up = threading.Event()

        def produce() -> None:
            try:
                for target in targets:
                    if given_up.is_set():
                        return
                    self.see(target.source)
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
                yield Export(made.target, made.kind, pieces(), made.columns)
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
        columns += [f"q.{target.there(f.name)} AS sealed_{f.name}" for f in _sealed(target)]
        source = f"({rows}) AS q"
        if target.of_person and target.source != "person":
            source += " JOIN lives AS p ON q.person_code = p.person_code"
        names = tuple(f.column for f in target.fields)
        return Export(target, OPENED, self._rows(target, f"SELECT {', '.join(columns)} FROM {source}"), names)

    def _rows(self, target: Target, query: str) -> Iterator[bytes]:
        """A query's rows in PostgreSQL's binary form, sealed values and blind indexes after the plain columns."""
        seal, encoder = sealer(), None
        for batch in self.connection.cursor().sql(query).to_arrow_reader(ROWS):
            if target.hidden:
                batch = _hide(seal, target, batch)
            if encoder is None:
                encoder = pgpq.ArrowToPostgresBinaryEncoder(batch.schema)
                yield encoder.write_header()
            yield encoder.write_batch(batch)
        if encoder is not None:
            yield encoder.finish()


def _sealed(target: Target) -> list[models.Field]:
    return [f for f in target.hidden if getattr(f, "kind", "")]


def _hide(seal: Sealer, target: Target, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with what is to be sealed replaced by sealed values and their blind indexes."""
    made: dict[str, list[bytes | None]] = {}
    for field in _sealed(target):
        values = batch.column(f"sealed_{field.name}").to_pylist()
        made[field.column] = seal.seal_many(values)
        if index := getattr(field, "index", ""):
            made[index] = seal.index_many(field.kind, values)
    plain = [f.column for f in target.plain]
    hidden = {f.column: pa.array(made[f.column], pa.binary()) for f in target.hidden}
    return pa.RecordBatch.from_arrays(
        [*(batch.column(name) for name in plain), *hidden.values()], names=[*plain, *hidden]
    )


def _without(target: Target, these: str, those: str) -> str:
    """Rows of one state of a table that the other state does not have.

    Rows of one key are told apart by their hash, dossiers by their mark: comparing every column costs several times that.
    """
    source, key = target.source, target.there(target.key[0])
    if source == "dossier":
        told, other = (
            f"SELECT *, mark AS told FROM {these}_{source}",
            f"SELECT {key}, mark AS told FROM {those}_{source}",
        )
    else:
        columns = ", ".join(f.name for f in TABLES[source].fields)
        told, other = (
            f"SELECT {what}, hash({columns}) AS told FROM {state}_{source}"
            for what, state in (("*", these), (key, those))
        )
    return f"SELECT * EXCLUDE (told) FROM ({told}) AS a ANTI JOIN ({other}) AS b ON a.{key} = b.{key} AND a.told = b.told"


_EXACT = {
    models.SmallIntegerField: "SMALLINT",
    models.IntegerField: "INTEGER",
    models.BigIntegerField: "BIGINT",
}
"""Binary values have the very width of their column."""


def _told(target: Target, field: models.Field) -> str:
    """SQL for a plain column of a table here, from the library's row ``q`` (and ``p``, where the person lives)."""
    if field.name in LAST_FOUR:
        return f"coalesce(right(q.{LAST_FOUR[field.name]}, 4), '') AS {field.column}"
    if field.name == "region" and target.of_person:
        return "p.region AS region" if target.source != "person" else "q.region AS region"
    there = f"q.{target.there(field.name)}"
    if type(field) in _EXACT:
        return f"CAST({there} AS {_EXACT[type(field)]}) AS {field.column}"
    if isinstance(field, models.CharField) and not field.null:
        return f"coalesce({there}, '') AS {field.column}"
    return f"{there} AS {field.column}"

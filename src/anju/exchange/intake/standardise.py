"""Rows of text become rows of a batch, a chunk at a time: read, checked, numbered, the faulty ones set apart.

Most of a department's texts come again and again. Each field's distinct ones are read once; the rows then carry
places in that short list, from the first look at them into the Parquet file. Grain: one row of the sender's file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anju.exchange.contracts import Contract
from anju.exchange.contracts.model import ADDRESS_PARTS
from anju.exchange.intake.compile import NOTED, Fault, Plan, Reading, compiled, placed
from anju.exchange.intake.glance import at_a_glance
from anju.register import canon

Answer: TypeAlias = tuple[dict[str, pa.Array], np.ndarray]
"""Of one column: what was read, by output, and the bits of the faults, a number per row (none at all: empty)."""
Faults: TypeAlias = tuple[tuple[str, str], ...]
ARROW: Mapping[str, pa.DataType] = {
    "VARCHAR": pa.string(), "DATE": pa.date32(), "BOOLEAN": pa.bool_(), "DOUBLE": pa.float64(), "INTEGER": pa.int32(),
    "BIGINT": pa.int64(), "UBIGINT": pa.uint64(), "UINTEGER": pa.uint32(),
}  # fmt: skip
ONE = np.uint64(1)
LISTED = frozenset(f"t0_{part}" for part in ADDRESS_PARTS if part != "address")
"""Outputs of texts that hardly repeat which do repeat themselves."""
NO_FAULTS = np.zeros(0, dtype=np.uint8)


class Reader(Protocol):
    """Answers SQL over a table that it calls ``cells``, row by row in the table's order."""

    def ask(self, sql: str, cells: pa.Table) -> pa.Table:
        """Over the whole table."""
        ...

    def recall(self, sql: str, texts: pa.Array) -> pa.Table:
        """Over distinct texts (the column ``f0``), of which it may remember some."""
        ...


@dataclass(frozen=True, slots=True)
class Standard:
    """One chunk, taken apart.

    ``good``: the batch's columns. ``held``: row number, record id (None: no readable key) and faults of the others.
    ``text``: the held rows, and the good ones with a value that could not be read, as sent. ``standard`` and
    ``noted`` count the good rows per field: with a value in the batch, and with one that could not be read.
    """

    good: pa.Table
    held: Sequence[tuple[int, int | None, Faults]]
    text: pa.RecordBatch | None
    standard: Mapping[int, int]
    noted: Mapping[int, int]


class Standardiser:
    """Standardises the rows of one file under its contract."""

    def __init__(
        self,
        contract: Contract,
        present: frozenset[int],
        batch: str,
        sent_on: date,
        today: date | None = None,
    ) -> None:
        self.contract = contract
        self.plan: Plan = compiled(contract, present, sent_on, today)
        self._fixed = {"dataset": contract.id, "batch": batch, "sent_on": sent_on, **contract.constants}
        types = {c.name: ARROW[c.type] for c in canon.RECORD}
        types |= {name: ARROW[canon.column(name).type] for name in contract.columns()}
        self._types = {**types, NOTED: pa.uint64()}
        self._stated = [
            (i, f"{t}.address" if field.type == "address" else t)
            for i, field in enumerate(contract.fields) if i in present for t in field.to[:1]
        ]  # fmt: skip

    def __call__(self, reader: Reader, chunk: pa.RecordBatch, twice: np.ndarray) -> Standard:
        """Standardise ``chunk`` (columns ``f<i>`` and ``row_no``); the rows numbered in ``twice`` repeat a key."""
        outputs, bits = self._read(reader, chunk)
        row = reader.ask(self.plan.row, pa.table({name: outputs[name] for name in self.plan.row_reads}))
        made = {name: _one(row[name]) for name in self.plan.row_gives}
        faults = [
            (fault, (bits[i] & (1 << bit)) > 0)
            for i, listed in self.plan.faults.items() if i in bits for bit, fault in enumerate(listed)
        ]  # fmt: skip
        faults += [
            (f, _one(row[f"x{n}"]).to_numpy(zero_copy_only=False)) for n, f in enumerate(self.plan.orders)
        ]
        if len(twice):
            key = self.contract.names.index(self.contract.key[0])
            faults.append((Fault(key, "key_twice", True), np.isin(chunk["row_no"].to_numpy(), twice)))
        is_held = np.zeros(chunk.num_rows, dtype=bool)
        noted = np.zeros(chunk.num_rows, dtype=np.uint64)
        for fault, rows in faults:
            if fault.holds:
                is_held |= rows
            else:
                noted |= rows.astype(np.uint64) << np.uint64(fault.field)
        good = self._batch(
            outputs | made | {"row_no": chunk["row_no"], NOTED: pa.array(noted)}, chunk.num_rows
        )
        if is_held.any():
            good = good.take(pa.array(np.flatnonzero(~is_held)))
        apart = np.flatnonzero(is_held | (noted > 0))
        return Standard(
            good,
            self._told(chunk, np.flatnonzero(is_held), faults, made["record_id"]),
            chunk.take(pa.array(apart)) if len(apart) else None,
            {i: len(good) - good[column].null_count for i, column in self._stated},
            {
                f.field: int(np.count_nonzero(noted[~is_held] & (ONE << np.uint64(f.field))))
                for f, _ in faults
                if not f.holds
            },
        )

    def _read(
        self, reader: Reader, chunk: pa.RecordBatch
    ) -> tuple[dict[str, pa.Array], dict[int, np.ndarray]]:
        """What was read, by its name in a row, and per field that has any the bits of its faults."""
        outputs: dict[str, pa.Array] = {}
        bits: dict[int, np.ndarray] = {}
        for reading, fields in self.plan.readings.items():
            cells = [chunk[f"f{i}"] for i in fields]
            answers = (
                _distinct(reader, reading, cells)
                if reading.repeats
                else [_all(reader, reading, c) for c in cells]
            )
            for i, (values, faults) in zip(fields, answers, strict=True):
                outputs |= {placed(name, i): value for name, value in values.items()}
                if faults.any():
                    bits[i] = faults
        return outputs, bits

    def _batch(self, there: Mapping[str, pa.Array], rows: int) -> pa.Table:
        """The columns of a batch in their order; what nobody states is null."""
        columns = []
        for name, kind in self._types.items():
            column = there.get(self.plan.columns.get(name, name))
            if column is None:
                fixed = None if name in self.plan.columns else self._fixed[name]
                column = _repeated(fixed, kind, rows)
            columns.append(column)
        return pa.table(columns, names=list(self._types))

    def _told(
        self,
        chunk: pa.RecordBatch,
        held: np.ndarray,
        faults: Sequence[tuple[Fault, np.ndarray]],
        ids: pa.Array,
    ) -> list[tuple[int, int | None, Faults]]:
        """The held rows with their faults in the order of the contract."""
        said: list[Faults] = [()] * len(held)
        for fault, rows in faults:
            if fault.holds:
                one = ((self.contract.fields[fault.field].name, fault.code),)
                for n in np.flatnonzero(rows[held]):
                    said[n] += one
        at = pa.array(held)
        return list(zip(chunk["row_no"].take(at).to_pylist(), ids.take(at).to_pylist(), said, strict=True))


def _distinct(reader: Reader, reading: Reading, cells: Sequence[pa.Array]) -> Iterator[Answer]:
    """Read each distinct text of some columns once; rows carry places in the list of what was read."""
    coded = pc.dictionary_encode(pa.chunked_array(cells), null_encoding="encode")
    short, faults = _texts(reader, reading, coded.chunk(0).dictionary, reader.recall)
    short = {n: _listed(c) if pa.types.is_string(c.type) else c for n, c in short.items()}
    for codes in coded.chunks:
        at = codes.indices
        values = {
            name: pa.DictionaryArray.from_arrays(c.indices.take(at), c.dictionary)
            if isinstance(c, pa.DictionaryArray) else c.take(at)
            for name, c in short.items()
        }  # fmt: skip
        yield values, faults[at.to_numpy()] if faults.any() else NO_FAULTS


def _all(reader: Reader, reading: Reading, texts: pa.Array) -> Answer:
    """Read the texts of a column that hardly repeat. Those that are no usual ones do: empty ones, employers' names."""

    def ask(sql: str, odd: pa.Array) -> pa.Table:
        coded = pc.dictionary_encode(odd, null_encoding="encode")
        return reader.ask(sql, pa.table({"f0": coded.dictionary})).take(coded.indices)

    values, faults = _texts(reader, reading, texts, ask)
    return {name: _listed(c) if name in LISTED else c for name, c in values.items()}, faults


def _texts(
    reader: Reader, reading: Reading, texts: pa.Array, ask: Callable[[str, pa.Array], pa.Table]
) -> Answer:
    """Read texts: at a glance those that are usual ones, the others by asking."""
    usual, values = at_a_glance(reading, texts, reader.recall)
    if usual.all():
        return values, NO_FAULTS
    odd, faults = pa.array(~usual), np.zeros(len(texts), dtype=np.uint8)
    told = ask(reading.sql, texts.filter(odd) if usual.any() else texts)
    faults[~usual] = _one(told["faults"]).to_numpy()
    read = {name: _one(told[name]) for name in reading.gives}
    if not usual.any():
        return read, faults
    return {name: pc.replace_with_mask(_plain(c), odd, read[name]) for name, c in values.items()}, faults


def _listed(column: pa.Array) -> pa.Array:
    """A column as places in a short list."""
    return column if isinstance(column, pa.DictionaryArray) else pc.dictionary_encode(column)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if column.num_chunks == 1:
        return column.chunk(0)
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _repeated(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if value is None:
        return pa.nulls(rows, kind)
    if pa.types.is_string(kind):
        return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), pa.array([value], kind))
    return pa.repeat(pa.scalar(value, kind), rows)

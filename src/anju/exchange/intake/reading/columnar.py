"""Files that are tables already - Parquet, Arrow, workbooks - as columns of text with the rows' numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.exchange.intake.reading import arrow_ipc
from anju.exchange.intake.reading.cells import text, typed_column
from anju.exchange.intake.reading.limits import LINE_BYTES, TEXT
from anju.exchange.intake.reading.sniffing import Sniffed
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import HERE

CHUNK = 65_536
"""Rows read at a time."""


def parquet(found: Sniffed, wanted: dict[str, int]) -> Iterator[tuple[list[pa.Array], np.ndarray]]:
    """Columns and row numbers of a Parquet file."""
    names = [found.headers[p] for p in wanted.values()]
    try:
        texts = [f.name for f in pq.read_schema(found.path) if _is_text(f.type)]
        file = pq.ParquetFile(found.path, read_dictionary=texts)
        number = 2
        for batch in file.iter_batches(CHUNK, columns=list(dict.fromkeys(names))):
            for part in _unpacked(batch, number, found):
                columns = [_as_text(part.column(part.schema.get_field_index(n))) for n in names]
                yield columns, np.arange(number, number + part.num_rows, dtype=np.uint32)
                number += part.num_rows
    except (OSError, pa.ArrowException) as broken:
        raise Refusal("intake.cut_off", file=found.name) from broken


def arrow(found: Sniffed, wanted: dict[str, int]) -> Iterator[tuple[list[pa.Array], np.ndarray]]:
    """Columns and row numbers of an Arrow stream or file."""
    number = 2
    try:
        for batch in arrow_ipc.batches(found.path):
            for begin in range(0, batch.num_rows, CHUNK):
                for part in _unpacked(batch.slice(begin, CHUNK), number, found):
                    yield (
                        [_as_text(part.column(place)) for place in wanted.values()],
                        np.arange(number, number + part.num_rows, dtype=np.uint32),
                    )
                    number += part.num_rows
    except arrow_ipc.Compressed as packed:
        raise Refusal("intake.arrow_compressed", file=found.name) from packed
    except (OSError, ValueError, struct.error, pa.ArrowException) as broken:
        raise Refusal("intake.cut_off", file=found.name) from broken


def _is_text(kind: pa.DataType) -> bool:
    return _is_bytes(kind) or any(
        is_one(kind) for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return any(
        is_one(kind) for is_one in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    )


def _unpacked(batch: pa.RecordBatch, number: int, found: Sniffed) -> Iterator[pa.RecordBatch]:
    """The rows in pieces of up to ``TEXT`` bytes of what their dictionaries unpack to: one long text that every row
    points to takes no room in a file. ``number``: of the first row."""
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
            each = pc.binary_length(column.dictionary).take(column.indices)
            sizes += pc.fill_null(each, 0).to_numpy(zero_copy_only=False)
    if sizes.sum() <= TEXT:
        yield batch
        return
    if sizes.max() > LINE_BYTES:
        row = number + int(sizes.argmax())
        raise Refusal("intake.line_too_long", file=found.name, row=row, mb=LINE_BYTES >> 20)
    ends = np.flatnonzero(np.diff(sizes.cumsum() // TEXT)) + 1
    for begin, end in pairwise((0, *map(int, ends), batch.num_rows)):
        yield batch.slice(begin, end - begin)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_nested(column.type):
        return pa.array([None if v is None else text(v) for v in column.to_pylist()], pa.string())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_bytes(column.type):
        return _written(column)
    if pa.types.is_timestamp(column.type) and column.type.tz:  # an instant is told as the day it is here
        column = column.cast(pa.timestamp(column.type.unit, HERE.key))
    return column.cast(pa.string())


def _written(column: pa.Array) -> pa.Array:
    """Text that a program wrote without saying that it is text, as older ones do; what is none is broken text."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([v and v.decode("utf-8", "replace") for v in column.to_pylist()], pa.string())


def xlsx(found: Sniffed, wanted: dict[str, int]) -> Iterator[tuple[list[pa.Array], np.ndarray]]:
    """Columns and row numbers of the sheet that was found in a workbook."""
    sheet = found.sheet_read
    body = sheet.to_python(skip_empty_area=False)
    for begin in range(found.header_row + 1, len(body), CHUNK):
        part = body[begin : begin + CHUNK]
        cells = dict(enumerate(zip(*part, strict=True)))
        columns = [typed_column(cells.get(p, (None,) * len(part))) for p in wanted.values()]
        yield columns, np.arange(begin + 1, begin + 1 + len(part), dtype=np.uint32)

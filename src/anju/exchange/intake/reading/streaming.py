"""Streaming: the rows of a sniffed file as Arrow batches of text.

Each batch has ``row_no`` (as a spreadsheet counts: header = 1 where it is the first row) and one text column per
wanted header. Rows that are no rows at all - too many or too few cells, a line that is no JSON - are collected in
``broken`` with their text, up to a limit; they are held like any other bad row.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.json as pjson

from anju.exchange.intake.reading import columnar
from anju.exchange.intake.reading.cells import text
from anju.exchange.intake.reading.encodings import one_encoding
from anju.exchange.intake.reading.limits import LINE_BYTES, TEXT, holds
from anju.exchange.intake.reading.quotes import Unblanked, blank_before_one
from anju.exchange.intake.reading.sniffing import Sniffed
from anju.kernel.refusal import Refusal

BLOCK = 1 << 20
"""Bytes read at a time: what fits the processor's cache is parsed twice as fast."""
ROWS = 1 << 17
MOST_BROKEN = 100_000
LONGEST = 2_000
MOST_LINES = 5
"""Lines a quoted cell, or a row that is no row, may have: more of them are rows that a stray quote swallowed."""

_TABLES = {"parquet": columnar.parquet, "arrow": columnar.arrow, "xlsx": columnar.xlsx}


@dataclass
class Stream:
    """A file being read. ``broken`` maps row numbers to what stood there, ``total`` counts every row so far."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    broken: dict[int, str] = field(default_factory=dict)
    total: int = 0


def chunks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in pieces of up to ``ROWS`` rows or ``TEXT`` bytes: large enough for texts to repeat in them."""
    waiting: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        if waiting and (count + batch.num_rows > ROWS or size + batch.nbytes > TEXT):
            yield pa.concat_batches(waiting)
            waiting, count, size = [], 0, 0
        if batch.num_rows:
            waiting.append(batch)
            count, size = count + batch.num_rows, size + batch.nbytes
    if waiting:
        yield pa.concat_batches(waiting)


def rows(found: Sniffed, wanted: dict[str, int]) -> Stream:
    """The rows of a file; ``wanted`` maps column names to places among the headers. Readable once."""
    schema = pa.schema([*((name, pa.string()) for name in wanted), ("row_no", pa.uint32())])
    stream = Stream(schema, iter(()))
    if found.format in _TABLES:
        source = _TABLES[found.format](found, wanted)
    else:
        source = {"csv": _csv, "ndjson": _ndjson}[found.format](found, wanted, stream)
    stream.batches = _guarded(source, found, wanted, stream)
    return stream


def _guarded(
    batches: Iterator[tuple[list[pa.Array], np.ndarray]],
    found: Sniffed,
    wanted: dict[str, int],
    stream: Stream,
) -> Iterator[pa.RecordBatch]:
    """Number the rows, refuse formulas and null bytes, leave out rows that are empty altogether."""
    try:
        for columns, numbers in batches:
            for name, column in zip(wanted, columns, strict=True):
                _check(column, found, wanted[name], numbers)
            batch = pa.RecordBatch.from_arrays(
                [*columns, pa.array(numbers, pa.uint32())], schema=stream.schema
            )
            filled = None
            for column in columns:
                has = pc.not_equal(pc.fill_null(column, ""), "")
                if pc.all(has).as_py():
                    filled = None
                    break
                filled = has if filled is None else pc.or_(filled, has)
            if filled is not None and not pc.all(filled).as_py():
                batch = batch.filter(filled)
            stream.total += batch.num_rows
            yield batch
    except (pa.ArrowInvalid, UnicodeDecodeError) as broken:
        if found.format in {"csv", "ndjson"}:
            one_encoding(found.path, found.name)
        is_garbled = isinstance(broken, UnicodeDecodeError) or "UTF8" in str(broken)
        code = "intake.unknown_encoding" if is_garbled else "intake.cut_off"
        raise Refusal(code, file=found.name) from broken


def _check(column: pa.Array, found: Sniffed, place: int, numbers: np.ndarray) -> None:
    """Refuse formulas, and null bytes that were escaped (sniffing finds the plain ones)."""
    hits = [("intake.formula", pc.starts_with(column, "="))] if _has(column, "=") else []
    if found.format != "csv" and _has(column, "\0"):
        hits.append(("intake.null_bytes", pc.match_substring(column, "\x00")))
    for code, hit in hits:
        if pc.any(hit).as_py():
            where = int(numbers[pc.index(hit, True).as_py()])
            raise Refusal(code, file=found.name, where=f"{found.headers[place]} {where}")


def _has(column: pa.Array, character: str) -> bool:
    """Whether a character stands anywhere in a column's texts: hardly ever, and looking at each text costs ten times as much."""
    _, places, data = column.buffers()
    if data is None:
        return False
    first, last = np.frombuffer(places, dtype=np.int32)[[column.offset, column.offset + len(column)]]
    return bool((np.frombuffer(data, dtype=np.uint8)[first:last] == ord(character)).any())


def _csv(
    found: Sniffed, wanted: dict[str, int], stream: Stream
) -> Iterator[tuple[list[pa.Array], np.ndarray]]:
    width = len(found.headers)
    first = found.header_row + 2
    skipped: list[int] = []
    swallowed: list[int] = []

    def note(row: pcsv.InvalidRow) -> str:
        # Numbers count records from 1, the skipped title rows and the header among them.
        number = row.number or 0
        skipped.append(number)
        if row.text.count("\n") > MOST_LINES:
            swallowed.append(number)
        if row.text.strip():
            stream.broken[number] = row.text[:LONGEST]
            stream.total += 1
        # The parser cannot be stopped from here; the pass after the block does it.
        return "skip"

    quoted = holds(found.path, b'"')
    is_odd = quoted and blank_before_one(found.path, found.delimiter)
    names = [f"h{i}" for i in range(width)]
    reader = pcsv.open_csv(
        io.BufferedReader(Unblanked(found), BLOCK) if is_odd else found.path,
        read_options=pcsv.ReadOptions(
            use_threads=False, block_size=BLOCK, encoding="utf-8" if is_odd else found.encoding.removesuffix("-sig"),
            column_names=names, skip_rows=found.lines_before,
        ),
        parse_options=pcsv.ParseOptions(
            delimiter=found.delimiter, newlines_in_values=quoted, invalid_row_handler=note, ignore_empty_lines=width == 1
        ),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False,
            include_columns=[f"h{p}" for p in wanted.values()],
        ),
    )  # fmt: skip
    number = first
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            batch = None
        except pa.ArrowInvalid as broken:
            if "straddling" not in str(broken):
                raise
            # A row that is longer than what is read at a time.
            raise Refusal("intake.open_quote", file=found.name, row=number) from broken
        if swallowed:
            raise Refusal("intake.open_quote", file=found.name, row=swallowed[0])
        if len(stream.broken) > MOST_BROKEN:
            raise Refusal("intake.too_many_broken", file=found.name, most=MOST_BROKEN)
        if batch is None:
            return
        numbers, number = _numbered(number, batch.num_rows, skipped)
        if quoted:
            _no_swallowed_lines(batch, numbers, found)
        yield batch.columns, numbers


def _no_swallowed_lines(batch: pa.RecordBatch, numbers: np.ndarray, found: Sniffed) -> None:
    """Refuse a cell of many lines: between two stray quotes, rows would become one value."""
    for column in batch.columns:
        if not _has(column, "\n"):
            continue
        long = pc.greater(pc.count_substring(column, "\n"), MOST_LINES)
        if pc.any(long).as_py():
            row = int(numbers[pc.index(long, True).as_py()])
            raise Refusal("intake.open_quote", file=found.name, row=row)


def _numbered(number: int, count: int, skipped: list[int]) -> tuple[np.ndarray, int]:
    """``count`` row numbers from ``number`` on, leaving out those that were skipped."""
    gone = [s for s in skipped if s >= number]
    span = np.arange(number, number + count + len(gone), dtype=np.uint32)
    kept = span[~np.isin(span, np.array(gone, dtype=np.uint32))][:count] if gone else span
    return kept, int(kept[-1]) + 1 if count else number


def _ndjson(
    found: Sniffed, wanted: dict[str, int], stream: Stream
) -> Iterator[tuple[list[pa.Array], np.ndarray]]:
    keys = [found.headers[p] for p in wanted.values()]
    number = 1
    with found.path.open("rb") as source:
        if source.read(3) != b"\xef\xbb\xbf":
            source.seek(0)
        while block := source.read(4 * BLOCK):
            block += source.readline(LINE_BYTES)
            lines = block.count(b"\n") + (not block.endswith(b"\n"))
            if len(block) >= 4 * BLOCK + LINE_BYTES:
                raise Refusal(
                    "intake.line_too_long", file=found.name, row=number + lines - 1, mb=LINE_BYTES >> 20
                )
            columns = _json_columns(block, keys, lines)
            if columns is not None:
                yield columns, np.arange(number, number + lines, dtype=np.uint32)
            else:
                yield _json_rows(block, keys, number, found, stream)
            number += lines


def _json_columns(block: bytes, keys: list[str], lines: int) -> list[pa.Array] | None:
    """The columns of a block whose every line is one flat record with text or one kind of number; else None."""
    texts = pa.schema([(key, pa.string()) for key in dict.fromkeys(keys)])
    for schema, other in ((texts, "ignore"), (None, "infer")):
        options = pjson.ParseOptions(explicit_schema=schema, unexpected_field_behavior=other)
        try:
            table = pjson.read_json(pa.py_buffer(block), pjson.ReadOptions(use_threads=False), options)
        except pa.ArrowException:
            continue
        if table.num_rows != lines or any(_is_rewritten(field.type) for field in table.schema):
            return None
        empty = pa.nulls(lines, pa.string())
        columns = [
            table[key].combine_chunks().cast(pa.string()) if key in table.column_names else empty
            for key in keys
        ]
        return [column.chunk(0) if isinstance(column, pa.ChunkedArray) else column for column in columns]
    return None


def _is_rewritten(kind: pa.DataType) -> bool:
    """Whether text would not come back as it was written."""
    return not (pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _json_rows(
    block: bytes, keys: list[str], first: int, found: Sniffed, stream: Stream
) -> tuple[list[pa.Array], np.ndarray]:
    """A block line by line: what is no record is noted, values that are no text become what a clerk would type."""
    cells: list[list[str | None]] = [[] for _ in keys]
    numbers: list[int] = []
    for number, line in enumerate(block.splitlines(keepends=True), start=first):
        if not line.strip():
            continue
        try:
            told = orjson.loads(line)
            if not isinstance(told, dict):
                raise ValueError
        except ValueError as broken:
            if not line.endswith(b"\n"):
                raise Refusal("intake.cut_off", file=found.name) from broken
            stream.broken[number] = line[:LONGEST].decode(errors="replace")
            stream.total += 1
            if len(stream.broken) > MOST_BROKEN:
                raise Refusal("intake.too_many_broken", file=found.name, most=MOST_BROKEN) from broken
            continue
        for cell, key in zip(cells, keys, strict=True):
            value = told.get(key)
            cell.append(value if isinstance(value, str) or value is None else text(value))
        numbers.append(number)
    return [pa.array(c, pa.string()) for c in cells], np.array(numbers, dtype=np.uint32)

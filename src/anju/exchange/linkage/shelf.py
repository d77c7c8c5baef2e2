"""Shelves: rows of a run found by what they share with something, without passing over everyone.

A shelf holds rows in a file that is read in place, and for every *rule* - something by which rows are looked up - a sorted
list of whole numbers: the upper half is the upper half of a key's hash, the lower half the row's place. Looking up costs
what is looked up, not what is there. Two keys may share half a hash: what is found is a little more than was asked, and
every step after it joins on the values themselves.

Grain: as the query that was put there. Raises: nothing. Source: ``state.keep``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow._compute import call_function  # pyarrow.compute makes hundreds of functions ready first

from anju.exchange.linkage.steps import LinkEngine

Words = npt.NDArray[np.uint64]
UPPER = np.uint64(0xFFFFFFFF00000000)
LOWER = np.uint64(0x00000000FFFFFFFF)
ROWS = "rows.arrow"
BATCH = 1 << 19
"""Rows written, and read, at a time: fewer and larger ones are read faster, and take more memory."""
FEW = 16
"""Rows of one key that are gathered one after the other; those of a commoner key are counted."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """``columns`` are kept; ``rules`` name the SQL of one or more hashed keys (UBIGINT, null for none) of a row."""

    name: str
    columns: tuple[str, ...]
    rules: Mapping[str, tuple[str, ...]]

    def place(self, folder: Path) -> Path:
        """Where a run keeps it."""
        return folder / f"{self.name}.shelf"


def put(engine: LinkEngine, shelf: Shelf, query: str, folder: Path) -> None:
    """Keep the rows of a query on a shelf in a run's folder. Memory: one batch, then one rule at a time."""
    place = shelf.place(folder)
    place.mkdir()
    codes = [(rule, f"k{n}_{rule}", sql) for rule, keys in shelf.rules.items() for n, sql in enumerate(keys)]
    asked = ", ".join((*shelf.columns, *(f"{sql} AS {name}" for _, name, sql in codes)))
    with ExitStack() as open_files:
        lists = {rule: open_files.enter_context((place / rule).open("wb")) for rule in shelf.rules}
        stream = engine.stream(f"SELECT {asked} FROM ({query}) AS q", BATCH)
        kept = pa.schema([stream.schema.field(c) for c in shelf.columns])
        writer = open_files.enter_context(pa.ipc.new_file(str(place / ROWS), kept))
        done = 0
        for batch in stream:
            writer.write_batch(batch.select(list(shelf.columns)))
            places = np.arange(done, done + batch.num_rows, dtype=np.uint64)
            for rule, name, _ in codes:
                column = batch.column(name)
                known = np.asarray(column.is_valid())
                words = (np.asarray(column.fill_null(0)) & UPPER) | places
                (words if known.all() else words[known]).tofile(lists[rule])
            done += batch.num_rows
    for rule in shelf.rules:
        words = np.fromfile(place / rule, dtype=np.uint64)
        words.sort()
        words.tofile(place / rule)


def take(
    engine: LinkEngine,
    shelf: Shelf,
    folder: Path,
    name: str,
    asked: Mapping[str, str],
    columns: Sequence[str] = (),
) -> None:
    """Load the table ``name``: rows with a key that one of the queries ``asked`` (rule to query of hashed keys) names."""
    place = shelf.place(folder)
    found = [_places(place / rule, _keys(engine, query)) for rule, query in asked.items()]
    rows = _once(np.concatenate(found))
    with pa.memory_map(str(place / ROWS)) as source:
        engine.load(name, _read(pa.ipc.open_file(source), rows, list(columns or shelf.columns)))


def _read(rows_file: pa.ipc.RecordBatchFileReader, rows: Words, columns: list[str]) -> pa.Table:
    """Rows by their places, in order; batch by batch, which is faster than over all batches at once."""
    parts, begin, first = [], 0, 0
    for number in range(rows_file.num_record_batches):
        batch = rows_file.get_batch(number)
        end = begin + batch.num_rows
        last = int(np.searchsorted(rows, np.uint64(end)))
        if last > first:
            wanted = _numbers(rows[first:last] - np.uint64(begin))
            parts.append(call_function("take", [batch.select(columns), wanted]))
        begin, first = end, last
    kept = pa.schema([rows_file.schema.field(c) for c in columns])
    return pa.Table.from_batches(parts, kept)


def _numbers(words: Words) -> pa.Array:
    """As Arrow sees them, where they lie."""
    return pa.Array.from_buffers(pa.uint64(), len(words), [None, pa.py_buffer(words)])


def _once(words: Words) -> Words:
    """Each word once, in order."""
    words.sort()
    return words[np.concatenate(([True], words[1:] != words[:-1]))] if len(words) else words


def _keys(engine: LinkEngine, query: str) -> Words:
    """The upper halves of the keys asked for, each once, in order."""
    told = engine.stream(f"SELECT key FROM ({query}) AS k(key) WHERE key IS NOT NULL", BATCH).read_all()
    return _once(told.column(0).to_numpy() & UPPER)


def _places(path: Path, keys: Words) -> Words:
    """Places of the rows that have one of the keys."""
    if not path.stat().st_size or not len(keys):
        return np.empty(0, np.uint64)
    words = np.memmap(path, dtype=np.uint64, mode="r")
    at, found = np.searchsorted(words, keys), []
    for _ in range(FEW):
        held = np.asarray(words[np.minimum(at, len(words) - 1)])
        met = ((held & UPPER) == keys) & (at < len(words))
        at, keys = at[met] + 1, keys[met]
        found.append(held[met] & LOWER)
        if not len(keys):
            break
    counts = np.searchsorted(words, keys | LOWER, side="right") - at
    ends = np.cumsum(counts)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return np.concatenate([*found, np.asarray(words[np.repeat(at, counts) + within]) & LOWER])

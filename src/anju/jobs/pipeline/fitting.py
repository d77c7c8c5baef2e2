"""Texts for which the register has no room: taken in by an earlier version, before intake looked at lengths.

A batch is never changed. A run reads a copy of such a batch in which these values are not stated, and says which they were:
batch, row and field, never the text. A batch that intake has looked at says so itself (``MARK``) and is not looked at again.

Grain: one value. Units: characters. Source: ``register.canon`` (``most``), ``exchange.intake.macros`` (``is_name``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.register import canon

MARK = "anju.lengths"
"""In a batch's file: the limits that its texts were held against."""
NAME, LONGEST_NAME, LONGEST_HAN = "person.name", 60, 26
LIST = "lengths.json"
ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class TooLong:
    """A value that a run leaves out."""

    batch: str
    row: int
    field: str
    length: int
    most: int


def limits() -> Mapping[str, int]:
    """Canonical columns with the most characters there is room for."""
    columns = [column for aspect in canon.ASPECTS.values() for column in aspect.qualified()]
    return {NAME: LONGEST_NAME, **{name: most for name in columns if (most := canon.column(name).most)}}


def mark() -> str:
    """What a batch says whose texts were held against today's limits."""
    return hashlib.sha256(json.dumps([*sorted(limits().items()), LONGEST_HAN]).encode()).hexdigest()[:16]


def fitted(batch: str, path: Path, folder: Path) -> Path:
    """The file a run reads for an accepted batch: its own, or a copy in ``folder`` without what is too long."""
    if (pq.read_metadata(path).metadata or {}).get(MARK.encode(), b"").decode() == mark():
        return path
    known, told = _known(folder), path.stat()
    state = [told.st_size, told.st_mtime_ns, mark()]
    copy = folder / f"fitted-{batch}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    if (seen := known.get(batch)) is None or seen["state"] != state or (seen["found"] and not copy.is_file()):
        found = list(_too_long(batch, path))
        copy.unlink(missing_ok=True)
        if found:
            _without(path, found, copy)
        known[batch] = {"state": state, "found": [asdict(value) for value in found]}
        _keep(known, folder)
    return copy if known[batch]["found"] else path


def left_out(folder: Path) -> tuple[TooLong, ...]:
    """Every value that the runs leave out, by batch and row."""
    found = (TooLong(**value) for seen in _known(folder).values() for value in seen["found"])
    return tuple(sorted(found, key=lambda v: (v.batch, v.row, v.field)))


def _too_long(batch: str, path: Path) -> Iterator[TooLong]:
    file = pq.ParquetFile(path)
    most = {name: most for name, most in limits().items() if name in file.schema_arrow.names}
    for rows in file.iter_batches(ROWS, columns=[*most, "row_no"]):
        for name, limit in most.items():
            length = pc.utf8_length(rows[name])
            for n in pc.indices_nonzero(
                pc.fill_null(_is_over(name, limit, rows[name], length), False)
            ).to_pylist():
                size = length[n].as_py()
                most_here = limit if size > limit else LONGEST_HAN
                yield TooLong(batch, rows["row_no"][n].as_py(), name, size, most_here)


def _is_over(name: str, most: int, texts: pa.Array, length: pa.Array) -> pa.Array:
    over = pc.greater(length, most)
    if name != NAME or not pc.any(pc.greater(length, LONGEST_HAN)).as_py():
        return over
    is_han = pc.match_substring_regex(texts, r"\p{Han}")
    return pc.or_(over, pc.and_(is_han, pc.greater(length, LONGEST_HAN)))


def _without(path: Path, found: list[TooLong], copy: Path) -> None:
    file, part = pq.ParquetFile(path), copy.with_suffix(f".{os.getpid()}.part")
    with pq.ParquetWriter(part, file.schema_arrow, compression="lz4", store_schema=False) as writer:
        for group in file.iter_batches(ROWS):
            table = pa.Table.from_batches([group])
            for name in sorted({value.field for value in found}):
                rows = pa.array([v.row for v in found if v.field == name], table["row_no"].type)
                there = table[name]
                kept = pc.if_else(
                    pc.is_in(table["row_no"], value_set=rows), pa.scalar(None, there.type), there
                )
                table = table.set_column(table.schema.get_field_index(name), name, kept)
            writer.write_table(table)
    part.rename(copy)


def _known(folder: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads((folder / LIST).read_text())
    except (OSError, ValueError):
        return {}
    return known


def _keep(known: Mapping[str, Any], folder: Path) -> None:
    part = folder / f"{LIST}.{os.getpid()}.part"
    part.write_text(json.dumps(known))
    part.rename(folder / LIST)

"""Arrow IPC, stream or file: record batches as another program holds them in memory.

Compressed bodies are refused: what they unpack to is known only afterwards. Who wants it small sends Parquet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

FILE_MAGIC, CONTINUED = b"ARROW1\x00\x00", b"\xff\xff\xff\xff"


class Compressed(pa.ArrowInvalid):
    """A record batch that is packed: sound for others, not taken here."""


def is_arrow(sample: bytes) -> bool:
    """Whether the first bytes are an Arrow file's or stream's."""
    return sample.startswith((FILE_MAGIC, CONTINUED))


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The record batches of a file or stream. Raises ArrowInvalid for one that is damaged, Compressed for one that is packed."""
    with pa.memory_map(str(path)) as source:
        whole = source.read_buffer()
        begin = len(FILE_MAGIC) if whole.slice(0, len(FILE_MAGIC)).to_pybytes() == FILE_MAGIC else 0
        body = whole.slice(begin)  # a file is a stream between its magic and its footer
        _check(body)
        yield from pa.ipc.open_stream(body)


def schema(path: Path) -> pa.Schema:
    """The schema alone."""
    with path.open("rb") as stream:
        begin = len(FILE_MAGIC) if stream.read(len(FILE_MAGIC)) == FILE_MAGIC else 0
        stream.seek(begin)
        return pa.ipc.open_stream(stream).schema


def _check(body: pa.Buffer) -> None:
    for message in pa.ipc.MessageReader.open_stream(body):
        if message.type in {"record batch", "dictionary"} and _is_compressed(
            message.metadata.to_pybytes(), message.type == "dictionary"
        ):
            raise Compressed("compressed")


def _is_compressed(metadata: bytes, is_dictionary: bool) -> bool:
    """Whether a message's record batch names a compression (fields by number: Message.fbs of the Arrow format)."""
    table = struct.unpack_from("<I", metadata, 0)[0]
    batch = _child(metadata, table, 2)
    if is_dictionary and batch is not None:
        batch = _child(metadata, batch, 1)
    return batch is not None and _child(metadata, batch, 3) is not None


def _child(metadata: bytes, table: int, field: int) -> int | None:
    """Where a flatbuffer table's field leads, or None when it is not there."""
    vtable = table - struct.unpack_from("<i", metadata, table)[0]
    size = struct.unpack_from("<H", metadata, vtable)[0]
    place = 4 + 2 * field
    offset = struct.unpack_from("<H", metadata, vtable + place)[0] if place + 2 <= size else 0
    return table + offset + struct.unpack_from("<I", metadata, table + offset)[0] if offset else None

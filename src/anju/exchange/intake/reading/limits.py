"""What a file may be at most."""

from __future__ import annotations

from pathlib import Path

COLUMNS = 400
HEADER_BYTES = 1 << 20
SAMPLE_BYTES = 4 << 20
LINE_BYTES = 4 << 20
TITLE_ROWS = 15
GROUP_BYTES = 2 << 30
PIECE = 1 << 20
TEXT = 64 << 20
"""Bytes of text that are worked on at a time."""


def holds(path: Path, byte: bytes) -> bool:
    """Whether a file holds a byte anywhere. Read in pieces: a mapped file would count as memory of its whole size."""
    with path.open("rb") as stream:
        return any(byte in piece for piece in iter(lambda: stream.read(PIECE), b""))

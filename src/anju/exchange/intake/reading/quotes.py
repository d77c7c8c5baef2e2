"""Blanks before a quote: ``a, "b, c"``. Some programs write CSV so; the fast reader takes such a quote for a character.

A file that has one is written anew on the way, record by record, so that rows keep their numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from anju.exchange.intake.reading.limits import PIECE
from anju.exchange.intake.reading.sniffing import Sniffed
from anju.kernel.refusal import Refusal

FAR = 64
"""Blanks that may stand there at most."""


def blank_before_one(path: Path, delimiter: str) -> bool:
    """Whether a quote stands behind a delimiter and blanks, anywhere."""
    near, tail = delimiter.encode() + b" ", b""
    pattern = re.compile(re.escape(delimiter.encode()) + b' +"')
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            seen = tail + piece
            if near in seen and pattern.search(seen):
                return True
            tail = piece[-FAR:]
    return False


class Unblanked(io.RawIOBase):
    """The file as UTF-8 without blanks before quotes, for Arrow to read. Header and title rows are empty lines."""

    def __init__(self, found: Sniffed) -> None:
        self._pieces, self._left = _anew(found), b""

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        """Fill ``room`` with the next bytes; 0 at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        size = min(len(room), len(self._left))
        room[:size], self._left = self._left[:size], self._left[size:]
        return size


def _anew(found: Sniffed) -> Iterator[bytes]:
    with found.path.open(encoding=found.encoding, newline="") as text:
        for _ in range(found.lines_before):
            text.readline()
        out = io.StringIO("\n" * found.lines_before)
        out.seek(0, io.SEEK_END)
        written = csv.writer(out, delimiter=found.delimiter, lineterminator="\n")
        reader = csv.reader(text, delimiter=found.delimiter, skipinitialspace=True)
        try:
            for row in reader:
                written.writerow(row)
                if out.tell() > PIECE // 4:
                    yield out.getvalue().encode()
                    out.seek(0)
                    out.truncate()
        except csv.Error as broken:
            # A cell longer than any may be: between two stray quotes, rows became one.
            number = found.lines_before + reader.line_num
            raise Refusal("intake.open_quote", file=found.name, row=number) from broken
        yield out.getvalue().encode()

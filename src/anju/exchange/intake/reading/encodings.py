"""Files glued together of two: their first rows are UTF-8, the others GB 18030, or the other way round.

Read as either, half of the names would be refused or, worse, be other names. So such a file is refused with the row at which it
changes. A line tells itself: text in GB 18030 is hardly ever sound UTF-8, and never when it is a little longer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anju.exchange.intake.reading.limits import LINE_BYTES, PIECE
from anju.kernel.refusal import Refusal

SURE = 8
"""Characters beyond ASCII from which on a sound line of UTF-8 is one, and no chance."""
SHARE = 20
"""In GB 18030, one in so many bytes beyond ASCII lies between 0x80 and 0xA0 at most; in UTF-8 every third does."""
BEYOND = bytes(range(128, 256))
NAMES = {"utf-8": "UTF-8", "gb18030": "GB 18030"}


def one_encoding(path: Path, name: str) -> None:
    """Refuse a text file whose lines change from one encoding to the other."""
    first, number = "", 0
    with path.open("rb") as stream:
        while line := stream.readline(LINE_BYTES):
            number += 1
            told = (
                "" if line.isascii() or len(line) == LINE_BYTES else _of(line.removeprefix(b"\xef\xbb\xbf"))
            )
            if told and first and told != first:
                raise Refusal(
                    "intake.two_encodings", file=name, row=number, first=NAMES[first], then=NAMES[told]
                )
            first = first or told


def _of(line: bytes) -> str:
    """The encoding of a line; empty where it could be either, or is neither."""
    try:
        return "utf-8" if len(line.decode()) - _ascii(line) >= SURE else ""
    except UnicodeDecodeError:
        pass
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return "gb18030"


def _ascii(line: bytes) -> int:
    return len(line.translate(None, BEYOND))


def holds_utf8(path: Path) -> bool:
    """Whether a piece of a file in GB 18030 looks like UTF-8: seen by its bytes, quickly, and with some false alarms."""
    with path.open("rb") as stream:
        while piece := stream.read(PIECE // 32):
            data = np.frombuffer(piece, np.uint8)
            beyond = np.count_nonzero(data & 128)
            if np.count_nonzero((data - np.uint8(128)) <= 32) * SHARE > beyond:
                return True
    return False

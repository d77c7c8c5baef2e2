"""The library's changes as a file of lines that is gone on with, whenever it was left off.

Beside the file stands ``FILE.cursor``: how far the file is told whole, and how long it is then. Lines are on disk before the
place moves; what a kill left behind the place is cut off and written again, so that no line is missing or there twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from anju.kernel.refusal import Refusal


class Following:
    """A file being gone on with. ``cursor`` (empty: from the beginning) belongs to exactly the lines that are there."""

    def __init__(self, stream: IO[bytes], place: Path, about: Mapping[str, str], cursor: str) -> None:
        self._stream, self._place, self._about, self.cursor = stream, place, about, cursor
        self._keep()

    def add(self, rows: Iterable[Mapping[str, Any]], cursor: str) -> None:
        """Write lines, then the place after them."""
        self._stream.writelines(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in rows)
        self.cursor = cursor
        self._keep()

    def _keep(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        told = {**self._about, "cursor": self.cursor, "bytes": self._stream.tell()}
        fresh = self._place.with_name(self._place.name + ".new")
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump(told, stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self._place)


@contextmanager
def opened(out: Path, about: Mapping[str, str], since: str = "") -> Iterator[Following]:
    """The file, ready for the next page; ``since`` states another place than the one kept.

    Refuses to go on with a file that tells something else than ``about`` (purpose, region).
    """
    place = out.with_name(out.name + ".cursor")
    kept = {} if since else _read(place)
    if any(kept.get(name, told) != told for name, told in about.items()):
        raise Refusal("doors.file_of_another", file=out.name)
    if kept and out.is_file() and out.stat().st_size > kept["bytes"]:
        os.truncate(out, kept["bytes"])
    with out.open("ab") as stream:
        stream.seek(0, os.SEEK_END)
        yield Following(stream, place, about, since or kept.get("cursor", ""))


def _read(place: Path) -> dict[str, Any]:
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        return {**told, "cursor": str(told["cursor"]), "bytes": int(told["bytes"])}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as broken:
        raise Refusal("doors.bad_cursor") from broken

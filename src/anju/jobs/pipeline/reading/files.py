"""Which files are meant, of which day they are, and how far their reading is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from anju.exchange.intake.reading.sniffing import ENDINGS
from anju.kernel.refusal import Refusal

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Told = Callable[[str, int], None]
_SUFFIXES = {ending for listed in ENDINGS.values() for ending in listed if ending}


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file below the paths, folders of days in their order; folders called ``truth`` and hidden files left out.

    Links, devices, and folders that are called like files are among them: each is refused by name, not passed over.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Refusal("intake.no_such_path", path=path)
        below = [p for p in path.rglob("*") if _is_meant(p)] if path.is_dir() else [path]
        below = [p for p in below if not _is_aside(p.relative_to(path))]
        if not below:
            raise Refusal("intake.no_files", path=path)
        found += below
    return sorted(dict.fromkeys(found), key=lambda p: (sent_on(p, date.max).isoformat(), str(p)))


def _is_meant(path: Path) -> bool:
    return not path.is_dir() or path.is_symlink() or path.suffix.lower() in _SUFFIXES


def _is_aside(below: Path) -> bool:
    return "truth" in below.parts[:-1] or any(part.startswith(".") for part in below.parts)


def sent_on(path: Path, otherwise: date) -> date:
    """The day a file states by its folder (``2026-06-30``) or its name (``…_20260630.csv``); else ``otherwise``."""
    folders = (part for part in reversed(path.parent.parts) if DAY.fullmatch(part))
    named = re.search(r"(20\d{2})[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)", path.stem)
    for stated in (*folders, "-".join(named.groups()) if named else ""):
        with suppress(ValueError):  # 2026-13-45 is a name like any other
            return date.fromisoformat(stated)
    return otherwise


def size(paths: Sequence[Path]) -> int:
    """Bytes of every file below the paths."""
    return sum(path.stat().st_size for path in files(paths) if path.is_file())


class Meter:
    """Tells how many bytes of a file are done: roughly while it is read, exactly when it is finished."""

    def __init__(self, path: Path, told: Told) -> None:
        self.path, self.told, self.left = path, told, path.stat().st_size if path.is_file() else 0
        self.is_begun = False

    def read(self, count: int) -> None:
        """About ``count`` more bytes have been read."""
        if not self.is_begun:
            self.is_begun = True
            self.told(self.path.name, 0)
        if step := min(count, self.left):
            self.left -= step
            self.told(self.path.name, step)


def state(path: Path, name: str) -> tuple[int, int, int]:
    """What changes when somebody writes to a file. A link may lead anywhere, so it is none."""
    if path.is_symlink() or not path.is_file():
        raise Refusal("intake.no_file", file=name)
    told = path.stat()
    return told.st_size, told.st_mtime_ns, told.st_ino

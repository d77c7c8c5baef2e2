"""What is asked of those who read a file, and what they made of it: plain values, carried between processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from anju.exchange.contracts import Contract
from anju.exchange.intake.held import Held

Read = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One file to be taken in. ``department``: the only one whose dataset it may be, if any; ``token`` names its parts:
    two runs that take in the same file do not write into each other's."""

    path: Path
    name: str
    dataset: str | None
    department: str
    sent_on: date
    today: date
    lake: Path
    token: str


@dataclass(slots=True)
class Told:
    """What a pass over a file found: rows, held ones, per field how many good rows have a value or an unread one.

    ``named`` and ``again``: rows of earlier batches that an error report's good rows answer, and its bad ones repeat.
    """

    rows: int = 0
    good: int = 0
    held: list[Held] = field(default_factory=list)
    standard: Counter[int] = field(default_factory=Counter)
    noted: Counter[int] = field(default_factory=Counter)
    named: list[tuple[str, int]] = field(default_factory=list)
    again: list[tuple[str, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Made:
    """A batch's files, written under names that count for nothing, and what its row will say.

    ``parts``: where each file shall lie, and where it lies; the batch's own first. ``fields``: per field that fills a
    column: stated, standard among them, held, noted.
    """

    batch: str
    dataset: str
    version: str
    format: str
    encoding: str
    headers: tuple[str, ...]
    told: Told
    fields: Mapping[str, Mapping[str, int]]
    parts: Mapping[Path, Path]

    @property
    def path(self) -> Path:
        """Where the batch's rows shall lie."""
        return next(iter(self.parts))

    def place(self) -> None:
        """Move the files to where a batch's files lie."""
        for path, part in self.parts.items():
            if part.exists():
                part.rename(path)

    def displace(self) -> None:
        """Remove the files that ``place`` moved: the batch was not accepted after all."""
        for path in self.parts:
            path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Nothing of a file that was not accepted stays."""
        discard(self.parts)


class Hands(Protocol):
    """Who reads and writes: threads of this process, or Spark's executors."""

    lanes: int
    """How many files to begin at once."""

    def digest(self, path: Path) -> str:
        """A file's SHA-256, as hex."""
        ...

    def made(self, asked: Asked, digest: str, read: Read) -> Made:
        """A file's batch, written whole; nothing of it stays when it is refused. ``read`` hears of bytes as they are read."""
        ...

    def leave(self) -> None:
        """Stop what is under way: its result is not wanted."""
        ...


def parts_of(asked: Asked, contract: Contract, batch: str, part: str = "") -> dict[Path, Path]:
    """Where the two files of a batch shall lie, its rows and the text of held ones, and where they are written first."""
    places = (
        asked.lake / "batches" / contract.id / f"{batch}.parquet",
        asked.lake / "held" / f"{batch}.parquet",
    )
    return {path: path.with_suffix(f".{asked.token}{part}.part") for path in places}


def discard(parts: Mapping[Path, Path]) -> None:
    """Remove what was written."""
    for part in parts.values():
        part.unlink(missing_ok=True)

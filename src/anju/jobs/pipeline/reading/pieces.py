"""A large file in pieces: cut where a row ends, standardised each for itself, joined to one batch.

Rows are lines where no cell is quoted and every line ends alike: only such files are cut (CSV without quotes in UTF-8 or
GB 18030, whose later bytes are never an end of line; one record a line). Every other is read from its begin to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow.parquet as pq

from anju.exchange.intake.reading import Sniffed
from anju.exchange.intake.reading.limits import holds
from anju.jobs.pipeline.reading.crew import Crew
from anju.jobs.pipeline.reading.made import Asked, Made, Told
from anju.jobs.pipeline.reading.work import Work, leaving_nothing, recognised, repeating
from anju.jobs.pipeline.reading.writing import BatchFiles

PIECE = 64 << 20
"""Bytes of a piece. A file of less than one and a half is not cut."""
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes ``begin`` to ``end`` of a file, whose first line is the file's ``line``-th, counted from 0."""

    number: int
    begin: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A recognised file and its pieces."""

    found: Sniffed
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What became of a piece: its rows, and the files it lies in."""

    told: Told
    good: Path
    text: Path


def begun(crew: Crew, asked: Asked, digest: str, size: int) -> Made | Cut:
    """A file's batch, or where the file is cut: then the pieces are to be done."""
    found, _contract = recognised(asked)
    if pieces := _pieces(found, size):
        return Cut(found, pieces)
    return Work(crew, found, asked, digest).run()


def whole(crew: Crew, asked: Asked, digest: str) -> Made:
    """A file's batch, read from begin to end."""
    return Work(crew, recognised(asked)[0], asked, digest).run()


def done(
    crew: Crew, scratch: Path, asked: Asked, digest: str, cut: Cut, piece: Piece, twice: np.ndarray, part: str
) -> Part:
    """One piece, written under a name of its own (``part``); rows numbered in ``twice`` repeat an earlier row's key."""
    path = scratch / f"{digest[:16]}{part}"
    try:
        shift = _written(cut.found, piece, path)
        work = Work(crew, replace(cut.found, path=path), asked, digest, shift=shift, part=part)
        with leaving_nothing(work.parts, asked.name):
            good, text = work.parts.values()
            return Part(work.once(twice), good, text)
    finally:
        path.unlink(missing_ok=True)


def twice_in(parts: Sequence[Part]) -> np.ndarray:
    """Numbers of the rows whose key an earlier good row of any piece has."""
    read = [
        pq.read_table(part.good, columns=["record_id", "row_no"])
        for part in parts if part.good.exists()
    ]  # fmt: skip
    if not read:
        return np.zeros(0, dtype=np.uint32)
    ids = np.concatenate([t["record_id"].combine_chunks().fill_null(0).to_numpy() for t in read])
    numbers = np.concatenate([t["row_no"].to_numpy() for t in read])
    return np.asarray(numbers[repeating(ids)])


def told_by(parts: Sequence[Part]) -> Told:
    """What a pass over the whole file would have found."""
    sum_up = Told(held=[row for part in parts for row in part.told.held])
    for told in (part.told for part in parts):
        sum_up.rows, sum_up.good = sum_up.rows + told.rows, sum_up.good + told.good
        sum_up.standard.update(told.standard)
        sum_up.noted.update(told.noted)
        sum_up.named += told.named
        sum_up.again += told.again
    return sum_up


def joined(made: Made, parts: Sequence[Part], suffix: str) -> Made:
    """The batch with its files written out of those of its pieces, in their order. ``suffix`` ends the files' names."""
    made = replace(
        made, parts={path: part.with_name(part.name + suffix) for path, part in made.parts.items()}
    )
    good, text = made.parts.values()
    with leaving_nothing(made.parts, made.batch), BatchFiles(good, text, len(made.headers)) as files:
        for part in parts:
            if part.good.exists():
                file = pq.ParquetFile(part.good, read_dictionary=_listed(part.good))
                for group in range(file.num_row_groups):
                    files.add_good(file.read_row_group(group))
            if part.text.exists():
                files.add_cells(pq.read_table(part.text))
    return made


def clear(parts: Sequence[Part]) -> None:
    """Nothing of the pieces stays."""
    for part in parts:
        part.good.unlink(missing_ok=True)
        part.text.unlink(missing_ok=True)


def _listed(path: Path) -> list[str]:
    """The columns that are written as lists of distinct values."""
    group = pq.read_metadata(path).row_group(0)
    columns = (group.column(n) for n in range(group.num_columns))
    return [c.path_in_schema for c in columns if "RLE_DICTIONARY" in c.encodings or c.has_dictionary_page]


def _pieces(found: Sniffed, size: int) -> tuple[Piece, ...]:
    """Where a file can be cut; none where it is too small, or where a line may not be a row."""
    length = found.path.stat().st_size
    if found.format not in ("csv", "ndjson") or length < size * 3 // 2:
        return ()
    if found.format == "csv" and holds(found.path, b'"'):
        return ()
    pieces: list[Piece] = []
    with found.path.open("rb") as stream:
        begin = line = 0
        least = len(_head(found, stream))
        while begin < length:
            stream.seek(max(begin + size, least) - 1)
            stream.readline()
            end = min(stream.tell(), length)
            lines = _lines(stream, begin, end)
            if lines is None:
                return ()
            pieces.append(Piece(len(pieces), begin, end, line))
            begin, line = end, line + lines
    return tuple(pieces)


def _head(found: Sniffed, stream: BinaryIO) -> bytes:
    """The lines of a file up to the header and with it."""
    stream.seek(0)
    return b"".join(stream.readline() for _ in range(found.lines_before))


def _lines(stream: BinaryIO, begin: int, end: int) -> int | None:
    """How many lines end between two places; None where one ends otherwise than a line feed says."""
    stream.seek(begin)
    lines = returns = pairs = 0
    last = b""
    for at in range(begin, end, BLOCK):
        block = stream.read(min(BLOCK, end - at))
        lines += block.count(b"\n")
        if b"\r" in block or last == b"\r":
            returns += block.count(b"\r")
            pairs += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
        last = block[-1:]
    return lines if returns == pairs else None


def _written(found: Sniffed, piece: Piece, path: Path) -> int:
    """Write a piece as a file of its own, with the file's header. Returns how much later its rows are in the file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with found.path.open("rb") as stream, path.open("wb") as out:
        head = _head(found, stream) if piece.begin else b""
        out.write(head)
        stream.seek(piece.begin)
        for at in range(piece.begin, piece.end, BLOCK):
            out.write(stream.read(min(BLOCK, piece.end - at)))
    return piece.line - found.lines_before if piece.begin else 0

"""What a workbook unpacks to, told before it is unpacked.

A sheet is held in memory as a full rectangle of cells, each with its text: one cell in the last corner of an otherwise
empty sheet, or one long text that a hundred thousand cells point to, is more than any machine has. So sheets are read
through once as bytes: first roughly, as if every place named were filled; only where that is too much, exactly.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anju.kernel.refusal import Refusal

MEMBERS = 2_000
UNPACKED = 600 << 20
RATIO, RATIO_FROM = 150, 20 << 20
CELLS = 64_000_000
"""The most cells all sheets may span together: a million rows of sixty columns."""
CELL_BYTES = 32
TEXTS = 1 << 30
"""The most bytes their shared texts may be, each counted as often as it is pointed to."""
LONGEST_TEXT, SHORT_TEXT = 4 << 20, 100
"""A spreadsheet's own limit is a few hundred thousand bytes. Short ones may be shared freely."""
PIECE, OVERLAP, PROLOGUE = 1 << 20, 64, 4096
FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
FORMULA_SIGNS = (b"<f", b":f")
"""Seen quickly; only where one stands is the pattern asked."""
COLUMN_NAMED = re.compile(rb"r\s*=\s*[\"']([A-Za-z]+)")
ROW_NAMED = re.compile(rb"r\s*=\s*[\"'][A-Za-z]*(\d+)")
ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s>/])([^>]*)>")
PLACE = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]*)(\d*)")
TEXT_END = re.compile(rb"</(?:\w+:)?si\s*>")
WHOLE_NUMBER = re.compile(rb">\s*0*(\d+)\s*<")
TEXTS_FILE = "xl/sharedstrings.xml"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)
"""What reading a zip raises that is cut off, garbled, or packed in a way nobody reads."""
LOCKED = 1
"""Bit of a member's flags: it opens with a password."""
NO_SHEETS = ("xl/charts/", "xl/chartsheets/", "xl/drawings/", "xl/media/")
"""A chart names the cells it draws in a tag like a formula's."""


def check(path: Path, name: str) -> None:
    """Refuse a zip that is no workbook, unpacks to too much, or holds formulas or a document type."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, name)
            # A sheet may lie anywhere in the zip: the workbook says where. So every member is taken for one.
            texts = [m for m in archive.namelist() if m.replace("\\", "/").lower() == TEXTS_FILE]
            sheets = [m for m in archive.namelist() if m not in texts]
            seen = [_roughly(archive, sheet, name) for sheet in sheets]
            _no_far_cells(archive, sheets, sum(s.rows * s.columns for s in seen), name)
            for listed in texts:
                _no_shared_texts(archive, listed, sheets, sum(s.cells for s in seen), name)
    except DAMAGED as broken:
        raise Refusal("intake.cut_off", file=name) from broken


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    unpacked = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members) or 1
    if len(members) > MEMBERS or unpacked > UNPACKED or (unpacked > RATIO_FROM and unpacked / packed > RATIO):
        raise _too_much(name, unpacked)
    if not any(m.filename == "xl/workbook.xml" for m in members):
        raise Refusal("intake.unknown_format", file=name)
    if any(m.flag_bits & LOCKED for m in members):
        raise Refusal("intake.locked", file=name)
    for member in members:
        if member.filename.endswith(".xml"):
            with archive.open(member) as stream:
                begin = stream.read(PROLOGUE)
            # A workbook needs no document type; one that has it means to read other files, or to grow.
            if b"<!DOCTYPE" in begin or b"<!ENTITY" in begin:
                raise Refusal("intake.entities", file=name)


@dataclass(slots=True)
class _Seen:
    """Of a sheet: the last row and column that are named, and no fewer cells than it has."""

    rows: int = 0
    columns: int = 0
    cells: int = 0


def _roughly(archive: zipfile.ZipFile, sheet: str, name: str) -> _Seen:
    """Read a member once through. Finds formulas, a wrong checksum, and a size that lied."""
    found, tail, rows, in_row = _Seen(), b"", 0, 0
    columns: set[bytes] = set()
    is_read = not sheet.startswith(NO_SHEETS)
    for piece in _pieces(archive, sheet, name):
        seen = tail + piece
        if any(sign in seen for sign in FORMULA_SIGNS) and FORMULA.search(seen) and is_read:
            raise Refusal("intake.formula", file=name, where=Path(sheet).stem)
        columns.update(COLUMN_NAMED.findall(seen))
        # A row is named by each of its cells.
        found.rows = max(found.rows, max(map(int, set(ROW_NAMED.findall(seen))), default=0))
        # Places need not be named: rows and cells then follow one another.
        begun, *others = (part.count(b"<c") for part in piece.split(b"<row"))
        found.columns = max(found.columns, in_row + begun, *others)
        rows, in_row = rows + len(others), others[-1] if others else in_row + begun
        found.cells += piece.count(b"<") // 2 + 1
        tail = piece[-OVERLAP:]
    found.rows = max(found.rows, rows or found.cells)
    found.columns = max(found.columns, *map(_number, columns)) if columns else found.columns or found.cells
    return found


def _no_far_cells(archive: zipfile.ZipFile, sheets: list[str], roughly: int, name: str) -> None:
    """Where formats name too many cells, count the rectangle of those alone that hold something."""
    if roughly <= CELLS:
        return
    area = 0
    for sheet in sheets:
        row = column = last_row = last_column = 0
        for seen in _whole_tags(archive, sheet, name):
            for kind, told in ROW_OR_CELL.findall(seen):
                place = PLACE.search(told)
                letters, digits = place.groups() if place else (b"", b"")
                if kind == b"row":
                    row, column = int(digits or row + 1), 0
                    continue
                row, column = int(digits or row), _number(letters) if letters else column + 1
                if not told.endswith(b"/"):
                    last_row, last_column = max(last_row, row), max(last_column, column)
        area += last_row * last_column
        if area > CELLS:
            raise _too_much(name, area * CELL_BYTES)


def _no_shared_texts(archive: zipfile.ZipFile, texts: str, sheets: list[str], cells: int, name: str) -> None:
    """Add up the long texts that cells point to, each as often as a cell does."""
    long = {b"%d" % n: size for n, size in enumerate(_text_sizes(archive, texts, name)) if size > SHORT_TEXT}
    if cells * max(long.values(), default=0) <= TEXTS:
        return
    size = 0
    for sheet in sheets:
        for seen in _whole_tags(archive, sheet, name):
            size += sum(long.get(number, 0) for number in WHOLE_NUMBER.findall(seen))
            if size > TEXTS:
                raise _too_much(name, size)


def _text_sizes(archive: zipfile.ZipFile, texts: str, name: str) -> Iterator[int]:
    """Bytes of each shared text, with its tags."""
    left = b""
    for piece in _pieces(archive, texts, name):
        *whole, left = TEXT_END.split(left + piece)
        yield from map(len, whole)
        if len(left) > LONGEST_TEXT:
            raise _too_much(name, len(left))


def _whole_tags(archive: zipfile.ZipFile, sheet: str, name: str) -> Iterator[bytes]:
    """A sheet in pieces that end where a tag begins."""
    left = b""
    for piece in _pieces(archive, sheet, name):
        seen = left + piece
        cut = seen.rfind(b"<")
        yield seen[: cut + 1]
        left = seen[max(cut, 0) :]
        if len(left) > LONGEST_TEXT:
            raise _too_much(name, len(left))
    yield left


def _pieces(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[bytes]:
    read = 0
    with archive.open(member) as stream:
        while piece := stream.read(PIECE):
            read += len(piece)
            if read > UNPACKED:
                raise _too_much(name, read)
            yield piece


def _number(letters: bytes) -> int:
    """A column's number: A is 1, XFD 16,384."""
    number = 0
    for letter in letters[:4].upper():
        number = number * 26 + letter - 64
    return number


def _too_much(name: str, size: int) -> Refusal:
    return Refusal("intake.unpacks_to_too_much", file=name, mb=size >> 20)

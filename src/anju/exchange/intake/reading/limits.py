"""What a file may be at most, and the checks that keep it so."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from anju.kernel.refusal import Refusal

COLUMNS = 400
HEADER_BYTES = 1 << 20
SAMPLE_BYTES = 4 << 20
TITLE_ROWS = 15
SHEET_BYTES = 600 << 20
GROUP_BYTES = 2 << 30
SHEET_ROWS = 1_048_576
RATIO = 150
MEMBERS = 2_000
FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
FORMULA_SIGNS = (b"<f", b":f")
"""Seen quickly; only where one stands is the pattern asked."""
PIECE = 1 << 20
PROLOGUE = 4096


def holds(path: Path, byte: bytes) -> bool:
    """Whether a file holds a byte anywhere. Read in pieces: a mapped file would count as memory of its whole size."""
    with path.open("rb") as stream:
        return any(byte in piece for piece in iter(lambda: stream.read(PIECE), b""))


def check_workbook(path: Path, name: str) -> None:
    """Refuse a zip that is no workbook, unpacks to too much, or holds formulas."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked = sum(m.file_size for m in members)
            packed = sum(m.compress_size for m in members) or 1
            if (
                len(members) > MEMBERS
                or unpacked > SHEET_BYTES
                or (unpacked > 20 << 20 and unpacked / packed > RATIO)
            ):
                raise Refusal("intake.unpacks_to_too_much", file=name, mb=unpacked >> 20)
            if not any(m.filename == "xl/workbook.xml" for m in members):
                raise Refusal("intake.unknown_format", file=name)
            for member in members:
                if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml"):
                    _no_formula(archive, member, name)
                elif member.filename.endswith(".xml"):
                    with archive.open(member) as stream:
                        _no_entities(stream.read(PROLOGUE), name)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as broken:
        raise Refusal("intake.cut_off", file=name) from broken


def _no_formula(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    """Read a sheet once through: finds formulas, a wrong checksum, and a size that lied."""
    tail, read = b"", 0
    with archive.open(member) as stream:
        while piece := stream.read(PIECE):
            read += len(piece)
            if read > SHEET_BYTES:
                raise Refusal("intake.unpacks_to_too_much", file=name, mb=read >> 20)
            if any(sign in tail + piece for sign in FORMULA_SIGNS) and FORMULA.search(tail + piece):
                raise Refusal("intake.formula", file=name, where=Path(member.filename).stem)
            if read == len(piece):
                _no_entities(piece, name)
            tail = piece[-16:]


def _no_entities(piece: bytes, name: str) -> None:
    """A workbook needs no document type; one that has it means to read other files, or to grow."""
    if b"<!DOCTYPE" in piece[:PROLOGUE] or b"<!ENTITY" in piece[:PROLOGUE]:
        raise Refusal("intake.entities", file=name)

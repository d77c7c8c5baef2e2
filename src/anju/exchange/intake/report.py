"""The error report: held rows in the sender's own layout, to be mended and sent again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from anju.exchange.contracts import Contract
from anju.exchange.intake.reading.sniffing import RETURNED, plain
from anju.kernel.wording import say

ADDED = ("错误字段", "原因", "如何修改", *RETURNED)
WRONG = PatternFill("solid", fgColor="FBEBE9")
HEAD = PatternFill("solid", fgColor="E6F1ED")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One held row: its number in the file, its cells as sent, its faults as (field, code)."""

    row_no: int
    cells: tuple[str | None, ...]
    faults: tuple[tuple[str, str], ...]


def reason(code: str, language: str = "zh") -> str:
    """Why a row is held, in words."""
    return say(f"intake.reason.{code}", language)


def remedy(code: str, language: str = "zh") -> str:
    """What the sender can do about it."""
    return say(f"intake.remedy.{code}", language)


def workbook(contract: Contract, headers: tuple[str, ...], batch: str, rows: Sequence[ReportRow]) -> bytes:
    """XLSX bytes: a row per held row, wrong cells tinted, field, reason and remedy at the end. Every cell is text.

    A report that was sent as a file again is itself a valid file of the dataset; its own added columns are replaced.
    """
    kept = [i for i, header in enumerate(headers) if plain(header) not in ADDED]
    places = {plain(h): n for n, i in enumerate(kept, start=1) for h in (headers[i],)}
    book = Workbook()
    sheet = book.active
    sheet.title = contract.zh[:30]
    for place, header in enumerate([*(headers[i] for i in kept), *ADDED], start=1):
        cell = _put(sheet.cell(1, place), header)
        cell.font, cell.fill = Font(bold=True), HEAD
        sheet.column_dimensions[get_column_letter(place)].width = 28 if place > len(kept) else 18
    for at, row in enumerate(rows, start=2):
        told = (
            "；".join(dict.fromkeys(field for field, _ in row.faults)),
            "；".join(dict.fromkeys(reason(code) for _, code in row.faults)),
            "；".join(dict.fromkeys(remedy(code) for _, code in row.faults)),
            batch,
            str(row.row_no),
        )
        for place, text in enumerate([*(row.cells[i] for i in kept), *told], start=1):
            _put(sheet.cell(at, place), text)
        for field, _ in row.faults:
            names = contract.field(field).headers if field in contract.names else ()
            for name in names:
                if plain(name) in places:
                    sheet.cell(at, places[plain(name)]).fill = WRONG
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _put(cell: Cell, text: str | None) -> Cell:
    """Text and nothing but text: a value that begins like a formula must never become one."""
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text or "")
    cell.data_type = "s"
    cell.number_format = "@"
    cell.alignment = Alignment(vertical="top", wrap_text=False)
    return cell

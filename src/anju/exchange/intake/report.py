"""The error report: faulty rows in the sender's own layout, to be mended and sent again.

Held rows come first, then rows that were taken in without a value that could not be read.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from anju.exchange.contracts import Contract
from anju.exchange.intake.reading.sniffing import RETURNED, plain
from anju.kernel.wording import say

ADDED = ("处理", "错误字段", "原因", "如何修改", *RETURNED)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRONG, HEAD = "FBEBE9", "E6F1ED"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row of a report: its number in the file, its cells as sent, its faults as (field, code).

    ``is_held``: it was not taken in. Else it was, without the values that could not be read.
    """

    row_no: int
    cells: tuple[str | None, ...]
    faults: tuple[tuple[str, str], ...]
    is_held: bool = True


def file_name(batch: str) -> str:
    """What a batch's report is called when it is downloaded; a batch's own name begins with its dataset."""
    return f"{batch}-errors.xlsx"


def reason(code: str, language: str = "zh") -> str:
    """Why a row is held, in words."""
    return say(f"intake.reason.{code}", language)


def remedy(code: str, language: str = "zh") -> str:
    """What the sender can do about it."""
    return say(f"intake.remedy.{code}", language)


def workbook(contract: Contract, headers: tuple[str, ...], batch: str, rows: Iterable[ReportRow]) -> bytes:
    """XLSX bytes: wrong cells tinted; what became of the row, field, reason and remedy at the end. Every cell is text.

    A report that was sent as a file again is itself a valid file of the dataset; its own added columns are replaced.
    """
    # A third of a second to import, and only reports need it.
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    kept = [i for i, header in enumerate(headers) if plain(header) not in ADDED]
    places = {plain(headers[i]): n for n, i in enumerate(kept)}
    book = Workbook(write_only=True)
    sheet = book.create_sheet(contract.zh[:30])
    sheet.freeze_panes = "A2"
    for place in range(len(kept) + len(ADDED)):
        sheet.column_dimensions[get_column_letter(place + 1)].width = 18 if place < len(kept) else 28
    head = [_cell(sheet, header, HEAD) for header in [*(headers[i] for i in kept), *ADDED]]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for row in rows:
        names = {
            plain(h)
            for field, _ in row.faults
            if field in contract.names
            for h in contract.field(field).headers
        }
        wrong = {places[name] for name in names if name in places}
        cells = [*(row.cells[i] for i in kept), *_told(row, batch)]
        sheet.append(
            [_cell(sheet, text, WRONG if place in wrong else "") for place, text in enumerate(cells)]
        )
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _told(row: ReportRow, batch: str) -> Sequence[str]:
    """The added columns of a row, in the order of ``ADDED``."""
    listed = (
        (field for field, _ in row.faults),
        (reason(code) for _, code in row.faults),
        (remedy(code) for _, code in row.faults),
    )
    fate = say("intake.report.held" if row.is_held else "intake.report.noted")
    return (fate, *("；".join(dict.fromkeys(texts)) for texts in listed), batch, str(row.row_no))


def _cell(sheet: Any, text: str | None, tint: str) -> Any:
    """Text and nothing but text: a value that begins like a formula must never become one."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import PatternFill

    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text or "") or None)
    if cell.value is not None:
        cell.data_type = "s"
    cell.number_format = "@"
    if tint:
        cell.fill = PatternFill("solid", fgColor=tint)
    return cell

"""Files of invented people as departments would send them, sound or spoiled, for tests."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from anju.kernel.identifiers import citizen_check

HEADERS = (
    "登记编号",
    "登记状态",
    "姓名",
    "公民身份号码",
    "性别",
    "出生日期",
    "联系电话",
    "现住址",
    "登记日期",
)
Row = dict[str, Any]


def person(n: int, **changed: Any) -> Row:
    """One sound row of the residence register."""
    born = date(1970, 1, 1) + timedelta(days=37 * n % 15_000)
    first17 = f"990102{born:%Y%m%d}{n % 1000:03d}"
    row = dict(
        zip(
            HEADERS,
            (
                f"J{n:06d}", "正常", "张" + "一二三四五六七八九"[n % 9], first17 + citizen_check(first17), "男女"[n % 2],
                born.isoformat(), f"12{n:09d}", f"和安市云津区津门街道望江社区建设路{n + 1}号1栋1单元101室", "2026-06-30",
            ),
            strict=True,
        )
    )  # fmt: skip
    return row | changed


def people(count: int) -> list[Row]:
    return [person(n) for n in range(count)]


def as_csv(rows: Sequence[Row], encoding: str = "utf-8", delimiter: str = ",", title: str = "") -> bytes:
    out = io.StringIO()
    out.write(title)
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_blanked_csv(rows: Sequence[Row], title: str = "") -> str:
    """As some programs write it: every cell in quotes, a blank behind every comma."""
    lines = [list(rows[0]), *(list(map(str, row.values())) for row in rows)]
    quoted = (", ".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    return title + "".join(line + "\r\n" for line in quoted)


def as_ndjson(rows: Sequence[Row]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def as_parquet(rows: Sequence[Row]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), out)
    return out.getvalue()


def as_xlsx(rows: Sequence[Row], title: str = "", first_sheet: bool = False) -> bytes:
    """A workbook; with a merged title row, or with another sheet before the one that counts."""
    book = Workbook()
    sheet = book.active
    if first_sheet:
        sheet.title = "说明"
        sheet.append(["填报说明"])
        sheet = book.create_sheet("数据")
    if title:
        sheet.append([title])
        sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(rows[0]))
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    return out.getvalue()


def locked() -> bytes:
    """A workbook whose members say that they open with a password."""
    told = bytearray(as_xlsx(SOUND))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = told.find(mark)
        while at >= 0:
            told[at + flags] |= 1
            at = told.find(mark, at + 4)
    return bytes(told)


def garbled() -> bytes:
    """A workbook of the right length whose packed sheet is nonsense in the middle."""
    told = bytearray(as_xlsx(people(400)))
    with zipfile.ZipFile(io.BytesIO(bytes(told))) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    begin = sheet.header_offset + 30 + len(sheet.filename)
    told[begin + 20 : begin + 60] = b"\xff" * 40
    return bytes(told)


def with_formula() -> bytes:
    return as_xlsx([person(1, 姓名="=1+1")])


SOUND = people(3)
HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("居住登记.csv", lambda: b"", "intake.empty"),
    "header only": ("居住登记.csv", lambda: as_csv(SOUND).splitlines(keepends=True)[0], "intake.empty"),
    "a zip bomb": ("居住登记.xlsx", zip_bomb, "intake.unpacks_to_too_much"),
    "a zip that is no workbook": ("居住登记.xlsx", lambda: _zip({"a.txt": b"x"}), "intake.unknown_format"),
    "a hundred thousand columns": (
        "居住登记.csv", lambda: (",".join(f"c{i}" for i in range(100_000)) + "\n1\n").encode(), "intake.too_many_columns",
    ),
    "a hundred thousand columns of JSON": (
        "居住登记.ndjson", lambda: orjson.dumps({f"c{i}": 1 for i in range(100_000)}) + b"\n", "intake.too_many_columns",
    ),
    "one endless line": ("居住登记.csv", lambda: b"a" * (2 << 20), "intake.too_many_columns"),
    "formula cells": ("居住登记.xlsx", with_formula, "intake.formula"),
    "a formula in CSV": (
        "居住登记.csv", lambda: as_csv([person(1, 姓名='=cmd|"/C calc"!A0')]), "intake.formula",
    ),
    "null bytes": ("居住登记.csv", lambda: as_csv(SOUND) + b"\x00", "intake.null_bytes"),
    "escaped null bytes": (
        "居住登记.ndjson", lambda: as_ndjson([person(1, 姓名="张\x00三")]), "intake.null_bytes",
    ),
    "a wrong ending": ("居住登记.csv", lambda: as_xlsx(SOUND), "intake.wrong_ending"),
    "an image": ("居住登记.csv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 40, "intake.un"),
    "a cut workbook": ("居住登记.xlsx", lambda: as_xlsx(SOUND)[:-400], "intake.cut_off"),
    "one long text in every row of a Parquet file": (
        "居住登记.parquet", lambda: _repeated("张" * (20 << 20), 100), "intake.line_too_long",
    ),
    "a first line without an end": (
        "居住登记.ndjson", lambda: ("{" + ",".join(f'"c{i}":1' for i in range(600_000)) + "}").encode(), "intake.line_too_long",
    ),
    "a cut Parquet file": ("居住登记.parquet", lambda: as_parquet(SOUND)[:-20], "intake.cut_off"),
    "a damaged Parquet file": ("居住登记.parquet", lambda: _damaged(as_parquet(people(5000))), "intake.cut_off"),
    "a cut record": ("居住登记.ndjson", lambda: as_ndjson(SOUND)[:-30], "intake.cut_off"),
    "an unknown encoding": ("居住登记.csv", lambda: b"\xff\xff\xff\xfe,\x81\n" * 50, "intake.unknown_encoding"),
    "another table": ("居住登记.csv", lambda: b"a,b,c\n1,2,3\n", "intake.no_header"),
    "a missing column": (
        "居住登记.csv", lambda: as_csv([{k: v for k, v in p.items() if k != "姓名"} for p in SOUND]),
        "intake.missing_columns",
    ),
    "a document type in a sheet": (
        "居住登记.xlsx", lambda: _changed(as_xlsx(SOUND), "sheet1.xml", b"<worksheet", b"<!DOCTYPE a><worksheet"), "intake.entities",
    ),
    "a workbook with a password": ("居住登记.xlsx", locked, "intake.locked"),
    "a workbook garbled in the middle": ("居住登记.xlsx", garbled, "intake.cut_off"),
    "one cell in the last corner": ("居住登记.xlsx", lambda: _far_cell(SOUND), "intake.unpacks_to_too_much"),
    "a long text that many cells point to": (
        "居住登记.xlsx", lambda: _shared("大" * 10_000, 60_000), "intake.unpacks_to_too_much",
    ),
    "a record of five megabytes": (
        "居住登记.ndjson", lambda: as_ndjson(people(9)) + as_ndjson([person(9, 姓名="x" * (9 << 20))]), "intake.line_too_long",
    ),
    "days that have not come": (
        "居住登记.csv", lambda: as_csv([person(n, 登记日期="2099-01-01") for n in range(9)]), "intake.too_many_held",
    ),
    "a day far ahead": ("居住登记_20990101.csv", lambda: as_csv(SOUND), "intake.day_ahead"),
    "one long text, not told as one, in every row of a Parquet file": (
        "居住登记.parquet", lambda: _repeated(b"x" * (60 << 20), 100), "intake.line_too_long",
    ),
    "two sheets of data": ("居住登记.xlsx", lambda: sheets(SOUND, people(9)[5:]), "intake.two_sheets"),
    "one header twice": (
        "居住登记.csv", lambda: as_csv(SOUND).replace("联系电话".encode(), "姓名".encode()), "intake.header_twice",
    ),
    "a JSON array": ("居住登记.json", lambda: orjson.dumps(SOUND), "intake.not_a_record_a_line"),
    "JSON over several lines": (
        "居住登记.json", lambda: orjson.dumps(SOUND[0], option=orjson.OPT_INDENT_2), "intake.not_a_record_a_line",
    ),
    "UTF-16": ("居住登记.csv", lambda: as_csv(SOUND).decode().encode("utf-16"), "intake.unknown_encoding"),
    "UTF-8 and then GB 18030": (
        "居住登记.csv", lambda: as_csv(people(40)) + as_csv(people(80)[40:], "gb18030").split(b"\r\n", 1)[1], "intake.two_encodings",
    ),
    "GB 18030 and then UTF-8": (
        "居住登记.csv", lambda: as_csv(people(40), "gb18030") + as_csv(people(80)[40:]).split(b"\r\n", 1)[1], "intake.two_encodings",
    ),
    "a header in UTF-8 above GB 18030": (
        "居住登记.csv", lambda: as_csv(SOUND).split(b"\r\n", 1)[0] + b"\r\n" + as_csv(SOUND, "gb18030").split(b"\r\n", 1)[1],
        "intake.two_encodings",
    ),
    "JSON in UTF-8 and then GB 18030": (
        "居住登记.ndjson", lambda: as_ndjson(SOUND) + as_ndjson(SOUND).decode().encode("gb18030"), "intake.two_encodings",
    ),
    "an old workbook": ("居住登记.xls", lambda: b"\xd0\xcf\x11\xe0" * 90, "intake.unknown_format"),
    "a quote that is never closed": (
        "居住登记.csv", lambda: as_csv(people(90)).replace(b"J000070", b'"J000070'), "intake.open_quote",
    ),
    "rows between two stray quotes": (
        "居住登记.csv",
        lambda: as_csv(people(90)).replace("12000000010,和".encode(), '12000000010,"和'.encode())
        .replace(b",2026-06-30\r\nJ000041", b'",2026-06-30\r\nJ000041'),
        "intake.open_quote",
    ),
    "a row of three megabytes": ("居住登记.csv", lambda: as_csv([*SOUND, person(9, 姓名="张" * 1_000_000)]), "intake.open_quote"),
    "keys a spreadsheet rounded": (
        "居住登记.xlsx", lambda: as_xlsx([p | {"登记编号": 123_456_789_012_345_678 + n} for n, p in enumerate(SOUND)]),
        "intake.too_many_held",
    ),
    "mostly bad rows": (
        "居住登记.csv", lambda: as_csv([person(n, 登记日期="某天") for n in range(4)] + people(3)), "intake.too_many_held",
    ),
}  # fmt: skip


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def _changed(workbook: bytes, member: str, what: bytes, into: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return _zip({n: b.replace(what, into, 1) if n.endswith(member) else b for n, b in members.items()})


def _far_cell(rows: Sequence[Row]) -> bytes:
    book = Workbook()
    book.active.append(list(rows[0]))
    book.active.cell(1_048_576, 16_384, "x")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _shared(text: str, cells: int) -> bytes:
    """A workbook of a megabyte whose cells all show one long text."""
    row = "<row>" + '<c t="s"><v>0</v></c>' * 10 + "</row>"
    with zipfile.ZipFile(io.BytesIO(sheets(SOUND))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/sharedStrings.xml"] = f"<sst><si><t>{text}</t></si></sst>".encode()
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = members[sheet].replace(b"</sheetData>", (row * (cells // 10)).encode() + b"</sheetData>")
    return _zip(members)


def sheets(*tables: Sequence[Row], hidden: int | None = None) -> bytes:
    """A workbook with a sheet for each table; the one numbered ``hidden`` cannot be seen."""
    book = Workbook()
    book.remove(book.active)
    for n, rows in enumerate(tables):
        sheet = book.create_sheet(f"表{n}")
        sheet.sheet_state = "hidden" if n == hidden else "visible"
        for row in (list(rows[0]), *(list(r.values()) for r in rows)):
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _damaged(body: bytes) -> bytes:
    return body[:2000] + b"\xff" * 2000 + body[4000:]


def put(folder: Path, name: str, body: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(body)
    return path


def _repeated(text: str | bytes, count: int) -> bytes:
    """Parquet in which every row's name points to one text."""
    table = pq.read_table(io.BytesIO(as_parquet(people(count))))
    place = table.column_names.index("姓名")
    names = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([text]))
    out = io.BytesIO()
    pq.write_table(table.set_column(place, "姓名", names), out)
    return out.getvalue()

"""Files as departments send them: CSV in three encodings, NDJSON, Parquet, and workbooks with a title row."""

from __future__ import annotations

import codecs
import io
import zipfile
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from anju.city.arrays import coalesced
from anju.city.layouts import Layout

ROWS_A_WORKBOOK = 60_000
BATCH = 65_536
_STAMP = (2026, 1, 1, 0, 0, 0)
"""The time written into workbooks, so that the same city makes the same file."""


def write_file(layout: Layout, table: pa.Table, folder: Path, day: date) -> list[Path]:
    """Write one dataset of one day; large workbooks become several. Returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / layout.file.format(day=f"{day:%Y%m%d}")
    if layout.format == "xlsx":
        return _workbooks(layout, table, path, day)
    {"csv": _csv, "ndjson": _ndjson, "parquet": _parquet}[layout.format](layout, table, path)
    return [path]


def _csv(layout: Layout, table: pa.Table, path: Path) -> None:
    quoting = "needed" if _needs_quotes(table) else "none"
    options = pacsv.WriteOptions(quoting_style=quoting, quoting_header="none", batch_size=BATCH)
    if layout.encoding == "utf-8":
        pacsv.write_csv(table, path, options)
        return
    with path.open("wb") as stream:
        if layout.encoding == "utf-8-sig":
            stream.write(codecs.BOM_UTF8)
        for number, batch in enumerate(table.to_batches(max_chunksize=BATCH) or [table]):
            part = io.BytesIO()
            options.include_header = number == 0
            pacsv.write_csv(pa.table(batch) if isinstance(batch, pa.RecordBatch) else batch, part, options)
            if layout.encoding == "utf-8-sig":
                stream.write(part.getvalue())
            else:
                stream.write(part.getvalue().decode("utf-8").encode(layout.encoding))


def _needs_quotes(table: pa.Table) -> bool:
    """Whether any cell holds a comma, a quote or a line break."""
    return any(
        pc.any(pc.match_substring_regex(column, '[,"\r\n]')).as_py() or False for column in table.columns
    )


def _ndjson(layout: Layout, table: pa.Table, path: Path) -> None:
    """One object a line; what is not known is left out, as many systems do."""
    with path.open("wb") as stream:
        for start in range(0, len(table), BATCH):
            part = table.slice(start, BATCH).combine_chunks()
            pieces = []
            for name in part.column_names:
                text = pc.replace_substring(pc.replace_substring(part[name], "\\", "\\\\"), '"', '\\"')
                pieces.append(pc.binary_join_element_wise(f'"{name}":"', text, '"', ""))
            body = pc.binary_join_element_wise(*pieces, ",", null_handling="skip")
            lines = coalesced("{", body.combine_chunks() if isinstance(body, pa.ChunkedArray) else body, "}")
            stream.write(("\n".join(lines.to_pylist()) + "\n").encode())


def _parquet(layout: Layout, table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", row_group_size=131_072)


# Workbooks -----------------------------------------------------------------------------------------------

_PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/worksheets/sheet2.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.styles+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.'
    'openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/>'
    '<Relationship Id="r3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"'
    ' Target="styles.xml"/></Relationships>',
    "xl/styles.xml": '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<fonts count="2"><font><sz val="11"/><name val="宋体"/></font><font><b/><sz val="14"/><name val="宋体"/>'
    '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill '
    'patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/>'
    '</border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
    '</cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0"/></cellXfs><cellStyles count="1"><cellStyle '
    'name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
DATES = (
    "observed",
    "born",
    "stay_begin",
    "stay_end",
    "skill_issued",
    "aid_opened",
    "aid_closed",
    "land_begin",
)


def _workbooks(layout: Layout, table: pa.Table, path: Path, day: date) -> list[Path]:
    parts = max(1, -(-len(table) // ROWS_A_WORKBOOK))
    paths = []
    for number in range(parts):
        part = table.slice(number * ROWS_A_WORKBOOK, ROWS_A_WORKBOOK)
        target = path if parts == 1 else path.with_stem(f"{path.stem}_{number + 1}")
        _workbook(layout, part, target, day)
        paths.append(target)
    return paths


def _workbook(layout: Layout, table: pa.Table, path: Path, day: date) -> None:
    """One workbook: a merged title over the headers, everything as text but dates, notes on a second sheet."""
    names = (layout.name, "填表说明")
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(names, start=1)
    )
    book = (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.'
        f'openxmlformats.org/officeDocument/2006/relationships"><sheets>{sheets}</sheets></workbook>'
    )
    notes = ["本表由各单位填报，请勿改动表头。", "证件号码、电话按文本填写。", f"数据截至 {day:%Y-%m-%d}。"]
    second = "".join(f'<row r="{i}">{_cell(text)}</row>' for i, text in enumerate(notes, start=1))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, text in _PARTS.items():
            _add(archive, name, text)
        _add(archive, "xl/workbook.xml", book)
        _add(archive, "xl/worksheets/sheet1.xml", _first_sheet(layout, table, day))
        _add(archive, "xl/worksheets/sheet2.xml", f"{_SHEET}<sheetData>{second}</sheetData></worksheet>")


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    info = zipfile.ZipInfo(name, date_time=_STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text)


def _cell(text: str, style: int = 0) -> str:
    return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _first_sheet(layout: Layout, table: pa.Table, day: date) -> str:
    headers = table.column_names
    last = _column(len(headers))
    title = _cell(f"{layout.title}（{day:%Y年%m月%d日}）", 2)
    head = "".join(_cell(h) for h in headers)
    columns = [
        _cells(
            table[h].combine_chunks(),
            layout.columns[h] in DATES and layout.dates in ("cell", "serial"),
            layout,
        )
        for h in headers
    ]
    rows = coalesced("<row>", *columns, "</row>") if len(table) else pa.array([], pa.string())
    body = "".join(rows.to_pylist())
    return (
        f"{_SHEET}<sheetData><row>{title}</row><row>{head}</row>{body}</sheetData>"
        f'<mergeCells count="1"><mergeCell ref="A1:{last}1"/></mergeCells></worksheet>'
    )


def _cells(values: pa.Array, are_dates: bool, layout: Layout) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    text = pc.replace_substring(pc.replace_substring(values, "&", "&amp;"), "<", "&lt;")
    text = coalesced('<c t="inlineStr"><is><t>', pc.fill_null(text, ""), "</t></is></c>")
    text = pc.if_else(pc.is_null(values), "<c/>", text)
    if not are_dates:
        return text
    number = pc.fill_null(pc.match_substring_regex(values, "^[0-9]{4,5}$"), False)
    style = "1" if layout.dates == "cell" else "0"
    return pc.if_else(number, coalesced(f'<c s="{style}"><v>', pc.fill_null(values, ""), "</v></c>"), text)


def _column(count: int) -> str:
    """The letter of the last of ``count`` columns."""
    letters = ""
    while count:
        count, rest = divmod(count - 1, 26)
        letters = chr(65 + rest) + letters
    return letters

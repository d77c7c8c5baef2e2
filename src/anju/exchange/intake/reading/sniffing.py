"""What a file is: its format, encoding, header row, and which dataset it belongs to."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from anju.exchange.contracts import Contract, get_contract, list_contracts
from anju.exchange.contracts.load import by_file_name
from anju.exchange.intake.reading import arrow_ipc, workbooks
from anju.exchange.intake.reading.encodings import holds_utf8, one_encoding
from anju.exchange.intake.reading.limits import (
    COLUMNS,
    GROUP_BYTES,
    HEADER_BYTES,
    LINE_BYTES,
    SAMPLE_BYTES,
    TITLE_ROWS,
    holds,
)
from anju.kernel.refusal import Refusal
from anju.kernel.width import TO_HALF

DELIMITERS = (",", "\t", ";", "|")
ENDINGS = {
    "csv": {".csv", ".tsv", ".txt", ""},
    "ndjson": {".ndjson", ".jsonl", ".json", ".txt", ""},
    "xlsx": {".xlsx", ".xlsm", ""},
    "parquet": {".parquet", ".pq", ""},
    "arrow": {".arrow", ".arrows", ".feather", ".ipc", ""},
}
PEEK = 4096
RETURNED = ("退回批次", "退回行号")
"""Columns of an error report that say which held row a mended one answers."""
LINE = re.compile(r"\r\n|\n|\r")
"""Ends of lines as the reader of the rows counts them; ``splitlines`` knows more of them."""
TOLD = re.compile(
    r"^[*★☆※]+|[*★☆※]+$|[(\[【][*★]?(?:必填|必填项|必录|选填|选填项|非必填|可不填|可选)[)\]】][*★]*$"
)
csv.field_size_limit(2 * HEADER_BYTES)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What is known of a file before its rows are read.

    ``headers`` as sent, in order; ``header_row`` counted from 0; ``fields`` maps a field's number in the contract to
    its place among the headers; ``returned`` the places of the two columns of an error report, if it is one.
    """

    path: Path
    name: str
    format: str
    encoding: str
    delimiter: str
    sheet: str
    header_row: int
    headers: tuple[str, ...]
    lines_before: int = 0
    """Lines of text up to the header and with it: a quoted title may have several."""
    contract: Contract | None = None
    fields: tuple[tuple[int, int], ...] = ()
    returned: tuple[int, int] | None = None
    is_hidden: bool = False
    sheet_read: Any = field(default=None, compare=False, repr=False)
    """The sheet of a workbook, read already: unpacking it is most of the work."""

    @property
    def present(self) -> frozenset[int]:
        """Numbers of the contract's fields that the file holds."""
        return frozenset(field for field, _ in self.fields)


def plain(header: Any) -> str:
    """A header as it is compared: half-width, without spaces around or inside, without a byte-order mark, and without what
    a form tells who fills it in: *姓名, 姓名(必填)."""
    text = "".join(str(header if header is not None else "").lstrip("\ufeff").translate(TO_HALF).split())
    return TOLD.sub("", text) or text


def sniff(path: Path, name: str = "", dataset: str | None = None) -> Sniffed:
    """Find out what a file is; refuse what cannot be read or belongs to no dataset. ``name`` as the sender called it."""
    name = name or path.name
    found = tables(path, name)
    candidates = (get_contract(dataset),) if dataset else by_file_name(name)
    return _recognise(found, candidates, name, stated=bool(dataset))


def tables(path: Path, name: str = "") -> list[Sniffed]:
    """What a file is, once for every row near its top that could be the header; refuse what cannot be read."""
    name = name or path.name
    if path.stat().st_size == 0:
        raise Refusal("intake.empty", file=name)
    with path.open("rb") as stream:
        sample = stream.read(SAMPLE_BYTES)
    kind = _format(sample, name)
    if path.suffix.lower() not in set().union(*ENDINGS.values()):
        raise Refusal("intake.unknown_format", file=name)
    if path.suffix.lower() not in ENDINGS[kind]:
        raise Refusal("intake.wrong_ending", file=name, ending=path.suffix, format=kind)
    if kind in {"csv", "ndjson"}:
        _no_null_bytes(path, name)
    readers = {"xlsx": _sheets, "parquet": _parquet, "arrow": _arrow, "ndjson": _ndjson, "csv": _csv}
    return readers[kind](path, name, sample)


def _format(sample: bytes, name: str) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")) and not arrow_ipc.is_arrow(sample):
        raise Refusal("intake.unknown_encoding", file=name)
    if sample.startswith(b"PK\x03\x04"):
        return "xlsx"
    if sample.startswith(b"PAR1"):
        return "parquet"
    if arrow_ipc.is_arrow(sample):
        return "arrow"
    begin = sample[:PEEK].lstrip(b"\xef\xbb\xbf \r\n\t")
    if begin.startswith(b"{"):
        return "ndjson"
    if begin.startswith(b"[") and begin[1:].lstrip()[:1] in {b"{", b"]"}:
        raise Refusal("intake.not_a_record_a_line", file=name)
    return "csv"


def _no_null_bytes(path: Path, name: str) -> None:
    if holds(path, b"\x00"):
        raise Refusal("intake.null_bytes", file=name)


def _encoding(sample: bytes, name: str, *, whole: bool) -> str:
    """UTF-8 with or without mark, else GB 18030. A cut character at the sample's end is no fault."""
    for encoding in ("utf-8-sig" if sample.startswith(b"\xef\xbb\xbf") else "utf-8", "gb18030"):
        try:
            text = _decoded(sample, encoding, whole=whole)
        except UnicodeDecodeError:
            continue
        odd = sum(1 for c in text[:100_000] if ord(c) < 32 and c not in "\r\n\t\f")
        if odd > len(text[:100_000]) / 100:
            raise Refusal("intake.unknown_format", file=name)
        return encoding
    raise Refusal("intake.unknown_encoding", file=name)


def _sole_encoding(path: Path, sample: bytes, name: str, *, whole: bool) -> str:
    """The encoding of a text file that has one. That all of a file in UTF-8 is, is seen when it is read."""
    try:
        encoding = _encoding(sample, name, whole=whole)
    except Refusal:
        one_encoding(path, name)
        raise
    if encoding == "gb18030" and holds_utf8(path):
        one_encoding(path, name)
    return encoding


def _decoded(sample: bytes, encoding: str, *, whole: bool) -> str:
    import codecs

    return codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)


def _csv(path: Path, name: str, sample: bytes) -> list[Sniffed]:
    whole = len(sample) < SAMPLE_BYTES
    encoding = _sole_encoding(path, sample, name, whole=whole)
    text = _decoded(sample, encoding, whole=whole)
    first = text[:HEADER_BYTES]
    if "\n" not in first and len(first) >= HEADER_BYTES:
        raise Refusal("intake.too_many_columns", file=name, most=COLUMNS)
    lines = LINE.split(first)
    widest = max(lines[: TITLE_ROWS + 1], key=lambda line: max(line.count(d) for d in DELIMITERS))
    delimiter = max(DELIMITERS, key=widest.count)
    if widest.count(delimiter) >= COLUMNS:
        raise Refusal("intake.too_many_columns", file=name, most=COLUMNS)
    found = Sniffed(path, name, "csv", encoding, delimiter, "", 0, ())
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
    return [
        replace(found, header_row=i, headers=tuple(row), lines_before=rows.line_num)
        for i, row in enumerate(islice(rows, TITLE_ROWS + 1)) if any(row)
    ]  # fmt: skip


def _ndjson(path: Path, name: str, sample: bytes) -> list[Sniffed]:
    encoding = _sole_encoding(path, sample, name, whole=len(sample) < SAMPLE_BYTES)
    if encoding == "gb18030":
        raise Refusal("intake.unknown_encoding", file=name)
    keys: dict[str, None] = {}
    for line in sample.removeprefix(b"\xef\xbb\xbf").splitlines()[:200]:
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(told, dict):
            keys |= dict.fromkeys(told)
        if len(keys) > COLUMNS:
            raise Refusal("intake.too_many_columns", file=name, most=COLUMNS)
    if not keys and len(sample) == SAMPLE_BYTES and b"\n" not in sample:
        raise Refusal("intake.line_too_long", file=name, row=1, mb=LINE_BYTES >> 20)
    if not keys:
        raise Refusal("intake.not_a_record_a_line", file=name)
    return [Sniffed(path, name, "ndjson", encoding, "", "", 0, tuple(keys))]


def _parquet(path: Path, name: str, _sample: bytes) -> list[Sniffed]:
    try:
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
    except Exception as broken:  # the reader raises many kinds
        raise Refusal("intake.cut_off", file=name) from broken
    groups = (metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if max(groups, default=0) > GROUP_BYTES:
        raise Refusal("intake.unpacks_to_too_much", file=name, mb=GROUP_BYTES >> 20)
    if len(schema.names) > COLUMNS:
        raise Refusal("intake.too_many_columns", file=name, most=COLUMNS)
    return [Sniffed(path, name, "parquet", "", "", "", 0, tuple(schema.names))]


def _arrow(path: Path, name: str, _sample: bytes) -> list[Sniffed]:
    try:
        names = arrow_ipc.schema(path).names
    except Exception as broken:  # the reader raises many kinds
        raise Refusal("intake.cut_off", file=name) from broken
    if len(names) > COLUMNS:
        raise Refusal("intake.too_many_columns", file=name, most=COLUMNS)
    return [Sniffed(path, name, "arrow", "", "", "", 0, tuple(names))]


def _sheets(path: Path, name: str, _sample: bytes) -> list[Sniffed]:
    workbooks.check(path, name)
    found = []
    try:
        book = CalamineWorkbook.from_path(str(path))
        # Those that can be seen first: what is hidden is read only where nothing else fits.
        listed = sorted(
            (s.visible != SheetVisibleEnum.Visible, n) for n, s in enumerate(book.sheets_metadata[:50])
        )
        for is_hidden, place in listed:
            sheet_name = book.sheet_names[place]
            sheet = book.get_sheet_by_name(sheet_name)
            if sheet.width > COLUMNS:
                raise Refusal("intake.too_many_columns", file=name, most=COLUMNS)
            for i, row in enumerate(sheet.to_python(skip_empty_area=False, nrows=TITLE_ROWS)):
                if any(str(cell).strip() for cell in row):
                    headers = tuple(str(cell) for cell in row)
                    found.append(
                        Sniffed(
                            path, name, "xlsx", "", "", sheet_name, i, headers, is_hidden=is_hidden, sheet_read=sheet
                        )
                    )  # fmt: skip
    except CalamineError as broken:
        raise Refusal("intake.cut_off", file=name) from broken
    return found


def _recognise(tables: list[Sniffed], named: tuple[Contract, ...], name: str, *, stated: bool) -> Sniffed:
    """The table and contract whose headers agree best; every required header must be there."""
    if not tables:
        raise Refusal("intake.empty", file=name)
    best: tuple[tuple[bool, int, bool], Sniffed, list[str]] | None = None
    for contract in named if stated else list_contracts():
        for table in tables:
            fields, missing = _matched(contract, table.headers)
            if len(fields) < 2:
                continue
            rank = (not missing, len(fields), contract in named)
            if best is None or rank > best[0]:
                best = (rank, replace(table, contract=contract, fields=fields), missing)
    if best is None:
        known = ", ".join(c.id for c in named) or ", ".join(c.id for c in list_contracts())
        raise Refusal("intake.no_header", file=name, known=known)
    (_, _, _), found, missing = best
    if missing:
        raise Refusal("intake.missing_columns", file=name, dataset=found.contract.id if found.contract else "",
                      columns="、".join(missing))  # fmt: skip
    headers = [plain(h) for h in found.headers]
    if twice := sorted({found.headers[at] for _, at in found.fields if headers.count(headers[at]) > 1}):
        raise Refusal("intake.header_twice", file=name, columns="、".join(twice))
    _one_sheet(found, tables)
    if all(r in headers for r in RETURNED):
        return replace(found, returned=(headers.index(RETURNED[0]), headers.index(RETURNED[1])))
    return found


def _one_sheet(found: Sniffed, tables: list[Sniffed]) -> None:
    """Refuse a workbook with a second visible sheet of the dataset: its rows would be left lying."""
    assert found.contract is not None
    fits = {found.sheet}
    for table in tables:
        fields, missing = _matched(found.contract, table.headers)
        if len(fields) > 1 and not missing and not table.is_hidden:
            fits.add(table.sheet)
    if len(fits) > 1 and not found.is_hidden:
        raise Refusal("intake.two_sheets", file=found.name, sheets="、".join(sorted(fits)))


def _matched(contract: Contract, headers: tuple[str, ...]) -> tuple[tuple[tuple[int, int], ...], list[str]]:
    places: dict[str, int] = {}
    for place, header in enumerate(headers):
        places.setdefault(plain(header), place)
    fields = []
    missing: list[str] = []
    for number, spec in enumerate(contract.fields):
        at = next((places[plain(h)] for h in spec.headers if plain(h) in places), None)
        if at is not None:
            fields.append((number, at))
        elif spec.required or spec.name in contract.key:
            missing.append(spec.name)
    return tuple(fields), missing

"""Files of people as tables of text: any format and encoding, the header found under titles or missing altogether.

Rows stream through the intake's reader, so the same files are refused for the same reasons; memory is the engine's.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineWorkbook

from anju.exchange.intake.reading import Sniffed, rows, tables
from anju.exchange.linkage import headings
from anju.exchange.linkage.guess import SIGNS, Sample, is_filled
from anju.exchange.linkage.steps import LinkEngine
from anju.jobs.engine import DuckEngine
from anju.kernel.refusal import Refusal

SNIFFED = 1 << 20
SEEN = 3_000
"""Rows of which values are looked at to tell what a column is."""
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
MOST_FILES = 2


@dataclass(frozen=True, slots=True)
class ListFile:
    """One file in the engine: table ``lk_file_<no>`` (unique_id, row_no, then h0, h1, … in the order of ``headings``)."""

    name: str
    no: int
    headings: tuple[str, ...]
    rows: int
    broken: Mapping[int, str]


def take(
    engine: DuckEngine, path: Path, no: int, spill: Path, stated: Sequence[str] = (), after: int = 0
) -> ListFile:
    """Read a file into the table ``lk_file_<no>``; its rows are numbered from ``after`` + 1. Raises ``linkage.list_empty`` and the refusals of the intake."""
    candidates = tables(_readable(path, spill), path.name)
    found = _second_row(_header(candidates, stated), candidates)
    wanted = {f"h{i}": i for i in range(len(found.headers))}
    stream = rows(found, wanted)
    engine.feed("lk_arriving", pa.RecordBatchReader.from_batches(stream.schema, stream.batches))
    cells = ", ".join(f"nullif(trim({h}, ' \t\r\n\u3000\ufeff'), '') AS {h}" for h in wanted)
    number = f"{after} + row_number() OVER (ORDER BY row_no) AS unique_id"
    engine.run(f"CREATE OR REPLACE TABLE lk_file_{no} AS SELECT {number}, row_no, {cells} FROM lk_arriving")
    count = int(engine.rows(f"SELECT count(*) FROM lk_file_{no}")[0][0])
    if not count:
        raise Refusal("linkage.list_empty", file=path.name)
    return ListFile(path.name, no, _named(found.headers), count, stream.broken)


def samples(engine: LinkEngine, file: ListFile) -> list[Sample]:
    """What is seen of each column: values of rows spread over the file, how many are filled and distinct."""
    places = range(len(file.headings))
    step = max(1, file.rows // SEEN)
    seen = engine.rows(
        f"SELECT {', '.join(f'h{i}' for i in places)} FROM lk_file_{file.no} WHERE row_no % {step} = 0 ORDER BY row_no LIMIT {SEEN}"
    )
    told = engine.rows(
        "SELECT "
        + ", ".join(f"count(h{i}), approx_count_distinct(h{i})" for i in places)
        + f" FROM lk_file_{file.no}"
    )[0]
    made = []
    for i, heading in enumerate(file.headings):
        filled, distinct = int(told[2 * i]), int(told[2 * i + 1])
        if distinct > 0.8 * file.rows or distinct < 100:
            distinct = int(engine.rows(f"SELECT count(DISTINCT h{i}) FROM lk_file_{file.no}")[0][0])
        values = tuple(str(r[i]) for r in seen if is_filled(r[i]))
        made.append(Sample(heading, values, file.rows, filled, distinct))
    return made


def _header(candidates: list[Sniffed], stated: Sequence[str]) -> Sniffed:
    """The row that names the columns: the one with most headings known, else the first full row, if it is no data."""
    if not candidates:
        raise Refusal("linkage.list_empty", file="")
    known = [sum(_is_known(c, stated) for c in t.headers) for t in candidates]
    if max(known):
        return candidates[known.index(max(known))]
    widths = [sum(bool(c.strip()) for c in t.headers) for t in candidates]
    longest = max(len(t.headers) for t in candidates)
    first = next(
        t
        for t, width in zip(candidates, widths, strict=True)
        if len(t.headers) == longest and width >= max(widths) / 2
    )
    if first.format in ("csv", "xlsx") and sum(_is_data(c) for c in first.headers) >= 1:
        named = tuple(f"列{i}" for i in range(1, len(first.headers) + 1))
        before = candidates[candidates.index(first) - 1].lines_before if candidates[0] is not first else 0
        return replace(first, header_row=first.header_row - 1, lines_before=before, headers=named)
    return first


def _second_row(found: Sniffed, candidates: Sequence[Sniffed]) -> Sniffed:
    """The heading in two rows, the upper one merged over several columns (parents: name, telephone), as one: each cell below
    such a heading is told with it."""
    below = next((t for t in candidates if t.header_row == found.header_row + 1), None)
    if below is None or len(below.headers) > len(found.headers):
        return found
    upper = [h.strip() for h in found.headers]
    lower = [h.strip() for h in below.headers] + [""] * (len(upper) - len(below.headers))
    blank = [i for i, h in enumerate(upper) if not h and lower[i]]
    over = [i for i, h in enumerate(lower) if h]
    spans = {i for i in over if i in blank or i + 1 in blank}
    if not blank or 0 in blank or set(over) != spans or any(map(_is_data, filter(None, lower))):
        return found
    named, parent = list(upper), ""
    for i in range(len(upper)):
        parent = upper[i] or parent
        if lower[i]:
            named[i] = re.sub("(信息|情况|资料)$", "", parent) + lower[i]
    return replace(below, headers=tuple(named))


def _is_known(cell: str, stated: Sequence[str]) -> bool:
    if not cell.strip() or _is_data(cell):
        return False
    said = headings.read(cell)
    is_whole = said is not None and (said[1] >= headings.SURE or any("\u4e00" <= c <= "\u9fff" for c in cell))
    return cell.strip() in stated or is_whole


def _is_data(cell: str) -> bool:
    text = cell.strip()
    return any(SIGNS[s](text) for s in ("citizen_no", "mobile", "email", "digits")) or bool(
        re.search(r"\d{4}[-/年.]\d", text)
    )


def _named(headers: Sequence[str]) -> tuple[str, ...]:
    """Headings without blanks around, each its own."""
    found: list[str] = []
    for i, header in enumerate(headers, 1):
        name = header.strip().lstrip("\ufeff").strip() or f"列{i}"
        found.append(
            name
            if name not in found
            else next(f"{name}_{n}" for n in range(2, 500) if f"{name}_{n}" not in found)
        )
    return tuple(found)


def _readable(path: Path, spill: Path) -> Path:
    """The file itself, or a copy that the intake's reader understands: old workbooks, JSON lists, other encodings."""
    with path.open("rb") as stream:
        head = stream.read(SNIFFED)
    if head.startswith(OLD_WORKBOOK):
        return _from_old_workbook(path, spill / f"{path.stem}.csv")
    if path.suffix.lower() == ".json" and head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"["):
        return _from_json(path, spill / f"{path.stem}.ndjson")
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ""):
        encoding = _foreign(head)
        if encoding:
            copy = spill / (path.name or "list.csv")
            with (
                path.open(encoding=encoding, errors="replace", newline="") as source,
                copy.open("w", encoding="utf-8", newline="") as target,
            ):
                while text := source.read(SNIFFED):
                    target.write(text)
            return copy
    return path


def _foreign(head: bytes) -> str | None:
    """An encoding the intake does not read; None for UTF-8 and GB 18030."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    cut = head[: head.rfind(b"\n") + 1] or head
    try:
        cut.decode("utf-8")
        return None
    except UnicodeDecodeError:
        pass
    for encoding, usual in (("gb18030", "gb2312"), ("big5", "big5")):
        try:
            odd = [c for c in cut.decode(encoding) if c > "\x7f"]
        except UnicodeDecodeError:
            continue
        if sum("\u4e00" <= c <= "\u9fff" and bool(c.encode(usual, "ignore")) for c in odd) >= 0.6 * len(odd):
            return None if encoding == "gb18030" else encoding
    return "cp1252"


def _from_json(path: Path, copy: Path) -> Path:
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as broken:
        raise Refusal("linkage.list_unreadable", file=path.name) from broken
    copy.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in told), encoding="utf-8")
    return copy


def _from_old_workbook(path: Path, copy: Path) -> Path:
    try:
        body = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=True)
    except Exception as broken:  # the reader raises many kinds
        raise Refusal("linkage.list_unreadable", file=path.name) from broken
    with copy.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [int(c) if isinstance(c, float) and c.is_integer() else c for c in row] for row in body
        )
    return copy

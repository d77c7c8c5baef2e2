"""``anju link``: files of people in, clusters with score and reasons, a summary and a picture out."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import yaml
from charset_normalizer import from_bytes

from anju.exchange.linkage import chinese_list, lists, parameters
from anju.exchange.linkage.comparisons import HAN_COMPARISONS, Comparison
from anju.exchange.linkage.lists import ListContract
from anju.exchange.linkage.picture import draw
from anju.exchange.linkage.steps import Steps
from anju.jobs.engine import DuckEngine
from anju.kernel.refusal import Refusal

SNIFFED = 200_000


def run(
    files: list[Path], contract: Path, out: Path, told: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Link the rows of one or two files; returns the summary that is also written.

    ``OUT/rows.csv`` (every row: file, row in it, row_id, cluster, score, then its own columns), ``OUT/pairs.csv`` (row_id_a, row_id_b,
    outcome, weight, reasons), ``OUT/summary.json``, ``OUT/picture.svg``.
    """
    begun = time.perf_counter()
    with contract.open(encoding="utf-8") as stream:
        mapping = lists.read_contract(yaml.safe_load(stream) or {})
    out.mkdir(parents=True, exist_ok=True)
    engine = DuckEngine(out / ".spill")
    try:
        steps = Steps(engine, told)
        headings = _take(steps, files, mapping)
        if mapping.chinese:
            compared = _chinese(steps, mapping, out)
        else:
            base = parameters.read("han", HAN_COMPARISONS)
            compared, _ = lists.link_columns(steps, mapping, "lk_source", base)
        summary = _write(steps, files, headings, compared, out)
    finally:
        engine.close()
    shutil.rmtree(out / ".spill", ignore_errors=True)
    summary["seconds"] = round(time.perf_counter() - begun, 2)
    (out / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1), encoding="utf-8")
    return summary


def _take(steps: Steps, files: list[Path], mapping: ListContract) -> list[str]:
    """Table ``lk_source``: rows of every file, numbered from 1. Returns the headings."""
    wanted = [c.source for c in mapping.columns] or list(mapping.to)
    tables, start = [], 1
    for place, path in enumerate(files):
        table = read(path)
        missing = [w for w in wanted if w not in table.column_names]
        if (missing and not mapping.chinese) or len(missing) == len(wanted):
            raise Refusal("linkage.list_column_missing", file=path.name, columns=", ".join(missing))
        table = table.append_column("unique_id", pa.array(range(start, start + table.num_rows), pa.int64()))
        table = table.append_column("file_no", pa.array([place] * table.num_rows, pa.int32()))
        tables.append(table)
        start += table.num_rows
    whole = pa.concat_tables(tables, promote_options="default")
    for name in wanted:
        if name not in whole.column_names:
            whole = whole.append_column(name, pa.nulls(whole.num_rows, pa.string()))
    steps.engine.load("lk_source", whole)
    return [c for c in whole.column_names if c not in ("unique_id", "file_no")]


def read(path: Path) -> pa.Table:
    """A file's rows, every value as text. CSV or TSV in any common encoding, XLSX, Parquet, NDJSON.

    Raises ``linkage.list_unreadable``.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            table = pa.parquet.read_table(path)
        elif kind in (".ndjson", ".jsonl", ".json"):
            table = pa.json.read_json(path)
        elif kind in (".xlsx", ".xls"):
            table = _sheet(path)
        else:
            table = _csv(path)
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError, ValueError) as fault:
        raise Refusal("linkage.list_unreadable", file=path.name) from fault
    return pa.table({n.strip(): table.column(n).cast(pa.string()) for n in table.column_names})


def _csv(path: Path) -> pa.Table:
    with path.open("rb") as stream:
        head = stream.read(SNIFFED)
    encoding = "utf-8"
    if not head.startswith(b"\xef\xbb\xbf"):
        try:
            head[: head.rfind(b"\n") + 1].decode("utf-8")
        except UnicodeDecodeError:
            best = from_bytes(head[: head.rfind(b"\n") + 1]).best()
            encoding = best.encoding if best else "gb18030"
            encoding = (
                "gb18030" if encoding in ("gb2312", "gbk", "gb18030", "big5", "cp949", "hz") else encoding
            )
    first = head.split(b"\n", 1)[0]
    delimiter = max(",\t;|", key=lambda d: first.count(d.encode()))
    names = next(iter(_headings(head, encoding, delimiter)))
    return pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(encoding=encoding),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types={n: pa.string() for n in names}, strings_can_be_null=True, null_values=[""]
        ),
    )


def _headings(head: bytes, encoding: str, delimiter: str) -> list[list[str]]:
    import csv

    line = head.split(b"\n", 1)[0].decode(encoding).lstrip("\ufeff").rstrip("\r")
    return [next(csv.reader([line], delimiter=delimiter))]


def _sheet(path: Path) -> pa.Table:
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=True)
    rows = [r for r in rows if sum(c not in (None, "") for c in r) > 1]
    names = [str(c) for c in rows[0]]
    columns = zip(*rows[1:], strict=True) if len(rows) > 1 else [() for _ in names]
    return pa.table(
        {n: pa.array([_cell(v) for v in c], pa.string()) for n, c in zip(names, columns, strict=True)}
    )


def _cell(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _chinese(steps: Steps, mapping: ListContract, out: Path) -> tuple[Comparison, ...]:
    """Link a Chinese list with the register's comparisons; leaves ``lk_list_cluster`` and ``lk_decided``."""
    from anju.exchange.linkage.link import link

    engine = steps.engine
    chinese_list.mentions(engine, mapping.to, "lk_source")
    work = out / ".work"
    work.mkdir(exist_ok=True)
    link(engine, "mentions", None, [], parameters.read("han", HAN_COMPARISONS), work)
    engine.scan("lk_assigned", [work / "assignment.parquet"])
    engine.scan("lk_edge", [work / "edges.parquet"])
    steps.table(
        "lk_list_cluster",
        """
        SELECT CAST(record_id AS BIGINT) AS unique_id, CAST(min(record_id) OVER (PARTITION BY person_code) AS BIGINT) AS cluster,
               weight AS score FROM lk_assigned
        """,
    )
    steps.table(
        "lk_decided", "SELECT CAST(record_a AS BIGINT) AS a, CAST(record_b AS BIGINT) AS b, * FROM lk_edge"
    )
    for path in work.iterdir():
        path.unlink()
    work.rmdir()
    return HAN_COMPARISONS


def _write(
    steps: Steps, files: list[Path], headings: list[str], compared: tuple[Comparison, ...], out: Path
) -> dict[str, Any]:
    engine = steps.engine
    names = ", ".join(f"({i}, '{p.name.replace(chr(39), chr(39) * 2)}')" for i, p in enumerate(files))
    taken = {"file", "row", "row_id", "cluster", "score"}
    own = ", ".join(f's."{h}"' + (f' AS "{h}_stated"' if h in taken else "") for h in headings)
    engine.run(
        f"""COPY (
            SELECT f.name AS file, s.unique_id - min(s.unique_id) OVER (PARTITION BY s.file_no) + 1 AS row, s.unique_id AS row_id,
                   dense_rank() OVER (ORDER BY c.cluster) AS cluster, round(c.score, 2) AS score, {own}
            FROM lk_source AS s JOIN lk_list_cluster AS c ON c.unique_id = s.unique_id
            JOIN (VALUES {names}) AS f(no, name) ON f.no = s.file_no ORDER BY s.unique_id
        ) TO '{out / "rows.csv"}' (HEADER, DELIMITER ',')"""
    )
    reasons = " || ".join(
        f"CASE WHEN {c.name}_level = 'missing' THEN '' ELSE '{c.en.replace(chr(39), '')}: ' || {_level_words(c)} || "
        f"printf(' (%+.1f); ', {c.name}_weight) END"
        for c in compared
    )
    engine.run(
        f"""COPY (SELECT a AS row_id_a, b AS row_id_b, outcome, round(weight, 2) AS weight, {reasons} AS reasons
        FROM lk_decided ORDER BY weight DESC, a, b) TO '{out / "pairs.csv"}' (HEADER, DELIMITER ',')"""
    )
    sizes = dict(
        engine.rows(
            "SELECT n, count(*) FROM (SELECT count(*) AS n FROM lk_list_cluster GROUP BY cluster) AS s GROUP BY n"
        )
    )
    weights = engine.rows(
        "SELECT CAST(floor(weight) AS INTEGER), outcome, count(*) FROM lk_decided GROUP BY 1, 2"
    )
    blocks = (
        engine.rows("SELECT rule, pairs, largest, dropped FROM lk_block ORDER BY pairs DESC")
        if _has(steps)
        else []
    )
    rows, people = sum(n * c for n, c in sizes.items()), sum(sizes.values())
    title = f"{', '.join(p.name for p in files)}: {rows:,} rows, {people:,} people"
    (out / "picture.svg").write_text(draw(title, weights, sizes), encoding="utf-8")
    return {
        "files": [p.name for p in files],
        "rows": rows,
        "people": people,
        "duplicate_rows": rows - people,
        "pairs_same": sum(n for _, o, n in weights if o == "same"),
        "pairs_to_ask": sum(n for _, o, n in weights if o == "ask"),
        "blocking": [
            {"rule": r, "pairs": int(p), "largest": int(m), "dropped": int(d)} for r, p, m, d in blocks
        ],
    }


def _has(steps: Steps) -> bool:
    return "lk_block" in {str(r[0]) for r in steps.engine.rows("SHOW TABLES")}


def _level_words(comparison: Comparison) -> str:
    whens = " ".join(f"WHEN '{v.name}' THEN '{v.en.replace(chr(39), '')}'" for v in comparison.levels)
    return f"CASE {comparison.name}_level {whens} ELSE 'different' END"

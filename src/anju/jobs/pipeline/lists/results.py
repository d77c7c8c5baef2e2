"""What ``anju link`` leaves: clusters, pairs, questions, a summary in words and figures, a contract to edit, a picture.

``clusters.csv``: one row per row of the files - file, row (as a spreadsheet counts), row_id (from 1 over all files), cluster,
score (the chance that the row belongs to its cluster; 1 for a certain key, empty for a row that stands alone), reasons
against the cluster's first row, then every column of the file. ``pairs.csv``: row_id_a, row_id_b, outcome, score, weight
(bits), reasons. ``review.csv``: two lines per question, with room for the answer; those that were answered come last, with
the answer, so that the file can be given back again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.guess import Guess
from anju.exchange.linkage.list_contract import ListContract
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.picture import draw
from anju.exchange.linkage.steps import Steps
from anju.jobs.pipeline.lists.reading import ListFile
from anju.jobs.pipeline.lists.telling import write_contract
from anju.kernel.engine import literal

Told = Sequence[tuple[str, str, str]]
"""Columns of a row that reasons speak of: SQL name, Chinese, English."""
CHINESE_TOLD: Told = (
    ("person.citizen_no", "证件号码", "citizen number"),
    ("person.name", "姓名", "name"),
    ("person.born_on", "出生日期", "birthday"),
    ("person.phone", "电话", "phone"),
    ("stay", "住址", "address"),
    ("kin.name", "亲属", "relative"),
    ("kin.phone", "亲属电话", "relative's phone"),
    ("kin.household_no", "编号", "number"),
    ("job.employer_code", "单位或班级", "employer or class"),
    ("person.hukou_region", "户籍地", "place of registered household"),
    ("person.sex", "性别", "sex"),
)
MOST_QUESTIONS = 20_000
SAID = {True: ("同一人", "不同人"), False: ("same", "different")}
"""How answers are written, in a Chinese list and in others; ``list_answers`` reads both."""
CHANCE = "round(1 / (1 + power(2, -least(greatest({0}, -60), 60))), 4)"
OWN = ("file", "row", "row_id", "cluster", "score", "reasons_zh", "reasons_en", "question", "decision")


def thresholds(base: Parameters, stated: ListContract) -> Parameters:
    """The parameters with the limits that a contract states."""
    return replace(
        base,
        same_from=base.same_from if stated.same_from is None else stated.same_from,
        ask_from=base.ask_from if stated.ask_from is None else stated.ask_from,
    )


def keep_blocks(steps: Steps, blocks: Sequence[dict[str, Any]]) -> None:
    """Table ``lk_block`` from a run's summary."""
    rows = ", ".join(f"('{b['rule']}', {b['pairs']}, {b['largest']}, {b['dropped']})" for b in blocks)
    steps.table(
        "lk_block",
        f"SELECT * FROM (VALUES {rows or chr(40) + repr('') + ', 0, 0, 0)'}) AS b(rule, pairs, largest, dropped)",
    )


def cluster_reasons(steps: Steps, keys: Told) -> None:
    """Table ``lk_reason`` (unique_id, zh, en): what each row of a cluster has in common with its first row and what not."""
    source = "lk_list"
    if keys is CHINESE_TOLD:
        stay = """CASE WHEN "stay.number" IS NOT NULL THEN concat_ws('-', "stay.street", "stay.number", "stay.building", "stay.unit", "stay.room") END"""
        steps.view(
            "lk_told", f"SELECT CAST(record_id AS BIGINT) AS unique_id, {stay} AS stay, * FROM mentions"
        )
        source = "lk_told"

    def part(column: str, zh: str, en: str, place: int) -> str:
        one, two, word = f'o."{column}"', f'h."{column}"', literal((zh, en)[place])
        same, other = (("相同", "不同"), (": same", ": different"))[place]
        return f"CASE WHEN {one} = {two} THEN {word} || '{same}' WHEN {one} <> {two} THEN {word} || '{other}' END"

    zh = ", ".join(part(*k, 0) for k in keys)
    en = ", ".join(part(*k, 1) for k in keys)
    steps.table(
        "lk_reason",
        f"""
        WITH joined AS (SELECT unique_id, cluster FROM lk_list_cluster WHERE unique_id <> cluster),
        o AS (SELECT l.*, j.cluster AS head FROM {source} AS l JOIN joined AS j ON j.unique_id = l.unique_id)
        SELECT o.unique_id, concat_ws('，', {zh}) AS zh, concat_ws('; ', {en}) AS en
        FROM o JOIN {source} AS h ON h.unique_id = o.head
        """,
    )


def write(
    steps: Steps,
    taken: Sequence[ListFile],
    found: Sequence[Sequence[Guess]],
    compared: tuple[Comparison, ...],
    stated: ListContract,
    chinese: bool,
    out: Path,
) -> dict[str, Any]:
    """Every file but the summary; returns the summary."""
    steps.table(
        "lk_numbered",
        """SELECT c.*, dense_rank() OVER (ORDER BY c.cluster) AS number, count(*) OVER (PARTITION BY c.cluster) AS size
        FROM lk_list_cluster AS c""",
    )
    _settle(steps, chinese)
    steps.timed("clusters.csv", lambda: _clusters(steps, taken, out, chinese))
    steps.timed("pairs.csv", lambda: _pairs(steps, compared, out, chinese))
    steps.timed("review.csv", lambda: _review(steps, taken, compared, out, chinese))
    _broken(taken, out)
    language = "zh" if chinese else "other"
    write_contract(found, stated, language, out)
    rows = steps.engine.rows
    sizes = dict(
        rows(
            "SELECT n, count(*) FROM (SELECT count(*) AS n FROM lk_list_cluster GROUP BY cluster) AS s GROUP BY n"
        )
    )
    weights = rows("SELECT CAST(floor(weight) AS INTEGER), outcome, count(*) FROM lk_decided GROUP BY 1, 2")
    count, people = sum(n * c for n, c in sizes.items()), sum(sizes.values())
    (out / "picture.svg").write_text(
        draw([f.name for f in taken], count, people, weights, sizes), encoding="utf-8"
    )
    blocks = rows("SELECT rule, pairs, largest, dropped FROM lk_block WHERE rule <> '' ORDER BY pairs DESC")
    return {
        "files": [f.name for f in taken],
        "language": language,
        "rows": count,
        "answers": steps.count("lk_word"),
        "rows_unreadable": sum(len(f.broken) for f in taken),
        "people": people,
        "duplicate_rows": count - people,
        "pairs_same": sum(n for _, o, n in weights if o == "same"),
        "pairs_to_ask": sum(n for _, o, n in weights if o == "ask"),
        "columns": [
            {
                "file": f.name,
                "heading": g.heading,
                "kind": g.kind,
                "confidence": round(g.confidence, 2),
                "why": g.why,
            }
            for f, guesses in zip(taken, found, strict=True)
            for g in guesses
        ],
        "sizes": {str(k): int(v) for k, v in sorted(sizes.items())},
        "blocking": [
            {"rule": r, "pairs": int(p), "largest": int(m), "dropped": int(d)} for r, p, m, d in blocks
        ],
        "steps": {k: round(v, 2) for k, v in sorted(steps.seconds.items(), key=lambda x: -x[1])[:12]},
    }


def _settle(steps: Steps, chinese: bool) -> None:
    """``lk_decided`` in agreement with the clusters: pairs of one cluster are the same, pairs of clusters that a person
    parted are different, others are asked; in a Chinese list relatives whose names and birthdays differ, with all else that
    they share, are not worth a question."""
    apart = "FALSE"
    if chinese:
        apart = """d.name_level IN ('one_char', 'given', 'surname', 'other') AND d.birth_level = 'other'
            AND d.number_level IN ('missing', 'other')"""
    steps.table(
        "lk_settled_pair",
        f"""WITH parted AS (
            SELECT DISTINCT least(x.cluster, y.cluster) AS one, greatest(x.cluster, y.cluster) AS other
            FROM lk_word AS w JOIN lk_list_cluster AS x ON x.unique_id = w.record_a
            JOIN lk_list_cluster AS y ON y.unique_id = w.record_b WHERE NOT w.is_same
        )
        SELECT d.* EXCLUDE (outcome), CASE WHEN x.cluster = y.cluster THEN 'same' WHEN p.one IS NOT NULL THEN 'different'
               ELSE 'ask' END AS outcome
        FROM lk_decided AS d JOIN lk_list_cluster AS x ON x.unique_id = d.a JOIN lk_list_cluster AS y ON y.unique_id = d.b
        LEFT JOIN parted AS p ON p.one = least(x.cluster, y.cluster) AND p.other = greatest(x.cluster, y.cluster)
        WHERE x.cluster = y.cluster OR p.one IS NOT NULL OR NOT ({apart})""",
    )
    steps.rename("lk_settled_pair", "lk_decided")


def _listed(taken: Sequence[ListFile]) -> str:
    """Query: unique_id, file, row and every column of every file under its heading."""

    def own(heading: str) -> str:
        name = f"{heading}_stated" if heading.lower() in OWN else heading
        return '"' + name.replace('"', '""') + '"'

    parts = []
    for f in taken:
        cells = ", ".join(f"h{i} AS {own(h)}" for i, h in enumerate(f.headings))
        parts.append(
            f"SELECT unique_id, {literal(f.name)} AS file, row_no AS row, {cells} FROM lk_file_{f.no}"
        )
    return " UNION ALL BY NAME ".join(parts)


def _copy(steps: Steps, query: str, path: Path, chinese: bool) -> None:
    """Write a query as CSV; a Chinese one begins with the mark by which spreadsheets know UTF-8."""
    steps.engine.run(f"COPY ({query}) TO '{str(path).replace(chr(39), chr(39) * 2)}' (HEADER, DELIMITER ',')")
    if chinese:
        marked = path.with_suffix(".part")
        with path.open("rb") as source, marked.open("wb") as target:
            target.write(b"\xef\xbb\xbf")
            while piece := source.read(1 << 20):
                target.write(piece)
        marked.replace(path)


def _clusters(steps: Steps, taken: Sequence[ListFile], out: Path, chinese: bool) -> None:
    _copy(
        steps,
        f"""SELECT l.file, l.row, l.unique_id AS row_id, c.number AS cluster,
            CASE WHEN c.size > 1 THEN CASE WHEN c.is_key OR c.is_said THEN 1.0 ELSE {CHANCE.format("c.weight")} END END AS score,
            CASE WHEN r.zh IS NOT NULL THEN '与第 ' || c.cluster || ' 条相比：' || r.zh END AS reasons_zh,
            CASE WHEN r.en IS NOT NULL THEN 'against row_id ' || c.cluster || ' - ' || r.en END AS reasons_en,
            l.* EXCLUDE (unique_id, file, row)
        FROM ({_listed(taken)}) AS l JOIN lk_numbered AS c ON c.unique_id = l.unique_id
        LEFT JOIN lk_reason AS r ON r.unique_id = l.unique_id ORDER BY l.unique_id""",
        out / "clusters.csv",
        chinese,
    )


def _words(compared: tuple[Comparison, ...], zh: bool) -> str:
    parts = []
    for c in compared:
        whens = " ".join(f"WHEN '{v.name}' THEN {literal(v.zh if zh else v.en)}" for v in c.levels)
        level = f"CASE {c.name}_level {whens} ELSE '{'不同' if zh else 'different'}' END"
        name, mark = literal((c.zh if zh else c.en) + ("：" if zh else ": ")), "%+.1f"
        parts.append(
            f"CASE WHEN {c.name}_level <> 'missing' THEN {name} || {level} || printf(' ({mark})', {c.name}_weight) END"
        )
    return f"concat_ws('{'；' if zh else '; '}', {', '.join(parts)})"


def _pairs(steps: Steps, compared: tuple[Comparison, ...], out: Path, chinese: bool) -> None:
    """The pairs the model weighed, and for rows joined by a certain key the row and its cluster's first."""
    _copy(
        steps,
        f"""SELECT least(a, b) AS row_id_a, greatest(a, b) AS row_id_b, outcome, {CHANCE.format("weight")} AS score,
            round(weight, 2) AS weight,
            concat_ws('；', CASE WHEN w.is_same IS NOT NULL THEN '人工判定' END, {_words(compared, True)}) AS reasons_zh,
            concat_ws('; ', CASE WHEN w.is_same IS NOT NULL THEN 'a person''s word' END, {_words(compared, False)}) AS reasons_en
        FROM lk_decided AS d LEFT JOIN lk_word AS w ON w.record_a = least(d.a, d.b) AND w.record_b = greatest(d.a, d.b)
        UNION ALL
        SELECT c.cluster, c.unique_id, 'same', 1.0, NULL, '确定的键：' || r.zh, 'certain key: ' || r.en
        FROM lk_list_cluster AS c JOIN lk_reason AS r ON r.unique_id = c.unique_id WHERE c.is_key
        ORDER BY outcome DESC, score DESC, row_id_a, row_id_b""",
        out / "pairs.csv",
        chinese,
    )


def _review(
    steps: Steps, taken: Sequence[ListFile], compared: tuple[Comparison, ...], out: Path, chinese: bool
) -> None:
    """Two lines per question, the most telling first, answered ones last; pairs that are in one cluster anyway are not asked."""
    same, different = SAID[chinese]
    _copy(
        steps,
        f"""WITH told AS (
            SELECT d.*, {_words(compared, True)} AS zh, {_words(compared, False)} AS en FROM lk_decided AS d
        ),
        waiting AS (
            SELECT a, b, weight, zh, en, '' AS decision FROM told AS t
            WHERE outcome = 'ask' ORDER BY round(weight, 6) DESC, a, b LIMIT {MOST_QUESTIONS}
        ),
        settled AS (
            SELECT w.record_a, w.record_b, t.weight, t.zh, t.en, CASE WHEN w.is_same THEN '{same}' ELSE '{different}' END
            FROM lk_word AS w LEFT JOIN told AS t ON least(t.a, t.b) = w.record_a AND greatest(t.a, t.b) = w.record_b
        ),
        asked AS (
            SELECT *, row_number() OVER (ORDER BY decision <> '', round(weight, 6) DESC NULLS LAST, a, b) AS question
            FROM (SELECT * FROM waiting UNION ALL SELECT * FROM settled) AS e
        ),
        sided AS (
            SELECT question, a AS unique_id, 1 AS side, decision, weight, zh, en FROM asked
            UNION ALL SELECT question, b, 2, decision, weight, zh, en FROM asked
        )
        SELECT s.question, {CHANCE.format("s.weight")} AS score, s.decision, l.file, l.row, l.unique_id AS row_id,
               c.number AS cluster, CASE WHEN s.side = 1 THEN s.zh END AS reasons_zh,
               CASE WHEN s.side = 1 THEN s.en END AS reasons_en, l.* EXCLUDE (unique_id, file, row)
        FROM sided AS s JOIN ({_listed(taken)}) AS l ON l.unique_id = s.unique_id
        JOIN lk_numbered AS c ON c.unique_id = s.unique_id ORDER BY s.question, s.side""",
        out / "review.csv",
        chinese,
    )


def _broken(taken: Sequence[ListFile], out: Path) -> None:
    """``unreadable.csv``: lines that are no rows of the table, with file and number."""
    import csv

    path = out / "unreadable.csv"
    path.unlink(missing_ok=True)
    if any(f.broken for f in taken):
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("file", "row", "text"))
            writer.writerows((f.name, row, text.strip()) for f in taken for row, text in f.broken.items())

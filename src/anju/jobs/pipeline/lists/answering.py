"""What people wrote into ``review.csv``, read back: rows that are one person, rows that are not.

A question is two lines with the same number; the answer may stand in either. Rows are found again by file and row, as a
spreadsheet counts them, so the file may be sorted, cut, saved as XLSX or in another encoding in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from anju.exchange.linkage.decisions import Decision
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline.lists import reading
from anju.jobs.pipeline.lists.reading import MOST_FILES, ListFile
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal

SAME = frozenset(
    ["同一人", "同一个人", "是同一人", "同", "相同", "是", "是的", "一人", "same", "yes", "y", "true", "1"]
)
DIFFERENT = frozenset(
    ["不同人", "不同", "不是", "否", "不是同一人", "两人", "两个人", "different", "no", "n", "false", "0"]
)
OPEN = frozenset(["", "?", "？", "不确定", "不知道", "不清楚", "unsure", "unknown"])
"""Left for another day."""
COLUMNS = ("question", "decision", "file", "row")
SHOWN = 10
"""Of many faults the first are told."""
LONGEST = 20


def read(engine: DuckEngine, path: Path, taken: Sequence[ListFile], spill: Path) -> list[Decision]:
    """The answers of a file like ``review.csv`` about the rows of the files ``taken`` (row ids as ``Decision`` has records).

    A question without an answer is left open. Raises ``linkage.answers_columns`` (not such a file), ``linkage.answers_words``
    (answers nobody can read, or two lines that disagree, each with its question), ``linkage.answers_rows`` (rows that are not
    in the files) and ``linkage.answers_contradict`` (said to be one person by way of others, and to be two).
    """
    try:
        file = reading.take(engine, path, MOST_FILES, spill, COLUMNS)
    except Refusal as refusal:
        if refusal.code == "linkage.list_empty":
            return []  # nothing was asked
        raise
    headings = [h.lower() for h in file.headings]
    if missing := [c for c in COLUMNS if c not in headings]:
        raise Refusal("linkage.answers_columns", file=path.name, columns="、".join(missing))
    cells = ", ".join(f"h{headings.index(c)}" for c in COLUMNS)
    lines = engine.rows(f"SELECT row_no, {cells} FROM lk_file_{file.no} ORDER BY row_no")
    answered = _answered(path.name, lines)
    said = _placed(engine, path.name, lines, answered, taken)
    _refuse_contradictions(path.name, said)
    return [word for _, word in said]


def _answered(name: str, lines: Iterable[tuple[Any, ...]]) -> dict[str, bool]:
    """Question to answer. An answer is a word of ``SAME`` or ``DIFFERENT``."""
    found: dict[str, bool] = {}
    faults: list[str] = []
    for row, question, decision, *_ in lines:
        word = str(decision or "").strip().strip("。.!！").lower()
        if word in OPEN:
            continue
        is_same = True if word in SAME else False if word in DIFFERENT else None
        if is_same is None or not question or found.get(question, is_same) is not is_same:
            faults.append(f"{row}: {question or '-'} “{word[:LONGEST]}”")
            continue
        found[str(question)] = is_same
    if faults:
        raise Refusal("linkage.answers_words", file=name, count=len(faults), lines="; ".join(faults[:SHOWN]))
    return found


def _placed(
    engine: DuckEngine,
    name: str,
    lines: Iterable[tuple[Any, ...]],
    answered: dict[str, bool],
    taken: Sequence[ListFile],
) -> list[tuple[str, Decision]]:
    """Each answered question with its two rows' ids."""
    sides: dict[str, list[tuple[str, int]]] = {q: [] for q in answered}
    for _, question, _, file, row in lines:
        if question in sides:
            number = whole(str(row or "").removesuffix(".0"))
            sides[question].append((str(file), -1 if number is None else number))
    ids = _ids(engine, taken, {row for two in sides.values() for _, row in two})
    found = {q: [ids[side] for side in two if side in ids] for q, two in sides.items()}
    if lost := [q for q, two in found.items() if len(set(two)) != 2 or len(sides[q]) != 2]:
        files = "、".join(f.name for f in taken)
        raise Refusal("linkage.answers_rows", file=name, questions="、".join(lost[:SHOWN]), files=files)
    return [(q, Decision(min(two), max(two), answered[q])) for q, two in found.items()]


def _ids(engine: DuckEngine, taken: Sequence[ListFile], rows: set[int]) -> dict[tuple[str, int], int]:
    """File and row to row id. Of two files with one name neither is told from the other: neither is found."""
    listed = ", ".join(map(str, sorted(rows))) or "NULL"
    names = [f.name for f in taken]
    return {
        (f.name, int(row)): int(number)
        for f in taken
        if names.count(f.name) == 1
        for row, number in engine.rows(
            f"SELECT row_no, unique_id FROM lk_file_{f.no} WHERE row_no IN ({listed})"
        )
    }


def _refuse_contradictions(name: str, said: Sequence[tuple[str, Decision]]) -> None:
    """Rows said to be two people must not be one by other answers."""
    above: dict[int, int] = {}

    def head(row: int) -> int:
        while row in above:
            row = above[row]
        return row

    for _, word in said:
        one, other = head(word.record_a), head(word.record_b)
        if word.is_same and one != other:
            above[max(one, other)] = min(one, other)
    torn = [q for q, word in said if not word.is_same and head(word.record_a) == head(word.record_b)]
    if torn:
        raise Refusal("linkage.answers_contradict", file=name, questions="、".join(torn[:SHOWN]))

"""What a decision about a family tie does to what the sources say later, case by case, on DuckDB and on Spark.

Everyone's school record names a father. A decision on the two is made on 2026-06-01. Then one more record may come, from the
child's side or the father's. Expected: the relations shown in the child's file, and in the father's, and whether it yields.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anju.exchange.library import family, rules, ties
from anju.exchange.library.inputs import SOURCES, BatchFile, Inputs
from anju.jobs.pipeline import own_records
from anju.register.store.queries.ties import Standing
from anju.register.ties import TieDecision, inverse, kind

sys.path.insert(0, str(Path(__file__).parent))
from test_spell_decisions import engine  # noqa: F401 - the fixture

SEEN, DECIDED, LATER = date(2026, 3, 1), date(2026, 6, 1), date(2026, 9, 1)
SCHOOL, MARRIAGE = "education_enrolment", "civil_marriage"
FATHER, SON, SIBLING, SPOUSE = "51", "20", "70", "10"
Row = tuple[str, str, str]  # dataset, whose record (child or father), relation
CASES: list[tuple[str, str, Row | None, set[str], set[str], bool]] = [
    ("another relation", SIBLING, None, {SIBLING}, {SIBLING}, False),
    ("no relation", "", None, set(), set(), False),
    ("the same with its sources", FATHER, None, {FATHER}, {SON}, False),
    ("said again", "", (SCHOOL, "child", FATHER), set(), set(), False),
    ("said by somebody without authority", "", (SCHOOL, "father", SIBLING), set(), set(), False),
    ("the authority says what was overruled", SIBLING, (MARRIAGE, "child", "50"), {SIBLING}, {SIBLING}, False),
    ("the authority says what was overruled, from the other side", SIBLING, (MARRIAGE, "father", SON), {SIBLING}, {SIBLING}, False),
    ("the authority says what was decided", SPOUSE, (MARRIAGE, "father", SPOUSE), {SPOUSE}, {SPOUSE}, False),
    ("the authority says something new", SIBLING, (MARRIAGE, "child", SPOUSE), {FATHER, SPOUSE}, {SON, SPOUSE}, True),
    ("the authority says something new, from the other side", "", (MARRIAGE, "father", SPOUSE), {FATHER, SPOUSE}, {SON, SPOUSE}, True),
]  # fmt: skip


def test_what_holds_and_what_yields(engine: Any, tmp_path: Path) -> None:  # noqa: F811
    told: list[tuple[int, str, date, str, int]] = []
    decisions = []
    for n, (_words, relation, later, *_expected) in enumerate(CASES):
        child, father = 2 * n + 1, 2 * n + 2
        told.append((child, SCHOOL, SEEN, FATHER, father))
        if later:
            who, whom = (child, father) if later[1] == "child" else (father, child)
            told.append((who, later[0], LATER, later[2], whom))
        made = TieDecision(f"P{father}", "", relation, (kind(FATHER),))
        decisions.append(Standing(n, f"P{child}", f"P{father}", made, DECIDED))
    given = written(engine, told, tmp_path, own_records.write_decided_kin(decisions, tmp_path))
    ties.hear(engine, given, rules.load("demo"))
    every = ties.over(engine, family._both_ways(), family._turned())
    shown: dict[int, set[str]] = {}
    listed = f"SELECT pid, relation, {SOURCES} FROM ({every}) AS every GROUP BY pid, relation"
    for pid, relation, sources in engine.rows(listed):
        shown.setdefault(pid, set()).add(relation)
        assert sources
    yielded = {pid for (pid,) in engine.rows("SELECT DISTINCT pid FROM kin_news")}
    for n, (words, _relation, _later, childs, fathers, yields) in enumerate(CASES):
        found = shown.get(2 * n + 1, set()), shown.get(2 * n + 2, set()), 2 * n + 1 in yielded
        assert found == (childs, fathers, yields), words


def test_both_sides_of_a_relation_agree_with_what_a_run_says(engine: Any) -> None:  # noqa: F811
    """The page and the run turn a relation round alike, for each code and either sex."""
    for sex in ("1", "2"):
        for code in ("10", "11", "12", "20", "30", "40", "50", "51", "52", "60", "70", "99"):
            query = f"SELECT {family._turned()} FROM (SELECT '{code}' AS relation) AS k, (SELECT '{sex}' AS sex, NULL AS citizen_no) AS s"
            assert engine.rows(query)[0][0] == inverse(code, sex), (code, sex)


def written(engine: Any, told: list[Any], folder: Path, decided: Path | None) -> Inputs:  # noqa: F811
    """``kin_told``, ``shown``, ``person_no`` and an empty ``together``, as the steps before leave them."""
    pids, datasets, seen, relations, relatives = (list(c) for c in zip(*told, strict=True))
    people = sorted({*pids, *relatives})
    number = pa.array(people, pa.int32())
    files = {
        "kin_told": pa.table({
            "pid": pa.array(pids, pa.int32()), "dataset": datasets, "seen": seen, "relation": relations,
            "name": ["x"] * len(told), "relative": pa.array(relatives, pa.int32())}),
        "shown": pa.table({"pid": number, "name": [f"N{p}" for p in people], "sex": ["1"] * len(people),
            "citizen_no": pa.array([None] * len(people), pa.string())}),
        "person_no": pa.table({"person_code": [f"P{p}" for p in people], "pid": number}),
        "together": pa.table({"pid": number[:0], "relative": number[:0], "dataset": pa.array([], pa.string()),
            "seen": pa.array([], pa.date32()), "household_no": pa.array([], pa.string())}),
    }  # fmt: skip
    for name, rows in files.items():
        pq.write_table(rows, folder / f"{name}.parquet")
        engine.scan(name, [folder / f"{name}.parquet"])
    held = frozenset({"kin.relation"})
    batches = tuple(BatchFile(d, d, folder / "kin_told.parquet", n) for n, d in enumerate((SCHOOL, MARRIAGE)))
    return Inputs(batches, {SCHOOL: held, MARRIAGE: held}, (), DECIDED, None, decided)

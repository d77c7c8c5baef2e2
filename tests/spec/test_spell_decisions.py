"""What a decision about a stay does to what the sources say later, case by case, on DuckDB and on Spark.

Everyone's police record says: from 2024, no end; a visit in 2026 saw them. A decision is made on 2026-06-01. Then one more
record may come. Expected: the stays (at dwelling A, unless another is named), and whether the decision yields.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anju.exchange.library import corrected, periods, rules
from anju.exchange.library.inputs import BatchFile, Inputs
from anju.exchange.library.periods import Spells
from anju.jobs import engines
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import own_records
from anju.register.spells import Change, SpellDecision, decide
from anju.register.store.queries.spells import Standing

BEGAN, DECIDED, LATER = date(2024, 1, 1), date(2026, 6, 1), date(2026, 9, 1)
LEFT, CAME, SUMMER = date(2026, 2, 1), date(2025, 6, 1), date(2026, 7, 1)
POLICE, VISIT = "police_residence", "community_visit"
A, B, C = "DA", "DB", "DC"
Days = tuple[date | None, date | None]
Stay = tuple[str, date | None, date | None]
Later = tuple[str, Days] | tuple[str, Days, str]
CASES: list[tuple[str, Change, Later | None, list[Days], bool]] = [
    ("end", Change(end_on=LEFT), None, [(BEGAN, LEFT)], False),
    ("begin", Change(begin_on=CAME), None, [(CAME, None)], False),
    ("never theirs", Change(is_taken_out=True), None, [], False),
    ("the police say again what was overruled", Change(end_on=LEFT), (POLICE, (BEGAN, None)), [(BEGAN, LEFT)], False),
    ("the police say another end", Change(end_on=LEFT), (POLICE, (BEGAN, SUMMER)), [(BEGAN, SUMMER)], True),
    ("the police say another begin", Change(begin_on=CAME), (POLICE, (date(2023, 1, 1), None)), [(date(2023, 1, 1), None)], True),
    ("the police end what never was", Change(is_taken_out=True), (POLICE, (BEGAN, SUMMER)), [], False),
    ("the police tell of a later stay", Change(end_on=LEFT), (POLICE, (SUMMER, None)), [(BEGAN, LEFT), (SUMMER, None)], False),
    ("a visit saw them", Change(end_on=LEFT), (VISIT, (None, None)), [(BEGAN, LEFT)], False),
    ("a visit heard of another end", Change(end_on=LEFT), (VISIT, (BEGAN, SUMMER)), [(BEGAN, LEFT)], False),
    ("the stay ends after its begin was put right", Change(begin_on=CAME), (POLICE, (BEGAN, SUMMER)), [(CAME, SUMMER)], False),
]  # fmt: skip
TO_B = Change(to_place=B)
MOVED: list[tuple[str, Change, Later | None, list[Stay], bool]] = [
    ("another dwelling", TO_B, None, [(B, BEGAN, None)], False),
    ("another dwelling and end", Change(to_place=B, end_on=LEFT), None, [(B, BEGAN, LEFT)], False),
    ("the police say the wrong one again", TO_B, (POLICE, (BEGAN, None)), [(B, BEGAN, None)], False),
    ("the police say the right one", TO_B, (POLICE, (BEGAN, None), B), [(B, BEGAN, None)], False),
    ("the police say the right one until summer", TO_B, (POLICE, (BEGAN, SUMMER), B), [(B, BEGAN, SUMMER)], False),
    ("a visit heard of the right one", Change(to_place=B, begin_on=CAME), (VISIT, (BEGAN, None), B), [(B, CAME, None)], False),
    ("the police say since when at the wrong one", TO_B, (POLICE, (CAME, None)), [(A, BEGAN, None)], True),
    ("the police say a third one", TO_B, (POLICE, (BEGAN, None), C), [(A, BEGAN, None), (C, BEGAN, None)], True),
    ("the police tell of a later stay elsewhere", TO_B, (POLICE, (SUMMER, None), C), [(B, BEGAN, None), (C, SUMMER, None)], False),
]  # fmt: skip
EVERY = [(w, c, later, [(A, *d) for d in stays], y) for w, c, later, stays, y in CASES] + MOVED


@pytest.fixture(
    params=[
        "duckdb",
        pytest.param(
            "spark",
            marks=[
                pytest.mark.spark,
                pytest.mark.slow,
                pytest.mark.filterwarnings("ignore"),
                pytest.mark.skipif(shutil.which("java") is None, reason="NO JAVA HERE: SPARK IS NOT TESTED"),
            ],
        ),
    ]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    opened: Callable[[Path], Any] = (
        DuckEngine if request.param == "duckdb" else lambda folder: engines.opened_spark(folder, partitions=1)
    )
    found = opened(tmp_path / "spill")
    yield found
    found.close()


def test_what_holds_and_what_yields(engine: Any, tmp_path: Path) -> None:
    told, decisions = [], []
    for pid, (_words, change, later, _stays, _yields) in enumerate(EVERY, start=1):
        told += [
            (pid, POLICE, date(2026, 3, 1), BEGAN, None, A),
            (pid, VISIT, date(2026, 4, 1), None, None, A),
        ]
        told += [(pid, later[0], LATER, *later[1], later[2] if len(later) > 2 else A)] if later else []
        decision = decide(SpellDecision("stay", A, "", BEGAN, None), change, DECIDED)
        decisions.append(Standing(pid, f"P{pid}", decision, DECIDED))
    given = written(engine, told, tmp_path, own_records.write_decided(decisions, tmp_path))
    said = rules.load("demo")
    query = (
        "SELECT w.pid, CASE WHEN r.dataset = 'police_residence' THEN 1 ELSE 0 END AS ds, r.dataset, r.observed_on AS seen, "
        "r.\"stay.begin_on\" AS begin_on, r.\"stay.end_on\" AS end_on, r.place AS code, '' AS told_region, '01' AS kind "
        "FROM every AS r JOIN who AS w ON r.record_id = w.record_id"
    )
    spells = Spells("stay", query, ("code", "told_region"), (("kind", "stay.dwelling_kind", "VARCHAR"),))
    periods.merge(engine, given, said, corrected.apply(engine, given, said, spells, "q.told_region"))
    stays: dict[int, list[Stay]] = {}
    for pid, *stay in engine.rows(
        "SELECT pid, code, begin_on, end_on FROM stay ORDER BY pid, begin_on, code"
    ):
        stays.setdefault(pid, []).append(tuple(stay))
    yielded = {pid for (pid,) in engine.rows("SELECT DISTINCT pid FROM stay_news")}
    for pid, (words, _change, _later, expected, yields) in enumerate(EVERY, start=1):
        assert (stays.get(pid, []), pid in yielded) == (expected, yields), words


def written(engine: Any, told: list[Any], folder: Path, decided: Path | None) -> Inputs:
    """Records as accepted batches, who they are about, and the people, as resolution has them."""
    ids = list(range(1, len(told) + 1))
    columns = zip(*told, strict=True)
    pids, datasets, seen, begins, ends, places = (list(c) for c in columns)
    table = pa.table(
        {
            "record_id": ids,
            "dataset": datasets,
            "observed_on": seen,
            "sent_on": seen,
            "stay.begin_on": pa.array(begins, pa.date32()),
            "stay.end_on": pa.array(ends, pa.date32()),
            "place": places,
        }
    )
    people = sorted(set(pids))
    files = {
        "every": table,
        f"raw_{POLICE}": table.filter(pa.array([d == POLICE for d in datasets])),
        "who": pa.table({"record_id": ids, "pid": pa.array(pids, pa.int32())}),
        "person_no": pa.table(
            {"person_code": [f"P{p}" for p in people], "pid": pa.array(people, pa.int32())}
        ),
    }
    for name, rows in files.items():
        pq.write_table(rows, folder / f"{name}.parquet")
        engine.scan(name, [folder / f"{name}.parquet"])
    held = frozenset({"stay.begin_on", "stay.end_on"})
    batches = tuple(BatchFile(d, d, folder / "every.parquet", n) for n, d in enumerate((POLICE, VISIT)))
    return Inputs(batches, {POLICE: held, VISIT: held}, (), DECIDED, decided)

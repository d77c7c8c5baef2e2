"""Evidence is kept in parts: what a later run weighed anew, or whose record was sent again, stands in the place of the former."""

from __future__ import annotations

from pathlib import Path

import pytest

from anju.exchange.linkage import state
from anju.jobs.engine import DuckEngine


@pytest.fixture
def engine(tmp_path: Path) -> DuckEngine:
    return DuckEngine(tmp_path / "spill", "256MB", 1)


def _part(engine: DuckEngine, path: Path, *edges: tuple[int, int, float | None]) -> Path:
    rows = ", ".join(f"({a}, {b}, {'NULL' if w is None else w})" for a, b, w in edges)
    engine.save(
        f"SELECT CAST(a AS UBIGINT) AS record_a, CAST(b AS UBIGINT) AS record_b, CAST(w AS DOUBLE) AS weight "
        f"FROM (VALUES {rows}) AS v(a, b, w)",
        path,
    )
    return path


def test_the_newest_word_on_a_pair_counts_and_none_of_a_record_sent_again(
    engine: DuckEngine, tmp_path: Path
) -> None:
    paths = [
        _part(engine, tmp_path / "edges.parquet", (1, 2, 5.0), (3, 4, 6.0), (5, 6, 7.0), (7, 8, 8.0)),
        _part(engine, tmp_path / "edges-000002.parquet", (1, 2, 9.0), (4, 9, 3.0), (4, 4, None)),
        _part(engine, tmp_path / "edges-000003.parquet", (6, 6, None), (2, 7, 4.0)),
    ]
    state.scan_edges(engine, "edges", paths)

    assert engine.rows("SELECT * FROM edges ORDER BY record_a, record_b") == [
        (1, 2, 9.0),
        (2, 7, 4.0),
        (4, 9, 3.0),
        (7, 8, 8.0),
    ]


def test_a_delta_names_the_records_whose_evidence_no_longer_counts(
    engine: DuckEngine, tmp_path: Path
) -> None:
    engine.scan("lk_edges_before", [_part(engine, tmp_path / "e.parquet", (1, 2, 5.0), (3, 4, 6.0))])
    engine.run(
        "CREATE TABLE lk_arrived AS SELECT CAST(r AS UBIGINT) AS record_id FROM (VALUES (2), (10)) AS v(r)"
    )
    engine.run(
        "CREATE TABLE lk_gone AS SELECT CAST(r AS UBIGINT) AS record_id FROM (VALUES (3), (11)) AS v(r)"
    )

    assert engine.rows(f"{state.stale_sql(1)} ORDER BY 1") == [(2, 2, None), (3, 3, None)]

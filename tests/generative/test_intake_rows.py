"""Whatever stands in the cells: every row of a file is in the batch or held, once, under its own number."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from anju.exchange.store import queries
from anju.exchange.store.actions import Accepted
from anju.jobs.pipeline import intake
from anju.jobs.pipeline.reading.crew import Crew
from anju.kernel.refusal import Refusal
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from intake_files import HEADERS, as_csv, as_ndjson, as_parquet, person, put

AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
WRITTEN = st.one_of(
    st.sampled_from(
        ["", "-", "无", "NULL", "男", "2024年13月", "2024-02-30", "１９９０－０１－０１", "99", "123456789012345", "和安市", "村",
         "号", "建设路号栋单元室", "3-2-1-1-1", "十百", "张 三", "“", '"', "a\nb", "\t", "，", "�", "9" * 40, "-0", "1e9", "inf",
         "农历", "0000", "𠮷", "\u200b", "@x", "+1"]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
    st.from_regex(r"[0-9年月日./\- ]{4,12}", fullmatch=True),
)  # fmt: skip
CHANGES = st.dictionaries(st.sampled_from(HEADERS), WRITTEN, max_size=4)
FILES = st.tuples(
    st.lists(CHANGES, min_size=1, max_size=40),
    st.sampled_from(
        [("a.csv", as_csv), ("g.csv", lambda rows: as_csv(rows, "gb18030")), ("a.ndjson", as_ndjson), ("a.parquet", as_parquet)]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[Crew]:
    with intake.opened(memory="512MB") as engine:
        yield engine


@pytest.mark.usefixtures("shared")
class EveryRow(TestCase):
    """Hypothesis' own test case gives each example a transaction of its own."""

    engine: Crew

    @given(FILES)
    @settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
    def test_no_row_is_lost_or_doubled(self, drawn: tuple[list[dict[str, str]], Any]) -> None:
        changes, (name, written) = drawn
        rows = [person(n, **change) for n, change in enumerate(changes)]
        rows += [
            person(100 + n) for n in range(len(rows) + 1)
        ]  # most rows are sound, so the file is not refused
        with tempfile.TemporaryDirectory() as folder:
            path = put(Path(folder), name, written(rows))
            try:
                done = intake.take(self.engine, path, name=name, by=system("test"), at=AT)
            except Refusal as told:
                refused = told
            else:
                refused = None
            if refused is not None:
                assert refused.code == "intake.formula"
                assert any(str(v).startswith("=") for row in rows for v in row.values())
                return
        self._accounted(done, len(rows), first=1 if name.endswith("ndjson") else 2)

    def _accounted(self, done: Accepted, count: int, first: int) -> None:
        batch = next(b for b in queries.accepted_batches() if b.id == done.batch)
        taken = [int(n) for n in pq.read_table(batch.path, columns=["row_no"])["row_no"].to_pylist()]
        held = [r.row_no for r in queries.list_held(done.batch, limit=1000).rows]
        assert sorted(taken + held) == list(range(first, first + count))
        assert (done.rows, done.held) == (len(taken), len(held))
        for row in queries.list_held(done.batch, limit=1000).rows:
            assert row.faults


@pytest.fixture(scope="module")
def shared(engine: Crew) -> None:
    EveryRow.engine = engine

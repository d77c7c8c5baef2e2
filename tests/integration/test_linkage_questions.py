"""After a delta the reviewers' queue holds what a queue made anew would hold, without being made anew."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anju.exchange.linkage.mentions import Batch
from anju.exchange.review import questions
from anju.jobs.pipeline import linkage, review

sys.path.insert(0, str(Path(__file__).parents[1] / "generative"))
from linkage_people import mentions, people


def batch(folder: Path, rows: pa.Table, place: int) -> Batch:
    name, count = f"b{place}", rows.num_rows
    told = {
        "batch": [name] * count,
        "row_no": pa.array(range(count), pa.uint32()),
        "is_deleted": [False] * count,
        "record_key": [f"{name}-{i}" for i in range(count)],
        "observed_on": pa.nulls(count, pa.date32()),
        "sent_on": pa.nulls(count, pa.date32()),
    }
    for column, values in told.items():
        rows = rows.append_column(column, values if isinstance(values, pa.Array) else pa.array(values))
    pq.write_table(rows, folder / f"{name}.parquet")
    return Batch(name, "office", folder / f"{name}.parquet", place)


def queue() -> set[tuple[object, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_a, record_b, person_a, person_b, weight, reason, state, told IS NOT NULL "
            "FROM exchange_reviewquestion WHERE state = 'open'"
        )
        return set(cursor.fetchall())


@pytest.mark.django_db
def test_a_delta_collects_only_what_it_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    rows, _ = mentions(people(700, 11), 11)
    late = pa.array([i % 40 == 7 for i in range(rows.num_rows)])
    first, second = (rows.filter(pa.compute.invert(late)), rows.filter(late))
    batches = [batch(tmp_path, first, 0)]
    monkeypatch.setattr(linkage, "accepted", lambda: batches)
    linkage.run()
    review.follow()
    before = queue()
    assert len(before) >= 5

    batches.append(batch(tmp_path, second, 1))
    assert linkage.run().run == 2
    made: list[int] = []
    collect = questions.collect

    def counted(*given: object) -> tuple[questions.Question, ...]:
        found = collect(*given)  # type: ignore[arg-type]
        made.append(len(found))
        return found

    monkeypatch.setattr(questions, "collect", counted)
    review.follow()
    by_delta = queue()
    review.follow(force=True)
    assert by_delta == queue()
    assert all(told for *_, told in by_delta)
    assert made[0] < made[1] == len(by_delta)


@pytest.mark.django_db
def test_records_sent_again_are_described_anew_where_they_state_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    rows, _ = mentions(people(700, 12), 12)
    batches = [batch(tmp_path, rows, 0)]
    monkeypatch.setattr(linkage, "accepted", lambda: batches)
    linkage.run()
    review.follow()
    asked = {record for record_a, record_b, *_ in queue() for record in (record_a, record_b)}
    assert asked
    made: list[int] = []
    collect = questions.collect

    def counted(*given: object) -> tuple[questions.Question, ...]:
        found = collect(*given)  # type: ignore[arg-type]
        made.append(len(found))
        return found

    monkeypatch.setattr(questions, "collect", counted)
    beside = pa.array(
        [
            place % 8 == 0 and record not in asked and bool(number)
            for place, (record, number) in enumerate(
                zip(rows["record_id"].to_pylist(), rows["person.citizen_no"].to_pylist(), strict=True)
            )
        ]
    )
    again = rows.filter(beside)
    batches.append(batch(tmp_path, again, 1))
    linkage.run()
    review.follow()
    assert made.pop() == 0, "sent again as it was: every question stands"

    moved = again.set_column(
        again.schema.get_field_index("person.phone"),
        "person.phone",
        pa.array([f"129{i:08d}" for i in range(again.num_rows)]),
    )
    batches.append(batch(tmp_path, moved, 2))
    linkage.run()
    review.follow()
    anew = made.pop()
    by_delta = queue()
    review.follow(force=True)
    assert 0 < anew < made.pop()
    assert {q[:4] for q in by_delta} == {q[:4] for q in queue()}

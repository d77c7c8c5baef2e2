"""What goes back to the sender and how it is followed: keys sent twice, unread values, rows faulty again, reminders."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from anju.exchange.store import queries
from anju.exchange.store.actions import Accepted
from anju.jobs.pipeline import intake
from anju.jobs.pipeline.reading import work as intake_work
from anju.jobs.pipeline.reading import writing as intake_writing
from anju.jobs.pipeline.reading.crew import Crew
from anju.kernel.refusal import Refusal
from anju.kernel.wording import explain
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import as_csv, people, person, put

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
BY = system("test")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with intake.opened(memory="1GB") as crew:
        yield crew


def take(crew: Crew, path: Path, at: datetime = AT) -> Accepted:
    return intake.take(crew, path, name=path.name, by=BY, at=at)


def held(batch: str) -> dict[int, tuple[str, set[str]]]:
    return {r.row_no: (r.state, {f.code for f in r.faults}) for r in queries.list_held(batch).rows}


def report(batch: str) -> list[dict[str, Any]]:
    sheet = load_workbook(io.BytesIO(queries.error_report(batch))).active
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_of_two_rows_with_one_key_the_first_is_taken_and_the_later_ones_are_held(
    crew: Crew, tmp_path: Path
) -> None:
    rows = [*people(6), person(2, 姓名="李四"), person(3), person(1, 登记日期="某天")]
    done = take(crew, put(tmp_path, "居住登记.csv", as_csv(rows)))
    assert (done.rows, done.held) == (6, 3)
    assert held(done.batch) == {
        8: ("open", {"key_twice"}),
        9: ("open", {"key_twice"}),
        10: ("open", {"date"}),
    }
    assert [row["退回行号"] for row in report(done.batch)] == ["8", "9", "10"]
    alone = take(crew, put(tmp_path / "later", "居住登记.csv", as_csv([rows[6]])))
    assert (alone.rows, alone.fixed) == (1, 1)


def test_a_key_is_found_again_in_a_later_chunk(
    crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anju.exchange.intake.reading.streaming.ROWS", 1)
    monkeypatch.setattr("anju.exchange.intake.reading.streaming.BLOCK", 4096)
    done = take(crew, put(tmp_path, "居住登记.csv", as_csv([*people(300), person(0)])))
    assert (done.rows, held(done.batch)) == (300, {302: ("open", {"key_twice"})})


def test_values_that_could_not_be_read_are_in_the_report_beside_the_held_rows(
    crew: Crew, tmp_path: Path
) -> None:
    rows = people(6)
    rows[1] |= {"联系电话": "123", "公民身份号码": "990102197501010000"}
    rows[3] |= {"登记日期": "某天", "联系电话": "4"}
    rows[4] |= {"现住址": "和安市云津区"}
    done = take(crew, put(tmp_path, "居住登记.csv", as_csv(rows)))
    assert (done.rows, done.held) == (5, 1)
    first, second, third = report(done.batch)
    assert (first["退回行号"], first["错误字段"]) == ("5", "登记日期")
    assert first["处理"].startswith("退回")
    assert (second["退回行号"], set(second["错误字段"].split("；"))) == ("3", {"公民身份号码", "联系电话"})
    assert second["处理"].startswith("已收下")
    assert all(second[name] for name in ("原因", "如何修改"))
    assert (third["退回行号"], third["错误字段"]) == ("6", "现住址")


def test_a_row_that_comes_again_faulty_is_followed_in_the_later_batch_from_its_first_day(
    crew: Crew, tmp_path: Path
) -> None:
    first = take(crew, put(tmp_path / "1", "居住登记.csv", as_csv([*people(4), person(9, 登记日期="某天")])))
    later = AT + timedelta(days=3)
    again = take(
        crew, put(tmp_path / "2", "居住登记.csv", as_csv([*people(5), person(9, 登记日期="改天")])), later
    )
    assert queries.held_states() == {"open": 1, "fixed": 0, "again": 1, "waived": 0}
    assert held(first.batch)[6][0] == "again"
    (row,) = queries.list_held(again.batch, now=AT + timedelta(days=5)).rows
    assert (row.since, row.overdue_days) == (AT, 4)
    (line,) = [b for b in queries.list_batches(now=AT + timedelta(days=5)).rows if b.held_open]
    assert (line.id, line.held_open, line.overdue) == (again.batch, 1, 1)
    assert [b.overdue for b in queries.list_batches(now=later - timedelta(days=2, hours=1)).rows] == [0, 0]
    mended = take(crew, put(tmp_path / "3", "居住登记.csv", as_csv([person(9)])), later)
    assert (mended.fixed, queries.held_states()["open"]) == (1, 0)


def test_what_is_no_plain_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    real = put(tmp_path / "elsewhere", "居住登记.csv", as_csv(people(2)))
    (folder / "a folder.csv").mkdir(parents=True)
    (folder / "link.csv").symlink_to(real)
    os.mkfifo(folder / "pipe.csv")
    outcomes = list(intake.ingest([folder], by=BY, at=lambda: AT))
    assert [isinstance(o, intake.Failed) and o.refusal.code for o in outcomes] == ["intake.no_file"] * 3
    (folder.parent / "nothing").mkdir()
    with pytest.raises(Refusal, match="no_files"):
        list(intake.ingest([folder.parent / "nothing"], by=BY, at=lambda: AT))


@pytest.mark.parametrize("trouble", ["still_written", "disk_full"])
def test_a_file_that_grows_and_a_full_disk_are_refused_without_a_trace(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    path = put(tmp_path / "in", "居住登记.csv", as_csv(people(50)))
    run = intake_work.Work.run

    def grown(work: intake_work.Work) -> Any:
        told = run(work)
        with path.open("ab") as stream:
            stream.write(b"x")
        return told

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    if trouble == "still_written":
        monkeypatch.setattr(intake_work.Work, "run", grown)
    else:
        monkeypatch.setattr(intake_writing.BatchFiles, "add_good", full)
    (outcome,) = intake.ingest([path], by=BY, at=lambda: AT)
    assert isinstance(outcome, intake.Failed)
    assert outcome.refusal.code == f"intake.{trouble}"
    assert "居住登记.csv" in explain(outcome.refusal, "zh")
    assert not [p for p in (own_home / "lake").rglob("*") if p.is_file()]

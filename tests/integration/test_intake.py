"""Files become batches, whole or not at all: formats, repeats, hostile files, kills, and the way back to the sender."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from openpyxl import Workbook, load_workbook

from anju.exchange.store import actions, queries
from anju.exchange.store.actions import Accepted
from anju.jobs.pipeline import intake
from anju.jobs.pipeline.reading import work as intake_work
from anju.jobs.pipeline.reading.crew import Crew
from anju.kernel.refusal import Refusal
from anju.kernel.wording import explain
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import (
    HOSTILE,
    as_blanked_csv,
    as_csv,
    as_ndjson,
    as_parquet,
    as_xlsx,
    people,
    person,
    put,
    sheets,
)

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
BY = system("test")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("ANJU_HOME", str(home))
    return home


@pytest.fixture(scope="module")
def engine() -> Iterator[Crew]:
    with intake.opened(memory="1GB") as engine:
        yield engine


def take(engine: Crew, path: Path, **more: Any) -> Accepted:
    return intake.take(engine, path, name=path.name, by=BY, at=AT, **more)


def rows_of(accepted: Accepted) -> list[dict[str, Any]]:
    batch = next(b for b in queries.accepted_batches() if b.id == accepted.batch)
    return sorted(pq.read_table(batch.path).to_pylist(), key=lambda row: int(row["row_no"]))


def kept_files(home: Path) -> list[str]:
    return [p.name for p in (home / "lake").rglob("*") if p.is_file()] if (home / "lake").exists() else []


FORMATS = {
    "居住登记.csv": as_csv(people(40)),
    "with a mark.csv": as_csv(people(40), "utf-8-sig"),
    "gb.csv": as_csv(people(40), "gb18030"),
    "tabs.tsv": as_csv(people(40), delimiter="\t"),
    "titled.csv": as_csv(people(40), title="和安市居住登记表\n报送单位：公安局\n"),
    "居住登记.ndjson": as_ndjson(people(40)),
    "居住登记.parquet": as_parquet(people(40)),
    "居住登记.xlsx": as_xlsx(people(40)),
    "titled.xlsx": as_xlsx(people(40), title="和安市居住登记表"),
    "second sheet.xlsx": as_xlsx(people(40), first_sheet=True),
    "old rows hidden.xlsx": sheets(people(90)[50:], people(40), hidden=0),
    "marked as text.csv": as_csv([{h: f"'{v}" for h, v in p.items()} for p in people(40)]),
    "old Mac.csv": as_csv(people(40)).replace(b"\r\n", b"\r"),
    "broken title.csv": as_csv(people(40), title='"居住登记\n（副标题）",\n'),
    "blanks before quotes.csv": as_blanked_csv(people(40)).encode("gb18030"),
    "marks of a form.csv": as_csv([{f"*{h}（必填）": v for h, v in p.items()} for p in people(40)]),
    "headers of two lines.csv": as_csv([{"\n".join(h): v for h, v in p.items()} for p in people(40)]),
    "not told as text.parquet": as_parquet([{h: v.encode() for h, v in p.items()} for p in people(40)]),
    "blanks and a title.csv": as_blanked_csv(people(40), '"居住登记\n（副标题）",\n').encode("utf-8-sig"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_batch(engine: Crew, tmp_path: Path, name: str) -> None:
    done = take(engine, put(tmp_path, name, FORMATS[name]))
    assert (done.dataset, done.rows, done.held) == ("police_residence", 40, 0)
    found = rows_of(done)
    wanted = [person(n) for n in range(40)]
    assert [r["record_key"] for r in found] == [w["登记编号"] for w in wanted]
    assert [r["person.citizen_no"] for r in found] == [w["公民身份号码"] for w in wanted]
    assert [r["person.born_on"].isoformat() for r in found] == [w["出生日期"] for w in wanted]
    assert {r["stay.region"] for r in found} == {"990102001001"}
    assert [r["stay.number"] for r in found] == [str(n + 1) for n in range(40)]
    first = {"ndjson": 1}.get(name.rsplit(".", 1)[1], 2) + {
        "titled.csv": 2,
        "titled.xlsx": 1,
        "broken title.csv": 1,
        "blanks and a title.csv": 1,
    }.get(name, 0)
    assert [r["row_no"] for r in found] == list(range(first, first + 40))


def test_days_are_stated_by_folders_and_truth_is_left_out(tmp_path: Path) -> None:
    for day, count in (("2026-07-02", 2), ("2026-07-01", 3)):
        put(tmp_path / "in" / day, "居住登记.csv", as_csv(people(count)))
    put(tmp_path / "in" / "truth", "居住登记.csv", as_csv(people(9)))
    put(tmp_path / "in" / "2026-13-45", "居住登记.csv", as_csv(people(4)))
    late = datetime(2026, 7, 2, 20, tzinfo=UTC)  # the third has begun here
    outcomes = list(intake.ingest([tmp_path / "in"], by=BY, at=lambda: late))
    assert [o.rows for o in outcomes if isinstance(o, Accepted)] == [3, 2, 4]
    assert [b.sent_on for b in queries.accepted_batches()] == [
        date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 3),
    ]  # fmt: skip


def test_a_day_that_stands_for_none_is_none(engine: Crew, tmp_path: Path) -> None:
    rows = [person(n, 离开日期=day) for n, day in enumerate(("9999-12-31", "0000-00-00", "长期", ""))]
    odd = person(9, 离开日期="2026-02-30")
    required = person(10, 离开日期="", 登记日期="9999-12-31")
    done = take(engine, put(tmp_path, "居住登记.csv", as_csv([*rows, *people(9)[4:], odd, required])))
    assert (done.rows, done.held) == (9, 2)
    assert {r["stay.end_on"] for r in rows_of(done)} == {None}
    held = queries.list_held(done.batch, state="open", limit=9, now=AT).rows
    assert [[(f.field, f.code) for f in r.faults] for r in held] == [
        [("离开日期", "date")], [("登记日期", "missing")],
    ]  # fmt: skip


def test_the_same_file_twice_changes_nothing(engine: Crew, tmp_path: Path, own_home: Path) -> None:
    path = put(tmp_path, "居住登记.csv", as_csv([*people(5), person(9, 登记日期="某天")]))
    first = take(engine, path)
    before = (queries.list_batches().rows, queries.held_states(), kept_files(own_home))
    again = take(engine, put(tmp_path / "copy", "another name.csv", path.read_bytes()))
    assert (first.is_new, again.is_new, again.batch) == (True, False, first.batch)
    assert (queries.list_batches().rows, queries.held_states(), kept_files(own_home)) == before


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_and_leaves_one_log_entry(
    tmp_path: Path, own_home: Path, what: str
) -> None:
    name, body, code = HOSTILE[what]
    with connection.cursor() as cursor:
        (outcome,) = intake.ingest([put(tmp_path / "in", name, body())], by=BY, at=lambda: AT)
        assert isinstance(outcome, intake.Failed)
        assert outcome.refusal.code.startswith(code)
        cursor.execute("SELECT lines FROM trust_logpending")
        lines = [line for (line,) in cursor.fetchall()]
    assert len(lines) == 1
    assert outcome.refusal.code in lines[0]
    assert "refused" in lines[0]
    for language in ("zh", "en"):
        told = explain(outcome.refusal, language)
        assert outcome.refusal.code not in told
        assert "?" not in told
        assert "{" not in told
        assert "12000000" not in told
    assert queries.accepted_batches() == ()
    assert kept_files(own_home) == []


def test_a_refusal_says_what_is_wrong_in_the_readers_language(engine: Crew, tmp_path: Path) -> None:
    name, body, _ = HOSTILE["mostly bad rows"]
    with pytest.raises(Refusal) as refused:
        take(engine, put(tmp_path, name, body()))
    assert "登记日期 日期读不懂 × 4" in explain(refused.value, "zh")
    assert "登记日期 not a readable date × 4" in explain(refused.value, "en")


def test_a_refused_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    put(tmp_path / "in", "a.csv", b"")
    put(tmp_path / "in", "b.csv", as_csv(people(2)))
    failed, taken = intake.ingest([tmp_path / "in"], by=BY, at=lambda: AT)
    assert isinstance(failed, intake.Failed)
    assert isinstance(taken, Accepted)
    assert taken.rows == 2


SPOILED = [
    person(0),
    person(1, 登记日期="某天"),
    person(2, 性别="丙", 姓名="李2"),
    person(3),
    person(4, 登记编号=""),
    person(5, 公民身份号码="990102197501010000", 联系电话="123"),
    person(6, 现住址="=" * 0),
    *people(20)[7:],
]


def test_bad_rows_are_held_with_field_and_reason_and_others_are_taken(
    engine: Crew, tmp_path: Path, own_home: Path
) -> None:
    done = take(engine, put(tmp_path, "居住登记.csv", as_csv(SPOILED)))
    assert (done.rows, done.held) == (16, 4)
    held = {r.row_no: {(f.field, f.code) for f in r.faults} for r in queries.list_held(done.batch).rows}
    assert held == {
        3: {("登记日期", "date")},
        4: {("性别", "code"), ("姓名", "name")},
        6: {("登记编号", "missing")},
        8: {("现住址", "missing")},
    }
    noted = next(r for r in rows_of(done) if r["row_no"] == 7)
    assert noted["person.citizen_no"] is None
    assert noted["person.citizen_no_stated"] == "990102197501010000"
    assert noted["person.phone"] is None
    assert noted["noted"].bit_count() == 2
    figures = {f.field: f for f in queries.get_batch(done.batch).fields}
    assert (figures["公民身份号码"].stated, figures["公民身份号码"].noted) == (17, 1) or figures[
        "公民身份号码"
    ].noted == 1
    mode = stat.S_IMODE(queries.held_path(done.batch).stat().st_mode)
    assert mode == 0o600


def test_what_stands_for_a_name_is_unknown_and_told_as_such(engine: Crew, tmp_path: Path) -> None:
    """Where a name must stand the row is held; where one may, nothing is said."""
    rows = [
        person(0, 姓名="某某"),
        person(1, 姓名="无名"),
        person(2, 姓名="王3"),
        person(3, 姓名=""),
        *people(20)[4:],
    ]
    done = take(engine, put(tmp_path, "居住登记.csv", as_csv(rows)))
    held = [[(f.field, f.code) for f in r.faults] for r in queries.list_held(done.batch).rows]
    assert sorted(held) == [
        [("姓名", "missing")],
        [("姓名", "name")],
        [("姓名", "nobody")],
        [("姓名", "nobody")],
    ]


def test_an_error_report_is_mended_and_sent_again(engine: Crew, tmp_path: Path) -> None:
    done = take(engine, put(tmp_path, "居住登记.csv", as_csv(SPOILED)))
    book = load_workbook(io.BytesIO(queries.error_report(done.batch)))
    sheet = book.active
    header = [c.value for c in sheet[1]]
    assert header[: len(person(0))] == list(person(0))
    assert sheet.max_row == 6
    places = {h: n for n, h in enumerate(header, start=1)}
    for row in sheet.iter_rows(min_row=2):
        assert row[places["原因"] - 1].value
        assert row[places["如何修改"] - 1].value
    mend = {
        "登记日期": "2026-06-30",
        "性别": "男",
        "姓名": "李二",
        "登记编号": "J000004",
        "现住址": "建设路7号",
    }
    for row in range(2, 5):  # one of the four stays as it is
        for name in str(sheet.cell(row, places["错误字段"]).value).split("；"):
            sheet.cell(row, places[name]).value = mend[name]
    out = io.BytesIO()
    book.save(out)
    again = take(engine, put(tmp_path, "居住登记 更正.xlsx", out.getvalue()))
    assert (again.rows, again.held, again.fixed) == (4, 1, 3)
    assert {r.row_no: r.state for r in queries.list_held(done.batch).rows} == {
        3: "fixed",
        4: "fixed",
        6: "fixed",
        8: "again",
    }
    keys = {r["record_key"] for r in rows_of(done)} | {r["record_key"] for r in rows_of(again)}
    assert "J000004" in keys

    (followed,) = queries.list_held(again.batch, state="open").rows
    assert queries.held_states()["open"] == 1
    assert actions.waive(again.batch, rows=[followed.row_no], reason="已注销，不再更正", by=BY, at=AT) == 1
    assert queries.held_states()["open"] == 0
    with pytest.raises(Refusal, match="reason_needed"):
        actions.waive(again.batch, rows=[], reason=" ", by=BY, at=AT)


def test_the_report_never_holds_a_formula_or_a_column_nobody_agreed_to(engine: Crew, tmp_path: Path) -> None:
    rows = [person(n) | {"民族": "秘密"} for n in range(6)]
    rows[2] |= {"姓名": "+1+2", "登记日期": "@SUM(1)"}
    done = take(engine, put(tmp_path, "居住登记.csv", as_csv(rows)))
    sheet = load_workbook(io.BytesIO(queries.error_report(done.batch))).active
    assert {c.data_type for row in sheet.iter_rows() for c in row if c.value} == {"s"}
    assert "民族" in [c.value for c in sheet[1]]
    assert "秘密" not in {c.value for row in sheet.iter_rows() for c in row}
    assert "秘密" not in str(pq.read_table(queries.held_path(done.batch)).to_pylist())


def test_rows_that_are_no_rows_are_held_by_their_number(engine: Crew, tmp_path: Path) -> None:
    lines = as_csv(people(8)).decode().splitlines()
    lines[3] += ",one,too,many"
    lines.insert(5, "")
    lines[7] = "J000005,正常"
    done = take(engine, put(tmp_path, "居住登记.csv", "\n".join(lines).encode()))
    assert (done.rows, done.held) == (6, 2)
    assert [r.row_no for r in queries.list_held(done.batch).rows] == [4, 8]
    assert [r["row_no"] for r in rows_of(done)] == [2, 3, 5, 7, 9, 10]

    lines = as_ndjson(people(5)).splitlines()
    lines[1] = b'{"broken": '
    done = take(engine, put(tmp_path, "居住登记.ndjson", b"\n".join(lines) + b"\n"))
    assert [r.row_no for r in queries.list_held(done.batch).rows] == [2]


def test_what_stands_in_quotes_behind_a_blank_is_one_cell(engine: Crew, tmp_path: Path) -> None:
    address = "和安市云津区津门街道望江社区建设路8号1栋1单元101室"
    rows = [
        person(0, 现住址=f'{address}, "东门", 左'),
        person(1, 现住址=f"{address},\n门口"),
        person(2, 姓名=""),
        person(3, 登记日期="某天"),
        *people(20)[4:],
    ]
    text = as_blanked_csv(rows).replace("J000004", 'J000004", "一格太多')
    done = take(engine, put(tmp_path, "居住登记.csv", text.encode()))
    assert {r["row_no"]: r["stay.address"] for r in rows_of(done)[:2]} == {
        2: f'{address},"东门",左', 3: f"{address},门口"
    }  # fmt: skip
    assert {(h.row_no, f.code) for h in queries.list_held(done.batch).rows for f in h.faults} == {
        (4, "missing"), (5, "date"), (6, "wrong_cells")
    }  # fmt: skip
    assert done.rows + done.held == 20


def test_a_file_glued_of_two_encodings_is_refused_with_its_row(engine: Crew, tmp_path: Path) -> None:
    for text, first, then in (("utf-8", "UTF-8", "GB 18030"), ("gb18030", "GB 18030", "UTF-8")):
        other = "gb18030" if text == "utf-8" else "utf-8"
        glued = as_csv(people(40), text) + as_csv(people(80)[40:], other).split(b"\r\n", 1)[1]
        with pytest.raises(Refusal) as refused:
            take(engine, put(tmp_path, "居住登记.csv", glued))
        facts = refused.value.facts
        assert (facts["row"], facts["first"], facts["then"]) == (42, first, then)
        assert "第 42 行" in explain(refused.value, "zh")
    # Traditional characters have bytes in GB 18030 that look like UTF-8's: no reason to refuse them.
    rare = [person(n, 姓名="張囍龘", 现住址="和安市云津区津门街道望江社区建设路8号") for n in range(40)]
    assert take(engine, put(tmp_path, "居住登记.csv", as_csv(rare, "gb18030"))).rows == 40


def test_a_quoted_line_break_and_values_that_are_no_text(engine: Crew, tmp_path: Path) -> None:
    filler = people(9000)  # the line break stands beyond the first block
    rows = [*filler, person(9001, 现住址="建设路1号\n2栋")]
    done = take(engine, put(tmp_path, "居住登记.csv", as_csv(rows)))
    assert (done.rows, done.held) == (9001, 0)

    rows = [person(n) | {"联系电话": int(person(n)["联系电话"])} for n in range(3)]
    rows[1]["联系电话"] = {"mobile": 1}
    done = take(engine, put(tmp_path, "居住登记.ndjson", as_ndjson(rows)))
    assert [r["person.phone"] for r in rows_of(done)] == [person(0)["联系电话"], None, person(2)["联系电话"]]


def test_numbers_and_days_of_a_spreadsheet_are_read_as_typed(engine: Crew, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    typed = person(1, 出生日期=datetime(1970, 2, 7), 联系电话=12000000001, 登记日期=date(2026, 6, 30), 性别=1)
    sheet.append(list(typed))
    sheet.append(list(typed.values()))
    out = io.BytesIO()
    book.save(out)
    (row,) = rows_of(take(engine, put(tmp_path, "居住登记.xlsx", out.getvalue())))
    assert (row["person.born_on"], row["person.phone"], row["person.sex"]) == (
        date(1970, 2, 7),
        "12000000001",
        "1",
    )
    assert row["observed_on"] == date(2026, 6, 30)


def test_what_a_spreadsheet_rounded_is_no_number(engine: Crew, tmp_path: Path) -> None:
    rows = [*people(3), person(3, 公民身份号码=990102197201010010.0), person(4, 公民身份号码="9.90102E+17")]
    found = rows_of(take(engine, put(tmp_path, "居住登记.xlsx", as_xlsx(rows))))
    assert [r["person.citizen_no"] for r in found[3:]] == [None, None]
    assert [r["person.citizen_no_stated"] for r in found[3:]] == [None, None]
    assert all(r["noted"] for r in found[3:])


def test_an_object_is_no_address(engine: Crew, tmp_path: Path) -> None:
    rows = [*people(3), person(3, 现住址={"街道": "建设路", "号": 1})]
    done = take(engine, put(tmp_path, "居住登记.ndjson", as_ndjson(rows)))
    assert [(r.row_no, r.faults[0].code) for r in queries.list_held(done.batch).rows] == [(4, "address")]


@pytest.mark.parametrize(
    ("broken", "code"),
    [(MemoryError(), "intake.out_of_memory"), (ZeroDivisionError("120"), "intake.not_read")],
)
def test_what_nobody_foresaw_is_told_and_does_not_keep_the_others_out(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    broken: Exception, code: str,
) -> None:  # fmt: skip
    sound = intake_work.sniff

    def fails(path: Path, *more: Any) -> Any:
        if path.name == "a.csv":
            raise broken
        return sound(path, *more)

    monkeypatch.setattr(intake_work, "sniff", fails)
    put(tmp_path / "in", "a.csv", as_csv(people(3)))
    put(tmp_path / "in", "b.csv", as_csv(people(2)))
    failed, taken = intake.ingest([tmp_path / "in"], by=BY, at=lambda: AT)
    assert isinstance(failed, intake.Failed)
    assert isinstance(taken, Accepted)
    assert (failed.refusal.code, taken.rows) == (code, 2)
    assert "120" not in caplog.text  # a message may quote a row


def test_two_at_once_with_one_file_make_one_batch(tmp_path: Path) -> None:
    path = put(tmp_path, "居住登记.csv", as_csv(people(3000)))
    done: list[Accepted] = []

    def run() -> None:
        try:
            with intake.opened(memory="512MB") as own:
                done.append(take(own, path))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(d.is_new for d in done) == [False, True]
    assert len(queries.accepted_batches()) == 1
    assert len(rows_of(done[0])) == 3000


KILLED = """
import os, signal, sys
import django
django.setup()
from datetime import UTC, datetime
from pathlib import Path
from anju.exchange.store import actions
from anju.jobs import engine
from anju.jobs.pipeline import intake
from anju.jobs.pipeline.reading import work as intake_work
from anju.trust.access import system

def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "before the file is in place":
    Path.rename = die
elif sys.argv[2] == "before its row is written":
    actions.accept = die
else:
    actions._fix = die  # inside the transaction, after the rows
list(intake.ingest([Path(sys.argv[1])], by=system("x"), at=lambda: datetime(2026, 7, 1, tzinfo=UTC)))
"""


@pytest.mark.parametrize(
    "moment", ["before the file is in place", "before its row is written", "before the commit"]
)
def test_killed_at_any_moment_there_is_no_batch_or_a_whole_one(
    tmp_path: Path, own_home: Path, moment: str
) -> None:
    path = put(tmp_path, "居住登记.csv", as_csv([*people(30), person(31, 登记日期="某天")]))
    told = connection.settings_dict
    url = f"postgresql://{told['USER']}:{told['PASSWORD']}@{'' if told['HOST'].startswith('/') else told['HOST']}"
    url += f"/{told['NAME']}?" + "&".join(
        f"{k}={v}" for k, v in {"host": told["HOST"], **told["OPTIONS"]}.items() if isinstance(v, str) and v
    )
    environment = os.environ | {
        "DATABASE_URL": url,
        "ANJU_HOME": str(own_home),
        "DJANGO_SETTINGS_MODULE": "anju.config.settings",
    }
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), moment], env=environment, capture_output=True, timeout=120
    )
    assert died.returncode == -9, died.stderr.decode()[-2000:]
    assert queries.accepted_batches() == ()
    assert queries.held_states()["open"] == 0

    intake.sweep()
    assert kept_files(own_home) == []
    (done,) = intake.ingest([path], by=BY, at=lambda: AT)
    assert isinstance(done, Accepted)
    assert (done.is_new, done.rows, done.held) == (True, 30, 1)
    assert len(rows_of(done)) == 30


def test_accepted_files_are_never_swept(engine: Crew, tmp_path: Path, own_home: Path) -> None:
    take(engine, put(tmp_path, "居住登记.csv", as_csv([*people(5), person(9, 登记日期="某天")])))
    before = sorted(kept_files(own_home))
    intake.sweep()
    assert sorted(kept_files(own_home)) == before
    assert len(before) == 2


def test_a_receipt_states_what_was_taken_and_its_signature_holds(engine: Crew, tmp_path: Path) -> None:
    import json

    from anju.trust.sealing import sealer
    from anju.trust.sealing.suites import suite

    done = take(engine, put(tmp_path, "居住登记.csv", as_csv(people(4))))
    told = json.loads(queries.get_batch(done.batch).receipt)
    signature, key_id, name = bytes.fromhex(told.pop("signature")), told.pop("key"), told.pop("suite")
    assert (told["rows"], told["held"], told["batch"]) == (4, 0, done.batch)
    key = sealer().ring.newest("sign")
    assert (key.id, key.suite) == (key_id, name)
    body = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    assert suite(name).sign(key.secret, body) == signature
    assert replace(done, seconds=0.0).rows == 4

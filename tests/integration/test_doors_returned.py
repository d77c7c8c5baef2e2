"""What a sender is told of its batches: which still wait, how late, the report to mend, and how each row ended."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook
from pytest_django import Settings

from anju.exchange.intake.report import XLSX
from anju.exchange.store.models import Batch, HeldRow
from anju.jobs.pipeline.reading import work as intake_work
from anju.trust.access import system
from anju.trust.store import access_actions, ledger, log_queries
from anju.trust.store.models import Account
from anju.web.api.docs import _groups

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import Machine, made
from intake_files import as_csv, people, person

pytestmark = pytest.mark.django_db
URL = "/api/exchange/batches"
FAULTY = person(31, 登记日期="某天")


def sent(door: Machine, rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    answer = door.post(f"{URL}?dataset=police_residence", as_csv(rows), "text/csv", Idempotency_Key=key)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def listed(door: Machine, asked: str = "") -> list[tuple[str, int, int, int]]:
    told = door.get(f"{URL}{asked}").json()["batches"]
    return [(b["batch"], b["held"], b["open"], b["overdue"]) for b in told]


def entries() -> list[tuple[str, str, str, str]]:
    ledger.sequence_all()
    found = (e.entry for e in log_queries.entries(20))
    return [(e.account, e.action, e.subject, e.result) for e in found]


def test_a_system_lists_its_own_batches_with_what_is_open_and_overdue() -> None:
    door, other = Machine(made()), Machine(made("police-two"))
    first = sent(door, [*people(9), FAULTY], "key-00001")["batch"]
    second = sent(door, people(12), "key-00002")["batch"]
    theirs = sent(other, [*people(20), person(44, 登记日期="x")], "key-00001")["batch"]
    assert listed(door) == [(second, 0, 0, 0), (first, 1, 1, 0)]
    assert listed(other) == [(theirs, 1, 1, 0)]
    HeldRow.objects.filter(batch_id=first).update(since=datetime.now(UTC) - timedelta(days=400))
    assert listed(door, "?waiting=true") == [(first, 1, 1, 1)]
    assert door.get(f"{URL}/{first}/held").json()["rows"][0]["overdue_days"] > 300
    assert listed(door, "?dataset=hrss_employment") == []
    assert Client().get(URL).status_code == 401


def test_pages_of_a_list_miss_and_repeat_nothing_while_more_is_sent() -> None:
    door = Machine(made())
    ids = [sent(door, people(n + 2), f"key-0000{n}")["batch"] for n in range(5)]
    Batch.objects.update(accepted_at=datetime.now(UTC))  # all at one instant: the key decides
    seen, after = [], ""
    while True:
        page = door.get(f"{URL}?limit=2&after={after}").json()
        seen += [b["batch"] for b in page["batches"]]
        if len(seen) == 2:
            sent(door, people(30), "key-late")
        if (after := page["next_after"]) is None:
            break
    assert seen == sorted(ids, reverse=True)
    stranger = Machine(made("police-two"))
    for asking, wrong in ((door, "no-such-batch"), (door, "a%7Cb"), (stranger, ids[0])):
        no = asking.get(f"{URL}?after={wrong}")
        assert (no.status_code, no.json()["code"]) == (422, "intake.bad_page")


def test_the_report_is_downloaded_mended_sent_again_and_followed() -> None:
    door = Machine(made())
    told = sent(door, [*people(9), FAULTY, person(32, 登记日期="某天")], "key-00001")
    back = door.get(told["report"])
    assert (back.status_code, back.headers["Content-Type"]) == (200, XLSX)
    assert f'"{told["batch"]}-errors.xlsx"' in back.headers["Content-Disposition"]
    assert ("client:police-sync", "exchange.rejects", f"batch:{told['batch']}", "done") in entries()

    book = load_workbook(io.BytesIO(back.content))
    head = [cell.value for cell in book.active[1]]
    assert (book.active.max_row, set(head) > {"错误字段", "原因", "如何修改"}) == (3, True)
    book.active.cell(2, head.index("登记日期") + 1).value = "2026-05-01"
    out = io.BytesIO()
    book.save(out)
    mended = door.post(
        f"{URL}?dataset=police_residence", out.getvalue(), XLSX, Idempotency_Key="key-00002"
    ).json()
    assert (mended["rows"], mended["held"], mended["fixed"]) == (1, 1, 1)
    rows = door.get(told["held_rows"]).json()["rows"]
    assert [(r["state"], r["ended_in"]) for r in rows] == [
        ("fixed", mended["batch"]),
        ("again", mended["batch"]),
    ]
    assert door.get(f"{told['held_rows']}?state=open").json()["rows"] == []
    assert listed(door, "?waiting=true") == [(mended["batch"], 1, 1, 0)]


def test_the_report_is_for_the_sender_in_a_purpose_and_for_nobody_else() -> None:
    told = sent(Machine(made()), [*people(9), FAULTY], "key-00001")
    for stranger in (Machine(made("police-two")), Machine(made("tax-sync", "9901", "tax", datasets=(), purposes=("tax_service",)), "tax_service")):  # fmt: skip
        no = stranger.get(told["report"])
        assert (no.status_code, no.json()["code"]) == (404, "doors.batch_not_theirs")
    bare = Machine(made("police-bare", purposes=()), "")
    assert bare.get(told["report"]).status_code == 403
    assert Client().get(told["report"]).status_code == 401


def test_both_are_in_the_description_of_the_interface() -> None:
    by_path = {(o.method, o.path): o for _, listed in _groups() for o in listed}
    assert by_path[("GET", URL)].action.name == "exchange.read"
    assert by_path[("GET", f"{URL}/{{batch}}/report")].action.name == "exchange.rejects"
    schema = Client().get("/api/openapi.json").json()["paths"][f"{URL}/{{batch}}/report"]["get"]
    assert XLSX in schema["responses"]["200"]["content"]


def test_a_push_that_breaks_the_reading_is_refused_without_its_rows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from anju.jobs.pipeline import doors

    door, before = Machine(made()), len(doors._idle)

    said = "张三 120"

    def fails(*_ignored: Any) -> Any:
        raise ZeroDivisionError(said)

    with monkeypatch.context() as broken:
        broken.setattr(intake_work, "sniff", fails)
        no = door.post(
            f"{URL}?dataset=police_residence", as_csv(people(3)), "text/csv", Idempotency_Key="key-00001"
        )
    assert (no.status_code, no.json()["code"]) == (422, "intake.not_read")
    assert "ZeroDivisionError" in caplog.text
    assert said not in caplog.text + no.content.decode()
    assert len(doors._idle) <= before  # an engine that may be broken is not lent again
    assert ("client:police-sync", "exchange.send", "", "failed") in entries()
    assert sent(door, people(3), "key-00001")["rows"] == 3


def test_a_file_that_breaks_the_reading_is_refused_on_the_page_and_noted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.DEMO = True
    account, now = Account.objects.create(username="w", is_demo=True), datetime.now(UTC)
    held = access_actions.grant_role("w", "station_worker", "990102", by=system("test"), at=now)
    client = Client()
    client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    session = client.session
    until = (now + timedelta(minutes=20)).isoformat()
    session["acting"] = {"assignment": held, "purpose": "residence_registration", "until": until}
    session.save()
    said = "张三 120"

    def fails(*_ignored: Any) -> Any:
        raise ZeroDivisionError(said)

    monkeypatch.setattr(intake_work, "sniff", fails)
    told = client.post("/staff/batches/", {"file": SimpleUploadedFile("居住登记.csv", as_csv(people(3)))})
    page = told.content.decode()
    assert (told.status_code, "ZeroDivisionError" in page) == (422, True)
    assert said not in page + caplog.text
    assert (f"account:{account.pk}", "exchange.send", "", "refused") in entries()

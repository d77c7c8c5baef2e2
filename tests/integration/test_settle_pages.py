"""Contradictions through the pages: each role does its own, a resident's request comes back answered, nothing leaks."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings
from typer.testing import CliRunner

from anju.exchange.store import why_queries
from anju.jobs.cli import exchange_work
from anju.kernel.identifiers import citizen_check
from anju.register import settling as rules
from anju.register.store import actions, settling
from anju.register.store.models import Discrepancy, Dwelling, Person
from anju.register.store.queries import cases, get_person_file
from anju.trust.access import system
from anju.trust.store import access_actions, ledger, log_queries
from anju.trust.store.models import Account

BY, AT = system("test"), datetime.now(UTC)
HERE = "990102001001"
NUMBER = "99010219900203001" + citizen_check("99010219900203001")


@pytest.fixture
def code(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One person, entered at a counter, on whose sex two departments differ."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    Dwelling.objects.create(dwelling_code="D000000000000001", region=HERE, street="槐树路", number="1")
    told = {"by": BY, "at": AT, "purpose": "data_quality"}
    values = {"name": "测试甲", "citizen_no": NUMBER, "phone": "12000000001", "sex": "1"}
    made = str(actions.register_person(values, region=HERE, observed_on=date(2026, 11, 1), **told))
    actions.register_stay(made, dwelling_code="D000000000000001", begin_on=date(2026, 11, 1), **told)
    Discrepancy.objects.create(
        person_code=made,
        region=HERE,
        field="sex",
        owner="police",
        shown_dataset="police_residence",
        against="health_record",
    )
    settling.follow(AT)
    return made


def login(role: str, purpose: str, region: str = "990102", department: str = "", person: str = "") -> Client:
    name = f"{role}-{region}-{department}"
    account = Account.objects.create(username=name, is_demo=True)
    held = access_actions.grant_role(
        name, role, "" if person else region, by=BY, at=AT, department=department, person_code=person
    )
    client = Client()
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    session = client.session
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    session["acting"] = {"assignment": held, "purpose": purpose, "until": until}
    session.save()
    return client


def settle(client: Client, code: str, field: str = "sex", **more: str) -> int:
    told = {
        "do": "settle",
        "value": "other",
        "other": "2",
        "why": "核验了证件原件",
        "evidence": "document",
    } | more
    return int(client.post(f"/staff/people/{code}/settle/{field}/", told).status_code)


def sex(code: str) -> str | None:
    return get_person_file(code).line.sex


@pytest.mark.parametrize(("role", "is_led"), [("station_worker", True), ("grid_worker", False)])
def test_a_file_leads_only_where_one_may_go(code: str, role: str, is_led: bool) -> None:
    client = login(role, "residence_registration", "990102")
    told = client.get(f"/staff/people/{code}/").content.decode()
    links = set(re.findall(r'href="(/staff/[^"?#]+)"', told))
    assert "来源之间不一致" in told
    assert (f"/staff/people/{code}/settle/sex/" in links) is is_led
    assert [link for link in links if client.get(link).status_code == HTTPStatus.FORBIDDEN] == []


@pytest.mark.parametrize(
    ("role", "region", "department", "may"),
    [
        ("data_steward", "9901", "", True),
        ("station_worker", "990102", "", True),
        ("department_officer", "990102", "police", True),
        ("department_officer", "990102", "health", False),  # not their turn
        ("data_steward", "990103", "", False),  # another district
        ("grid_worker", "990102", "", False),
        ("planner", "9901", "", False),
        ("auditor", "9901", "", False),
    ],
)
def test_each_role_settles_its_own_alone(
    code: str, role: str, region: str, department: str, may: bool
) -> None:
    client = login(role, "data_quality", region, department)
    page = f"/staff/people/{code}/settle/sex/"
    assert (client.get(page).status_code == HTTPStatus.OK) is may
    assert (settle(client, code) == HTTPStatus.FOUND) is may
    assert sex(code) == ("2" if may else "1")
    listed = client.get("/staff/discrepancies/?state=settled")
    if listed.status_code == HTTPStatus.OK:
        assert (code in listed.content.decode()) is may
    ledger.sequence_all()
    results = {e.entry.result for e in log_queries.entries(50) if e.entry.action == "discrepancy.settle"}
    assert results == ({"done"} if may else results & {"refused", "failed"})


def test_values_are_masked_until_revealed_and_the_look_is_logged(code: str) -> None:
    client = login("data_steward", "data_quality", "9901")
    page = f"/staff/people/{code}/settle/citizen_no/"
    assert NUMBER not in client.get(page).content.decode()
    shown = client.post(page + "reveal/")
    assert NUMBER in re.sub(r"</?mark>", "", shown.content.decode())
    assert shown["Cache-Control"] == "no-store"
    ledger.sequence_all()
    assert ("person.reveal", f"person:{code}") in {
        (e.entry.action, e.entry.subject) for e in log_queries.entries(20)
    }


def test_a_stated_value_is_chosen_by_a_token_of_ones_own(code: str) -> None:
    one = login("data_steward", "data_quality", "9901")
    other = login("station_worker", "data_quality")
    token = re.search(
        r'name="value" value="([^"]{20,})"', one.get(f"/staff/people/{code}/settle/name/").content.decode()
    )
    assert token
    assert settle(other, code, "name", value=token[1]) == HTTPStatus.UNPROCESSABLE_ENTITY
    assert settle(one, code, "name", value=token[1], why=" ") == HTTPStatus.UNPROCESSABLE_ENTITY
    assert settle(one, code, "name", value=token[1]) == HTTPStatus.FOUND


def test_a_residents_request_comes_back_answered(code: str) -> None:
    she = login("resident", "", person=code)
    asked = she.post("/me/requests/new/correct/", {"field": "sex", "claim": "女", "text": ""}, follow=True)
    number = re.search(r"Q\d{4}[0-9A-Z]{6}", asked.content.decode())
    assert number, asked.content.decode()[:500]
    held = cases.get_case(code, "sex", today=AT.date())
    assert (held.request, held.owner) == (number[0], "police")
    steward = login("data_steward", "data_quality", "9901")
    page = steward.get(f"/staff/people/{code}/settle/sex/").content.decode()
    assert "本人所说" in page, "what she wrote stands among the values, as the code it means"
    assert settle(steward, code) == HTTPStatus.FOUND
    told = she.get(f"/me/requests/{number[0]}/").content.decode()
    assert "核验了证件原件" in told
    assert sex(code) == "2"


def test_old_codes_open_the_file_of_the_one_that_answers(code: str) -> None:
    Person.objects.create(code="0000000000001", merged_into=code)
    client = login("data_steward", "data_quality", "9901")
    opened = client.get("/staff/people/0000000000001/", follow=True)
    assert opened.redirect_chain[-1][0] == f"/staff/people/{code}/"
    assert "0000000000001" in opened.content.decode()
    why = client.get("/staff/people/0000000000001/why/", follow=True)
    assert why.redirect_chain[-1][0] == f"/staff/people/{code}/why/"


def test_a_stay_is_put_right_on_request_and_shown_so(code: str) -> None:
    she = login("resident", "", person=code)
    told = {"field": "stay", "claim": "十一月十日已搬走", "text": ""}
    number = re.search(
        r"Q\d{4}[0-9A-Z]{6}", she.post("/me/requests/new/correct/", told, follow=True).content.decode()
    )
    assert number
    page = f"/staff/people/{code}/settle/stay/"
    assert login("data_steward", "data_quality", "990103").get(page).status_code != HTTPStatus.OK
    steward = login("data_steward", "data_quality", "9901")
    assert page in steward.get("/staff/discrepancies/?state=requested").content.decode()
    seen = steward.get(page).content.decode()
    assert told["claim"] in seen
    row = re.search(r'name="row" value="(\d+)"', seen)
    assert row
    given = {
        "do": "change",
        "row": row[1],
        "end_on": "2026-11-10",
        "why": "核对了退租协议",
        "evidence": "document",
    }
    for wrong in (
        {"end_on": "2026-02-30"},
        {"end_on": "2026-10-01"},
        {"row": ""},
        {"why": "x"},
        {"evidence": "gut"},
    ):
        assert steward.post(page, given | wrong).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert get_person_file(code).stays[0].end_on is None
    assert steward.post(page, given).status_code == HTTPStatus.FOUND
    assert get_person_file(code).stays[0].end_on == date(2026, 11, 10)
    assert "2026-11-09" in steward.get(page).content.decode(), "the last day there"
    assert "经核实更正" in steward.get(f"/staff/people/{code}/").content.decode()
    assert "核对了退租协议" in she.get(f"/me/requests/{number[0]}/").content.decode()
    (case,) = cases.list_cases(scope=("",), at=AT, field="stay", state="settled").rows
    assert (
        steward.post(page, {"do": "undo", "case": case.id, "why": "看错日期"}).status_code == HTTPStatus.FOUND
    )
    assert get_person_file(code).stays[0].end_on is None


def test_an_address_and_a_family_are_put_right_through_the_pages(code: str) -> None:
    Dwelling.objects.create(dwelling_code="D000000000000002", region=HERE, street="槐树路", number="2")
    Dwelling.objects.create(
        dwelling_code="D000000000000003", region="990103001001", street="槐树路", number="3"
    )
    told = {"by": BY, "at": AT, "purpose": "data_quality"}
    number = "99010220190301001" + citizen_check("99010220190301001")
    child = {"name": "测试乙", "citizen_no": number, "born_on": "2019-03-01", "sex": "2"}
    daughter = str(actions.register_person(child, region=HERE, observed_on=date(2026, 11, 1), **told))
    steward = login("data_steward", "data_quality", "9901")
    worker = login("station_worker", "data_quality", "990102")
    page = f"/staff/people/{code}/settle/stay/"
    assert page in worker.get(f"/staff/people/{code}/").content.decode(), "the file leads there"
    found = worker.post(page, {"do": "look", "text": "槐树路"}).content.decode()
    assert "D000000000000002" in found
    assert "D000000000000003" not in found, "another district's"
    row = re.search(r'name="row" value="(\d+)"', found)
    assert row
    given = {"do": "change", "row": row[1], "why": "上门核实", "evidence": "visit", "text": "槐树路"}
    for wrong in ({}, {"to_place": "D000000000000003"}, {"to_place": "D0"}):
        assert worker.post(page, given | wrong).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert worker.post(page, given | {"to_place": "D000000000000002"}).status_code == HTTPStatus.FOUND
    assert get_person_file(code).stays[0].dwelling_code == "D000000000000002"
    assert "已作的更正" in steward.get(page).content.decode(), "what was decided stands beside it"
    page = f"/staff/people/{daughter}/settle/kin/"
    assert login("resident", "", person=code).get(page).status_code != HTTPStatus.OK
    assert code in worker.post(page, {"do": "look", "text": NUMBER}).content.decode()
    added = {"do": "add", "relative": code, "relation": "51", "why": "核对了出生证明"}
    for wrong in (
        {"relative": ""},
        {"relation": ""},
        {"relation": "01"},
        {"why": ""},
        {"relative": daughter},
    ):
        assert worker.post(page, added | wrong).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert worker.post(page, added).status_code == HTTPStatus.FOUND
    assert [(k.relation, k.relative_code) for k in get_person_file(code).family] == [("30", daughter)]
    row = re.search(r'name="row" value="(\d+)"', worker.get(page).content.decode())
    assert row
    taken = {"do": "take_out", "row": row[1], "why": "不是父女", "evidence": "document"}
    refused = worker.post(page, taken)
    assert (refused.status_code, "监护人" in refused.content.decode()) == (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        True,
    )
    changed = worker.post(page, taken | {"do": "change", "relation": "70"})
    assert changed.status_code == HTTPStatus.FOUND
    (case,) = cases.list_cases(scope=("",), at=AT, field="kin", state="settled").rows[:1]
    undone = worker.post(page, {"do": "undo", "case": case.id, "why": "证明有误"})
    assert undone.status_code == HTTPStatus.FOUND
    assert [(k.relation, k.relative_code) for k in get_person_file(daughter).family] == [("51", code)]


def test_a_rule_is_previewed_on_the_command_line_with_some_of_what_it_settles(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANJU_LANG", "en")
    Discrepancy.objects.filter(person_code=code).update(field="name")
    settling.follow(AT)
    monkeypatch.setattr(rules, "decide", lambda *_told: "测试乙")
    run = CliRunner()
    told = json.loads(run.invoke(exchange_work.settle_app, ["preview", "one_against_many", "--json"]).stdout)
    assert (told["count"], told["changes"]) == (1, 1)
    assert told["samples"][0] | {"person_code": "", "against": []} == {
        "person_code": "", "person_name": "测*甲", "field": "name", "value": "测*乙", "shown": "测*甲", "against": [],
    }  # fmt: skip
    shown = run.invoke(exchange_work.settle_app, ["preview", "one_against_many"]).stdout
    assert "测*乙" in shown
    assert "测试" not in shown
    ledger.sequence_all()
    [looked, _] = [e.entry for e in log_queries.entries(9) if e.entry.action == "discrepancy.read"]
    assert (looked.purpose, looked.detail) == ("data_quality", {"rule": "one_against_many", "rows": 1})
    listed = run.invoke(exchange_work.settle_app, ["rules"]).stdout
    assert all(name in listed for name in rules.rules()), "a rule's name is never cut"


def test_weighed_pairs_name_both_sides_as_far_as_one_may_see(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"by": BY, "at": AT, "purpose": "data_quality"}
    here = {"observed_on": date(2026, 11, 1), **told}
    near = str(actions.register_person({"name": "测试丙"}, region=HERE, **here))
    far = str(actions.register_person({"name": "测试丁"}, region="990103001001", **here))
    mine, theirs, elsewhere = (why_queries.record_id("counter_entry", f"{c}-1") for c in (code, near, far))
    pairs = [(theirs, near, mine, code), (mine, code, elsewhere, far), (mine, code, 7, code)]
    evidence = [
        {"record_a": a, "person_a": one, "record_b": b, "person_b": two, "weight": 1.0, "outcome": "ask",
         "reason": "in_between", "reasons": []}
        for a, one, b, two in pairs
    ]  # fmt: skip
    monkeypatch.setattr(
        why_queries,
        "EXPLAINER",
        lambda _code: {"code": code, "records": [], "evidence": evidence, "events": []},
    )
    page = login("data_steward", "data_quality").get(f"/staff/people/{code}/why/").content.decode()
    told_of = [
        " ".join(re.sub("<[^>]+>", "", s).split()) for s in re.findall(r"<summary>(.*?)</strong>", page)
    ]
    assert told_of == [
        f"窗口登记 — 窗口登记 · 另一个人 {near}",
        "窗口登记 — 另一个人的记录，不在您能看到的范围内",
        "窗口登记 — 还没有发布的一条记录",
    ]
    assert far not in page

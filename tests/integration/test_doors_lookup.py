"""The population data service: who is found, what is told of them, and that they can see who looked; health."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from anju.kernel.identifiers import citizen_check
from anju.register.store import actions, queries
from anju.trust.access import system
from anju.trust.store import ledger, log_queries

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import PURPOSE, Machine, made

pytestmark = pytest.mark.django_db
HERE, THERE = "990102001001", "990103001001"
LI, WANG = (first17 + citizen_check(first17) for first17 in ("99010219900101123", "99010219850202234"))


@pytest.fixture
def people() -> dict[str, str]:
    """Two here, one elsewhere."""
    found = {}
    for name, number, born, region in (
        ("李小华", LI, "1990-01-01", HERE),
        ("王建国", WANG, "1985-02-02", HERE),
        ("赵远方", "", "1970-03-03", THERE),
    ):
        values = {"name": name, "citizen_no": number, "born_on": born, "phone": "12000000001", "sex": "1"}
        code = actions.register_person(
            {k: v for k, v in values.items() if v}, region=region, observed_on=date(2026, 7, 1),
            by=system("test"), at=datetime.now(UTC), purpose=PURPOSE,
        )  # fmt: skip
        found[name] = str(code)
    return found


def looks(code: str) -> list[tuple[str, str, str]]:
    ledger.sequence_all()
    return [
        (e.entry.action, e.entry.purpose, e.entry.result)
        for e in log_queries.entries(50)
        if e.entry.subject == f"person:{code}" and e.entry.account.startswith("client:")
    ]


def test_by_number_masked_bounded_and_logged(people: dict[str, str]) -> None:
    door = Machine(made())
    told = door.post("/api/population/lookup", {"citizen_no": LI}).json()["matches"]
    [match] = told
    assert (match["person"], match["strength"]) == (people["李小华"], "sure")
    assert "number" in match["reasons"]
    person = match["values"]["person"][0]
    assert (person["name"], person["citizen_no_last4"], person["born_on"]) == ("李*华", LI[-4:], "1990-01-01")
    assert LI not in str(told)
    assert looks(people["李小华"]) == [("person.lookup", PURPOSE, "done")]
    clear = Machine(made("police-clear", clear=True))
    shown = clear.post("/api/population/lookup", {"citizen_no": LI}).json()["matches"][0]["values"]["person"][
        0
    ]
    assert (shown["name"], shown["citizen_no"], shown["phone"]) == ("李小华", LI, "12000000001")


def test_by_name_and_birthday_also_when_slightly_wrong(people: dict[str, str]) -> None:
    door = Machine(made())
    for name, born in (("李小华", "1990-01-01"), ("李晓华", "1990-01-01")):
        told = door.post("/api/population/lookup", {"name": name, "born_on": born}).json()["matches"]
        assert told[0]["person"] == people["李小华"], name
        assert "birthday" in told[0]["reasons"]
    none = door.post("/api/population/lookup", {"name": "赵远方", "born_on": "1970-03-03"}).json()
    assert none == {"matches": []}
    assert not looks(people["赵远方"])


def test_many_at_once_in_their_order_each_one_logged(people: dict[str, str]) -> None:
    door = Machine(made())
    asked = [{"citizen_no": WANG}, {"name": "没有人", "born_on": "2000-01-01"}, {"citizen_no": LI}]
    asked += [{"citizen_no": f"99010219700101{n:04d}"} for n in range(997)]
    told = door.post("/api/population/lookups", {"people": asked, "aspects": ["person"]}).json()["people"]
    assert len(told) == 1000
    assert [m["matches"][0]["person"] if m["matches"] else None for m in told[:3]] == [
        people["王建国"], None, people["李小华"],
    ]  # fmt: skip
    assert looks(people["王建国"]) == looks(people["李小华"]) == [("person.lookup_many", PURPOSE, "done")]
    too_many = door.post("/api/population/lookups", {"people": [{"citizen_no": LI}] * 1001})
    assert too_many.json()["code"] == "doors.unreadable"
    assert LI not in too_many.content.decode()


def test_the_questions_of_a_thousand_are_a_handful(people: dict[str, str]) -> None:
    from django.test.utils import CaptureQueriesContext

    door = Machine(made())
    door.get("/api/me")
    counts = []
    for size in (2, 500):
        asked = [{"citizen_no": LI}, {"citizen_no": WANG}] + [
            {"citizen_no": f"99010219700101{n:04d}"} for n in range(size)
        ]
        with CaptureQueriesContext(
            connection,
        ) as seen:
            door.post("/api/population/lookups", {"people": asked})
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 30


def test_what_the_purpose_does_not_open_is_not_told(people: dict[str, str]) -> None:
    tax = Machine(made("tax-sync", "9901", "tax", datasets=(), purposes=("tax_service",)), "tax_service")
    told = tax.post("/api/population/lookup", {"citizen_no": LI, "aspects": ["person", "stay", "tax"]}).json()
    assert set(told["matches"][0]["values"]) == {"person"}
    for purpose in ("", "residence_registration", "nonsense"):
        tax.headers["Anju-Purpose"] = purpose
        no = tax.post("/api/population/lookup", {"citizen_no": LI})
        code = "doors.purpose_out_of_scope" if purpose else "doors.purpose_missing"
        assert (no.status_code, no.json()["code"], no.json()["lacks"]) == (403, code, ["purpose"])
        assert purpose in no.json()["en"]
        assert "事由" in no.json()["zh"]
    tax.headers["Anju-Purpose"] = "tax_service"
    unclear = tax.post("/api/population/lookup", {"name": "李小华"})
    assert (unclear.status_code, unclear.json()["code"]) == (422, "doors.lookup_unclear")


def test_a_restricted_person_is_found_and_nothing_told(
    people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from anju.exchange.store import lookup_queries

    monkeypatch.setattr(lookup_queries.erasure_queries, "restricted", lambda codes: frozenset(codes))
    [match] = Machine(made()).post("/api/population/lookup", {"citizen_no": LI}).json()["matches"]
    assert match["values"] == {}
    assert match["restricted"] is True


def test_health_does_the_real_thing_and_shows_nothing(
    people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from anju.web.api import health

    anyone = Client()
    assert anyone.get("/healthz").content == b"ok\n"
    monkeypatch.setattr(health, "_kept", (-10.0, {}))
    ledger.sequence_all()
    told = anyone.get("/readyz")
    assert (told.status_code, told.json()["checks"]) == (200, {"database": "ok", "log": "ok", "lake": "ok"})
    assert ledger.sequence_all() == 0  # the trial line was rolled back
    monkeypatch.setitem(health.CHECKS, "lake", lambda: (_ for _ in ()).throw(OSError("no such place")))
    monkeypatch.setattr(health, "_kept", (-10.0, {}))
    away = anyone.get("/readyz")
    assert (away.status_code, away.json()["checks"]["lake"]) == (503, "OSError")


def test_the_api_describes_itself(client: Client) -> None:
    schema = client.get("/api/openapi.json").json()
    assert "/api/exchange/batches" in schema["paths"]
    page = client.get("/api/docs/").content.decode()
    assert all(path in page for path in schema["paths"])
    assert "<script>" not in page
    assert queries.find_people  # the pages and the API read through one room


def test_problems_are_told_in_the_language_asked_for_and_name_the_field() -> None:
    door = Client()
    english = door.get("/api/exchange/batches", headers={"Accept-Language": "fr, en-GB;q=0.8, zh;q=0.1"})
    assert (english.json()["detail"], english["Content-Language"]) == (english.json()["en"], "en")
    for header in ("", "fr", "zh-CN, en;q=0.5", "en;q=0"):
        answer = door.get("/api/exchange/batches", headers={"Accept-Language": header})
        assert answer.json()["detail"] == answer.json()["zh"]
    machine = Machine(made())
    asked = {"people": [{"citizen_no": LI}, {"name": "李小华", "born_on": "1990-02-30"}]}
    assert "people.1.born_on" in machine.post("/api/population/lookups", asked).json()["en"]
    assert "body" not in machine.post("/api/population/lookups", asked).json()["en"]
    wrong = machine.get("/api/population/lookup")
    assert (wrong.status_code, wrong.json()["code"], wrong["Allow"]) == (405, "doors.wrong_method", "POST")
    assert wrong["Content-Type"] == "application/problem+json"

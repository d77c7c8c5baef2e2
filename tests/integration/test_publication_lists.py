"""Publication lists on a real PostgreSQL: masked, objected to, settled for one person alone; school places with their proof."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from typer.testing import CliRunner

from anju.jobs.engine import DuckEngine
from anju.kernel.refusal import Refusal
from anju.policy import library, loading
from anju.policy.model import Programme
from anju.policy.sql.facts_table import columns
from anju.services.publishing import Applicant
from anju.services.store import allocation, list_actions, list_queries
from anju.trust.access import Actor, system
from anju.trust.store import access_actions, rows
from anju.trust.store.models import Account, LogPending

pytestmark = pytest.mark.django_db
AT, LATER = datetime(2026, 7, 6, 1, tzinfo=UTC), datetime(2026, 7, 16, 1, tzinfo=UTC)
REGION, WHERE = "990100", "990102001001"
OFFICER = Actor("li", "department_officer", REGION, "hrss")
CODES = [f"00000000000{n:02d}" for n in range(1, 9)]
BASE = {"born_on": date(1990, 1, 1), "has_own_home": True, "registered_months": 60, "education": "college", "skill_level": "none",
        "rent_months": 0, "housing_fund_months": 0, "income_tax_fen": 0}  # fmt: skip


def her(code: str) -> Actor:
    return Actor("zhang", "resident", person_code=code)


def eight() -> list[Applicant]:
    """Eight people who qualify with 7 to 14 years of insurance: 96, 99 … 117 points."""
    return [
        Applicant(code, WHERE, "张*", {**BASE, "pension_months": 84 + 12 * i}) for i, code in enumerate(CODES)
    ]


def made(places: int = 4) -> int:
    programme = loading.get("demo/settlement@2026")
    number = list_actions.prepare(
        programme,
        "settlement",
        places,
        date(2026, 7, 3),
        REGION,
        by=OFFICER,
        at=AT,
        purpose="points_settlement",
    )
    list_actions.publish(number, eight(), by=OFFICER, at=AT, purpose="points_settlement")
    return number


def reference(number: int, code: str) -> str:
    return next(p.reference for p in list_queries.places_of(code) if p.list.number == number)


def test_the_hash_is_out_before_and_the_seed_after() -> None:
    number = list_actions.prepare(
        loading.get("demo/settlement@2026"), "settlement", 4, date(2026, 7, 3), REGION, by=OFFICER, at=AT, purpose="x"
    )  # fmt: skip
    before = list_queries.get_list(number)
    assert (before.seed, len(before.seed_hash)) == ("", 64)
    list_actions.publish(number, eight(), by=OFFICER, at=AT, purpose="points_settlement")
    after = list_queries.get_list(number)
    from anju.policy.rank import commit

    assert commit(after.seed) == before.seed_hash == after.seed_hash
    assert (after.admitted, after.applicants, after.line_score) == (4, 8, Fraction(108))
    assert after.objections_until == date(2026, 7, 15), "seven working days"
    with pytest.raises(Refusal, match="list_state"):
        list_actions.publish(number, eight(), by=OFFICER, at=AT, purpose="points_settlement")


def test_the_public_sees_masked_names_and_no_codes() -> None:
    number = made()
    shown = json.dumps([r.__repr__() for r in list_queries.public_rows(number)])
    assert not any(code in shown for code in CODES)
    assert [r.rank for r in list_queries.public_rows(number)] == list(range(1, 9))


def test_an_erased_persons_masked_name_leaves_the_published_list_and_the_rest_stays() -> None:
    from anju.trust.store.erasing import erase_people

    number = made()
    mine, before = reference(number, CODES[1]), list_queries.public_rows(number)
    erase_people([CODES[1]])
    after = list_queries.public_rows(number)
    assert [r.name for r in after if r.reference == mine] == [""]
    assert [r for r in after if r.reference != mine] == [r for r in before if r.reference != mine]
    assert [r.rank for r in after] == [r.rank for r in before]


def test_an_objection_moves_one_person_and_nobody_else() -> None:
    number = made()
    mine = reference(number, CODES[1])
    others = {r.reference: r for r in list_queries.public_rows(number) if r.reference != mine}
    objection = list_actions.object_to(number, mine, "漏记了两年养老保险", by=her(CODES[1]), at=AT)
    with pytest.raises(Refusal, match="already_objected"):
        list_actions.object_to(number, mine, "再说一次", by=her(CODES[1]), at=AT)
    assert (
        list_actions.settle(
            objection, {"pension_months": "156"}, "补录后核定", by=OFFICER, at=AT, purpose="points_settlement"
        )
        == "upheld"
    )
    now = {r.reference: r for r in list_queries.public_rows(number)}
    assert {k: v for k, v in now.items() if k != mine} == others
    assert (now[mine].is_admitted, now[mine].reason, now[mine].score) == (True, "objection_admitted", 114)
    assert list_queries.get_list(number).admitted == 5
    told = list_queries.objections_of(CODES[1])[0]
    assert (told.answer, told.before["is_admitted"], told.after["is_admitted"]) == ("补录后核定", False, True)


def test_an_objection_that_changes_nothing_is_answered_and_the_list_can_be_closed_after_the_window() -> None:
    number = made()
    objection = list_actions.object_to(
        number, reference(number, CODES[0]), "我觉得不对", by=her(CODES[0]), at=AT
    )
    with pytest.raises(Refusal, match="window_open"):
        list_actions.close(number, by=OFFICER, at=AT, purpose="points_settlement")
    with pytest.raises(Refusal, match="objections_open"):
        list_actions.close(number, by=OFFICER, at=LATER, purpose="points_settlement")
    assert list_actions.settle(objection, {}, "记录无误", by=OFFICER, at=AT, purpose="x") == "rejected"
    list_actions.close(number, by=OFFICER, at=LATER, purpose="points_settlement")
    assert list_queries.get_list(number).state == "final"
    with pytest.raises(Refusal, match="window_closed"):
        list_actions.object_to(number, reference(number, CODES[0]), "太晚了吗", by=her(CODES[0]), at=LATER)


@pytest.mark.parametrize(
    ("corrected", "code"),
    [({"nothing": "1"}, "unknown_fact"), ({"pension_months": "many"}, "fact_not_understood")],
)
def test_a_correction_must_be_a_fact_of_the_programme(corrected: dict[str, str], code: str) -> None:
    number = made()
    objection = list_actions.object_to(
        number, reference(number, CODES[0]), "我觉得不对", by=her(CODES[0]), at=AT
    )
    with pytest.raises(Refusal, match=code):
        list_actions.settle(objection, corrected, "核定如下", by=OFFICER, at=AT, purpose="x")
    assert list_queries.get_objection(objection).state == "open"


def test_nobody_sees_or_objects_to_anothers_place() -> None:
    number = made()
    theirs = reference(number, CODES[2])
    with rows.acting(her(CODES[1])):
        assert [p.person_code for p in list_queries.places_of(CODES[1])] == [CODES[1]]
        assert list_queries.places_of(CODES[2]) == ()
        with pytest.raises(Refusal, match="no_place"):
            list_actions.object_to(number, theirs, "不该是他", by=her(CODES[1]), at=AT)
    with rows.acting(Actor("wu", "department_officer", "990300", "hrss")):
        assert list_queries.list_objections(number) == ()


def test_somebody_whose_key_is_unknown_comes_last_among_equals_and_can_be_kept() -> None:
    programme = loading.get("demo/settlement@2026")
    facts = {**BASE, "skill_level": "senior", "education": "bachelor"}
    people = [
        Applicant(CODES[0], WHERE, "张*", facts),
        Applicant(CODES[1], WHERE, "李*", {**facts, "pension_months": 1}),
    ]
    number = list_actions.prepare(
        programme, "settlement", 1, date(2026, 7, 3), REGION, by=OFFICER, at=AT, purpose="x"
    )
    list_actions.publish(number, people, by=OFFICER, at=AT, purpose="x")
    assert [r.name for r in list_queries.public_rows(number)] == ["李*", "张*"]


def test_every_step_is_logged() -> None:
    before = LogPending.objects.count()
    number = made()
    objection = list_actions.object_to(
        number, reference(number, CODES[0]), "我觉得不对", by=her(CODES[0]), at=AT
    )
    list_actions.settle(objection, {}, "记录无误", by=OFFICER, at=AT, purpose="points_settlement")
    assert LogPending.objects.count() == before + 4


# --- pages ----------------------------------------------------------------------------------------------


@contextmanager
def crowd(programmes: Sequence[Programme], on: date) -> Iterator[library.People]:
    """Thirty people of the place, ten of whom pass."""
    engine = DuckEngine(Path("/tmp"))
    kinds = {k: v for p in programmes for k, v in columns(p).items()}
    known = {
        "born_on": "DATE '1990-01-01'", "has_own_home": "true", "pension_months": "CASE WHEN n < 10 THEN 90 + n ELSE 10 END",
        "registered_months": "120", "education": "'bachelor'", "skill_level": "'none'",
    }  # fmt: skip
    told = ", ".join(f"CAST({known.get(c, 'NULL')} AS {k}) AS {c}" for c, k in kinds.items())
    engine.run(
        f"CREATE TABLE people AS SELECT lpad(n::VARCHAR, 13, '0') AS person_code, '{WHERE}' AS region, {told} FROM range(30) AS r(n)"
    )
    try:
        yield library.People(engine, "people", ("person_code", "region", *kinds), (), 30)
    finally:
        engine.close()


def login(role: str, settings: Any, **more: str) -> Client:
    settings.DEMO = True
    account, _ = Account.objects.get_or_create(username=f"{role}{more}", defaults={"is_demo": True})
    place = "" if role == "resident" else REGION
    access_actions.grant_role(account.username, role, place, by=system("test"), at=AT, **more)
    client = Client()
    client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def officer(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An officer who works for points settlement, and whose bulk acts a colleague has agreed to."""
    from anju.web import guard

    monkeypatch.setattr(guard.access_queries, "granted", lambda *_: 1)
    monkeypatch.setattr(guard.access_actions, "use_approval", lambda *_args, **_more: None)
    client = login("department_officer", settings, department="hrss")
    client.post("/account/purpose/", {"purpose": "points_settlement", "next": "/"})
    return client


def test_prepared_published_and_settled_from_the_pages(settings, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setattr(library, "EVERYONE", crowd)
    client = officer(settings, monkeypatch)
    assert client.get("/planner/lists/").status_code == 200
    where = client.post(
        "/planner/lists/prepare/", {"what": "demo/settlement@2026#settlement", "places": "4"}
    )["Location"]
    number = int(where.split("/")[-2])
    assert Client().get(f"/planner/lists/{number}/public/").status_code == 404, "nothing is out yet"
    assert client.post(f"/planner/lists/{number}/publish/").status_code == 302
    page = client.get(where).context["page"]
    assert (page.head.view.admitted, page.total, page.head.line) == (4, 4, page.head.line)
    assert len(client.get(where + "?all=1").context["page"].lines) == 10
    shown = Client().get(f"/planner/lists/{number}/public/").content.decode()
    assert page.lines[0].row.reference in shown
    mine = list_queries.places_of("0000000000001")[0]
    resident = login("resident", settings, person_code="0000000000001")
    assert mine.reference in resident.get("/me/lists/").content.decode()
    resident.post(f"/me/lists/{number}/{mine.reference}/object/", {"claim": "少算了三年"})
    objection = list_queries.objections_of("0000000000001")[0]
    assert client.get(f"/planner/objections/{objection.number}/").status_code == 200
    sent = {"fact": "pension_months", "value": "140", "answer": "已核对缴费记录"}
    assert client.post(f"/planner/objections/{objection.number}/", sent)["Location"] == where
    assert "已核对缴费记录" in resident.get("/me/lists/").content.decode()
    assert list_queries.places_of("0000000000001")[0].is_admitted
    path = tmp_path / "list.json"
    path.write_bytes(Client().get(f"/planner/lists/{number}/list.json").content)
    from anju.jobs.cli.policy import app

    told = CliRunner().invoke(app, ["verify-list", str(path), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["faults"]) == (0, [])
    broken = json.loads(path.read_text())
    broken["rows"][0], broken["rows"][3] = broken["rows"][3] | {"rank": 1}, broken["rows"][0] | {"rank": 4}
    path.write_text(json.dumps(broken))
    assert CliRunner().invoke(app, ["verify-list", str(path)]).exit_code == 1


@pytest.mark.parametrize("method", ["serial", "deferred"])
def test_school_places_from_two_files_to_a_proof_anyone_can_check(method: str, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    applicants = "reference,points,choices\na,90,东;西\nb,80,东;西\nc,80,东\nd,70,西\n"
    number = allocation.prepare(
        "一年级",
        method,
        applicants,
        "school,places\n东,1\n西,2\n",
        REGION,
        by=OFFICER,
        at=AT,
        purpose="schooling",
    )
    assert allocation.get_allocation(number, "*").seed == ""
    allocation.start(number, by=OFFICER, at=AT, purpose="schooling")
    with pytest.raises(Refusal, match="list_state"):
        allocation.start(number, by=OFFICER, at=AT, purpose="schooling")
    allocation.work(number)
    told = allocation.get_allocation(number, "*")
    assert (told.state, told.result["placed"], told.result["by_choice"]) == ("done", 3, [2, 1])
    from anju.jobs.cli.policy import app

    done = CliRunner().invoke(app, ["verify-allocation", str(allocation.proof_of(number, "*")), "--json"])
    assert json.loads(done.stdout) == {"applicants": 4, "faults": []}
    with pytest.raises(Refusal, match="allocation_input"):
        allocation.prepare("x", method, "reference,points,choices\na,9,南\n", "school,places\n东,1\n", REGION, by=OFFICER, at=AT, purpose="x")  # fmt: skip


def test_the_allocation_page_takes_files_and_shows_the_run(settings, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from django.core.files.uploadedfile import SimpleUploadedFile

    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    client = login("planner", settings)
    sent = {
        "title": "一年级", "method": "serial",
        "applicants": SimpleUploadedFile("a.csv", "reference,points,choices\na,90,东\nb,80,东\n".encode()),
        "schools": SimpleUploadedFile("s.csv", "school,places\n东,1\n".encode("gb18030")),
    }  # fmt: skip
    where = client.post("/planner/allocations/", sent)["Location"]
    assert client.get(where).status_code == 200
    number = int(where.split("/")[-2])
    allocation.start(number, by=OFFICER, at=AT, purpose="schooling")
    assert "hx-get" in client.get(where).content.decode()
    assert client.get(where + "state/").status_code == 200
    allocation.work(number)
    page = client.get(where).content.decode()
    assert "proof.json" in page
    assert client.get("/planner/allocations/").status_code == 200
    assert client.get(where + "proof.json").status_code == 200

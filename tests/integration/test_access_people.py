"""People of the register, tried from outside their place by every way in; and the person sees who looked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from anju.kernel.identifiers import citizen_check
from anju.register.store import actions as register
from anju.register.store.models import Dwelling, Employer, Job, Stay
from anju.trust.access import Actor, Role, rules, system
from anju.trust.store import access_actions, access_queries, ledger, log_queries, log_verifying, rows
from anju.trust.store.models import Account
from anju.web.guard import guard

BY, AT = system("test"), datetime(2026, 3, 1, 8, tzinfo=UTC)
HERE, THERE = "990102001001", "990103001001"


def number(first17: str) -> str:
    return first17 + citizen_check(first17)


ME = {"name": "李小华", "citizen_no": number("99010119900101123"), "phone": "12000000001", "sex": "2"}
OTHER = {"name": "欧阳远山", "citizen_no": number("99010119910202124"), "phone": "12000000002", "sex": "1"}


@pytest.fixture
def people(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    made = {
        who: register.register_person(
            values,
            region=region,
            observed_on=date(2026, 1, 1),
            by=BY,
            at=AT,
            purpose="residence_registration",
        )
        for who, values, region in (("me", ME, HERE), ("other", OTHER, THERE))
    }
    ledger.sequence_all()
    return {who: str(code) for who, code in made.items()}


def login(role: str, region: str, purpose: str = "", department: str = "", person_code: str = "") -> Client:
    account = Account.objects.create(username=f"{role}-{region}-{department}-{person_code}", is_demo=True)
    number_ = access_actions.grant_role(
        account.username, role, region, by=BY, at=AT, department=department, person_code=person_code
    )
    client = Client()
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    if purpose:
        session = client.session
        until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
        session["acting"] = {"assignment": number_, "purpose": purpose, "until": until}
        session.save()
    return client


def refused() -> list[tuple[str, str]]:
    ledger.sequence_all()
    return [
        (p.entry.action, p.entry.subject) for p in log_queries.entries(200) if p.entry.result == "refused"
    ]


PURPOSE = {
    role: next((p.name for p in rules().purposes.values() if role in p.roles), "") for role in rules().roles
}


@pytest.mark.parametrize("role", sorted(rules().roles))
def test_each_role_of_another_district_is_refused_and_logged(people: dict[str, str], role: str) -> None:
    told = rules().roles[role]
    purpose = "residence_registration" if role == "department_officer" else PURPOSE[role]
    client = login(
        role,
        "990102" if told.place == "region" else "",
        purpose,
        "police" if told.department else "",
        people["me"] if role == "resident" else "",
    )
    code = people["other"]
    for url, method in (
        (reverse("staff:person", args=[code]), "get"),
        (reverse("staff:reveal", args=[code, "citizen_no"]), "post"),
    ):
        answer = getattr(client, method)(url)
        page = answer.content.decode()
        assert answer.status_code == 403
        assert not any(
            value in page for value in (OTHER["name"], OTHER["citizen_no"], OTHER["phone"], "欧**山")
        )
    assert ("person.read", f"person:{code}") in refused()
    assert ("person.reveal", f"person:{code}") in refused()
    if "person.search" in told.may:
        for text in (OTHER["name"], OTHER["citizen_no"], OTHER["phone"], "ouyang", code, ""):
            found = client.post(reverse("staff:find"), {"text": text}, follow=True).content.decode()
            assert reverse("staff:person", args=[code]) not in found
            assert "欧**山" not in found


@pytest.mark.parametrize("role", sorted(rules().roles))
def test_raw_sql_of_another_district_finds_nothing(people: dict[str, str], role: str) -> None:
    told = rules().roles[role]
    actor = Actor(
        "account:1", role, "990102" if told.place == "region" else "", "police" if told.department else "",
        people["me"] if role == "resident" else "",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'r'"
            " AND a.attname = 'person_code' AND c.relname LIKE 'register%%'"
        )
        tables = [table for (table,) in cursor.fetchall()]
    assert "register_identity" in tables
    with rows.acting(actor), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE person_code = %s OR true AND person_code <> %s",
                           [people["other"], people["me"]])  # fmt: skip
            assert cursor.fetchone()[0] == 0, table


DWELLINGS = {HERE: "D000000000000001", THERE: "D000000000000002"}
EMPLOYERS = {HERE: "91990101000000001A", THERE: "91990102000000001A"}


@pytest.fixture
def places(people: dict[str, str]) -> dict[str, str]:
    """A dwelling with a landlord and an employer in each district; each of the two lives and works where they are."""
    who = {"by": BY, "at": AT, "purpose": "residence_registration"}
    for region, name in ((HERE, "me"), (THERE, "other")):
        Dwelling.objects.create(
            dwelling_code=DWELLINGS[region],
            region=region,
            street=f"{region}街",
            number="7",
            landlord_name="房东某",
        )
        Employer.objects.create(employer_code=EMPLOYERS[region], region=region, name=f"{region}公司")
        register.register_stay(
            people[name], dwelling_code=DWELLINGS[region], begin_on=date(2026, 2, 1), **who
        )
        register.register_job(people[name], employer_code=EMPLOYERS[region], begin_on=date(2026, 2, 1), **who)
    return people


PLACES = {"dwelling": DWELLINGS, "employer": EMPLOYERS}
LOOKS_AT_PLACES = [
    (role, kind) for role in rules().roles.values() for kind in PLACES if f"{kind}.read" in role.may
]


@pytest.mark.parametrize(("role", "kind"), LOOKS_AT_PLACES, ids=lambda told: getattr(told, "name", told))
def test_dwellings_and_employers_of_another_district_are_refused(
    places: dict[str, str], role: Role, kind: str
) -> None:
    fitting = (p for p in rules().purposes.values() if role.name in p.roles)
    purpose = next(p for p in fitting if not p.actions or f"{kind}.read" in p.actions)
    department = (*purpose.departments, "police")[0] if role.department else ""
    worker, codes = login(role.name, "990102", purpose.name, department), PLACES[kind]
    assert worker.get(reverse(f"staff:{kind}", args=[codes[HERE]])).status_code == 200
    answer = worker.get(reverse(f"staff:{kind}", args=[codes[THERE]]))
    assert answer.status_code == 403
    assert (f"{kind}.read", f"{kind}:{codes[THERE]}") in refused()
    nothing = worker.get(reverse(f"staff:{kind}", args=[codes[THERE][:-1] + "9"]))
    assert _said(answer.content.decode()) == _said(nothing.content.decode())
    with rows.acting(Actor("account:1", role.name, "990102", department)), connection.cursor() as cursor:
        cursor.execute("SELECT dwelling_code FROM register_dwelling")
        assert cursor.fetchall() == [(DWELLINGS[HERE],)]


def _said(page: str) -> str:
    return re.sub(r"<[^>]+>", "", page)


def test_where_somebody_in_sight_lived_or_works_opens_though_it_lies_elsewhere(
    places: dict[str, str],
) -> None:
    worker, code = login("station_worker", "990102", "residence_registration"), places["me"]
    Stay.objects.filter(person_code=code).update(dwelling_code=DWELLINGS[THERE])
    Job.objects.filter(person_code=code).update(employer_code=EMPLOYERS[THERE])
    for page, place in (("staff:dwelling", DWELLINGS[THERE]), ("staff:employer", EMPLOYERS[THERE])):
        told = worker.get(reverse(page, args=[place]))
        assert told.status_code == 200
        assert code in told.content.decode()
        assert places["other"] not in told.content.decode()


def test_a_day_that_is_none_or_before_everything_shows_how_things_are_now(places: dict[str, str]) -> None:
    worker = login("station_worker", "990102", "residence_registration")
    for address in (
        reverse("staff:person", args=[places["me"]]),
        reverse("staff:dwelling", args=[DWELLINGS[HERE]]),
        reverse("staff:employer", args=[EMPLOYERS[HERE]]),
    ):
        for stated in ("2026-13-45", "2999-01-01"):
            page = worker.get(address, {"known_on": stated})
            assert page.status_code == 200
            assert f"“{stated}”不是过去的日期" in page.content.decode()
            assert "正在查看过去" not in page.content.decode()
        then = worker.get(address, {"known_on": "2001-01-01"}, follow=True)
        assert then.redirect_chain == [(address, 302)]
        assert "到 2001-01-01 为止还没有收到" in then.content.decode()


def test_a_page_about_what_nobody_can_place_is_not_made() -> None:
    with pytest.raises(ValueError, match="batch:code"):
        guard("exchange.read", subject="batch:code")


def test_a_worker_of_the_place_reads_and_the_person_sees_it(people: dict[str, str]) -> None:
    worker = login("station_worker", "990102", "schooling")
    page = worker.get(reverse("staff:person", args=[people["me"]]))
    assert page.status_code == 200
    assert ME["citizen_no"] not in page.content.decode()
    shown = worker.post(reverse("staff:reveal", args=[people["me"], "citizen_no"])).content.decode()
    assert ME["citizen_no"] in shown
    ledger.sequence_all()
    resident = login("resident", "", person_code=people["me"])
    looks = resident.get(reverse("resident:looks"))
    assert looks.status_code == 200
    told = looks.content.decode()
    assert "随迁子女入学" in told
    assert "account:" not in told
    seen = [(p.entry.action, p.entry.result) for p in log_queries.looks_at(people["me"])]
    assert ("person.read", "done") in seen
    assert ("person.reveal", "done") in seen
    assert resident.get(reverse("resident:home")).status_code == 200
    stranger = login("resident", "", person_code=people["other"])
    assert "随迁子女入学" not in stranger.get(reverse("resident:looks")).content.decode()
    assert access_queries.account_of("nobody") is None


@pytest.mark.parametrize("role", sorted(rules().roles))
def test_the_api_and_the_export_tell_nothing_of_another_district(people: dict[str, str], role: str) -> None:
    """The same roles at the interface for departments, and at what is given out in bulk."""
    told = rules().roles[role]
    purpose = "residence_registration" if role == "department_officer" else PURPOSE[role]
    client = login(
        role, "990102" if told.place == "region" else "", purpose, "police" if told.department else "",
        people["me"] if role == "resident" else "",
    )  # fmt: skip
    asked = {"citizen_no": OTHER["citizen_no"]}
    for url, body in (("lookup", asked), ("lookups", {"people": [asked]})):
        answer = client.post(f"/api/population/{url}", body, content_type="application/json")
        assert answer.status_code < 500
        assert not any(v in answer.content.decode() for v in (people["other"], OTHER["name"], OTHER["phone"]))
    for url in ("/api/exchange/changes", "/me/file.json", "/me/file.pdf"):
        page = client.get(url).content
        assert people["other"].encode() not in page
        assert OTHER["name"].encode() not in page
    ledger.sequence_all()
    told_of = [
        (p.entry.action, p.entry.result, p.entry.subject)
        for p in log_queries.entries(50)
        if p.entry.role == role
        and p.entry.action in ("person.lookup", "person.lookup_many", "exchange.follow")
    ]
    # Tried and told, each of them: refused, or asked and nobody found.
    assert {action for action, _, _ in told_of} == {"person.lookup", "person.lookup_many", "exchange.follow"}
    assert all(people["other"] not in subject for _, _, subject in told_of)
    assert all(result == "refused" for action, result, _ in told_of if action not in told.may)


def test_a_row_rewritten_by_the_databases_owner_is_named(people: dict[str, str]) -> None:
    """As superuser, one entry is made to say somebody else looked: verification names exactly that entry."""
    worker = login("station_worker", "990102", "schooling")
    worker.get(reverse("staff:person", args=[people["me"]]))
    ledger.sequence_all()
    ledger.checkpoint(AT)
    assert log_verifying.verify().holds
    (look,) = [p for p in log_queries.looks_at(people["me"]) if p.entry.action == "person.read"]
    with connection.cursor() as cursor:
        cursor.execute(
            'UPDATE trust_logentry SET data = replace(data, \'"purpose":"schooling"\', \'"purpose":"emergency"\')'
            " WHERE seq = %s",
            [look.seq],
        )
    report = log_verifying.verify()
    assert not report.holds
    assert look.seq in {f.first for f in report.findings}

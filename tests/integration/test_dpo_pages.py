"""The officer's desk in use: deletion and objection carried out, two people for a run; and statistics for everyone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from anju.insight.store import statistics
from anju.insight.tables import tables
from anju.kernel.refusal import Refusal
from anju.register.store import actions as register
from anju.register.store.models import Identity, Run
from anju.trust.access import Actor, system
from anju.trust.disclosure import TOTAL
from anju.trust.store import (
    access_actions,
    erasure_actions,
    erasure_queries,
    ledger,
    log_queries,
    release_queries,
    rights_actions,
    rights_queries,
)
from anju.trust.store.models import Account, PersonRequest

BY, AT = system("test"), datetime(2026, 3, 1, 8, tzinfo=UTC)
HERE = "990102001001"
Login = Callable[..., Client]


@pytest.fixture
def her(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    return str(
        register.register_person(
            {"name": "李小华", "sex": "2"}, region=HERE, observed_on=date(2026, 1, 1), by=BY, at=AT,
            purpose="residence_registration",
        )
    )  # fmt: skip


@pytest.fixture
def login(db: None, settings: Settings) -> Login:
    settings.DEMO = True

    def made(
        name: str, role: str, purpose: str = "rights_request", region: str = "*", person: str = ""
    ) -> Client:
        account = Account.objects.create(username=name, is_demo=True)
        number = access_actions.grant_role(name, role, region, by=BY, at=AT, person_code=person)
        client = Client()
        client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
        session = client.session
        until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
        session["acting"] = {"assignment": number, "purpose": purpose, "until": until}
        session.save()
        return client

    return made


def ask(kind: str, code: str) -> str:
    return rights_actions.ask(
        kind,
        person_code=code,
        region=HERE,
        by=Actor("account:0", "resident", person_code=code),
        at=AT,
        text="请办理",
    )


def test_a_deletion_is_ordered_restricted_and_answered_together(her: str, login: Login) -> None:
    number, officer = ask("delete", her), login("dpo1", "dpo")
    page = officer.get(reverse("dpo:request", args=[number])).content.decode()
    assert "下达删除并答复" in page
    url = reverse("dpo:erase", args=[number])
    officer.post(url, {"ground": "term_over", "answer": " "})  # an answer is owed: nothing is done without it
    assert her not in erasure_queries.restricted([her])
    assert erasure_queries.open_erasures() == ()
    officer.post(url, {"ground": "term_over", "answer": "保存期满的部分已删除。"})
    assert PersonRequest.objects.get(number=number).state == "answered"
    assert [e.request for e in erasure_queries.open_erasures()] == [number]
    assert her in erasure_queries.restricted([her])


def test_an_objection_closes_the_file_for_everybody_elses_purposes(her: str, login: Login) -> None:
    number, officer = ask("object", her), login("dpo1", "dpo")
    station = login("s1", "station_worker", "residence_registration", "990102")
    file = reverse("staff:person", args=[her])
    assert station.get(file).status_code == 200
    officer.post(reverse("dpo:restrict", args=[number]), {"answer": "已限制处理。"})
    refused = station.get(file)
    assert refused.status_code == 403
    assert "限制处理" in refused.content.decode()
    assert officer.get(file).status_code == 200  # for the person's own request
    assert login("me", "resident", "", "", her).get(reverse("resident:file")).status_code == 200
    ledger.sequence_all()
    assert [
        p.entry.result for p in log_queries.entries(50, person_code=her) if p.entry.action == "person.read"
    ][:2] == ["done", "refused"]
    officer.post(reverse("dpo:lift", args=[her]))
    assert station.get(file).status_code == 200


@pytest.mark.parametrize("role", ["station_worker", "data_steward", "auditor", "planner", "operator"])
def test_only_the_officer_erases_restricts_and_runs_retention(her: str, login: Login, role: str) -> None:
    number, client = ask("delete", her), login("x", role)
    for url in (
        reverse("dpo:erase", args=[number]), reverse("dpo:restrict", args=[number]), reverse("dpo:lift", args=[her]),
        reverse("dpo:retention_run", args=["R1"]),
    ):  # fmt: skip
        assert client.post(url, {"ground": "unlawful", "answer": "x", "do": "approve"}).status_code in {
            302,
            403,
        }
    assert her not in erasure_queries.restricted([her])
    assert erasure_queries.open_erasures() == ()
    assert PersonRequest.objects.get(number=number).state == "open"


def test_a_run_is_put_forward_by_one_and_approved_by_another(her: str, login: Login) -> None:
    number = erasure_actions.plan_run(date(2026, 11, 1), {"records.police_residence": 3}, by=BY, at=AT)
    one, two = login("dpo1", "dpo"), login("dpo2", "dpo")
    url = reverse("dpo:retention_run", args=[number])
    assert "居住登记" in one.get(reverse("dpo:retention")).content.decode()
    one.post(url, {"do": "ask"})
    one.post(url, {"do": "approve"})
    assert erasure_queries.approved_runs() == ()
    two.post(url, {"do": "approve"})
    assert [r.number for r in erasure_queries.approved_runs()] == [number]


def test_a_withdrawn_consent_counts_at_once(her: str) -> None:
    me = Actor("account:0", "resident", person_code=her)
    topic = "notices_by_message"
    rights_actions.give_consent(topic, person_code=her, region=HERE, born_on=date(1990, 1, 1), by=me, at=AT)
    assert rights_queries.consenting(topic, [her, "X"]) == {her}
    rights_actions.withdraw_consent(topic, person_code=her, by=me, at=AT)
    assert rights_queries.consenting(topic, [her]) == frozenset()
    with pytest.raises(Refusal, match="unknown_consent"):
        rights_queries.consenting("everything", [her])


def test_the_incident_figure_counts_what_is_signed(her: str, login: Login) -> None:
    ledger.sequence_all()
    ledger.checkpoint(AT)
    rights_actions.write_incident("misuse", "超越事由查看", 1, date(2026, 2, 1), by=BY, at=AT)
    incidents, interactions, share = rights_queries.incident_share()
    assert (incidents, interactions) == (1, ledger.size())
    assert share == 1 / interactions
    page = login("dpo1", "dpo").get(reverse("dpo:incidents")).content.decode()
    assert f"1 起事件 / {interactions} 次交互" in page


# Statistics


@pytest.fixture
def city(her: str) -> int:
    """Enough invented residents for tables, and a finished run."""
    Identity.objects.bulk_create(
            Identity(
                person_code=f"T{n:012d}", region=f"99010{2 + n % 3}001001", name="某", sex=str(1 + n % 2),
                born_on=date(1950 + n % 60, 1, 1), hukou_region=("510000", "420000", "360000")[n % 3] if n > 6 else "650000",
                education=("10", "20", "30")[n % 3], is_resident=True, arrived_on=date(2026, 1 + n % 10, 3),
            )
            for n in range(600)
    )  # fmt: skip
    return int(
        Run.objects.create(
            state="finished", started_at=AT, known_at=AT, as_of=date(2026, 11, 1), folder="library/run-1"
        ).pk
    )


def test_anyone_reads_what_was_released_and_nobody_else_releases(city: int, login: Login) -> None:
    steward = login("st", "data_steward")
    steward.post(reverse("entrance:release", args=["residents_by_origin"]))
    (released,) = release_queries.list_releases()
    anyone = Client()
    assert "来自哪里" in anyone.get(reverse("entrance:statistics")).content.decode()
    reader = Client()
    reader.cookies["anju_language"] = "en"
    english = reader.get(reverse("entrance:statistic", args=[released.id]))
    assert "How people are protected" in english.content.decode()
    lines = list(
        csv.reader(
            io.StringIO(anyone.get(reverse("entrance:statistic_csv", args=[released.id])).content.decode())
        )
    )
    assert lines[0] == ["origin", "sex", "people"]
    assert all(int(v) % 5 == 0 for *_, v in lines[1:] if v)
    assert [v for o, s, v in lines[1:] if o == "65"] == [
        "",
        "",
        "",
    ]  # seven people: hidden, and their total too
    assert login("re", "resident", "", "", "T1").post(
        reverse("entrance:release", args=["residents_by_age"])
    ).status_code in {302, 403}
    login("st2", "data_steward", region="990102").post(reverse("entrance:release", args=["residents_by_age"]))
    assert len(release_queries.list_releases()) == 1


def test_two_tables_of_one_edition_do_not_betray_each_other(city: int) -> None:
    """Every cell that two tables share is shown the same in both, or hidden in both."""
    steward = Actor("account:9", "data_steward", "*")
    shown: dict[frozenset[str], set[int | None]] = {}
    for name, table in tables().items():
        if table.gate == "protected":
            answer = release_queries.find_release(statistics.publish(name, by=steward, at=AT))
            assert answer is not None
            for *parts, value in answer.answer["cells"]:
                key = frozenset(
                    f"{d}={p}" for d, p in zip(table.dimensions, parts, strict=True) if p != TOTAL
                )
                shown.setdefault(key, set()).add(value)
    assert len(shown) > 100
    assert all(len(values) == 1 for values in shown.values())


def test_a_release_cannot_be_subtracted_from_the_next(city: int) -> None:
    steward = Actor("account:9", "data_steward", "*")
    statistics.publish("residents_by_age", by=steward, at=AT)
    with pytest.raises(Refusal, match="too_soon"):
        statistics.publish("residents_by_age", by=steward, at=AT + timedelta(days=20))
    with pytest.raises(Refusal, match="released_before"):
        statistics.publish("residents_by_age", by=steward, at=AT + timedelta(days=40))


def test_noise_is_paid_for_until_the_years_budget_is_spent(city: int) -> None:
    steward = Actor("account:9", "data_steward", "*")
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    for n in range(8):
        Run.objects.create(
            state="finished",
            started_at=AT,
            known_at=AT,
            as_of=date(2026, 11, 1),
            folder=f"library/run-{n + 2}",
        )
        statistics.publish("arrivals_by_month", by=steward, at=at + timedelta(days=30 * n))
    Run.objects.create(
        state="finished", started_at=AT, known_at=AT, as_of=date(2026, 11, 1), folder="library/run-x"
    )
    with pytest.raises(Refusal, match="budget_spent"):
        statistics.publish("arrivals_by_month", by=steward, at=at + timedelta(days=300))
    assert sum(s.epsilon for s in release_queries.spends(2026)) == release_queries.budget() == 4.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM trust_release")
        assert cursor.fetchone() == (8,)

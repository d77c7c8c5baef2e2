"""A guarded read on a connection of its own: how often it asks, and that nothing is told unless the look is written down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from anju.register.store import actions as register
from anju.trust.access import system
from anju.trust.store import access_actions, ledger, log_queries
from anju.trust.store.models import Account, LogPending
from anju.web.shell import compiled

BY, AT, HERE = system("test"), datetime(2026, 3, 1, 8, tzinfo=UTC), "990102001001"
NEVER = """
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''never''; END';
CREATE CONSTRAINT TRIGGER never AFTER INSERT ON trust_logpending DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION never()
"""


@pytest.fixture
def page(transactional_db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    told = {"name": "李小华", "sex": "2"}
    code = register.register_person(
        told, region=HERE, observed_on=date(2026, 1, 1), by=BY, at=AT, purpose="residence_registration"
    )
    return reverse("staff:person", args=[code])


@pytest.fixture
def worker(page: str) -> Client:
    account = Account.objects.create(username="w", is_demo=True)
    held = access_actions.grant_role("w", "station_worker", "990102", by=BY, at=AT)
    client = Client(raise_request_exception=False)
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    session = client.session
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    session["acting"] = {"assignment": held, "purpose": "schooling", "until": until}
    session.save()
    ledger.sequence_all()
    return client


def looks() -> list[str]:
    ledger.sequence_all()
    return [p.entry.result for p in log_queries.entries(50) if p.entry.action == "person.read"]


def test_a_guarded_read_makes_five_trips(page: str, worker: Client) -> None:
    with CaptureQueriesContext(connection) as caught:
        answer = worker.get(page)
    assert answer.status_code == 200
    assert "李*华" in answer.content.decode()
    # Django notes a BEGIN and a COMMIT where it would send one; here both went along with what stands beside them.
    asked = [q["sql"] for q in caught.captured_queries if q["sql"] not in ("BEGIN", "COMMIT")]
    assert len(asked) == 5, "\n".join(a[:120] for a in asked)
    assert "BEGIN" in asked[2]
    assert asked[4].endswith("COMMIT")
    assert looks() == ["done"]


def test_statements_the_database_forgot_are_prepared_again(page: str, worker: Client) -> None:
    assert worker.get(page).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    connection.connection._prepared.clear()
    assert worker.get(page).status_code == 200
    assert (
        worker.get(page.replace("people", "dwellings")).status_code == 403
    )  # another statement, and a rollback
    assert worker.get(page).status_code == 200
    assert looks() == ["done"] * 3


@pytest.mark.parametrize("how", ["refused", "taken back at the end"])
def test_who_cannot_be_written_down_sees_nothing(page: str, worker: Client, how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("REVOKE INSERT ON trust_logpending FROM anju_web" if how == "refused" else NEVER)
    try:
        answer = worker.get(page)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER IF EXISTS never ON trust_logpending")
            cursor.execute("DROP FUNCTION IF EXISTS never")
            cursor.execute("GRANT INSERT ON trust_logpending TO anju_web")
    assert answer.status_code == 500
    assert "李*华" not in answer.content.decode()
    assert looks() == []
    assert worker.get(page).status_code == 200


def test_a_page_that_breaks_while_it_is_drawn_was_a_look(
    page: str, worker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_told: object) -> str:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(compiled, "body", broken)
        assert worker.get(page).status_code == 500
    assert looks() == ["done"]
    assert worker.get(page).status_code == 200
    with transaction.atomic():
        assert not LogPending.objects.filter(lines="").exists()

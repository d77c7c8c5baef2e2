"""Row security: what the web's database role sees, asked in raw SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import ProgrammingError, connection, transaction

from anju.trust.access import Actor, system
from anju.trust.store import ledger, log, log_published, rows

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORKER = Actor("account:1", "station_worker", "990102")
OFFICER = Actor("account:2", "department_officer", "9901", "police")
RESIDENT = Actor("account:3", "resident", "", person_code="P3")
LANDLORD = Actor("account:4", "landlord", "*")
WHOLE = Actor("account:5", "data_steward", "*")

PEOPLE = {"P1": "990102001001", "P2": "990102002000", "P3": "990103001001", "P4": "110105001001", "P5": None}


@pytest.fixture
def people(db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute('CREATE TABLE rowtest (code text, region varchar(15) COLLATE "C", name text)')
        step = rows.row_security("rowtest", person="code")
        cursor.execute(step.sql)
        rows.grant()
        cursor.executemany("INSERT INTO rowtest VALUES (%s, %s, 'x')", list(PEOPLE.items()))
    return


def seen() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM rowtest")
        return {code for (code,) in cursor.fetchall()}


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(ProgrammingError), transaction.atomic():
        yield


@pytest.mark.parametrize(
    ("actor", "codes"),
    [
        (WORKER, {"P1", "P2"}),
        (OFFICER, {"P1", "P2", "P3"}),
        (RESIDENT, {"P3"}),
        (LANDLORD, set()),
        (WHOLE, set(PEOPLE)),
        (None, set()),
        (Actor("account:6", "station_worker", ""), set()),
        (Actor("account:6", "station_worker", "990102' OR true --"), set()),
        (Actor("account:6", "mayor", "*"), set()),
        (system("pipeline"), set(PEOPLE)),
    ],
)
def test_each_actor_sees_its_places_and_nothing_else(
    people: None, actor: Actor | None, codes: set[str]
) -> None:
    with rows.acting(actor):
        assert seen() == codes
    assert seen() == set(PEOPLE)  # the owner of the tables is not bound


def test_glass_opens_every_place_but_only_to_those_who_have_one(people: None) -> None:
    with rows.acting(WORKER, glass=True):
        assert seen() == set(PEOPLE)
    with rows.acting(RESIDENT, glass=True):
        assert seen() == {"P3"}


def test_raw_sql_cannot_step_over(people: None) -> None:
    with rows.acting(WORKER), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM rowtest WHERE code = 'P3' OR true")
        assert cursor.fetchone()[0] == 2
        cursor.execute("UPDATE rowtest SET name = 'y'")
        assert cursor.rowcount == 2
        cursor.execute("DELETE FROM rowtest WHERE code = 'P4'")
        assert cursor.rowcount == 0
        for statement in (
            "INSERT INTO rowtest VALUES ('P6', '990103001001', 'x')",
            "UPDATE rowtest SET region = '990103001001' WHERE code = 'P1'",
            "ALTER TABLE rowtest DISABLE ROW LEVEL SECURITY",
            "DROP POLICY anju_place ON rowtest",
            "CREATE POLICY mine ON rowtest USING (true)",
            "TRUNCATE rowtest",
            "ALTER ROLE anju_web BYPASSRLS",
        ):
            with refused():
                cursor.execute(statement)
        # row_security=off does not lift it: it turns the silence into an error.
        with refused():
            cursor.execute("SET LOCAL row_security = off")
            cursor.execute("SELECT * FROM rowtest")


def test_a_pooled_connection_keeps_nothing(people: None) -> None:
    with rows.acting(WORKER):
        assert len(seen()) == 2
        with rows.acting(RESIDENT):
            assert seen() == {"P3"}
        assert len(seen()) == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('anju.region_from', true), current_user = 'anju_web'")
        assert cursor.fetchone() in {("", False), (None, False)}
        # What a connection of the web sees when nobody was bound to it.
        cursor.execute("SET LOCAL ROLE anju_web")
        cursor.execute("SELECT count(*) FROM rowtest")
        assert cursor.fetchone()[0] == 0
        cursor.execute("RESET ROLE")


def test_an_error_inside_leaves_nothing_behind(people: None) -> None:
    with pytest.raises(ZeroDivisionError), rows.acting(WORKER):
        raise ZeroDivisionError
    assert seen() == set(PEOPLE)


def test_the_web_role_may_add_to_the_log_and_never_change_it(
    people: None, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    log.record(OFFICER, "person.read", AT, purpose="schooling", subject="person:P3")
    log.record(Actor("account:7", "station_worker", "110105"), "person.read", AT, subject="person:P4")
    ledger.sequence_all()
    ledger.checkpoint(AT)
    with rows.acting(WORKER):
        log.record(WORKER, "person.read", AT)
        with connection.cursor() as cursor:
            for table in ("trust_logentry", "trust_logtile", "trust_logcheckpoint", "trust_logpending"):
                for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                    with refused():
                        cursor.execute(statement)
            with refused():
                cursor.execute("SELECT * FROM trust_logpending")
    assert ledger.sequence_all() == 1
    assert _entries(WORKER) == 0
    assert _entries(RESIDENT) == 1
    auditor = Actor("account:8", "auditor", "9901")
    assert _entries(auditor) == 0
    assert _entries(auditor, audit=True) == 2
    assert log_published.published()


def _entries(actor: Actor, *, audit: bool = False) -> int:
    with rows.acting(actor, audit=audit), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM trust_logentry")
        return int(cursor.fetchone()[0])


def test_every_table_with_a_person_in_it_is_under_row_security(db: None) -> None:
    """Whoever adds a table about people adds its policy; the log's and the account's own tables have theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relkind = 'r' AND a.attname = 'person_code' AND NOT a.attisdropped"
            " AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        bare = [table for table, is_secured in cursor.fetchall() if not is_secured and table not in OPEN]
    assert not bare


OPEN = {
    "trust_assignment",  # whose account is whose: needed before anybody is bound to a place
}

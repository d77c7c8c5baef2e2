"""How often a page asks the database: a stated number at most, and the same for one row as for many."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, reverse
from pytest_django import Settings

from anju.kernel.identifiers import citizen_check
from anju.register.store import actions
from anju.register.store.models import Discrepancy, Dwelling, Employer, Run
from anju.register.store.queries import Wanted, find_candidates
from anju.register.store.queries.ways import ways_of
from anju.trust.access import Actor, system
from anju.trust.store import access_actions, rows
from anju.trust.store.models import Account
from anju.web.staff import urls

BY, AT, TODAY = system("test"), datetime(2026, 11, 20, 8, tzinfo=UTC), date(2026, 11, 20)
HERE, PURPOSE = "990102001001", "residence_registration"
EVERY_REQUEST = 9
"""Session, account, assignments, begin, bind, log entry, commit; in a test's outer transaction two more."""
BOUNDS = {
    "counter": 2,
    "people": 2,
    "person": 5,
    "dwellings": 2,
    "dwelling": 6,
    "employers": 2,
    "employer": 6,
    "quality": 3,
    "quality_records": 4,
    "leave": 5,
    "arrive": 3,
    "arrive_known": 3,
    "batches": 8,
    "discrepancies": 8,
    "review": 8,
}
"""What a page asks beside that, at most."""
ARGUMENTS = {
    "person": "code",
    "leave": "code",
    "arrive_known": "code",
    "dwelling": "dwelling",
    "employer": "employer",
}
SENT = {"front", "find", "find_dwelling", "changes", "undo_bulk", "review_next", "review_undo"}
"""Forms that are sent, and pages that lead on."""
USUAL = 10
"""What a page without a number of its own may ask."""


def number(serial: int) -> str:
    first17 = f"9901011990{serial % 12 + 1:02d}01{serial:03d}"
    return first17 + citizen_check(first17)


@pytest.fixture
def world(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    Dwelling.objects.create(dwelling_code="D000000000000001", region=HERE, street="槐树路", number="1")
    Employer.objects.create(employer_code="91990100000000001A", region=HERE, name="和安测试有限公司")
    Run.objects.create(state="finished", started_at=AT, known_at=AT, as_of=TODAY, people=1, records=1)
    told = {"code": "", "dwelling": "D000000000000001", "employer": "91990100000000001A"}
    told["code"] = live_here(1)
    return told


def live_here(serial: int) -> str:
    who = {"by": BY, "at": AT, "purpose": PURPOSE}
    values = {
        "name": f"测试{'甲乙丙丁戊己庚辛壬癸'[serial % 10]}",
        "citizen_no": number(serial),
        "phone": f"120000{serial:05d}",
    }
    code = str(actions.register_person(values, region=HERE, observed_on=TODAY, **who))
    actions.register_stay(code, dwelling_code="D000000000000001", begin_on=date(2026, 11, 1), **who)
    actions.register_job(code, employer_code="91990100000000001A", begin_on=date(2026, 11, 1), **who)
    Discrepancy.objects.create(
        person_code=code, region=HERE, field="sex", owner="police", shown_dataset="a", against="b"
    )
    return code


@pytest.fixture
def worker(world: dict[str, str]) -> Client:
    account = Account.objects.create(username="w", is_demo=True)
    held = access_actions.grant_role("w", "station_worker", "990102", by=BY, at=AT)
    client = Client()
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    session = client.session
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    session["acting"] = {"assignment": held, "purpose": PURPOSE, "until": until}
    session.save()
    return client


def pages() -> list[str]:
    """Every page that is opened by its name alone, and those of one person or place."""
    plain = {
        p.name for p in urls.urlpatterns if isinstance(p, URLPattern) and p.name and "<" not in str(p.pattern)
    }
    return sorted((plain - SENT) | set(ARGUMENTS))


def asked(worker: Client, world: dict[str, str], name: str) -> list[str]:
    argument = ARGUMENTS.get(name)
    address = reverse(f"staff:{name}", args=[world[argument]] if argument else [])
    with CaptureQueriesContext(connection) as caught:
        answer = worker.get(address)
    assert answer.status_code == 200, (name, answer.status_code)
    return [q["sql"] for q in caught.captured_queries]


@pytest.mark.parametrize("name", pages())
def test_pages_ask_a_bounded_number_of_times(worker: Client, world: dict[str, str], name: str) -> None:
    first = asked(worker, world, name)
    for serial in range(2, 9):
        live_here(serial)
    many = asked(worker, world, name)
    assert len(many) <= EVERY_REQUEST + BOUNDS.get(name, USUAL), "\n".join(q[:160] for q in many)
    assert len(many) <= len(first), f"{name} asks more often for more rows"


def test_the_live_check_asks_once_for_a_thousand(world: dict[str, str]) -> None:
    people = [
        Wanted(name="测试甲", citizen_no=number(1), born_on=date(1990, 2, 1), phone="12000000001")
    ] * 1000
    with CaptureQueriesContext(connection) as caught:
        found = find_candidates(people)
    assert len(caught.captured_queries) == 1
    assert {c[0].person.code for c in found} == {world["code"]}


MANY = """
INSERT INTO register_identity (person_code, region, name, name_key, pinyin, initials, sex, born_on, citizen_no_last4, phone_last4,
    citizen_no_index, phone_index, hukou_region, education, marital, employer_code, is_resident, in_police, record_count,
    dataset_count, discrepancy_count)
SELECT lpad(n::text, 13, '0'), '9901020010' || lpad((n % 90)::text, 2, '0'), name, name, 'p' || n, 'i' || n, '1',
    DATE '1980-01-01' + n, lpad((n % 10000)::text, 4, '0'), lpad((n % 10000)::text, 4, '0'), sha256(n::text::bytea),
    sha256((-n)::text::bytea), '', '', '', '', TRUE, TRUE, 1, 1, 0
FROM (SELECT n, '测' || n AS name FROM generate_series(1, 4000) AS n) AS told
"""


def test_row_security_lets_people_be_found_by_index(world: dict[str, str]) -> None:
    """Under the web's role a condition that is not leakproof cannot use an index: none of a search's may be."""
    with connection.cursor() as cursor:
        cursor.execute(MANY)
        cursor.execute("ANALYZE register_identity")
    with rows.acting(Actor("account:1", "station_worker", "990102")), connection.cursor() as cursor:
        for text in ("张伟", "zhangwei", "5678", number(3), "12000000003"):
            for way in ways_of(text, ("990102",)):
                wanted = f"SELECT 1 FROM register_identity i WHERE i.known_to IS NULL AND ({way.condition})"
                cursor.execute(f"EXPLAIN {wanted}", way.values)
                plan = "\n".join(r[0] for r in cursor.fetchall())
                assert re.search(r"Index Cond: .*(name_key|given_key|pinyin|initials|last4|_index)", plan), (
                    text,
                    way.name,
                    plan,
                )

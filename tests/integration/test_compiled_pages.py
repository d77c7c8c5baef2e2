"""Compiled pages: everything is escaped, a frame drawn once shows each account its own, forms in it can be sent."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from anju.register.store import actions
from anju.register.store.models import Dwelling, Identity, Person, Stay
from anju.trust.access import system
from anju.trust.store import access_actions
from anju.trust.store.models import Account

BY, AT = system("test"), datetime(2026, 11, 20, 8, tzinfo=UTC)
HERE, PURPOSE = "990102001001", "residence_registration"
HOSTILE = "<b>甲</b>{{7*7}}\"'"


@pytest.fixture
def code(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody who lives here, by a name that would be code in a careless page."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    Dwelling.objects.create(dwelling_code="D000000000000001", region=HERE, street="<i>槐树路", number="1")
    who = {"by": BY, "at": AT, "purpose": PURPOSE}
    made = str(
        actions.register_person({"name": "测试甲", "sex": "1"}, region=HERE, observed_on=AT.date(), **who)
    )
    actions.register_stay(made, dwelling_code="D000000000000001", begin_on=AT.date(), **who)
    Identity.objects.filter(person_code=made).update(name=HOSTILE, hukou_region="<u>")
    return made


def worker(name: str, purpose: str = PURPOSE, *, careful: bool = False) -> Client:
    account = Account.objects.create(username=name, is_demo=True)
    held = access_actions.grant_role(name, "station_worker", "990102", by=BY, at=AT)
    client = Client(enforce_csrf_checks=careful)
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    session = client.session
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    session["acting"] = {"assignment": held, "purpose": purpose, "until": until}
    session.save()
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_no_value_is_taken_for_code(code: str) -> None:
    client = worker("one")
    for address in ("/staff/people/", f"/staff/people/{code}/"):
        told = text(client, address)
        assert not re.findall(r"<b>|<u>|<i>", told)
    found = client.post("/staff/people/find/", {"text": "<script>x"})
    assert "&lt;script&gt;x" in text(client, found["Location"])


def test_frames_are_each_accounts_own(code: str) -> None:
    one, two = worker("first-name"), worker("second-name", "residence_permit")
    told = [text(c, f"/staff/people/{code}/") for c in (one, two, one)]
    assert told[0].count("first-name") == told[2].count("first-name") > 0 == told[1].count("first-name")
    assert ["居住证申领与签注" in t for t in told] == [False, True, False]
    one.cookies["anju_language"] = "en"
    english = text(one, f"/staff/people/{code}/")
    assert 'lang="en"' in english
    assert "Find a person" in english
    assert 'lang="zh-Hans"' in text(two, "/staff/people/")
    assert f'value="/staff/people/{code}/"' in english, "the language switch leads back to this page"


def test_a_lease_that_ends_later_is_not_over(code: str) -> None:
    client, stays = worker("one"), Stay.objects.filter(person_code=code)
    for end_on, is_now in ((None, True), (date(2099, 1, 1), True), (date(2020, 2, 1), False)):
        stays.update(begin_on=date(2020, 1, 1), end_on=end_on)
        assert ('<li class="is-now">' in text(client, f"/staff/people/{code}/")) is is_now


def test_forms_of_a_frame_and_of_a_body_can_be_sent(code: str) -> None:
    client = worker("careful", careful=True)
    told = text(client, "/staff/people/")
    tokens = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', told))
    assert len(tokens) == 1
    sent = {"text": "测试", "csrfmiddlewaretoken": tokens.pop()}
    assert client.post("/staff/people/find/", sent).status_code == 302
    assert client.post("/staff/people/find/", {"text": "测试"}).status_code == 403


def test_a_message_is_shown_once(code: str) -> None:
    client = worker("told")
    Person.objects.create(code="0000000000001", merged_into=code)
    answer = client.get("/staff/people/0000000000001/")
    assert answer.status_code == 302
    assert "已并入" in text(client, answer["Location"])
    assert "已并入" not in text(client, answer["Location"])

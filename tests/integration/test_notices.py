"""Senders hear unasked of held rows, contradictions and deadlines: once, again until it is taken, nothing about a person."""

from __future__ import annotations

import re
import smtplib
import threading
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client

from anju.exchange import notices
from anju.exchange.contracts import get_codelist
from anju.exchange.store import notice_actions, notice_delivery, notice_queries
from anju.exchange.store.models import Batch, Delivery, HeldRow, Notice
from anju.jobs.pipeline import notices as keeping
from anju.kernel.refusal import Refusal
from anju.register.store.models import Settlement
from anju.trust.access import Actor, system
from anju.trust.store import access_actions
from anju.trust.store.models import Account

pytestmark = pytest.mark.django_db
BY = system("test")
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
CODE = "7K3M9Q2XAB4CD"


def held(rows: int, at: datetime = AT, dataset: str = "police_residence", name: str = "a") -> str:
    batch = Batch.objects.create(
        id=f"{dataset}-{name}", dataset=dataset, sha256=name * 64, file_name="x.csv", format="csv", sent_on=at.date(),
        accepted_at=at, accepted_by="client:x", contract_version="1", path="x", headers=[], rows_read=10,
        rows_accepted=10 - rows, rows_held=rows, fields={},
    )  # fmt: skip
    for n in range(rows):
        HeldRow.objects.create(
            batch=batch, dataset=dataset, row_no=n + 2, faults=[["姓名", "empty"]], since=at
        )
    return batch.id


def case(owner: str, due_on: date, at: datetime = AT, field: str = "sex", **more: Any) -> Settlement:
    return Settlement.objects.create(
        person_code=CODE, field=field, owner=owner, opened_at=at, due_on=due_on, **more
    )  # fmt: skip


def told(at: datetime) -> list[tuple[str, str]]:
    notice_actions.collect(at)
    notice_delivery.deliver(at)
    return sorted(Notice.objects.filter(made_at=at).values_list("department", "kind"))


@pytest.fixture
def contact() -> None:
    for department in ("police", "civil_affairs"):
        notice_actions.set_contact(department, f"{department}@office.test", by=BY, at=AT)


@pytest.mark.usefixtures("contact")
def test_each_thing_is_told_once_and_holds_nobody() -> None:
    batch = held(3)
    case("police", date(2026, 12, 10))
    assert told(AT) == [("police", "held"), ("police", "waiting")]
    assert told(AT + timedelta(minutes=5)) == []
    assert told(AT + timedelta(days=1)) == [("police", "due")], (
        "a daily dataset: the rows should be back today"
    )
    assert told(AT + timedelta(days=1, hours=3)) == []
    assert {m.to[0] for m in mail.outbox} == {"police@office.test"}
    # No other deployment's notice of the same number has this name: a mail server would take it for a repeat.
    names = [m.extra_headers["Message-ID"] for m in mail.outbox]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"<[0-9a-f]{32}@[^>]+>", name) for name in names)
    text = "".join(m.subject + m.body for m in mail.outbox)
    assert (batch in text, "3 行" in text, CODE in text) == (True, True, False)
    later = AT + timedelta(days=2)
    case("police", date(2026, 12, 14), later - timedelta(hours=1), "name", is_requested=True)
    assert told(later) == [("police", "waiting")]
    assert "新增 1 项" in mail.outbox[-1].body
    assert "2 项待核定" in mail.outbox[-1].body
    HeldRow.objects.update(state="fixed", ended_at=later, ended_by="x")
    near = datetime(2026, 12, 8, 9, tzinfo=UTC)
    assert told(near) == [("police", "due")], "the rows are mended: a case alone is near"
    assert told(near + timedelta(days=1)) == []
    assert told(near + timedelta(days=3)) == [("police", "due")], "the other one has come near"
    assert re.search(r"到期的不一致事项 1 项，已逾期 1 项", mail.outbox[-1].body)
    assert all(s == "sent" for s in Delivery.objects.values_list("state", flat=True))


@pytest.mark.usefixtures("contact")
def test_what_is_not_taken_is_tried_again_and_never_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    held(1)
    notice_actions.collect(AT)
    real = mail.EmailMessage.send

    def refused(self: Any, fail_silently: bool = False) -> int:
        raise smtplib.SMTPServerDisconnected("secret of the server")

    monkeypatch.setattr(mail.EmailMessage, "send", refused)
    at = AT
    for again in notices.plan().again:
        assert notice_delivery.deliver(at)["put_off"] == 1
        assert notice_delivery.deliver(at + again - timedelta(seconds=1)) == {
            "sent": 0,
            "put_off": 0,
            "failed": 0,
            "nobody": 0,
        }
        at += again
    assert notice_delivery.deliver(at)["failed"] == 1
    ((line,),) = (n.deliveries for n in notice_queries.list_notices().rows)
    assert (line.state, line.trouble, line.tries) == (
        "failed",
        "SMTPServerDisconnected",
        len(notices.plan().again) + 1,
    )
    notice_delivery.send_again(line.id, by=BY, at=at)

    def killed(self: Any, fail_silently: bool = False) -> int:
        real(self, fail_silently)
        raise KeyboardInterrupt

    monkeypatch.setattr(mail.EmailMessage, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        notice_delivery.deliver(at)
    monkeypatch.setattr(mail.EmailMessage, "send", real)
    for later in (timedelta(minutes=1), timedelta(hours=1), timedelta(days=2)):
        notice_delivery.deliver(at + later)
    assert (Delivery.objects.get().state, len(mail.outbox)) == ("uncertain", 1)
    notice_delivery.send_again(line.id, by=BY, at=at + timedelta(days=2))
    notice_delivery.deliver(at + timedelta(days=2))
    assert (Delivery.objects.get().state, len(mail.outbox)) == ("sent", 2)
    assert mail.outbox[0].extra_headers == mail.outbox[1].extra_headers, (
        "one Message-ID: a mail server knows it again"
    )
    with pytest.raises(Refusal, match="nothing_to_send"):
        notice_delivery.send_again(line.id, by=BY, at=at)


def test_without_a_contact_it_waits_and_says_so() -> None:
    held(2, dataset="civil_marriage")
    notice_actions.collect(AT)
    assert notice_delivery.deliver(AT)["nobody"] == 1
    notice_actions.set_contact("civil_affairs", "new@office.test", language="en", by=BY, at=AT)
    assert notice_delivery.deliver(AT)["sent"] == 1
    assert "did not pass the checks: 2" in mail.outbox[0].body
    for wrong, code in ((("nobody", "a@b.test"), "unknown_department"), (("police", "a b"), "no_address")):
        with pytest.raises(Refusal, match=code):
            notice_actions.set_contact(*wrong, by=BY, at=AT)
    hrss = Actor("h", "department_officer", "*", department="hrss")
    with pytest.raises(Refusal, match="other_department"):
        notice_actions.set_contact("police", "a@b.test", by=hrss, at=AT)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_has_words_for_every_department(language: str) -> None:
    for kind, names in notices.FACTS.items():
        facts = dict.fromkeys(names, 1) | {"dataset": "police_residence"}
        for department in get_codelist("department").labels:
            subject, text = notices.letter(kind, department, facts, language)
            assert subject.isprintable()
            assert "{" not in subject + text
            assert language == "zh" or not re.search("[\u4e00-\u9fff]", subject + text)


@pytest.mark.usefixtures("contact")
def test_the_keeper_beside_the_server_tells_and_goes_on_after_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held(1, at=datetime.now(UTC))
    stop, told = threading.Event(), []
    monkeypatch.setattr(keeping, "TELL_SECONDS", 0)
    real = keeping.tell

    def tell(at: datetime) -> dict[str, int]:
        told.append(at)
        if len(told) == 1:
            raise RuntimeError
        stop.set()
        return real(at)

    monkeypatch.setattr(keeping, "tell", tell)
    monkeypatch.setattr("django.db.connection.close", lambda: None)  # the test's own connection
    keeping.keep(stop)
    assert [m.to for m in mail.outbox] == [["police@office.test"]]


@pytest.mark.usefixtures("contact")
def test_a_department_sees_its_own_and_confirms() -> None:
    held(1)
    held(1, dataset="civil_marriage", name="b")
    told(AT)

    def login(role: str, department: str = "") -> Client:
        name = f"{role}-{department}"
        account = Account.objects.create(username=name, is_demo=True)
        assignment = access_actions.grant_role(name, role, "*", by=BY, at=AT, department=department)
        client = Client()
        client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
        session = client.session
        until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
        session["acting"] = {"assignment": assignment, "purpose": "data_quality", "until": until}
        session.save()
        return client

    django_settings.DEMO = True
    police, steward = login("department_officer", "police"), login("data_steward")
    page = "/staff/notices/"
    seen = police.get(page).content.decode()
    assert ("police@office.test" in seen, "civil_affairs@office.test" in seen) == (True, False)
    assert "civil_affairs@office.test" in steward.get(page).content.decode()
    notice = {n.department: n.pk for n in Notice.objects.all()}
    assert (
        police.post(page, {"do": "seen", "notice": notice["civil_affairs"]}).status_code
        == HTTPStatus.UNPROCESSABLE_ENTITY
    )
    assert police.post(page, {"do": "seen", "notice": notice["police"]}).status_code == HTTPStatus.FOUND
    assert Notice.objects.get(department="police").seen_at
    given = {"do": "contact", "department": "police", "address": "new@office.test", "language": "zh"}
    assert police.post(page, given | {"address": "nonsense"}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert police.post(page, given).status_code == HTTPStatus.FOUND
    assert login("auditor").post(page, given).status_code == HTTPStatus.FORBIDDEN

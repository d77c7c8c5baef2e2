"""The person's side on a real PostgreSQL: limits, second persons, consents, budgets, and who may see whose."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from anju.kernel.refusal import Refusal
from anju.register.store.models import Identity, Kin, Person
from anju.trust.access import Actor, system
from anju.trust.store import access_actions, erasure_actions, rows
from anju.trust.store import rights_actions as actions
from anju.trust.store import rights_queries as queries
from anju.trust.store.models import Account, Consent, Erasure, LogPending, PersonRequest, Restriction

pytestmark = pytest.mark.django_db
AT = datetime(2026, 6, 30, 1, tzinfo=UTC)
TODAY = date(2026, 6, 30)
HER, OTHER = "0123456789AB5", "0123456789AC3"
SHE = Actor("zhang", "resident", person_code=HER)
OFFICER = Actor("li", "dpo", "990102")
REGION = "990102001001"


def ask(kind: str = "correct", **given: str) -> str:
    told = {"field": "education", "claim": "20"} if kind == "correct" else {"text": "请说明"}
    return actions.ask(kind, person_code=HER, region=REGION, by=SHE, at=AT, **{**told, **given})


def test_a_request_is_due_in_fifteen_working_days_and_answered_once() -> None:
    number = ask()
    line = queries.get_request(number, today=TODAY)
    assert (line.due_on, line.due_is_provisional, line.claim) == (date(2026, 7, 21), False, "20")
    assert line.days_left == 21
    actions.answer(
        number, "已按学历证书更正。", by=OFFICER, at=AT + timedelta(days=3), purpose="rights_request"
    )
    line = queries.get_request(number, today=TODAY)
    assert (line.state, line.answer, line.days_left) == ("answered", "已按学历证书更正。", None)
    with pytest.raises(Refusal, match="not_open"):
        actions.answer(number, "再答一次", by=OFFICER, at=AT, purpose="rights_request")


def test_the_words_of_a_person_are_sealed() -> None:
    ask("explain", text="为什么我的积分变少了")
    row = PersonRequest.objects.get()
    assert "积分".encode() not in bytes(row.text)
    assert all("积分" not in p.lines for p in LogPending.objects.all())


def test_the_same_thing_is_asked_once_at_a_time() -> None:
    number = ask()
    with pytest.raises(Refusal, match="already_asked"):
        ask()
    actions.withdraw_request(number, person_code=HER, by=SHE, at=AT)
    assert ask() != number


def test_nobody_answers_their_own_request() -> None:
    number = actions.ask("copy", person_code=HER, region=REGION, by=OFFICER, at=AT)
    with pytest.raises(Refusal, match="own_answer"):
        actions.answer(number, "给", by=OFFICER, at=AT, purpose="rights_request")
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonRequest.objects.update(answered_by=OFFICER.account)


@pytest.mark.parametrize(
    ("kind", "ground", "words", "refusal"),
    [
        ("correct", "kept_by_law", "说明", "reason_needed"),  # a ground of another kind
        ("correct", "is_right", " ", "reason_needed"),
        ("correct", "", " ", "answer_needed"),
    ],
)
def test_a_refusal_needs_its_ground_and_words(kind: str, ground: str, words: str, refusal: str) -> None:
    with pytest.raises(Refusal, match=refusal):
        actions.answer(ask(kind), words, by=OFFICER, at=AT, purpose="rights_request", ground=ground)


def test_incomplete_and_unknown_requests_are_refused() -> None:
    for given, refusal in (
        ({"claim": ""}, "incomplete"),
        ({"field": "blood"}, "unknown_field"),
    ):
        with pytest.raises(Refusal, match=refusal):
            ask(**given)
    with pytest.raises(Refusal, match="unknown_kind"):
        ask("sell", text="x")


def test_consent_is_given_seen_withdrawn_and_belongs_to_its_text() -> None:
    def give(**more: object) -> None:
        actions.give_consent(
            "recognised_elsewhere",
            person_code=HER,
            region=REGION,
            born_on=date(1990, 1, 1),
            by=SHE,
            at=AT,
            **more,
        )  # type: ignore[arg-type]

    give()
    with pytest.raises(Refusal, match="consent_given"):
        give()
    held = {c.text.topic: c for c in queries.list_consents(HER, TODAY)}
    assert held["recognised_elsewhere"].given_at == AT
    assert held["notices_by_message"].given_at is None
    assert Consent.objects.get().text_digest == held["recognised_elsewhere"].text.text_digest
    actions.withdraw_consent("recognised_elsewhere", person_code=HER, by=SHE, at=AT + timedelta(days=1))
    with pytest.raises(Refusal, match="no_consent"):
        actions.withdraw_consent("recognised_elsewhere", person_code=HER, by=SHE, at=AT)


@pytest.mark.parametrize(
    ("born_on", "guardian", "agrees"),
    [
        (date(2012, 6, 30), "", True),  # fourteen today
        (date(2012, 7, 1), "", False),  # fourteen tomorrow
        (None, "", False),  # unknown is not old enough
        (date(2018, 1, 1), OTHER, True),
    ],
)
def test_a_child_agrees_through_a_guardian(born_on: date | None, guardian: str, agrees: bool) -> None:
    def give() -> None:
        actions.give_consent(
            "child_school_services", person_code=HER, region=REGION, born_on=born_on, by=SHE, at=AT,
            guardian_code=guardian,
        )  # fmt: skip

    if agrees:
        give()
    else:
        with pytest.raises(Refusal, match="guardian_needed"):
            give()


def test_the_privacy_budget_of_a_year_ends() -> None:
    budget = actions.YearlyBudget("990102", OFFICER, AT)
    budget.spend(3.0, "people by age")
    with pytest.raises(Refusal, match="budget_spent"):
        budget.spend(1.5, "people by age and sex")
    budget.spend(1.0, "pupils")
    actions.YearlyBudget("990102", OFFICER, AT + timedelta(days=365)).spend(3.0, "next year")


def test_an_incident_is_closed_with_its_measures() -> None:
    number = actions.write_incident("misuse", "一次超越事由的查看", 1, TODAY, by=OFFICER, at=AT)
    with pytest.raises(Refusal, match="incomplete"):
        actions.follow_incident(number, "closed", by=OFFICER, at=AT)
    for step in ("told_authority", "told_people"):
        actions.follow_incident(number, step, by=OFFICER, at=AT)
    actions.follow_incident(number, "closed", by=OFFICER, at=AT, measures="收回权限，重新培训")
    assert queries.list_incidents()[0].closed_at == AT


def test_row_security_keeps_requests_to_the_person_and_the_place() -> None:
    number = ask()
    seen = {}
    for name, actor in {
        "she": SHE,
        "another resident": Actor("wang", "resident", person_code=OTHER),
        "her district": OFFICER,
        "another district": Actor("zhao", "dpo", "990103"),
        "nobody": None,
    }.items():
        with rows.acting(actor):
            seen[name] = PersonRequest.objects.filter(number=number).exists()
    assert seen == {
        "she": True, "another resident": False, "her district": True, "another district": False, "nobody": False,
    }  # fmt: skip


def give(at: datetime = AT) -> None:
    actions.give_consent(
        "notices_by_message", person_code=HER, region=REGION, born_on=date(1990, 1, 1), by=SHE, at=at
    )


def test_a_clock_set_back_keeps_nobody_from_withdrawing() -> None:
    give()
    actions.withdraw_consent("notices_by_message", person_code=HER, by=SHE, at=AT - timedelta(hours=1))
    row = Consent.objects.get()
    assert row.withdrawn_at == row.given_at == AT
    give(AT - timedelta(minutes=30))
    assert Consent.objects.filter(withdrawn_at__isnull=True).count() == 1


def order(purpose: str = "rights_request") -> None:
    erasure_actions.order_erasure(HER, REGION, "term_over", by=OFFICER, at=AT, purpose=purpose)


def restrict() -> None:
    erasure_actions.restrict(HER, REGION, "objected", by=OFFICER, at=AT, purpose="rights_request")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "refusals", "table"),
    [
        (give, ["rights.consent_given"] * 3, Consent),
        (ask, ["rights.already_asked"] * 3, PersonRequest),
        (order, ["rights.already_ordered"] * 3, Erasure),
        (restrict, [], Restriction),
    ],
)
def test_pressed_four_times_at_once_it_stands_once(
    act: Callable[[], object], refusals: list[str], table: type[Model]
) -> None:
    """Four connections begin together; one does it, the others are told so in words."""
    together, said = threading.Barrier(4), list[str]()

    def press() -> None:
        try:
            connection.ensure_connection()
            together.wait(10)
            act()
        except Refusal as refused:
            said.append(refused.code)
        except Exception as broken:
            said.append(repr(broken))
        finally:
            connection.close()

    pressing = [threading.Thread(target=press) for _ in range(4)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join()
    assert said == refusals
    assert table._default_manager.count() == 1


CHILD, YOUNG, GROWN = "0123456789AD1", date(2016, 1, 1), date(2010, 1, 1)


def as_guardian(born_on: date | None = YOUNG, topic: str = "child_school_services") -> None:
    actions.give_consent(
        topic, person_code=CHILD, region=REGION, born_on=born_on, by=SHE, at=AT, guardian_code=HER
    )


def test_a_guardian_agrees_for_a_child_and_takes_it_back() -> None:
    """Under the guardian's own row security; nobody else sees it there, and the child's own word is not taken."""
    with rows.acting(SHE):
        as_guardian()
        as_guardian(topic="notices_by_message")
        assert sum(bool(line.given_at) for line in queries.list_consents(CHILD, TODAY)) == 2
        with pytest.raises(Refusal, match="consent_given"):
            as_guardian()
        actions.withdraw_consent("child_school_services", person_code=CHILD, by=SHE, at=AT)
    with rows.acting(Actor("wang", "resident", person_code=OTHER)):
        assert not any(line.given_at for line in queries.list_consents(CHILD, TODAY))
        with pytest.raises(Refusal, match="no_consent"):
            actions.withdraw_consent("notices_by_message", person_code=CHILD, by=SHE, at=AT)
        with pytest.raises(Refusal, match="consent_given"):  # the other parent
            actions.give_consent(
                "notices_by_message",
                person_code=CHILD,
                region=REGION,
                born_on=YOUNG,
                by=SHE,
                at=AT,
                guardian_code=OTHER,
            )
    for born_on in (GROWN, None):
        with pytest.raises(Refusal, match="no_child"):
            as_guardian(born_on)
    for topic in ("child_school_services", "notices_by_message"):
        with pytest.raises(Refusal, match="guardian_needed"):
            actions.give_consent(topic, person_code=CHILD, region=REGION, born_on=YOUNG, by=SHE, at=AT)
    assert queries.consenting("notices_by_message", [CHILD]) == {CHILD}


def test_only_ones_own_children_are_decided_for(settings: Settings) -> None:
    """On the page: the register says whose child it is, whatever the form says."""
    settings.DEMO = True
    for code, name, born_on in (
        (HER, "张小雨", date(1990, 1, 1)),
        (CHILD, "李小树", YOUNG),
        (OTHER, "王远", YOUNG),
    ):
        Person.objects.create(code=code)
        Identity.objects.create(
            person_code=code, region=REGION, name=name, name_key=name, born_on=born_on, known_from=AT
        )
    Kin.objects.create(
        person_code=HER,
        region=REGION,
        relation="30",
        relative_code=CHILD,
        relative_name="李小树",
        known_from=AT,
    )
    account = Account.objects.create(username="her", is_demo=True)
    access_actions.grant_role("her", "resident", "", by=system("test"), at=AT, person_code=HER)
    client = Client()
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    page = client.get("/me/consents/").content.decode()
    assert "李小树" in page
    assert "王远" not in page
    assert (
        client.post("/me/consents/child_school_services/", {"do": "give", "child": OTHER}).status_code == 403
    )
    assert not Consent.objects.exists()
    assert (
        client.post("/me/consents/child_school_services/", {"do": "give", "child": CHILD}).status_code == 302
    )
    given = Consent.objects.get()
    assert (given.person_code, given.guardian_code) == (CHILD, HER)
    assert "撤回同意" in client.get("/me/consents/").content.decode()

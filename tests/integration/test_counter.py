"""The counter: who is here already, in when you come, out when you leave, each to be undone; across places; by role."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from anju.kernel.identifiers import citizen_check
from anju.kernel.refusal import Refusal
from anju.register.counter import Guardian
from anju.register.store import actions
from anju.register.store import queries as register
from anju.register.store.models import Dwelling, Employer, Identity, Stay
from anju.register.store.queries.candidates import slips
from anju.register.store.queries.entries import own_records
from anju.trust.access import Actor, system
from anju.trust.store import access_actions, ledger, log_queries, rows
from anju.trust.store.models import Account

AT, TODAY, PURPOSE = datetime(2026, 11, 20, 8, tzinfo=UTC), date(2026, 11, 20), "residence_registration"
HERE, THERE = "990102001001", "990103001001"
CLERK, OTHER = Actor("account:1", "station_worker", "990102"), Actor("account:2", "station_worker", "990103")
HOME, FLAT, FAR = "D000000000000001", "D000000000000002", "D000000000000003"
WORK = "91990100000000001A"


def number(first17: str) -> str:
    return first17 + citizen_check(first17)


LI = {
    "name": "李小华",
    "citizen_no": number("99010119900101123"),
    "born_on": "1990-01-01",
    "phone": "12000000001",
}
CHILD = {"name": "李童", "citizen_no": number("99010120180505123"), "born_on": "2018-05-05"}


def who(by: Actor = CLERK, minutes: int = 0) -> dict[str, Any]:
    return {"by": by, "at": AT + timedelta(minutes=minutes), "purpose": PURPOSE}


@pytest.fixture(autouse=True)
def place(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    for code, region in ((HOME, HERE), (FLAT, HERE), (FAR, THERE)):
        Dwelling.objects.create(dwelling_code=code, region=region, street="槐树路", number=code[-1])
    Employer.objects.create(employer_code=WORK, region=HERE, name="和安测试有限公司")


def registered(values: dict[str, str], region: str = HERE, dwelling: str = HOME) -> str:
    by = CLERK if region == HERE else OTHER
    code = str(actions.register_person(values, region=region, observed_on=TODAY, **who(by)))
    guardian = Guardian("李小华", "50") if values is CHILD else None
    actions.register_stay(
        code, dwelling_code=dwelling, begin_on=date(2026, 3, 1), guardian=guardian, **who(by, 1)
    )
    return code


def shown(code: str) -> tuple[str | None, bool, list[tuple[str, date, date | None]]]:
    held = register.get_person_file(code, masked=False)
    stays = [(s.dwelling_code, s.begin_on, s.until) for s in held.stays]
    return held.line.dwelling_code, held.line.is_resident, stays


@pytest.mark.parametrize(
    ("wanted", "reasons", "strength"),
    [
        (register.Wanted(citizen_no=LI["citizen_no"]), {"number"}, "sure"),
        (register.Wanted("李小华", born_on=date(1990, 1, 1)), {"name", "birthday"}, "likely"),
        (register.Wanted("李晓花", born_on=date(1990, 1, 1)), {"name_sound", "birthday"}, "likely"),
        (register.Wanted("李小桦", born_on=date(1990, 1, 1), phone="12000000001"), {"birthday", "phone"}, "sure"),
        (register.Wanted("lixiaohua"), {"name_sound"}, "possible"),
        (register.Wanted("李小华", citizen_no=slips(LI["citizen_no"][:9] + "7" + LI["citizen_no"][10:])[0]), {"name"}, ""),
    ],
)  # fmt: skip
def test_who_may_be_meant(wanted: register.Wanted, reasons: set[str], strength: str) -> None:
    code = registered(LI)
    (found,) = register.find_candidates([wanted])
    if not strength:  # another valid number speaks against it
        assert not [c for c in found if c.strength != "possible"]
        return
    assert found[0].person.code == code
    assert reasons <= set(found[0].reasons)
    assert found[0].strength == strength
    assert LI["name"] not in repr(found)


def test_one_wrong_digit_still_finds_the_person() -> None:
    code = registered(LI)
    right = LI["citizen_no"]
    wrong = right[:12] + str((int(right[12]) + 1) % 10) + right[13:]
    swapped = right[:9] + right[10] + right[9] + right[11:]
    for typed in {wrong, swapped} - {right}:
        (found,) = register.find_candidates([register.Wanted(name=LI["name"], citizen_no=typed)])
        assert [c.person.code for c in found] == [code]
        assert "number_typo" in found[0].reasons


def test_a_number_with_a_slip_alone_names_nobody_for_sure() -> None:
    registered(LI)
    right = LI["citizen_no"]
    wrong = right[:12] + str((int(right[12]) + 1) % 10) + right[13:]
    (found,) = register.find_candidates([register.Wanted(citizen_no=wrong)])
    assert [(c.reasons, c.strength) for c in found] == [(("number_typo",), "possible")]


def test_numbers_are_read_as_people_type_them() -> None:
    code = registered(LI)
    right, phone = LI["citizen_no"], LI["phone"]
    full = "".join(chr(ord(c) + 0xFEE0) for c in right)
    spaced = f"{right[:6]} {right[6:14]}-{right[14:]}"
    for told in (
        {"citizen_no": full},
        {"citizen_no": spaced},
        {"name": LI["name"], "phone": f"+86 {phone[:3]}-{phone[3:]}"},
    ):
        (found,) = register.find_candidates([register.Wanted(**told)])
        assert found[0].person.code == code
        assert {"number", "phone"} & set(found[0].reasons)


def test_the_first_of_january_is_a_day_nobody_knew_on_either_side() -> None:
    code = registered(LI | {"citizen_no": "", "born_on": "1990-06-15"})
    (found,) = register.find_candidates([register.Wanted(LI["name"], born_on=date(1990, 1, 1))])
    assert [(c.person.code, c.reasons, c.strength) for c in found] == [
        (code, ("name", "birthday_similar"), "possible")
    ]
    (none,) = register.find_candidates([register.Wanted(LI["name"], born_on=date(1991, 1, 1))])
    assert not [c for c in none if "birthday_similar" in c.reasons]


def test_in_and_out_and_undone() -> None:
    code = registered(LI)
    assert shown(code) == (HOME, True, [(HOME, date(2026, 3, 1), None)])
    before = shown(code)
    moved = actions.register_stay(code, dwelling_code=FLAT, begin_on=date(2026, 11, 1), **who(minutes=2))
    assert shown(code)[2] == [(FLAT, date(2026, 11, 1), None), (HOME, date(2026, 3, 1), date(2026, 11, 1))]
    assert {o.person.code for o in register.get_dwelling(FLAT, today=TODAY).residents} == {code}
    assert {o.person.code for o in register.get_dwelling(HOME, today=TODAY).former} == {code}
    left = actions.end_stay(code, end_on=date(2026, 11, 18), **who(minutes=3))
    assert shown(code)[:2] == (None, False)
    with pytest.raises(Refusal, match="register.no_open_stay"):
        actions.end_stay(code, end_on=TODAY, **who(minutes=4))
    with pytest.raises(Refusal, match="register.later_entry"):
        actions.withdraw_entry(moved, **who(minutes=4))
    actions.withdraw_entry(left, **who(minutes=5))
    actions.withdraw_entry(moved, **who(minutes=6))
    assert shown(code) == before
    assert Identity.objects.filter(person_code=code, known_to__isnull=True).count() == 1
    assert [r.values.get("stay.number") for r in own_records()] == [None, "1"]  # withdrawn ones are no source


def test_what_the_register_knew_in_between_is_kept() -> None:
    code = registered(LI)
    actions.register_stay(code, dwelling_code=FLAT, begin_on=date(2026, 11, 1), **who(minutes=2))
    then = AT + timedelta(minutes=1, seconds=30)
    assert register.get_person_file(code, known_on=then).line.dwelling_code == HOME
    assert Stay.objects.filter(person_code=code).count() == 3


def test_a_minor_needs_a_guardian() -> None:
    code = str(actions.register_person(CHILD, region=HERE, observed_on=TODAY, **who()))
    stay = {"dwelling_code": HOME, "begin_on": TODAY}
    with pytest.raises(Refusal, match="register.guardian_needed"):
        actions.register_stay(code, **stay, **who(minutes=1))
    with pytest.raises(Refusal, match="register.no_guardian_relation"):
        actions.register_stay(code, **stay, guardian=Guardian("李小华", "20"), **who(minutes=1))
    actions.register_stay(code, **stay, guardian=Guardian("李小华", "50", "12000000001"), **who(minutes=1))
    assert [(k.relation, k.name) for k in register.get_person_file(code, masked=False).family] == [
        ("50", "李小华")
    ]
    actions.register_stay(code, dwelling_code=FLAT, begin_on=TODAY, **who(minutes=2))  # one is known now


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"citizen_no": LI["citizen_no"]}, "register.number_taken"),
        ({"citizen_no": LI["citizen_no"][:16] + "99"}, "register.number_not_valid"),
        ({"name": ""}, "register.name_needed"),
    ],
)
def test_nobody_is_registered_twice_or_wrongly(change: dict[str, str], code: str) -> None:
    registered(LI)
    with pytest.raises(Refusal, match=code):
        actions.register_person({"name": "王五"} | change, region=HERE, observed_on=TODAY, **who(minutes=2))


def test_days_that_cannot_be_meant() -> None:
    code = registered(LI)
    with pytest.raises(Refusal, match="register.day_not_meant"):
        actions.register_stay(code, dwelling_code=FLAT, begin_on=date(1926, 11, 1), **who(minutes=2))
    with pytest.raises(Refusal, match="register.ends_before_begin"):
        actions.end_stay(code, end_on=date(2026, 3, 1), **who(minutes=2))
    with pytest.raises(Refusal, match="register.lives_here_already"):
        actions.register_stay(code, dwelling_code=HOME, begin_on=TODAY, **who(minutes=2))


def test_a_person_of_another_place_is_taken_in_only_by_number_and_name() -> None:
    code = registered(LI, THERE, FAR)
    told = register.Wanted(LI["name"], LI["citizen_no"])
    stay = {"dwelling_code": HOME, "begin_on": TODAY}
    with rows.acting(CLERK):
        assert register.find_candidates([told]) == ((),)
        assert register.find_elsewhere(told) == (code, THERE)
        assert register.find_elsewhere(register.Wanted("王五", LI["citizen_no"])) is None
        assert register.find_elsewhere(register.Wanted(LI["name"])) is None
        with pytest.raises(Refusal, match="register.no_person"):
            actions.register_stay(code, **stay, **who(minutes=3))
        with pytest.raises(Refusal, match="register.no_person"):
            actions.register_stay(code, **stay, known_by=(LI["citizen_no"], "王五"), **who(minutes=3))
        key = actions.register_stay(code, **stay, known_by=(LI["citizen_no"], LI["name"]), **who(minutes=4))
        assert register.get_person_file(code).line.region == HERE
    with rows.acting(OTHER), pytest.raises(Refusal, match="register.no_person"):
        register.get_person_file(code)
    with rows.acting(CLERK):
        actions.withdraw_entry(key, **who(minutes=5))
        with pytest.raises(Refusal, match="register.no_person"):
            register.get_person_file(code)
    with rows.acting(OTHER):
        assert [s.dwelling_code for s in register.get_person_file(code).stays if s.until is None] == [FAR]


@pytest.fixture
def client() -> Client:
    account = Account.objects.create(username="w", is_demo=True)
    held = access_actions.grant_role("w", "station_worker", "990102", by=system("test"), at=AT)
    found = Client()
    found.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    session = found.session
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    session["acting"] = {"assignment": held, "purpose": PURPOSE, "until": until}
    session.save()
    return found


def test_one_visit_by_the_pages(client: Client) -> None:
    """Told once: person, stay and work are there at once, logged with their purpose, and no address holds a name."""
    told = {"name": LI["name"], "citizen_no": LI["citizen_no"]}
    page = client.post(reverse("staff:counter"), told).content.decode()
    assert "库中没有相似的人" in page
    token = page.split("?t=")[1].split('"')[0]
    address = reverse("staff:arrive") + f"?t={token}"
    assert "李" not in address
    form = {"address": "槐树路1号", "begin_on": TODAY.isoformat(), "sex": "2", "employer_text": "和安测试"}
    assert HOME in client.post(address, form | {"do": "look"}).content.decode()
    assert client.post(address, form | {"do": "register"}).status_code == 422  # no dwelling was chosen
    done = client.post(address, form | {"do": "register", "dwelling": HOME, "employer": WORK})
    assert done.status_code == 302
    code = done.url.rstrip("/").rsplit("/", 1)[1]
    held = register.get_person_file(code, masked=False)
    assert (held.line.name, held.line.dwelling_code, held.jobs[0].employer_code) == (LI["name"], HOME, WORK)
    assert {f.field: f.value for f in held.fields}["born_on"] == "1990-01-01"
    page = client.post(reverse("staff:counter"), told).content.decode()
    assert code in page
    assert "很可能是同一人" in page
    assert LI["citizen_no"] not in page.split("candidates")[-1]
    assert client.post(reverse("staff:leave", args=[code]), {"end_on": "2026-11-21"}).status_code == 302
    assert register.get_person_file(code).line.is_resident is False
    ledger.sequence_all()
    seen = [
        (e.entry.action, e.entry.purpose)
        for e in log_queries.entries(50)
        if e.entry.subject == f"person:{code}"
    ]
    assert seen.count(("person.register", PURPOSE)) >= 4


def test_typing_answers_with_candidates_alone(client: Client) -> None:
    registered(LI)
    page = client.post(
        reverse("staff:counter"), {"name": LI["name"]}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in page
    assert "李*华" in page
    nothing = client.post(reverse("staff:counter"), {}, headers={"HX-Request": "true"}).content.decode()
    assert "请至少填写" in nothing


def test_a_broken_visit_leaves_nothing(client: Client) -> None:
    page = client.post(reverse("staff:counter"), {"name": CHILD["name"], "citizen_no": CHILD["citizen_no"]})
    token = page.content.decode().split("?t=")[1].split('"')[0]
    form = {"address": "槐树路1号", "begin_on": TODAY.isoformat(), "do": "register", "dwelling": HOME}
    answer = client.post(reverse("staff:arrive") + f"?t={token}", form)
    assert answer.status_code == 422
    assert "监护人" in answer.content.decode()
    assert not Identity.objects.exists()

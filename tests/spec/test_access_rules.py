"""Who may do what: the whole table of roles and actions, and what must hold whatever the files say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anju.kernel.refusal import Refusal
from anju.trust import places
from anju.trust.access import Actor, Circumstance, Subject, decide, purposes_for, rules, system
from anju.trust.access.rules import read

BOOK = rules()
HERE, BELOW, ELSEWHERE = "990102", "990102001003", "990103001001"
READY = Circumstance(second_factor=True, approved=True)


def actor(role: str, region: str = HERE, department: str = "police", person: str = "") -> Actor:
    told = BOOK.roles[role]
    return Actor(
        "account:1",
        role,
        region if told.place == "region" else "",
        department if told.department else "",
        person,
    )


# What a role may do about a person of its own place, with a fitting purpose and everything in order. This table is
# written by hand from the duties of each role, beside roles.yaml and not from it.
PERSON_ACTIONS = {
    "resident": set(),
    "landlord": set(),
    "employer": set(),
    "planner": set(),
    "auditor": set(),
    "operator": set(),
    "dpo": {"person.read", "person.restrict", "person.erase", "request.answer", "consent.read"},
    "grid_worker": {"person.search", "person.read", "person.register", "dwelling.read", "dwelling.write"},
    "station_worker": {
        "person.search", "person.read", "person.reveal", "person.correct", "person.register", "dwelling.read",
        "dwelling.write", "employer.read", "discrepancy.read", "discrepancy.settle", "review.read", "review.decide",
        "policy.explain", "case.read", "exchange.rejects",
    },
    "department_officer": {
        "person.search", "person.read", "person.reveal", "person.lookup", "person.lookup_many", "person.export",
        "dwelling.read", "employer.read", "discrepancy.read", "discrepancy.settle", "exchange.follow", "exchange.rejects",
        "policy.explain", "policy.rank", "case.read", "case.decide",
    },
    "data_steward": {
        "person.search", "person.read", "person.reveal", "person.correct", "person.merge", "person.export", "dwelling.read",
        "employer.read", "discrepancy.read", "discrepancy.settle", "review.read", "review.decide", "request.answer", "exchange.rejects",
    },
}  # fmt: skip


@pytest.mark.parametrize("role", sorted(BOOK.roles))
def test_the_table_of_people_and_roles(role: str) -> None:
    """Every action on people is tried by every role with every purpose, inside and outside its place."""
    allowed = set()
    for action, purpose in itertools.product(BOOK.actions.values(), BOOK.purposes):
        if action.reach != "person":
            continue
        inside = decide(actor(role), action.name, purpose, Subject("person", "X", BELOW), READY)
        if inside.allowed:
            allowed.add(action.name)
        for wrong in (ELSEWHERE, None, "", "99010", "x" * 6):
            outside = decide(actor(role), action.name, purpose, Subject("person", "X", wrong), READY)
            assert not outside.allowed
    assert allowed == PERSON_ACTIONS[role]


def test_everyone_named_here_and_nobody_else() -> None:
    assert set(PERSON_ACTIONS) == set(BOOK.roles)
    assert set(BOOK.roles) == {
        "resident", "station_worker", "grid_worker", "landlord", "employer", "department_officer", "planner",
        "data_steward", "auditor", "dpo", "operator",
    }  # fmt: skip


@pytest.mark.parametrize(
    "action", [a for a in BOOK.actions.values() if a.reach == "person"], ids=lambda a: a.name
)
def test_no_action_on_people_without_purpose_second_factor_and_a_known_role(action) -> None:  # type: ignore[no-untyped-def]
    for role in BOOK.roles:
        for purpose in ("", "curiosity"):
            assert not decide(actor(role), action.name, purpose, Subject("person", "X", BELOW), READY).allowed
        for purpose in BOOK.purposes:
            bare = decide(
                actor(role), action.name, purpose, Subject("person", "X", BELOW), Circumstance(approved=True)
            )
            assert not bare.allowed
            if action.bulk:
                alone = decide(actor(role), action.name, purpose, None, Circumstance(second_factor=True))
                assert not alone.allowed
    assert not decide(None, action.name, "schooling", None, READY).allowed
    assert not decide(Actor("account:1", "mayor", HERE), action.name, "schooling", None, READY).allowed


def test_what_could_still_be_done_about_a_no() -> None:
    worker = actor("station_worker")
    assert decide(worker, "person.read", "", None, READY).lacks == ("purpose",)
    assert decide(worker, "person.read", "schooling", None).lacks == ("second_factor",)
    officer = actor("department_officer")
    missing = decide(officer, "person.export", "data_quality", None, Circumstance(second_factor=True))
    assert missing.lacks == ("approval",)
    out = decide(worker, "person.read", "", Subject("person", "X", ELSEWHERE), READY)
    assert out.lacks == ()
    assert {r.code for r in out.reasons} == {"access.purpose_missing", "access.out_of_place"}


def test_departments_have_their_own_purposes() -> None:
    mine = {p.name for p in purposes_for(actor("department_officer", department="education"))}
    assert "schooling" in mine
    assert not mine & {"legal_aid", "tax_service", "residence_registration"}
    told = decide(actor("department_officer", department="tax"), "person.read", "schooling", None, READY)
    assert [r.code for r in told.reasons] == ["access.purpose_does_not_fit"]


def test_residents_reach_themselves_alone() -> None:
    me = actor("resident", person="0000000000001")
    mine = Subject("person", "0000000000001", person_code="0000000000001")
    other = Subject("person", "0000000000002", BELOW, person_code="0000000000002")
    for name, action in BOOK.actions.items():
        if action.reach == "own" and name in BOOK.roles["resident"].may:
            assert decide(me, name, subject=mine).allowed
            assert not decide(me, name, subject=other).allowed
            nobody = Subject("person", "", person_code="")
            assert not decide(actor("resident"), name, subject=nobody).allowed


def test_broken_glass_widens_the_place_and_nothing_else() -> None:
    there = Subject("person", "X", ELSEWHERE)
    glass = Circumstance(second_factor=True, glass=True)
    assert decide(actor("station_worker"), "person.read", "emergency", there, glass).allowed
    assert not decide(actor("station_worker"), "person.export", "emergency", there, glass).allowed
    assert not decide(actor("grid_worker"), "person.read", "residence_registration", there, glass).allowed
    assert not decide(actor("station_worker"), "person.read", "", there, glass).allowed


def test_assignments_that_say_too_little_give_no_right() -> None:
    for region in ("", "9", "abc", "000000", "99010"):
        assert not decide(
            Actor("account:1", "station_worker", region), "quality.read", circumstance=READY
        ).allowed
    assert not decide(
        Actor("account:1", "department_officer", HERE), "quality.read", circumstance=READY
    ).allowed


def test_every_purpose_has_a_basis_and_someone_who_may_use_it() -> None:
    for purpose in BOOK.purposes.values():
        assert purpose.basis["zh"]
        assert purpose.basis["en"]
        assert purpose.roles
    used = {p.name for role in BOOK.roles for d in ("police", "hrss", "education", "health", "housing", "justice", "tax",
            "civil_affairs", "market_regulation", "agriculture", "medical_insurance", "community")
            for p in purposes_for(actor(role, department=d))}  # fmt: skip
    assert set(BOOK.purposes) - used == {"retention"}  # the officer's alone, and about no single person


def test_the_system_acts_only_as_itself() -> None:
    assert decide(system("pipeline"), "exchange.run").allowed
    assert not decide(system("pipeline"), "exchange.invent").allowed
    assert "system" not in BOOK.roles


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"roles": {"r": {"zh": "", "en": "", "place": "region", "may": ["fly"]}}}, "unknown action fly"),
        ({"roles": {"r": {"zh": "", "en": "", "place": "moon", "may": []}}}, "place must be"),
        ({"actions": {"a": {"zh": "", "en": "", "reach": "any"}}}, "reach must be"),
        ({"actions": {"a": {"zh": "", "en": "", "reach": "own", "secret": 1}}}, "unknown key secret"),
        (
            {"purposes": {"p": {"zh": "", "en": "", "basis": {}, "roles": ["x"], "aspects": []}}},
            "unknown role x",
        ),
        (
            {"purposes": {"p": {"zh": "", "en": "", "basis": {}, "roles": [], "aspects": []}}},
            "no legal basis",
        ),
    ],
)
def test_rules_that_do_not_fit_together_are_refused_whole(change: dict, told: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(Refusal) as refused:
        read(**({"actions": {}, "roles": {}, "purposes": {}} | change))
    assert told in refused.value.facts["faults"]


@pytest.mark.parametrize(
    ("code", "prefix"),
    [("990100", "9901"), ("990102", "990102"), ("990102001000", "990102001"), ("990102001001", "990102001001"),
     ("990102001001003", "990102001001003"), ("990000", "99"), ("990100000000", "9901"), ("110000", "11")],
)  # fmt: skip
def test_prefixes(code: str, prefix: str) -> None:
    assert places.prefix(code) == prefix


@given(st.sampled_from(["990100", "990102", "990102001", "990102001001", "990102001001003", "990103", "*", "", "x"]),
       st.sampled_from(["990102001001", "990103002001", "990102", "", "12", None]))  # fmt: skip
def test_bounds_and_within_agree(region: str, code: str | None) -> None:
    first, past = places.bounds(region)
    by_bounds = code is not None and first <= code < past
    if code is not None and code.isdigit() and len(code) in places.CUTS:
        assert by_bounds == places.within(code, region)
    elif region != places.WHOLE:
        assert not places.within(code, region)

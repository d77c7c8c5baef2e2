"""Family ties put right by hand: in both files at once, through later runs, minors never left alone, and back again."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anju.kernel.refusal import Refusal
from anju.register.store import queries, settling, settling_parts
from anju.register.store.models import Discrepancy, Identity, Settlement
from anju.register.store.queries import cases, ties
from anju.trust.access import Actor
from anju.trust.store import ledger, log_queries, rights_actions, rights_queries, rows

sys.path.insert(0, str(Path(__file__).parent))
from test_library_publish import LI, LI_NO, PUPIL, ZHANG, ZHANG_NO, World, number, world  # noqa: F401 - the fixture

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime.now(UTC)
TODAY = AT.date()
CLERK = Actor("w1", "station_worker", "990102")
OFFICER = Actor("o1", "department_officer", "*", department="civil_affairs")
DONE = {"by": CLERK, "purpose": "data_quality", "why": "核对了户口本"}
FATHER, MOTHER, SIBLING, SPOUSE, SON = "51", "52", "70", "10", "20"


def tie(code: str, relative: str, relation: str, **more: Any) -> int:
    return settling_parts.settle_tie(code, relative, relation, at=datetime.now(UTC), **DONE | more)


def family(code: str) -> set[tuple[str, str]]:
    return {
        (k.relation, k.relative_code or k.name) for k in queries.get_person_file(code, masked=False).family
    }


def said(world: World, dataset: str, key: str, after: int, values: dict[str, Any]) -> None:  # noqa: F811
    """Somebody speaks of a family so many days after today; then a run."""
    whose = {"S1": PUPIL, "M1": ZHANG}[key]
    world.add(f"{dataset}-{after}", [(dataset, key, whose, TODAY + timedelta(days=after), values)])
    world.publish()


def test_a_relation_put_right_shows_on_both_sides_and_holds(world: World) -> None:  # noqa: F811
    world.publish()
    tie(PUPIL, ZHANG, SIBLING)
    for published in (False, True):
        if published:
            world.publish()
        assert family(PUPIL) == {(SIBLING, ZHANG)}
        assert family(ZHANG) == {("", LI), (SIBLING, PUPIL)}
        assert {
            s.dataset for k in queries.get_person_file(ZHANG).family if k.relation for s in k.sources
        } == {"settlement"}
    again = {"person.name": "张小雨", "kin.name": "张伟", "kin.relation": FATHER, "kin.citizen_no": ZHANG_NO}
    said(world, "education_enrolment", "S1", 30, again)
    assert family(PUPIL) == {(SIBLING, ZHANG)}, "said again it is no news"
    with pytest.raises(Refusal, match="tie_unchanged"):
        tie(ZHANG, PUPIL, SIBLING)
    ledger.sequence_all()
    told = {(e.entry.action, e.entry.subject) for e in log_queries.entries(20)}
    assert {("discrepancy.settle", f"person:{c}") for c in (PUPIL, ZHANG)} <= told, (
        "each sees it in the own log"
    )


def test_no_longer_one_family_until_the_marriage_register_says_so(world: World) -> None:  # noqa: F811
    world.publish()
    case = tie(ZHANG, LI, "")
    for published in (False, True):
        if published:
            world.publish()
        assert (family(ZHANG), family(LI)) == ({(SON, PUPIL)}, set())
    settling.undo(case, at=datetime.now(UTC), **DONE)
    assert ("", LI) in family(ZHANG)
    assert ("", ZHANG) in family(LI)
    world.publish()
    assert ("", LI) in family(ZHANG)
    settling.drop(ZHANG, "kin", at=datetime.now(UTC), **DONE)
    tie(ZHANG, LI, "")
    world.publish()
    married = {
        "person.name": "张伟",
        "person.citizen_no": ZHANG_NO,
        "kin.name": "李静",
        "kin.relation": SPOUSE,
    }
    said(world, "civil_marriage", "M1", 20, married | {"kin.phone": "12033334444"})
    settling.follow(datetime.now(UTC))
    assert (SPOUSE, LI) in family(ZHANG)
    (found,) = cases.list_cases(scope=("",), at=AT, field="kin").rows
    assert (found.owner, found.state) == ("civil_affairs", "open")
    tie(ZHANG, LI, "")  # decided anew, knowing what the register says
    world.publish()
    settling.follow(datetime.now(UTC))
    assert family(ZHANG) == {(SON, PUPIL)}
    assert not Discrepancy.objects.filter(field="kin", known_to=None).exists()
    assert Settlement.objects.filter(field="kin", state="ended").exists()


def test_a_child_is_never_left_without_a_guardian(world: World) -> None:  # noqa: F811
    child = {
        "person.name": "张小雨",
        "person.born_on": date(2019, 3, 1),
        "kin.name": "张伟",
        "kin.relation": FATHER,
    }
    grown = {"person.name": "李静", "person.born_on": date(2020, 1, 1)}
    world.add("birthdays", [
        ("education_enrolment", "S1", PUPIL, date(2026, 9, 2), child | {"kin.citizen_no": ZHANG_NO}),
        ("health_record", "H1", LI, date(2026, 9, 2), grown)])  # fmt: skip
    world.publish()
    assert Identity.objects.get(person_code=PUPIL, known_to=None).born_on == date(2019, 3, 1)
    for whose, relative in ((PUPIL, ZHANG), (ZHANG, PUPIL)):  # from either side
        with pytest.raises(Refusal, match="last_guardian"):
            tie(whose, relative, "")
    with pytest.raises(Refusal, match="parent_is_younger"):
        tie(PUPIL, LI, MOTHER)
    with rows.acting(CLERK), pytest.raises(Refusal, match="why_needed"):
        tie(PUPIL, LI, "60", why="")
    world.add(
        "older",
        [("health_record", "H1", LI, date(2026, 9, 3), grown | {"person.born_on": date(1991, 10, 5)})],
    )
    world.publish()
    mother = tie(PUPIL, LI, MOTHER)
    tie(PUPIL, ZHANG, "")
    with pytest.raises(Refusal, match="last_guardian"):
        settling.undo(mother, at=datetime.now(UTC), **DONE)
    assert family(PUPIL) == {(MOTHER, LI)}, "nothing half"
    for published in (False, True):
        if published:
            world.publish()
        assert family(PUPIL) == {(MOTHER, LI)}
        assert {r for r, _ in family(LI)} == {"", "99"}, "child, of a sex nobody knows"
    assert [(d.name, d.relation) for d in ties.get_ties(PUPIL).decisions] == [("张*", ""), ("李*", MOTHER)]


def test_a_request_about_family_becomes_a_case_and_is_answered(world: World) -> None:  # noqa: F811
    world.publish()
    she = Actor("account:9", "resident", person_code=ZHANG)
    with rows.acting(she):
        asked = {"person_code": ZHANG, "region": "990102001001", "by": she, "at": AT}
        request = rights_actions.ask("correct", field="kin", claim="张小雨是我弟弟", **asked)
        line = rights_queries.get_request(request, today=TODAY)
        settling.open_request(request, ZHANG, "kin", line.due_on, provisional=False, by=she, at=AT)
    (case,) = cases.list_cases(scope=("990102",), at=AT, state="requested").rows
    assert (case.field, case.owner, case.due_on) == ("kin", "civil_affairs", line.due_on)
    with rows.acting(CLERK), pytest.raises(Refusal, match="relative_elsewhere"):
        tie(ZHANG, PUPIL, SIBLING)  # nobody knows where the child lives: out of the clerk's sight
    with rows.acting(OFFICER):
        tie(ZHANG, PUPIL, SIBLING, by=OFFICER)
    done = rights_queries.get_request(request, today=TODAY)
    assert (done.state, done.answer) == ("answered", "核对了户口本")


def test_a_relative_known_by_name_alone(world: World) -> None:  # noqa: F811
    world.add("grandmother", [("education_enrolment", "S1", PUPIL, date(2026, 9, 2), {
        "person.name": "张小雨", "kin.name": "王秀英", "kin.relation": "60"})])  # fmt: skip
    world.publish()
    (line,) = ties.get_ties(PUPIL, masked=False).relatives
    assert (line.name, line.relative_code, line.relations) == ("王秀英", "", ("60",))
    assert ties.relative_of(PUPIL, line.row) == ("", "王秀英")
    tie(PUPIL, "", "52", name="王秀英")
    for published in (False, True):
        if published:
            world.publish()
        assert family(PUPIL) == {("52", "王秀英")}
    tie(PUPIL, "", "", name="王秀英")
    world.publish()
    assert family(PUPIL) == set()

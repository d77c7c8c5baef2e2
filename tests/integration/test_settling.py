"""Contradictions as work: routed, settled at once, held through runs until the authority says something new, undone."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from anju.jobs.pipeline import own_records
from anju.kernel.refusal import Refusal
from anju.register.store import queries, settling, settling_many
from anju.register.store.models import Identity, Settlement
from anju.register.store.queries import cases
from anju.trust.access import Actor
from anju.trust.store import ledger, log_queries, rights_actions, rights_queries, rows

sys.path.insert(0, str(Path(__file__).parent))
from test_library_publish import EVERYWHERE, HOME, LI, ZHANG, ZHANG_NO, World, world  # noqa: F401 - the fixture

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime.now(UTC)
CLERK = Actor("w1", "station_worker", "990102")
POLICE = Actor("p1", "department_officer", "990102", "police")
HEALTH = Actor("h1", "department_officer", "990102", "health")


def settle(field: str, value: str, by: Actor = CLERK) -> int:
    return settling.settle(
        ZHANG, field, value, why="核对了证件原件", by=by, at=datetime.now(UTC), purpose="data_quality"
    )


def shown(field: str) -> str | None:
    return next(f.value for f in queries.get_person_file(ZHANG, masked=False).fields if f.field == field)


def current() -> int:
    return Identity.objects.filter(person_code=ZHANG, known_to__isnull=True).count()


def police_says(world: World, name: str, on: date) -> None:  # noqa: F811
    told = HOME | {
        "person.name": name,
        "person.citizen_no": ZHANG_NO,
        "person.sex": "1",
        "stay.begin_on": date(2024, 1, 1),
    }
    own_records.write_overruled(cases.overruled(), world.folder / "own")
    world.add(f"police-{on}", [("police_residence", "J1", ZHANG, on, told)])
    world.publish()


def test_every_contradiction_is_a_case_of_the_department_with_authority(world: World) -> None:  # noqa: F811
    first = world.publish().cases
    assert settling.follow(AT) == {"opened": 0, "ended": 0, "moved": 0}
    found = cases.list_cases(scope=EVERYWHERE, at=AT).rows
    assert first == {"opened": len(found), "ended": 0, "moved": 0}
    assert len(found) == 2
    assert {(c.field, c.owner, c.state) for c in found} == {
        ("name", "police", "open"),
        ("sex", "police", "open"),
    }
    assert all(c.due_on and c.due_on > c.opened_at.date() + timedelta(days=15) for c in found), (
        "15 working days"
    )
    late = cases.list_cases(scope=EVERYWHERE, at=AT + timedelta(days=60), state="overdue").rows
    assert [c.days_left < 0 for c in late if c.days_left is not None] == [True, True]
    assert cases.list_cases(scope=("990103",), at=AT).rows == ()
    assert cases.count_cases(EVERYWHERE, AT, owner="health").open == 0


def test_a_settled_value_holds_until_the_authority_says_something_new(world: World) -> None:  # noqa: F811
    world.publish()
    settling.follow(AT)
    settle("name", "章伟")
    assert shown("name") == "章伟", "at once"
    world.publish()
    settling.follow(AT)
    assert (shown("name"), current()) == ("章伟", 1)
    assert cases.get_case(ZHANG, "name", today=AT.date()).state == "settled"
    police_says(world, "张伟", AT.date() + timedelta(days=40))  # what was overruled, said again
    assert shown("name") == "章伟"
    police_says(world, "张炜", AT.date() + timedelta(days=70))
    assert shown("name") == "张炜"
    settling.follow(AT)
    assert Settlement.objects.filter(person_code=ZHANG, field="name", state="open").count() == 1


@pytest.mark.parametrize("published", [False, True])
def test_undo_restores_what_was_shown_and_nobody_is_lost(world: World, published: bool) -> None:  # noqa: F811
    world.publish()
    settling.follow(AT)
    before = shown("name"), queries.get_person_file(ZHANG).datasets
    case = settle("name", "章伟")
    if published:
        world.publish()
    settling.undo(case, why="看错了证件", by=CLERK, at=datetime.now(UTC), purpose="data_quality")
    assert (shown("name"), queries.get_person_file(ZHANG).datasets, current()) == (*before, 1)
    world.publish()
    assert (shown("name"), current()) == (before[0], 1)
    assert [s.kind for s in cases.get_case(ZHANG, "name", today=AT.date()).steps] == ["settled", "undone"]
    with pytest.raises(Refusal, match="nothing_to_undo"):
        settling.undo(case, why="再来一次", by=CLERK, at=AT, purpose="data_quality")


def test_departments_do_only_theirs_and_hand_on(world: World) -> None:  # noqa: F811
    world.publish()
    settling.follow(AT)
    with pytest.raises(Refusal, match="other_department"):
        settle("sex", "2", by=HEALTH)
    settling.send(ZHANG, "sex", "health", note="请核对体检档案", by=POLICE, at=AT, purpose="data_quality")
    with pytest.raises(Refusal, match="other_department"):
        settle("sex", "2", by=POLICE)
    settle("sex", "2", by=HEALTH)
    told = cases.get_case(ZHANG, "sex", today=AT.date())
    assert [(s.kind, s.department, s.to) for s in told.steps] == [
        ("sent", "police", "health"),
        ("settled", "health", ""),
    ]
    ledger.sequence_all()
    logged = [e.entry.subject for e in log_queries.entries(10) if e.entry.action == "discrepancy.settle"]
    assert logged == [f"person:{ZHANG}"] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("sex", "7"), ("born_on", "1990-02-30"), ("citizen_no", "990102199002030010"), ("phone", "120"),
     ("education", "大专"), ("blood", "A")],
)  # fmt: skip
def test_nonsense_is_not_settled(world: World, field: str, value: str) -> None:  # noqa: F811
    world.publish()
    with pytest.raises(Refusal, match=r"bad_value|cannot_settle"):
        settle(field, value)
    assert current() == 1


def test_a_persons_request_is_written_through_and_answered(world: World) -> None:  # noqa: F811
    world.publish()
    settling.follow(AT)
    she = Actor("account:9", "resident", person_code=ZHANG)

    def ask(field: str, claim: str) -> str:
        with rows.acting(she):
            told = {"person_code": ZHANG, "region": "990102001001", "by": she, "at": AT}
            number = rights_actions.ask("correct", field=field, claim=claim, **told)
            line = rights_queries.get_request(number, today=AT.date())
            settling.open_request(number, ZHANG, field, line.due_on, provisional=False, by=she, at=AT)
        return number

    number = ask("phone", "12099998888")
    (case,) = cases.list_cases(scope=EVERYWHERE, at=AT, state="requested").rows
    assert (case.field, case.due_on) == ("phone", rights_queries.get_request(number, today=AT.date()).due_on)
    settle("phone", "12099998888", by=Actor("w1", "station_worker", "990102"))
    assert shown("phone") == "12099998888"
    assert rights_queries.get_request(number, today=AT.date()).state == "answered"
    refused = ask("sex", "2")
    settling.drop(ZHANG, "sex", why="身份证显示为男", by=CLERK, at=AT, purpose="data_quality")
    line = rights_queries.get_request(refused, today=AT.date())
    assert (line.state, line.ground and line.ground.key, line.answer) == (
        "refused",
        "is_right",
        "身份证显示为男",
    )
    taken = ask("education", "20")
    with rows.acting(she):
        rights_actions.withdraw_request(taken, person_code=ZHANG, by=she, at=AT)
        settling.withdraw_request(taken, by=she, at=AT)
    assert cases.get_case(ZHANG, "education", today=AT.date()).state == "dropped"


def test_many_by_a_rule_and_back(world: World) -> None:  # noqa: F811
    world.publish()
    settling.follow(AT)
    before = shown("sex")
    seen = settling_many.preview("number_confirms", scope=EVERYWHERE)
    assert (seen.count, seen.samples[0].person_code, seen.samples[0].field) == (1, ZHANG, "sex")
    assert settling_many.preview("number_confirms", scope=("990103",)).count == 0
    told = {
        "scope": EVERYWHERE,
        "region": None,
        "why": "证件号码可以证明",
        "at": AT,
        "purpose": "data_quality",
    }
    with pytest.raises(Refusal, match="nothing_fits"):
        settling_many.apply("number_confirms", by=HEALTH, **told)
    batch, count = settling_many.apply("number_confirms", by=POLICE, **told)
    assert (count, cases.get_case(ZHANG, "sex", today=AT.date()).batch, shown("sex")) == (1, batch, before)
    world.publish()
    assert settling_many.undo_batch(batch, why="规则用错了", by=POLICE, at=AT, purpose="data_quality") == 1
    assert cases.get_case(ZHANG, "sex", today=AT.date()).state == "open"
    with pytest.raises(Refusal, match="batch_closed"):
        settling_many.undo_batch(batch, why="再撤一次", by=POLICE, at=AT, purpose="data_quality")


def test_cases_lie_where_the_person_lives(world: World) -> None:  # noqa: F811
    world.publish()
    settling.follow(AT)
    with rows.acting(Actor("w2", "station_worker", "990103")):
        assert Settlement.objects.count() == 0
    with rows.acting(CLERK):
        assert {s.person_code for s in Settlement.objects.all()} == {ZHANG}
    with rows.acting(Actor("x", "resident", person_code=LI)):
        assert Settlement.objects.count() == 0

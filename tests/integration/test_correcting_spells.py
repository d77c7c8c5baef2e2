"""Stays and jobs put right on a person's request: at once, through later runs, until the authority states something new."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anju.kernel.refusal import Refusal
from anju.register.spells import Change
from anju.register.store import queries, settling, settling_parts
from anju.register.store.models import Discrepancy, Settlement
from anju.register.store.queries import cases, spells
from anju.register.store.queries.values import JobView, StayView
from anju.trust.access import Actor
from anju.trust.store import erasing, ledger, log_queries, rights_actions, rights_queries, rows

sys.path.insert(0, str(Path(__file__).parent))
from test_library_publish import AWAY, HOME, OTHER, ZHANG, ZHANG_NO, World, world  # noqa: F401 - the fixture

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime.now(UTC)
TODAY = AT.date()
CLERK = Actor("w1", "station_worker", "990102")
SHE = Actor("account:9", "resident", person_code=ZHANG)
LEFT = date(2026, 8, 1)


def settle(aspect: str, change: Change, row: int = 0, by: Actor = CLERK) -> int:
    row = row or spells.get_spells(ZHANG, aspect).lines[0].id
    return settling_parts.settle_spell(
        ZHANG, aspect, row, change, why="核对了退租协议", by=by, at=datetime.now(UTC), purpose="data_quality"
    )


def stays() -> list[tuple[date, date | None]]:
    return [(s.begin_on, s.end_on) for s in queries.get_person_file(ZHANG).stays]


def jobs() -> tuple[JobView, ...]:
    return queries.get_person_file(ZHANG).jobs


def sources(spell: StayView | JobView) -> set[str]:
    return {s.dataset for s in spell.sources}


def told(world: World, dataset: str, key: str, after: int, **values: Any) -> None:  # noqa: F811
    """A department speaks of the stay at home again, so many days after today; then a run."""
    on = TODAY + timedelta(days=after)
    stated = HOME | {"person.name": "张伟", "person.citizen_no": ZHANG_NO}
    stated |= {f"stay.{name}": value for name, value in values.items()}
    world.add(f"{dataset}-{key}-{after}", [(dataset, key, ZHANG, on, stated)])
    world.publish()
    settling.follow(datetime.now(UTC))


def test_a_corrected_end_holds_until_the_authority_states_something_new(world: World) -> None:  # noqa: F811
    world.publish()
    settle("stay", Change(end_on=LEFT))
    for published in (False, True):  # at once, and by the run
        if published:
            world.publish()
        file = queries.get_person_file(ZHANG)
        assert [(s.begin_on, s.end_on) for s in file.stays] == [(date(2024, 1, 1), LEFT)]
        assert "settlement" in sources(file.stays[0])
        assert file.stays[0].is_live is not published
        assert (file.line.dwelling_code or "", file.line.is_resident) == ("", True), "still works here"
        dwelling = queries.get_dwelling(file.stays[0].dwelling_code)
        assert ZHANG not in {o.person.code for o in dwelling.residents}
    told(world, "police_residence", "J1", 20, begin_on=date(2024, 1, 1))  # what was overruled, said again
    told(world, "community_visit", "V9", 21)  # somebody without authority saw the person there
    assert stays() == [(date(2024, 1, 1), LEFT)]
    assert not Discrepancy.objects.filter(field="stay").exists()
    told(world, "police_residence", "J1", 40, begin_on=date(2024, 1, 1), end_on=date(2026, 10, 1))
    assert stays()[0][1] != LEFT
    (case,) = cases.list_cases(scope=("",), at=AT, field="stay").rows
    assert (case.owner, case.state) == ("police", "open")
    settle("stay", Change(end_on=date(2026, 9, 1)))  # decided anew: the former decision has had its time
    world.publish()
    settling.follow(datetime.now(UTC))
    assert Settlement.objects.filter(field="stay", state="ended").count() == 1


def test_a_begin_and_a_job_that_never_was_and_back(world: World) -> None:  # noqa: F811
    world.publish()
    before = queries.get_person_file(ZHANG)
    settle("stay", Change(begin_on=date(2024, 3, 1)))
    taken = settle("job", Change(is_taken_out=True))
    for published in (False, True):
        if published:
            world.publish()
        assert (stays(), jobs()) == ([(date(2024, 3, 1), None)], ())
        assert queries.get_employer("91990100MA0000001X").workers[0].person.code != ZHANG
    world.add(
        "new-job",
        [
            ("hrss_employment", "E7", ZHANG, TODAY + timedelta(days=90), {
                "person.name": "张伟", "person.citizen_no": ZHANG_NO, "job.employer_code": "91990100MA0000001X",
                "job.begin_on": TODAY + timedelta(days=60)}),
        ],
    )  # fmt: skip
    world.publish()
    assert [j.begin_on for j in jobs()] == [TODAY + timedelta(days=60)], "what begins later is another job"
    settling.undo(taken, why="合同已找到", by=CLERK, at=datetime.now(UTC), purpose="data_quality")
    assert before.jobs[0].begin_on in {j.begin_on for j in jobs()}
    world.publish()
    assert stays() == [(date(2024, 3, 1), None)]
    assert min(j.begin_on for j in jobs()) == before.jobs[0].begin_on


def test_a_spell_put_right_twice_and_a_new_stay_in_the_same_dwelling(world: World) -> None:  # noqa: F811
    world.publish()
    settle("stay", Change(end_on=LEFT))
    world.publish()
    second = settle("stay", Change(end_on=date(2026, 9, 1)))
    told(world, "landlord_report", "L1", 80, begin_on=TODAY + timedelta(days=70))
    assert stays() == [(TODAY + timedelta(days=70), None), (date(2024, 1, 1), date(2026, 9, 1))]
    settling.undo(second, why="协议日期看错", by=CLERK, at=datetime.now(UTC), purpose="data_quality")
    world.publish()
    assert stays()[1] == (date(2024, 1, 1), LEFT), "the decision before stands again"


def test_a_request_about_a_stay_is_answered_logged_and_erased(world: World) -> None:  # noqa: F811
    world.publish()
    with rows.acting(SHE):
        asked = {"person_code": ZHANG, "region": "990102001001", "by": SHE, "at": AT}
        number = rights_actions.ask("correct", field="stay", claim="八月一日已搬走", **asked)
        line = rights_queries.get_request(number, today=TODAY)
        settling.open_request(number, ZHANG, "stay", line.due_on, provisional=False, by=SHE, at=AT)
    (case,) = cases.list_cases(scope=("990102",), at=AT, state="requested").rows
    assert (case.field, case.owner, case.due_on) == ("stay", "police", line.due_on)
    with rows.acting(CLERK):
        settle("stay", Change(end_on=LEFT))
        assert stays() == [(date(2024, 1, 1), LEFT)]
    done = rights_queries.get_request(number, today=TODAY)
    assert (done.state, done.answer) == ("answered", "核对了退租协议")
    ledger.sequence_all()
    assert ("discrepancy.settle", f"person:{ZHANG}") in {
        (e.entry.action, e.entry.subject) for e in log_queries.entries(10)
    }
    assert [s.person_code for s in spells.standing()] == [ZHANG]
    held = Settlement.objects.filter(person_code=ZHANG).count()
    counts = erasing.erase_people([ZHANG])
    assert counts["register_settlement"] == held > 1, "her request and what her first publication found"
    assert (spells.standing(), Settlement.objects.filter(person_code=ZHANG).count()) == ((), 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change(end_on=date(2023, 1, 1)), "spell_ends_first"),
        (Change(end_on=TODAY + timedelta(days=2)), "spell_ahead"),
        (Change(), "spell_unchanged"),
        (Change(begin_on=date(2024, 1, 1)), "spell_unchanged"),
    ],
)
def test_what_cannot_be_is_refused(world: World, change: Change, code: str) -> None:  # noqa: F811
    world.publish()
    with pytest.raises(Refusal, match=code):
        settle("stay", change)
    with pytest.raises(Refusal, match="no_spell"):
        settle("stay", Change(is_taken_out=True), row=999_999_999)
    assert Settlement.objects.filter(field="stay").count() == 0, "nothing half"


def test_a_wrong_address_and_a_wrong_employer_put_right_and_back(world: World) -> None:  # noqa: F811
    world.add(
        "elsewhere", [("community_visit", "V7", ZHANG, date(2026, 5, 1), AWAY | {"person.name": "张伟"})]
    )
    world.add("firm", [("market_entity", "M1", OTHER, TODAY, {
        "employer.credit_code": "91990100MA0000002X", "employer.name": "安居装饰公司"})])  # fmt: skip
    world.publish()
    before = queries.get_person_file(ZHANG)
    wrong = next(s for s in before.stays if s.begin_on == date(2024, 1, 1))
    right = next(s for s in before.stays if s is not wrong).dwelling_code
    row = next(line.id for line in spells.get_spells(ZHANG, "stay").lines if line.begin_on == wrong.begin_on)
    moved = settle("stay", Change(to_place=right), row)
    settle("job", Change(to_place="91990100MA0000002X"))
    for published in (False, True):  # at once, and by the run
        if published:
            world.publish()
        file = queries.get_person_file(ZHANG)
        assert [(s.dwelling_code, s.begin_on, s.end_on) for s in file.stays] == [
            (right, wrong.begin_on, None)
        ]
        assert {"settlement", "police_residence"} < sources(file.stays[0])
        assert file.line.dwelling_code == right
        assert [(j.employer_code, j.employer_name) for j in file.jobs] == [
            ("91990100MA0000002X", "安居装饰公司")
        ]
    assert ZHANG not in {o.person.code for o in queries.get_dwelling(wrong.dwelling_code).residents}
    again = settle("stay", Change(end_on=LEFT))  # the same spell, decided once more
    world.publish()
    assert [(s.dwelling_code, s.end_on) for s in queries.get_person_file(ZHANG).stays] == [(right, LEFT)]
    undo = {"why": "地址核对有误", "by": CLERK, "at": datetime.now(UTC), "purpose": "data_quality"}
    with pytest.raises(Refusal, match="not_the_newest"):
        settling.undo(moved, **undo)
    settling.undo(again, **undo)
    assert [(s.dwelling_code, s.end_on) for s in queries.get_person_file(ZHANG).stays] == [(right, None)]
    settling.undo(moved, **undo)  # the newer case is open again; the older decision goes none the less
    assert {(s.dwelling_code, s.begin_on) for s in queries.get_person_file(ZHANG).stays} == {
        (s.dwelling_code, s.begin_on) for s in before.stays
    }
    world.publish()
    assert {(s.dwelling_code, s.begin_on) for s in queries.get_person_file(ZHANG).stays} == {
        (s.dwelling_code, s.begin_on) for s in before.stays
    }


def test_a_place_nobody_knows_is_refused(world: World) -> None:  # noqa: F811
    world.publish()
    for aspect, code in (("stay", "no_dwelling"), ("job", "no_employer")):
        with pytest.raises(Refusal, match=code):
            settle(aspect, Change(to_place="D00000000000000X"))

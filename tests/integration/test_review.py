"""The review queue: what is worth most first, one reviewer a pair, remembered, taken back, fed to the next run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from anju.exchange.linkage.decisions import Decision
from anju.exchange.review import comparing, worth
from anju.exchange.review.questions import Question, common_region
from anju.exchange.store import change_actions, change_queries, review_actions, review_queries
from anju.exchange.store.models import PersonChange, ReviewQuestion, ReviewWord
from anju.kernel.refusal import Refusal
from anju.register.dossier import Said
from anju.register.store.models import Identity, Person, Run
from anju.register.store.queries import cases
from anju.trust.access import Actor
from anju.trust.store import ledger, log_queries, rows

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ANN, BO = Actor("account:1", "data_steward", "9901"), Actor("account:2", "data_steward", "9901")
THERE = Actor("account:3", "station_worker", "990103")


def question(a: int, b: int, weight: float = 1.0, reason: str = "in_between", records: int = 3) -> Question:
    side = {
        "records": records,
        "dataset": "community_visit",
        "key": "K",
        "seen": "2026-06-30",
        "datasets": ["community_visit"],
    }
    told = {
        "sides": [
            side
            | {
                "record": str(a),
                "person": f"P{a:012}",
                "values": {"name": ["张小三"], "phone": ["12011112222"], "sex": ["1"]},
            },
            side
            | {
                "record": str(b),
                "person": f"P{b:012}",
                "values": {"name": ["张晓三"], "phone": ["12011112222"]},
            },
        ],
        "evidence": [["name", "sound", 9.0], ["phone", "same", 12.0]],
    }
    value = worth.worth(weight, reason, records, records)
    return Question(
        a, b, f"P{a:012}", f"P{b:012}", ("990102001001", "990102002001"), reason, weight, value, told
    )


def ask(*questions: Question, run: int = 1) -> tuple[int, int]:
    return review_actions.ask(questions, {}, run=run, at=AT)


def say(number: int, word: str, by: Actor = ANN, at: datetime = AT) -> None:
    review_actions.say(number, word, by=by, at=at, purpose="data_quality")


def following(by: Actor = ANN, at: datetime = AT) -> int | None:
    return review_actions.claim_next(by=by, at=at)


def test_worth_is_doubt_times_records() -> None:
    assert worth.worth(0, "in_between", 4, 9) == 4
    assert (
        worth.worth(0, "in_between", 4, 9)
        > worth.worth(3, "in_between", 4, 9)
        > worth.worth(5, "in_between", 4, 9)
    )
    assert worth.worth(30, "names_disagree", 4, 9) == 2, "a rule does not believe the model: half a bit"
    far = ("990102199002030018", "990102197511240013")
    assert worth.worth(0, "in_between", 4, 9, far) == pytest.approx(0.4)


def test_differences_are_marked_under_the_mask() -> None:
    a, b = comparing.align("张小三", "张晓三", "name")
    assert [(r.text, r.differs) for r in a] == [("张", False), ("*", True), ("三", False)]
    assert [r.text for r in b] == ["张", "*", "三"]
    one, _ = comparing.align("990102199002030018", "990102199002130018", "number")
    assert "".join(r.text for r in one) == "*" * 14 + "0018"
    assert comparing.align("张三", "", "name")[0] == (comparing.Run("张*", False),)


@pytest.mark.parametrize(
    ("a", "b", "held"),
    [("990102001001", "990102002001", "990102"), ("990102001001", None, "990102001001"), ("990102", "110101", None),
     (None, None, None), ("990102001001", "990103001001", "9901")],
)  # fmt: skip
def test_a_pair_lies_in_the_smallest_division_that_holds_both(
    a: str | None, b: str | None, held: str | None
) -> None:
    assert common_region(a, b) == held


def test_two_reviewers_never_get_the_same_pair() -> None:
    ask(question(1, 2, records=9), question(3, 4), question(5, 6, records=1))
    first, second = following(ANN), following(BO)
    assert [str(ReviewQuestion.objects.get(pk=n).record_a) for n in (first, second)] == ["1", "3"], (
        "worth most first"
    )
    assert following(ANN) == first, "what is claimed stays with its reviewer"
    with pytest.raises(Refusal, match=r"review\.claimed"):
        say(first or 0, "same", BO)
    later = AT + timedelta(minutes=11)
    say(first or 0, "same", BO, later)  # the claim is over
    with pytest.raises(Refusal, match="answered"):
        say(first or 0, "different", ANN, later)


def test_words_are_kept_undone_and_fed_back() -> None:
    ask(question(1, 2), question(3, 4))
    one, other = (ReviewQuestion.objects.get(record_a=n).pk for n in (1, 3))
    say(one, "same")
    say(other, "different", at=AT + timedelta(seconds=5))
    assert review_queries.decisions() == [Decision(1, 2, True), Decision(3, 4, False)]
    again = review_actions.take_back(by=ANN, at=AT + timedelta(seconds=9), purpose="data_quality")
    assert (again, following(ANN)) == (other, other)
    assert review_queries.decisions() == [Decision(1, 2, True)]
    assert ReviewWord.objects.filter(undone_at__isnull=False).count() == 1, "taken back, not deleted"
    ledger.sequence_all()
    told = [e.entry.subject for e in log_queries.entries(20) if e.entry.action == "review.decide"]
    assert sorted(told) == sorted([f"person:P{n:012}" for n in (1, 2, 3, 4, 3, 4)])


def test_skipped_comes_back_and_unsure_needs_two() -> None:
    ask(question(1, 2))
    number = following()
    say(number or 0, "skip")
    assert following(ANN) is None
    assert following(BO) == number, "left to others"
    say(number or 0, "unsure", BO)
    assert following(BO, AT + timedelta(days=2)) is None
    assert following(ANN, AT + timedelta(hours=25)) == number, "back after a day"
    say(number or 0, "unsure", ANN, AT + timedelta(hours=25))
    assert ReviewQuestion.objects.get().state == "unsure"
    assert review_queries.decisions() == []


def test_a_run_asks_no_more_what_it_knows() -> None:
    assert ask(question(1, 2), question(3, 4)) == (2, 0)
    assert ask(question(3, 4, weight=2.0), run=2) == (1, 1)
    assert ReviewQuestion.objects.get(record_a=3).weight == 2.0
    assert ask(question(1, 2), question(3, 4), run=3) == (2, 0)
    assert review_actions.take_in([(8, 7, True)], AT) == 1
    assert review_actions.take_in([(8, 7, True)], AT) == 0
    assert review_queries.decisions() == [Decision(7, 8, True)]


def test_what_a_reviewer_sees() -> None:
    ask(question(1, 2, weight=7.5))
    seen = review_queries.get_question(ReviewQuestion.objects.get().pk)
    assert [(r.field, r.piece and r.piece.weight) for r in seen.rows] == [
        ("name", 9.0),
        ("sex", None),
        ("phone", 12.0),
    ]
    assert "张小三" not in repr(seen)
    assert "12011112222" not in repr(seen)
    assert seen.start == pytest.approx(7.5 - 21)
    assert "12011112222" in repr(review_queries.get_question(seen.id, masked=False))
    assert b"12011112222" not in bytes(ReviewQuestion.objects.get().told)


def test_equal_values_stand_on_one_line() -> None:
    phones = review_queries.lines(["1", "2", "3"], ["3", "4", "1"], True)
    assert phones == [("1", "1"), ("3", "3"), ("2", "4")]
    assert review_queries.lines(["1"], ["2", "1"], True) == [("1", "1"), ("", "2")]
    names = review_queries.lines(["甲", "乙"], ["丙", "乙", "甲"], False)
    assert names == [("甲", "丙"), ("乙", "乙"), ("", "甲")], "the records' own words first"
    assert review_queries.lines([], ["1"], True) == [("", "1")]


def test_another_district_sees_nothing() -> None:
    ask(question(1, 2))
    number = ReviewQuestion.objects.get().pk
    with rows.acting(THERE):
        assert following(THERE) is None
        with pytest.raises(Refusal, match="no_question"):
            review_queries.get_question(number)
        with pytest.raises(Refusal, match="no_question"):
            say(number, "same", THERE)
    with rows.acting(ANN):
        assert following(ANN) == number


def awaited() -> list[bool]:
    return [c.is_awaited for c in change_queries.list_changes()]


def test_a_merge_and_a_split_need_a_second_person(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"A": ["k1", "k2", "k3"], "B": ["k9"]}
    monkeypatch.setattr(
        cases, "said_of", lambda c: tuple(Said(None, "community_visit", k, "b", {}) for k in said.get(c, ()))
    )
    monkeypatch.setattr(change_actions, "resolve_code", lambda c: c)
    told = {"at": AT, "purpose": "data_quality"}
    with pytest.raises(Refusal, match="same_person"):
        change_actions.propose_merge("A", "a", why="同一个人", by=ANN, **told)
    merge = change_actions.propose_merge("A", "B", why="同一个人两个编码", by=ANN, **told)
    with pytest.raises(Refusal, match="change_waits"):
        change_actions.propose_split("A", [1], why="不是一个人", by=ANN, **told)
    with pytest.raises(Refusal, match="own_change"):
        change_actions.answer(merge, agrees=True, by=ANN, **told)
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonChange.objects.filter(pk=merge).update(answered_by=ANN.account, answered_at=AT)
    assert review_queries.decisions() == []
    change_actions.answer(merge, agrees=True, by=BO, **told)
    assert [d.is_same for d in review_queries.decisions()] == [True]
    assert awaited() == [True], "no run has carried it out"
    Person.objects.create(code="A")
    Person.objects.create(code="B", merged_into="A")
    assert awaited() == [False]
    change_actions.undo(merge, why="看错了人", by=ANN, **told)
    assert review_queries.decisions() == []
    ids = [change_actions.record_id("community_visit", k) for k in said["A"]]
    with pytest.raises(Refusal, match="split_needs_both"):
        change_actions.propose_split("A", ids, why="不是一个人", by=ANN, **told)
    run = Run.objects.create(
        state="finished", started_at=AT, known_at=AT - timedelta(days=1), as_of=AT.date()
    )
    with pytest.raises(
        Refusal, match="merge_shown_still"
    ):  # the file holds B's records: they would be said to be A's
        change_actions.propose_split("A", ids[:1], why="不是一个人", by=ANN, **told)
    Run.objects.filter(pk=run.pk).update(known_at=AT + timedelta(days=1))
    split = change_actions.propose_split("A", ids[:1], why="不是一个人", by=ANN, **told)
    change_actions.answer(split, agrees=True, by=BO, **told)
    assert awaited() == [True, True], "neither the split nor the merge taken back"
    Person.objects.filter(code="B").update(merged_into=None)
    change_actions.given([("A", "C")])
    assert awaited() == [True, False], "the code is given, the file is not there"
    Identity.objects.create(person_code="C", region="990102001001", name="某")
    assert awaited() == [False, False]
    words = {frozenset((d.record_a, d.record_b)): d.is_same for d in review_queries.decisions()}
    assert sorted(words.values()) == [False, True]
    kept = sorted(ids[1:])
    assert words[frozenset(kept)] is True
    assert words[frozenset((ids[0], kept[0]))] is False

"""Private matching: the result is right, and nothing else can be read from the messages."""

from __future__ import annotations

import pytest

from anju.exchange import matching
from anju.kernel.refusal import Refusal

MINE = [matching.item(f"9901021990010{i:04d}") for i in range(200)]
THEIRS = [matching.item(f"9901021990010{i:04d}") for i in range(150, 400)]


def test_which_of_mine_are_also_yours() -> None:
    asked = matching.ask(MINE, only_count=False)
    found = matching.read(
        matching.answer(asked.question, THEIRS, longest=1000, allow_which=True), asked.secret
    )
    assert found.places == tuple(range(150, 200))
    assert found.count == 50


def test_only_how_many() -> None:
    asked = matching.ask(MINE, only_count=True)
    found = matching.read(
        matching.answer(asked.question, THEIRS, longest=1000, allow_which=False), asked.secret
    )
    assert found == matching.Matched(50, None)


def test_messages_show_no_item_and_differ_each_time() -> None:
    first, second = (matching.ask(MINE, only_count=False) for _ in range(2))
    answered = matching.answer(first.question, THEIRS, longest=1000, allow_which=True)
    for message in (first.question, second.question, answered):
        assert not any(one.encode() in message for one in MINE + THEIRS)
    assert first.question != second.question


def test_the_answerer_keeps_its_limits() -> None:
    asked = matching.ask(MINE, only_count=False)
    with pytest.raises(Refusal, match="too_long"):
        matching.answer(asked.question, THEIRS, longest=199, allow_which=True)
    with pytest.raises(Refusal, match="which_not_allowed"):
        matching.answer(asked.question, THEIRS, longest=1000, allow_which=False)


def test_a_question_cannot_pretend_to_want_only_a_count() -> None:
    question = bytearray(matching.ask(MINE, only_count=False).question)
    question[len(matching.QUESTION)] = 1
    with pytest.raises(Refusal, match="not_a_message"):
        matching.answer(bytes(question), THEIRS, longest=1000, allow_which=False)


@pytest.mark.parametrize("broken", [b"", b"nonsense", matching.QUESTION + b"\x01\x00\x00\x00\x05abc"])
def test_a_broken_message_is_refused(broken: bytes) -> None:
    with pytest.raises(Refusal, match="not_a_message"):
        matching.answer(broken, THEIRS, longest=1000, allow_which=True)
    with pytest.raises(Refusal, match="not_a_message"):
        matching.read(broken, matching.ask(MINE, only_count=True).secret)


def test_lists_are_checked() -> None:
    with pytest.raises(Refusal, match="empty_list"):
        matching.ask([], only_count=True)
    with pytest.raises(Refusal, match="repeated"):
        matching.ask(["A", "A"], only_count=True)
    with pytest.raises(Refusal, match="empty_part"):
        matching.item("张三", " ")

"""Private matching: the result is right, and nothing else can be read from the messages."""

from __future__ import annotations

import hashlib
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from anju.exchange import matching
from anju.jobs.cli.exchange_match import match
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
    question = matching.ask(MINE, only_count=False).question
    head = len(matching.QUESTION) + matching.DIGEST
    forged = b"\x01" + question[head + 1 :]
    forged = matching.QUESTION + hashlib.sha256(forged).digest() + forged
    with pytest.raises(Refusal, match="not_a_message"):
        matching.answer(forged, THEIRS, longest=1000, allow_which=False)


def test_another_questions_answer_is_refused_not_counted_as_nobody() -> None:
    first, second = (matching.ask(MINE, only_count=True) for _ in range(2))
    answered = matching.answer(first.question, THEIRS, longest=1000, allow_which=False)
    with pytest.raises(Refusal, match="other_question"):
        matching.read(answered, second.secret)
    for place in (10, len(answered) // 2, len(answered) - 1):
        damaged = answered[:place] + bytes([answered[place] ^ 1]) + answered[place + 1 :]
        with pytest.raises(Refusal, match="not_a_message"):
            matching.read(damaged, first.secret)


def both(mine: Path, yours: Path) -> list[str]:
    """Asked, answered and read by command: the lines of the list that comes out."""
    q, s, a, out = (str(mine.with_name(n)) for n in ("q", "s", "a", "out.csv"))
    for command in (
        ["ask", str(mine), "--by", "号码", "--out", q, "--secret", s],
        ["answer", q, str(yours), "--by", "no", "--out", a, "--allow-which"],
        ["read", a, "--secret", s, "--people", str(mine), "--by", "号码", "--out", out],
    ):
        done = CliRunner().invoke(match, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    return Path(out).read_text(encoding="utf-8-sig").split()


def test_lists_as_they_are_found(tmp_path: Path) -> None:
    """GB 18030, rows without a number, rows that repeat, numbers of full width: told, not refused."""
    mine, yours = tmp_path / "mine.csv", tmp_path / "yours.csv"
    mine.write_bytes(
        "姓名,号码\n王一,990101X\n李二,\n张三,990103\n王壹,990101x\n赵四,990104\n".encode("gb18030")
    )
    yours.write_text("no\n９９０１０１Ｘ\n990104\n\n", encoding="utf-8")
    assert both(mine, yours) == [
        "姓名,号码",
        "王一,990101X",
        "王壹,990101x",
        "赵四,990104",
    ]


def test_places_are_told_of_the_list_that_was_asked_about_alone() -> None:
    asked = matching.ask(MINE, only_count=False)
    answered = matching.answer(asked.question, THEIRS, longest=1000, allow_which=True)
    assert matching.read(answered, asked.secret, MINE).count == 50
    with pytest.raises(Refusal, match="other_list"):
        matching.read(answered, asked.secret, [MINE[1], MINE[0], *MINE[2:]])


def test_workbooks_and_what_stands_for_nothing(tmp_path: Path) -> None:
    book, yours = tmp_path / "mine.xlsx", tmp_path / "yours.txt"
    sheet = openpyxl.Workbook()
    for row in (["某街道名单"], ["姓名", "号码"], ["王一", "990101X"], ["李二", "无"], ["张三", "990103"]):
        sheet.active.append(row)
    sheet.save(book)
    yours.write_text("no;name\n990103;a\nN/A;b\n无;c\n", encoding="utf-8")
    assert both(book, yours) == ["姓名,号码", "张三,990103"]


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

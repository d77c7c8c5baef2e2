"""Files shown to a scanner: one that speaks clamd's protocol, one that says no, one that says nothing."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from anju.kernel.refusal import Refusal
from anju.trust import scanning

BAD = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR"


def scanner(path: Path, seen: list[bytes], answer: bytes | None = None) -> threading.Thread:
    """A clamd that answers once: what it was sent is collected whole."""
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(path))
    door.listen(1)

    def answer_once() -> None:
        link, _ = door.accept()
        with link, link.makefile("rb") as told:
            assert told.read(10) == b"zINSTREAM\0"
            content = b""
            while length := int.from_bytes(told.read(4), "big"):
                content += told.read(length)
            seen.append(content)
            found = b"stream: Test.Signature FOUND\0" if BAD in content else b"stream: OK\0"
            link.sendall(found if answer is None else answer)
        door.close()

    thread = threading.Thread(target=answer_once)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("content", "answer", "refusal"),
    [
        (b"a,b\n1,2\n" * 100_000, None, ""),
        (b"a,b\n" * 70_000 + BAD, None, "trust.infected"),
        (b"a,b\n", b"INSTREAM size limit exceeded. ERROR\0", "trust.scanner_silent"),
        (b"a,b\n", b"", "trust.scanner_silent"),
    ],
)
def test_the_scanners_word_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, answer: bytes | None, refusal: str
) -> None:
    file, seen = tmp_path / "sent.csv", list[bytes]()
    file.write_bytes(content)
    monkeypatch.setenv("ANJU_CLAMD", str(tmp_path / "clamd"))
    answering = scanner(tmp_path / "clamd", seen, answer)
    if refusal:
        with pytest.raises(Refusal, match=refusal):
            scanning.check(file, "sent.csv")
    else:
        scanning.check(file, "sent.csv")
    answering.join()
    assert seen == [content]


def test_a_scanner_that_is_gone_lets_nothing_in_and_none_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sent.csv"
    file.write_bytes(b"a,b\n")
    scanning.check(file, "sent.csv")
    monkeypatch.setenv("ANJU_CLAMD", str(tmp_path / "gone"))
    with pytest.raises(Refusal, match="scanner_silent"):
        scanning.check(file, "sent.csv")

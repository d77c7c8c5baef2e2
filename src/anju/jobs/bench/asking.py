"""Asking a server as fast as it answers, over several connections from one thread.

What asks runs on the cores of what is measured, so it does next to nothing: a request is a piece of bytes made before,
an answer is counted off by its length.
"""

from __future__ import annotations

import random
import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

CHUNK = 1 << 18
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class _Line:
    """One connection: when its question was sent, and what is still to come of the answer (None: its head)."""

    link: socket.socket
    order: random.Random
    sent_at: float = 0.0
    head: bytes = b""
    missing: int | None = None
    took: list[float] = field(default_factory=list)


def question(path: str, port: int, cookie: str) -> bytes:
    """A request for a page as a browser's cookie makes it."""
    cookies = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookies}\r\n".encode()


def ask(port: int, questions: Sequence[bytes], connections: int, seconds: float) -> list[float]:
    """Ask for so many seconds, each connection its next question when it has its answer; the seconds of every request.

    Raises RuntimeError for an answer other than 200 and for a server that falls silent.
    """
    with selectors.DefaultSelector() as waiting:
        lines = [
            _Line(socket.create_connection(("127.0.0.1", port)), random.Random(n)) for n in range(connections)
        ]
        try:
            until = time.perf_counter() + seconds
            for line in lines:
                waiting.register(line.link, selectors.EVENT_READ, line)
                _send(line, questions)
            busy = connections
            while busy:
                ready = waiting.select(PATIENCE_SECONDS)
                if not ready:
                    raise RuntimeError("the server fell silent")
                for key, _events in ready:
                    if not _has_answer(key.data):
                        continue
                    if time.perf_counter() < until:
                        _send(key.data, questions)
                    else:
                        busy -= 1
        finally:
            for line in lines:
                line.link.close()
    return [took for line in lines for took in line.took]


def _send(line: _Line, questions: Sequence[bytes]) -> None:
    line.head, line.missing, line.sent_at = b"", None, time.perf_counter()
    line.link.sendall(line.order.choice(questions))


def _has_answer(line: _Line) -> bool:
    """Take what has come; whether the answer is whole now."""
    chunk = line.link.recv(CHUNK)
    if not chunk:
        raise RuntimeError("the server hung up")
    if line.missing is None:
        line.head += chunk
        end = line.head.find(HEAD_END)
        if end < 0:
            return False
        if not line.head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"status {line.head[9:12].decode(errors='replace')}")
        stated = LENGTH.search(line.head, 0, end)
        if stated is None:
            raise RuntimeError("an answer without its length")
        line.missing = end + len(HEAD_END) + int(stated[1]) - len(line.head)
    else:
        line.missing -= len(chunk)
    if line.missing:
        return False
    line.took.append(time.perf_counter() - line.sent_at)
    return True

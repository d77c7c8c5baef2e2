"""Requests that arrive whole: a body that breaks off is an error, not a shorter body.

Servers end a broken body like a complete one. Without this, the first half of a department's file would be taken for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Body:
    """A request's body of a stated length. Raises ConnectionResetError where it ends before."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, or all that are left."""
        wanted = self._left if size < 0 else min(size, self._left)
        got = bytearray()
        while len(got) < wanted:
            got += self._some(self._stream.read(wanted - len(got)))
        return bytes(got)

    def readline(self, size: int = -1) -> bytes:
        """The next line, or its first ``size`` bytes."""
        wanted = self._left if size < 0 else min(size, self._left)
        return self._some(self._stream.readline(wanted)) if wanted else b""

    def _some(self, piece: bytes) -> bytes:
        if not piece:
            raise ConnectionResetError("the request broke off")
        self._left -= len(piece)
        return piece


def whole(application: Application) -> Application:
    """The application, reading only bodies that arrive as long as they were said to be."""

    def reading(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length):
            environ["wsgi.input"] = Body(environ["wsgi.input"], int(length))
        return application(environ, start_response)

    return reading

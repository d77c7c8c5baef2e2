"""Files from outside, shown to a virus scanner before anyone reads them - where the operator runs one.

``ANJU_CLAMD`` names clamd's socket: a path, or ``host:port``. Without it nothing is scanned: what is a table and what is not
is decided by content anyway, a file as sent is never served again, and reports are made anew. With it, a scanner that does
not answer lets nothing in.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from anju.kernel.refusal import Refusal

PIECE = 2**18
PATIENCE = 120.0
"""Seconds the scanner may take to answer."""


def check(path: Path, name: str) -> None:
    """Raises Refusal trust.infected, or trust.scanner_silent when it cannot be asked or says anything else than yes."""
    stated = os.environ.get("ANJU_CLAMD")
    if not stated:
        return
    try:
        told = _ask(stated, path)
    except OSError as silent:
        raise Refusal("trust.scanner_silent", file=name) from silent
    if told.endswith("FOUND"):
        raise Refusal("trust.infected", file=name)
    if told != "stream: OK":
        raise Refusal("trust.scanner_silent", file=name)


def _ask(where: str, path: Path) -> str:
    """clamd's INSTREAM: pieces with their lengths before them, an empty one at the end, one line back."""
    with _joined(where) as link, path.open("rb") as stream:
        link.sendall(b"zINSTREAM\0")
        while piece := stream.read(PIECE):
            link.sendall(len(piece).to_bytes(4, "big") + piece)
        link.sendall(bytes(4))
        told = b""
        while not told.endswith(b"\0") and (more := link.recv(4096)):
            told += more
    return told.rstrip(b"\0\n").decode("utf-8", "replace")


def _joined(where: str) -> socket.socket:
    host, _, port = where.rpartition(":")
    if port.isdigit() and host:
        return socket.create_connection((host, int(port)), PATIENCE)
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(PATIENCE)
    link.connect(where)
    return link

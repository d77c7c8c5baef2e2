"""A vault: one encrypted, authenticated stream of bytes, read and written in pieces of bounded memory.

Layout: ``MAGIC``, suite code (1), salt (16), nonce prefix (7), then frames of at most ``PIECE`` plain bytes, each
followed by its tag. A frame's nonce is prefix, counter (4 bytes) and a mark that says whether it is the last:
frames cannot be left out, swapped, repeated or cut off unnoticed (the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizár, 2015).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import scrypt
from io import RawIOBase
from typing import BinaryIO

from cryptography.exceptions import InvalidTag

from anju.kernel.refusal import Refusal
from anju.trust.sealing.suites import BY_CODE, TAG, Suite

MAGIC = b"ANJUVLT1"
PIECE = 1 << 20
PREFIX = 7
SALT = 16


def stretch(secret: bytes, salt: bytes, length: int) -> bytes:
    """A key from a passphrase or key file (scrypt, 64 MiB)."""
    return scrypt(secret, salt=salt, n=1 << 16, r=8, p=1, maxmem=128 << 20, dklen=length)


class Writer(RawIOBase):
    """Writes plain bytes, puts sealed frames into ``target``. Close it, or the last frame is missing."""

    def __init__(self, target: BinaryIO, secret: bytes, suite: Suite) -> None:
        self._target, self._held, self._count = target, bytearray(), 0
        salt, self._prefix = secrets.token_bytes(SALT), secrets.token_bytes(PREFIX)
        self._encrypt = suite.encrypter(stretch(secret, salt, suite.secret_bytes))
        self._head = MAGIC + bytes([suite.code]) + salt + self._prefix
        target.write(self._head)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: object) -> int:
        """Take plain bytes."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._held += view
        while len(self._held) > PIECE:  # keep one byte back: the last frame is known only at the end
            self._frame(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(view)

    def _frame(self, plain: bytes, *, last: bool) -> None:
        self._target.write(self._encrypt(_nonce(self._prefix, self._count, last), plain, self._head))
        self._count += 1

    def close(self) -> None:
        """Write the last frame."""
        if not self.closed:
            self._frame(bytes(self._held), last=True)
            super().close()


class Reader(RawIOBase):
    """Reads plain bytes out of a vault; refuses a wrong key, a change, a missing end."""

    def __init__(self, source: BinaryIO, secret: bytes) -> None:
        self._source, self._count, self._plain = source, 0, b""
        head = source.read(len(MAGIC) + 1 + SALT + PREFIX)
        if len(head) != len(MAGIC) + 1 + SALT + PREFIX or not head.startswith(MAGIC):
            raise Refusal("vault.not_a_vault")
        suite = BY_CODE.get(head[len(MAGIC)])
        if suite is None:
            raise Refusal("vault.not_a_vault")
        salt, self._prefix = head[-SALT - PREFIX : -PREFIX], head[-PREFIX:]
        self._decrypt, self._head = suite.decrypter(stretch(secret, salt, suite.secret_bytes)), head
        self._ahead = source.read(PIECE + TAG)
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill ``buffer`` with plain bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._plain and not self._ended:
            self._plain = self._next()
        taken = min(len(view), len(self._plain))
        view[:taken] = self._plain[:taken]
        self._plain = self._plain[taken:]
        return taken

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._source.read(PIECE + TAG)
        self._ended = not self._ahead
        try:
            plain = self._decrypt(_nonce(self._prefix, self._count, self._ended), sealed, self._head)
        except (InvalidTag, ValueError) as broken:
            raise Refusal("vault.does_not_open", frame=self._count) from broken
        self._count += 1
        return plain


def _nonce(prefix: bytes, count: int, last: bool) -> bytes:
    return prefix + count.to_bytes(4, "big") + bytes([last])


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """A stream's bytes, ``PIECE`` at a time."""
    while data := stream.read(PIECE):
        yield data

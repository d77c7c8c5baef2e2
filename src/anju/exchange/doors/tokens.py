"""Bearer tokens of machine clients: a random secret of which only the digest is kept, or an assertion the client signs.

``anju1.<key>.<secret>`` is shown once, when it is made. ``anju2.<key>.<until>.<signature>`` is made by the client itself
for a few minutes, over ``anju-door``, the key's id and ``until`` (seconds since 1970): the private key never travels.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from hmac import compare_digest

from anju.trust.sealing.suites import SUITES

SECRET, SIGNED = "secret", "signed"
LASTS = 300
"""Seconds an assertion may be ahead."""
_SECRET = re.compile(r"anju1\.([0-9a-f]{12})\.([A-Za-z0-9_-]{43})")
_SIGNED = re.compile(r"anju2\.([0-9a-f]{12})\.(\d{10})\.([A-Za-z0-9_-]{80,100})")


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token taken apart: the key's id, which kind, and its proof."""

    key: str
    kind: str
    proof: bytes
    until: int = 0


def new_key_id() -> str:
    """Twelve random hex digits."""
    return secrets.token_hex(6)


def make_secret(key: str) -> tuple[str, str]:
    """A new token for the key, and the digest to keep of it."""
    token = f"anju1.{key}.{secrets.token_urlsafe(32)}"
    return token, digest(token.encode())


def digest(proof: bytes) -> str:
    """SHA-256 in hex: the secret has 256 random bits, so a fast digest hides it."""
    return hashlib.sha256(proof).hexdigest()


def message(key: str, until: int) -> bytes:
    """What an assertion signs."""
    return f"anju-door\n{key}\n{until}".encode()


def assertion(key: str, until: int, suite: str, private: bytes) -> str:
    """A token signed with a client's private key."""
    raw = SUITES[suite].sign(private, message(key, until))
    return f"anju2.{key}.{until}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def parse(header: str) -> Token | None:
    """The token of an ``Authorization`` header, or None when it holds none of ours."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() != "bearer":
        return None
    if found := _SECRET.fullmatch(value):
        return Token(found[1], SECRET, value.encode())
    if found := _SIGNED.fullmatch(value):
        raw = base64.urlsafe_b64decode(found[3] + "=" * (-len(found[3]) % 4))
        return Token(found[1], SIGNED, raw, int(found[2]))
    return None


def holds(token: Token, kind: str, suite: str, told: str, now: float) -> bool:
    """Whether the token proves the key (``told``: the digest kept, or the public key in hex) at ``now``."""
    if token.kind != kind:
        return False
    if kind == SECRET:
        return compare_digest(digest(token.proof), told)
    is_now = now < token.until <= now + LASTS
    return is_now and SUITES[suite].verify(bytes.fromhex(told), token.proof, message(token.key, token.until))

"""The log's keys: codes over rows, the log's signature, the witness.

Rows carry a keyed code so that a row changed inside the database - by a superuser too - is named exactly: the key is
not in the database. The code begins with two bytes of the key's id, so that earlier rows verify after a rotation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from anju.kernel import packs
from anju.trust.log.checkpoints import COSIGNATURE, ED25519, SM2, Verifier
from anju.trust.sealing import Key, sealer
from anju.trust.sealing.suites import INTERNATIONAL, NATIONAL, suite

ID = 2
MAC = 16


def origin() -> str:
    """The log's name in its checkpoints: ``ANJU_LOG_ORIGIN``, or one made of the place."""
    return os.environ.get("ANJU_LOG_ORIGIN") or f"anju.invalid/{packs.place()}/log"


def _keys() -> tuple[Key, ...]:
    return sealer().ring.of("log")


@lru_cache(maxsize=16)
def _secret(key: Key, use: bytes) -> bytes:
    return INTERNATIONAL.mac(key.secret, b"anju log " + use)


def _mac(key: Key, use: bytes, message: bytes, place: int) -> bytes:
    """BLAKE2 with a key (RFC 7693): three times as fast as HMAC, and there is one for every entry."""
    made = blake2b(message, key=_secret(key, use), salt=place.to_bytes(8, "big"), digest_size=MAC)
    return bytes.fromhex(key.id)[:ID] + made.digest()


def pending_mac(lines: bytes) -> bytes:
    """The code over an outbox row."""
    return _mac(sealer().ring.newest("log"), b"pending", lines, 0)


def entry_macs(first: int, lines: list[bytes]) -> list[bytes]:
    """The codes of entries ``first``, ``first + 1`` …"""
    key = sealer().ring.newest("log")
    head, secret = bytes.fromhex(key.id)[:ID], _secret(key, b"entries")
    return [
        head + blake2b(line, key=secret, salt=seq.to_bytes(8, "big"), digest_size=MAC).digest()
        for seq, line in enumerate(lines, first)
    ]


def _holds(keys: tuple[Key, ...], use: bytes, mac: bytes, message: bytes, place: int) -> bool:
    mac = bytes(mac)
    return place >= 0 and any(compare_digest(_mac(key, use, message, place), mac) for key in keys)


def pending_holds(mac: bytes, lines: bytes) -> bool:
    """Whether an outbox row is as it was written."""
    return _holds(_keys(), b"pending", mac, lines, 0)


def entry_checker() -> Callable[[bytes, int, bytes], bool]:
    """A function that tells whether an entry is as it was written, in its place: (code, place, line)."""
    keys = _keys()
    return lambda mac, seq, line: _holds(keys, b"entries", mac, line, seq)


def verifiers() -> list[Verifier]:
    """Every public key checkpoints may be signed with, newest first; published."""
    name = origin()
    found = [Verifier(name, ED25519, INTERNATIONAL.public(k.secret)) for k in _keys()]
    if suite() is NATIONAL:
        found += [
            Verifier(name, SM2, NATIONAL.public(k.secret))
            for k in sealer().ring.of("sign")
            if k.suite == "national"
        ]
    return found


def witness_name() -> str:
    """The witness's name in its signatures."""
    return origin() + "/witness"


def witness_verifier(secret: bytes) -> Verifier:
    """The witness's public key."""
    return Verifier(witness_name(), COSIGNATURE, INTERNATIONAL.public(secret))

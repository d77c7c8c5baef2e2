"""The log's keys: codes over rows, the log's signature, the witness.

Rows carry a keyed code so that a row changed inside the database - by a superuser too - is named exactly: the key is
not in the database. The code begins with two bytes of the key's id, so that earlier rows verify after a rotation.
"""

from __future__ import annotations

import os
from functools import lru_cache
from hmac import compare_digest, digest

from anju.kernel import packs
from anju.trust.log.checkpoints import COSIGNATURE, ED25519, SM2, Verifier
from anju.trust.sealing import Key, sealer
from anju.trust.sealing.suites import INTERNATIONAL, NATIONAL, suite

ID = 2
MAC = 16


def origin() -> str:
    """The log's name in its checkpoints: ``ANJU_LOG_ORIGIN``, or one made of the place."""
    return os.environ.get("ANJU_LOG_ORIGIN") or f"anju.invalid/{packs.place()}/log"


@lru_cache(maxsize=16)
def _row_secret(key: Key) -> bytes:
    return INTERNATIONAL.mac(key.secret, b"anju log rows")


def _mac(key: Key, message: bytes) -> bytes:
    return bytes.fromhex(key.id)[:ID] + digest(_row_secret(key), message, "sha256")[:MAC]


def _keys() -> tuple[Key, ...]:
    return sealer().ring.of("log")


def pending_mac(lines: bytes) -> bytes:
    """The code over an outbox row."""
    return _mac(sealer().ring.newest("log"), b"pending\n" + lines)


def entry_macs(first: int, lines: list[bytes]) -> list[bytes]:
    """The codes of entries ``first``, ``first + 1`` …"""
    key = sealer().ring.newest("log")
    head, secret = bytes.fromhex(key.id)[:ID], _row_secret(key)
    return [
        head + digest(secret, b"%d\n%b" % (seq, line), "sha256")[:MAC]
        for seq, line in enumerate(lines, first)
    ]


def mac_holds(mac: bytes, message: bytes) -> bool:
    """Whether ``mac`` was made over ``message`` by any log key of the ring."""
    mac = bytes(mac)
    return any(
        compare_digest(_mac(key, message), mac) for key in _keys() if bytes.fromhex(key.id)[:ID] == mac[:ID]
    )


def pending_holds(mac: bytes, lines: bytes) -> bool:
    """Whether an outbox row is as it was written."""
    return mac_holds(mac, b"pending\n" + lines)


def entry_holds(mac: bytes, seq: int, line: bytes) -> bool:
    """Whether an entry is as it was written, in its place."""
    return mac_holds(mac, b"%d\n%b" % (seq, line))


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

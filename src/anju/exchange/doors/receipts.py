"""Receipts: a signed statement of what was accepted, checkable by anyone who has the deployment's public keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from anju.kernel.refusal import Refusal
from anju.trust.sealing import Ring
from anju.trust.sealing.suites import SUITES, suite

UNSIGNED = frozenset({"key", "suite", "signature"})


def public_keys(ring: Ring) -> list[dict[str, str]]:
    """The public halves of every signing key, newest first: ``key``, ``suite``, ``public`` (hex)."""
    return [
        {"key": k.id, "suite": k.suite, "public": suite(k.suite).public(k.secret).hex()}
        for k in ring.of("sign")
    ]


def signed(told: Mapping[str, Any], ring: Ring) -> str:
    """A statement with the newest key's signature, as JSON."""
    key = ring.newest("sign")
    raw = suite(key.suite).sign(key.secret, _body(told))
    return json.dumps({**told, "key": key.id, "suite": key.suite, "signature": raw.hex()}, sort_keys=True)


def verified(text: str, keys: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What a receipt states, if one of ``keys`` signed exactly this. Refuses anything else."""
    try:
        told = json.loads(text)
        statement = {k: v for k, v in told.items() if k not in UNSIGNED}
        found = next((k for k in keys if k["key"] == told["key"] and k["suite"] == told["suite"]), None)
        raw = bytes.fromhex(told["signature"])
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise Refusal("doors.not_a_receipt") from broken
    if found is None:
        raise Refusal("doors.unknown_signer", key=str(told["key"])[:16])
    if found["suite"] not in SUITES or not SUITES[found["suite"]].verify(
        bytes.fromhex(found["public"]), raw, _body(statement)
    ):
        raise Refusal("doors.receipt_changed")
    return statement


def read_keys(text: str) -> list[dict[str, str]]:
    """Public keys from a file; refuses anything else."""
    try:
        listed = json.loads(text)
        listed = listed["keys"] if isinstance(listed, dict) else listed
        return [{"key": k["key"], "suite": k["suite"], "public": k["public"]} for k in listed]
    except (ValueError, KeyError, TypeError) as broken:
        raise Refusal("doors.not_keys") from broken


def _body(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()

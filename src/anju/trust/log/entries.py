"""Log entries and their canonical form: sorted, compact JSON with a salt, so that a hash alone tells nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from anju.kernel.refusal import Refusal
from anju.trust.access.model import Actor

RESULTS = ("done", "allowed", "refused", "failed")
SALT_BYTES = 16
LONGEST, LONGEST_SUBJECT, LONGEST_DETAIL = 60, 120, 200
PERSON, REGION = 13, 15
"""Longest person code and division code."""
LEAF = b"\x00"


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. ``subject`` is ``kind:code`` or empty; ``detail`` small texts and numbers, never a person's data.

    ``at`` is an aware instant; ``office`` is department and region of the one who acted.
    """

    at: datetime
    account: str
    role: str
    action: str
    result: str = "done"
    purpose: str = ""
    subject: str = ""
    office: str = ""
    detail: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        texts = (self.account, self.role, self.action, self.purpose, self.office, self.subject)
        if (
            self.result not in RESULTS
            or self.at.tzinfo is None
            or not self.action
            or not "".join(texts).isprintable()
            or max(map(len, texts[:-1])) > LONGEST
            or len(self.subject) > LONGEST_SUBJECT
            or len(self.person_code) > PERSON
            or len(self.region) > REGION
        ):
            # An entry that the sequencer could not store would hold up the whole log: refused where it is made.
            raise Refusal("log.broken_entry", action=self.action[:LONGEST])
        for key, value in self.detail.items():
            if not isinstance(value, str | int) or len(str(value)) > LONGEST_DETAIL:
                raise Refusal("log.detail_too_much", action=self.action, key=key)

    @classmethod
    def of(cls, by: Actor, action: str, at: datetime, **rest: Any) -> Entry:
        """The entry of an actor's act."""
        return cls(at=at, account=by.account, role=by.role, office=by.office, action=action, **rest)

    @property
    def person_code(self) -> str:
        """The person the entry is about, or empty."""
        kind, _, code = self.subject.partition(":")
        return code if kind == "person" else ""

    @property
    def region(self) -> str:
        """The place of the office that acted."""
        return self.office.rpartition(":")[2]


def encode(entries: Sequence[Entry]) -> list[bytes]:
    """The canonical bytes of each entry, salted. What is hashed and kept is exactly this."""
    random = os.urandom(SALT_BYTES * len(entries)).hex()
    width = 2 * SALT_BYTES
    instants = {at: _instant(at) for at in {e.at for e in entries}}  # entries of one act share theirs
    return [
        orjson.dumps(
            {
                "account": e.account,
                "action": e.action,
                "at": instants[e.at],
                "detail": e.detail,
                "office": e.office,
                "purpose": e.purpose,
                "result": e.result,
                "role": e.role,
                "salt": random[i * width : (i + 1) * width],
                "subject": e.subject,
            },
            option=orjson.OPT_SORT_KEYS,
        )
        for i, e in enumerate(entries)
    ]


def decode(line: bytes | str) -> Entry:
    """An entry from its canonical bytes; refuses anything else."""
    try:
        told = orjson.loads(line)
        return Entry(
            at=datetime.fromisoformat(told["at"]),
            account=told["account"],
            role=told["role"],
            action=told["action"],
            result=told["result"],
            purpose=told["purpose"],
            subject=told["subject"],
            office=told["office"],
            detail=told["detail"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise Refusal("log.broken_entry", action="?") from broken


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def leaf_hash(line: bytes) -> bytes:
    """RFC 6962: SHA-256 over a zero byte and the entry."""
    return hashlib.sha256(LEAF + line).digest()

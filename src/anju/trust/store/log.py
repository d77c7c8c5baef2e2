"""Writing into the log: in the same transaction as the act, or not at all.

``record`` puts entries on their way (an outbox row of this transaction); the sequencer gives them their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from anju.trust.access import Actor
from anju.trust.log import Entry, encode
from anju.trust.store import prepared
from anju.trust.store.log_keys import pending_mac
from anju.trust.store.trip import Statement

__all__ = ["Entry", "record", "record_many"]

BATCH = 20_000


def record(
    by: Actor,
    action: str,
    at: datetime,
    *,
    purpose: str = "",
    subject: str = "",
    result: str = "done",
    detail: Mapping[str, str | int] | None = None,
) -> None:
    """One act. Call it inside the transaction of what it tells of. Refuses a detail that is too much to be harmless."""
    record_many(
        [Entry.of(by, action, at, purpose=purpose, subject=subject, result=result, detail=detail or {})]
    )


ADD = "INSERT INTO trust_logpending (lines, mac) VALUES (%s, %s)"
"""Plain SQL: the web role may add and not read back, which Django's insert would."""


def statement(
    by: Actor,
    action: str,
    at: datetime,
    *,
    purpose: str,
    subject: str,
    result: str,
    detail: Mapping[str, str | int],
) -> Statement:
    """One act as what a transaction says last (see ``rows.acting``); refuses as ``record`` does."""
    entry = Entry.of(by, action, at, purpose=purpose, subject=subject, result=result, detail=detail)
    (line,) = encode([entry])
    return Statement(ADD, (line.decode(), pending_mac(line)))


def record_many(entries: Iterable[Entry]) -> None:
    """Many acts, kept in this order. A hundred thousand a second."""
    listed = list(entries)
    for begin in range(0, len(listed), BATCH):
        lines = b"\n".join(encode(listed[begin : begin + BATCH]))
        prepared.run(ADD, lines.decode(), pending_mac(lines))

"""How far each source was pulled: claimed and moved inside the transaction that accepts the batch."""

from __future__ import annotations

from datetime import UTC, datetime

from anju.exchange.store.models import Pull
from anju.trust.access import Actor
from anju.trust.store import log

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def claim(source: str, start: str) -> str:
    """The cursor of a source, locked until the transaction ends: two pulls of one source wait for each other."""
    Pull.objects.get_or_create(source=source, defaults={"cursor": start, "at": NEVER})
    return Pull.objects.select_for_update().get(source=source).cursor


def move(source: str, cursor: str, *, batch: str, rows: int, by: Actor, at: datetime) -> None:
    """The source is read up to ``cursor``. Call in the transaction that accepted the batch."""
    Pull.objects.filter(source=source).update(cursor=cursor, batch=batch, rows=rows, at=at)
    log.record(by, "exchange.send", at, subject=f"batch:{batch}", detail={"source": source, "rows": rows})

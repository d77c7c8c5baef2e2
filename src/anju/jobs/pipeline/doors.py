"""Small batches at speed: the engine that takes them in stays open between them.

Opening one costs about as much as taking in some ten thousand rows. An engine is lent to one request at a time; there are
as many as requests were answered at once. One that broke is not lent again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from pathlib import Path

from django.db import connection

from anju.exchange.store.actions import Accepted
from anju.jobs.pipeline import intake
from anju.jobs.pipeline.reading.crew import Crew
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor

MEMORY = "1GB"
LENT = 200
"""Batches after which an engine is opened afresh: what it keeps for itself never grows without end."""


class Lent:
    """One open engine and how often it was lent."""

    def __init__(self) -> None:
        self._opening: AbstractContextManager[Crew] = intake.opened(MEMORY)
        self.engine = self._opening.__enter__()
        self.times = 0

    def close(self) -> None:
        """Give its memory back."""
        self._opening.__exit__(None, None, None)


_idle: list[Lent] = []
_lock = threading.Lock()


@contextmanager
def lent() -> Iterator[Crew]:
    """An engine nobody else uses now."""
    with _lock:
        mine = _idle.pop() if _idle else None
    mine = mine or Lent()
    mine.times += 1
    try:
        yield mine.engine
    except Refusal as refusal:
        if refusal.code in intake.BROKE:
            mine.close()
        else:
            _give_back(mine)
        raise
    except BaseException:
        mine.close()
        raise
    _give_back(mine)


def _give_back(mine: Lent) -> None:
    if mine.times >= LENT:
        mine.close()
        return
    with _lock:
        _idle.append(mine)


def take(
    path: Path,
    *,
    name: str,
    dataset: str | None,
    by: Actor,
    at: datetime,
    purpose: str,
    day: date | None = None,
) -> Accepted:
    """One batch that came through the API, inside the caller's transaction."""
    with connection.cursor() as cursor:
        # Until the caller commits, nobody may sweep away the file of a batch whose row is not to be seen yet.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [intake.SWEEPING])
    with lent() as engine:
        return intake.take(engine, path, name=name, dataset=dataset, by=by, at=at, purpose=purpose, day=day)

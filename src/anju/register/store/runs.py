"""Runs of the library: begun, finished in the transaction of the load, failed, abandoned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.utils import timezone

from anju.kernel.refusal import Refusal
from anju.register.store.loading import LOCK
from anju.register.store.models import Run


@contextmanager
def only_one() -> Iterator[None]:
    """One publication at a time; the lock goes with the connection when a process dies. Refuses a second one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise Refusal("library.already_publishing")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def newest() -> Run | None:
    """The newest finished run."""
    return Run.objects.filter(state="finished").order_by("-id").first()


def clock() -> datetime:
    """The database's time: what was entered later is not in what a run reads from now on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def begin(inputs: str, as_of: date, at: datetime) -> int:
    """A new run that reads what was there ``at``; nothing of it is seen before it is finished."""
    return int(Run.objects.create(inputs=inputs, as_of=as_of, started_at=at).pk)


def finish(run_id: int, *, folder: str, people: int, records: int, figures: dict[str, Any]) -> None:
    """Call inside the transaction of the load: what it loads becomes known at the transaction's own moment."""
    run = Run.objects.get(pk=run_id)
    run.seconds = (timezone.now() - run.started_at).total_seconds()
    run.state, run.folder, run.people, run.records, run.figures = "finished", folder, people, records, figures
    run.known_at = TransactionNow()
    run.save()


def fail(run_id: int) -> None:
    """A run that broke."""
    if not connection.needs_rollback:
        Run.objects.filter(pk=run_id, state="running").update(state="failed")


def fail_abandoned(kept: int) -> list[str]:
    """Mark runs nobody works on any more; return the folders of the newest finished runs. Call under the lock."""
    Run.objects.filter(state="running").update(state="failed")
    return list(Run.objects.filter(state="finished").order_by("-id").values_list("folder", flat=True)[:kept])

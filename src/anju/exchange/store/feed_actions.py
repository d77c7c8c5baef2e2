"""Compacting the change feed: what is older than a run is told by that run's state."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from anju.exchange.store.feed_queries import COMPACTED
from anju.exchange.store.models import FeedEntry, FeedRun
from anju.trust.access import Actor
from anju.trust.store import log


@transaction.atomic
def compact(*, days: int, by: Actor, at: datetime) -> int:
    """Forget the changes before the newest run that is at least ``days`` old; returns how many. The run itself stays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT exchange_sequence_changes()")
    base = FeedRun.objects.filter(at__lte=at - timedelta(days=days)).order_by("-position").first()
    if base is None:
        return 0
    former = FeedRun.objects.filter(position__lt=base.position).order_by("-position").first()
    pair = FeedEntry.objects.filter(kind="came", person_code=OuterRef("person_code"), at=OuterRef("at"))
    old = FeedEntry.objects.filter(position__lt=base.position)
    gone, _ = old.exclude(kind="left").delete()
    gone += old.filter(~Exists(pair)).delete()[0]  # where a person left and came stays told as one
    runs, _ = FeedRun.objects.filter(position__lt=base.position).delete()
    if gone or runs:
        base.upto = {**base.upto, COMPACTED: former.upto if former else {}}
        base.save(update_fields=["upto"])
    log.record(by, "exchange.run", at, detail={"compacted": gone + runs})
    return int(gone + runs)

"""Keeping a released statistic."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.store.models import Release

LOCK = 0x73746174


def lock() -> None:
    """One release at a time: each must know of the others. Held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def release(
    question: str, title: str, answer: dict[str, Any], rules: dict[str, Any], *, by: Actor, at: datetime
) -> int:
    """Keep an answer as it is shown from now on; return its id. The caller logs. Refuses a question answered before."""
    if Release.objects.filter(question=question).exists():
        raise Refusal("disclosure.released_before")
    made = Release.objects.create(
        question=question, title=title, answer=answer, rules=rules, released_by=by.account, released_at=at
    )
    return made.pk

"""Reads of merges and splits of whole people: proposed, decided, taken back, and whether the files show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from anju.exchange.store import feed_sql
from anju.exchange.store.models import PersonChange
from anju.register.store.queries import cases
from anju.trust.sealing import sealer


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One merge or split of whole people, with how it stands. ``is_mine``: proposed by the one who asks.

    ``is_awaited``: decided or taken back, and the people's files do not show it yet: they do after the next run.
    """

    id: int
    kind: str
    person_code: str
    other_code: str
    moved: int
    kept: int
    reason: str
    state: str
    proposed_at: datetime
    answered_at: datetime | None
    undone_at: datetime | None
    undone_why: str
    is_mine: bool
    is_awaited: bool


def list_changes(
    *, code: str = "", state: str = "", account: str = "", limit: int = 100
) -> tuple[ChangeLine, ...]:
    """Changes to whole people within the reader's places, newest first; about one person where a code is named."""
    rows = PersonChange.objects.order_by("-proposed_at", "-id")
    if code:
        rows = rows.filter(Q(person_code=code) | Q(other_code=code))
    if state:
        rows = rows.filter(state=state)
    opened, found = sealer().open, list(rows[:limit])
    awaited = _awaited(found)
    return tuple(
        ChangeLine(
            c.pk, c.kind, c.person_code, c.other_code, len(c.moved), len(c.kept), opened(c.reason) if c.reason else "",
            c.state, c.proposed_at, c.answered_at, c.undone_at, opened(c.undone_why) if c.undone_why else "",
            c.proposed_by == account, c.pk in awaited,
        )
        for c in found
    )  # fmt: skip


def _awaited(changes: Sequence[PersonChange]) -> set[int]:
    """Those decided or taken back that no published run has carried out."""
    decided = [c for c in changes if c.state == "confirmed" or (c.state == "undone" and c.answered_at)]
    codes = sorted({code for c in decided for code in (c.person_code, c.other_code) if code})
    leads, here = (feed_sql.merged(codes), cases.regions_of(codes)) if codes else ({}, {})

    def is_one(c: PersonChange) -> bool:
        if c.kind == "split" and c.other_code not in leads and c.other_code not in here:
            return True  # nobody has a code of their own yet
        return leads.get(c.person_code, c.person_code) == leads.get(c.other_code, c.other_code)

    return {c.pk for c in decided if is_one(c) is not ((c.kind == "merge") is (c.state == "confirmed"))}

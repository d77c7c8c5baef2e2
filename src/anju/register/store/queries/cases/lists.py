"""Contradictions as work, in lists: who must settle what by when, how many there are, many settled at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q

from anju.kernel.workdays import day_of
from anju.register.store.models import SettleBatch, Settlement
from anju.register.store.queries import sql
from anju.register.store.queries.values import Page
from anju.trust import masking
from anju.trust.sealing import sealer


def regions_of(codes: Collection[str]) -> dict[str, str | None]:
    """Where the register knows these people to live; those it does not know are missing."""
    if not codes:
        return {}
    found = sql.rows(
        "SELECT person_code, region FROM register_identity WHERE person_code = ANY(%s) AND known_to IS NULL",
        list(codes),
    )
    return {r["person_code"]: r["region"] for r in found}


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One contradiction in a list. ``days_left`` is negative when it is overdue, None when it is closed."""

    id: int
    person_code: str
    person_name: str
    region: str | None
    field: str
    owner: str
    state: str
    opened_at: datetime
    due_on: date | None
    days_left: int | None
    is_requested: bool


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """Open cases within the filters: all, overdue, asked for by the person; by field and by department."""

    open: int
    overdue: int
    requested: int
    by_field: Mapping[str, int]
    by_owner: Mapping[str, int]


STATES = ("open", "overdue", "requested", "settled", "dropped")


AGES = (7, 15, 30, 90)


def _where(
    scope: Sequence[str], owner: str, field: str, state: str, older_than: int, at: datetime
) -> tuple[str, list[Any]]:
    place, values = sql.within(scope, "s.region")
    parts, told = [place], list(values)
    parts.append("s.state = 'open'" if state not in ("settled", "dropped") else f"s.state = '{state}'")
    if state == "overdue":
        parts.append("s.due_on < %s")
        told.append(day_of(at))
    if state == "requested":
        parts.append("s.is_requested")
    for column, wanted in (("owner", owner), ("field", field)):
        if wanted:
            parts.append(f"s.{column} = %s")
            told.append(wanted)
    if older_than:
        parts.append("s.opened_at < %s")
        told.append(at - timedelta(days=older_than))
    return " AND ".join(parts), told


def list_cases(
    *,
    scope: Sequence[str],
    at: datetime,
    owner: str = "",
    field: str = "",
    state: str = "open",
    older_than: int = 0,
    after: str | None = None,
    limit: int = 50,
    masked: bool = True,
) -> Page[CaseLine]:
    """Cases in the scope, what is due first on top; settled ones newest first. ``older_than`` in days since found."""
    closed = state in ("settled", "dropped")
    order = sql.Order(
        "settled" if closed else "due", (("s.settled_at" if closed else "s.due_on"), "s.id"), closed
    )
    where, values = _where(scope, owner, field, state, older_than, at)
    beyond, start = order.beyond(after)
    size = sql.page_size(limit)
    found = sql.rows(
        f"SELECT f.*, coalesce(i.name, '') AS name FROM (SELECT s.id, s.person_code, s.region, s.field, s.owner, s.state, "
        f"s.opened_at, s.due_on, s.is_requested, s.settled_at, {order.keys} FROM register_settlement s "
        f"WHERE {where} AND {beyond} ORDER BY {order.by} LIMIT %s) f "
        "LEFT JOIN register_identity i ON i.person_code = f.person_code AND i.known_to IS NULL "
        f"ORDER BY {order.by.replace('s.', 'f.')}",
        *values,
        *start,
        size + 1,
    )
    following = order.cursor(found[size - 1]) if len(found) > size else None
    return Page(tuple(_line(r, day_of(at), masked) for r in found[:size]), following)


def _line(r: Mapping[str, Any], today: date, masked: bool) -> CaseLine:
    return CaseLine(
        r["id"], r["person_code"], (masking.mask_name(r["name"]) if masked else r["name"]) or "", r["region"], r["field"],
        r["owner"], r["state"], r["opened_at"], r["due_on"],
        (r["due_on"] - today).days if r["state"] == "open" and r["due_on"] else None, r["is_requested"],
    )  # fmt: skip


def count_cases(
    scope: Sequence[str], at: datetime, *, owner: str = "", field: str = "", older_than: int = 0
) -> CaseCounts:
    """Open cases, counted once over."""
    where, values = _where(scope, owner, field, "open", older_than, at)
    found = sql.rows(
        "SELECT s.field, s.owner, count(*) AS n, count(*) FILTER (WHERE s.due_on < %s) AS late, "
        f"count(*) FILTER (WHERE s.is_requested) AS asked FROM register_settlement s WHERE {where} "
        "GROUP BY GROUPING SETS ((s.field), (s.owner), ()) ",
        day_of(at),
        *values,
    )
    whole = next((r for r in found if r["field"] is None and r["owner"] is None), None)
    fields = {r["field"]: r["n"] for r in found if r["field"] is not None}
    owners = {r["owner"]: r["n"] for r in found if r["owner"] is not None}
    return CaseCounts(
        whole["n"] if whole else 0, whole["late"] if whole else 0, whole["asked"] if whole else 0,
        dict(sorted(fields.items())), dict(sorted(owners.items())),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnersCases:
    """Open cases of one department: all, those a person asked for, the earliest deadline, the newest case."""

    cases: int
    requested: int
    first_due: date | None
    newest: int


def open_by_owner(
    *, after: int | None = None, until: date | None = None, beyond: date | None = None
) -> dict[str, OwnersCases]:
    """Department -> its open cases. ``until``: due on that day at the latest. ``after``: newer than that case, or (with
    ``beyond``) due after that day. Counts alone: for those who tell departments what waits."""
    found = Settlement.objects.filter(state="open")
    if until is not None:
        found = found.filter(due_on__lte=until)
    if after is not None:
        newer = Q(id__gt=after)
        found = found.filter(newer | Q(due_on__gt=beyond) if beyond is not None else newer)
    counted = found.values("owner").annotate(
        n=Count("id"), asked=Count("id", filter=Q(is_requested=True)), first=Min("due_on"), newest=Max("id")
    )
    return {
        c["owner"]: OwnersCases(c["n"], c["asked"], c["first"], c["newest"])
        for c in counted.order_by("owner")
    }


@dataclass(frozen=True, slots=True)
class BatchLine:
    """Contradictions settled together: by which rule, when, how many, why, and whether it was taken back."""

    id: int
    rule: str
    owner: str
    count: int
    why: str
    settled_at: datetime
    settled_by: str
    undone_at: datetime | None


def list_batches(limit: int = 50) -> tuple[BatchLine, ...]:
    """Batches, newest first. Row security keeps them to the reader's places."""
    opened = sealer().open
    return tuple(
        BatchLine(
            b.pk,
            b.rule,
            b.owner,
            b.count,
            opened(b.why) if b.why else "",
            b.settled_at,
            b.settled_by,
            b.undone_at,
        )
        for b in SettleBatch.objects.order_by("-settled_at")[:limit]
    )

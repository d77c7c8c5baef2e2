"""Reads for the access decision: what an account may act as, open glasses, granted approvals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Q

from anju.trust import places
from anju.trust.access import Actor, rules
from anju.trust.store import prepared
from anju.trust.store.models import Account, Approval, Assignment, Glass


@dataclass(frozen=True, slots=True)
class Held:
    """One assignment in force and the actor it makes."""

    id: int
    actor: Actor


def handle(account_id: int) -> str:
    """How the log names an account."""
    return f"account:{account_id}"


_ACCOUNT_FIELDS = [f.attname for f in Account._meta.concrete_fields]
_ACCOUNT = f"SELECT {', '.join(_ACCOUNT_FIELDS)} FROM {Account._meta.db_table} WHERE id = %s"
_HELD = (
    f"SELECT id, role, region, department, person_code FROM {Assignment._meta.db_table} "
    "WHERE account_id = %s AND begin_at <= %s AND (end_at IS NULL OR end_at > %s) ORDER BY id"
)
_BOTH = _ACCOUNT.replace(" FROM ", f", (SELECT json_agg(h) FROM ({_HELD}) AS h) AS held FROM ", 1)


def account(account_id: int) -> Account | None:
    """The account with this number, or None. Every request asks."""
    found = prepared.rows(_ACCOUNT, account_id)
    return _made(found[0]) if found else None


def account_with_assignments(account_id: int, at: datetime) -> tuple[Account | None, tuple[Held, ...]]:
    """The account and its assignments in force at ``at``, oldest first, at one go."""
    found = prepared.rows(_BOTH, account_id, at, at, account_id)
    if not found:
        return None, ()
    held = found[0].pop("held")
    return _made(found[0]), tuple(_held(account_id, h) for h in held or ())


def _made(row: dict[str, Any]) -> Account:
    return Account.from_db("default", _ACCOUNT_FIELDS, list(row.values()))


def _held(account_id: int, row: dict[str, Any]) -> Held:
    actor = Actor(handle(account_id), row["role"], row["region"], row["department"], row["person_code"])
    return Held(row["id"], actor)


def assignments(account_id: int, at: datetime) -> tuple[Held, ...]:
    """Assignments of an account in force at ``at``, oldest first."""
    return tuple(_held(account_id, r) for r in prepared.rows(_HELD, account_id, at, at))


def glass_until(actor: Actor, at: datetime) -> datetime | None:
    """When the actor's open glass closes; None when none is open."""
    found = Glass.objects.filter(account=actor.account, role=actor.role, opened_at__lte=at, expires_at__gt=at)
    return found.order_by("-expires_at").values_list("expires_at", flat=True).first()


def addresses_of(role: str, at: datetime) -> list[str]:
    """Mail addresses of those who hold a role now."""
    held = Assignment.objects.filter(role=role, begin_at__lte=at, account__is_active=True)
    held = held.filter(Q(end_at__isnull=True) | Q(end_at__gt=at)).exclude(account__email="")
    return sorted(set(held.values_list("account__email", flat=True)))


@dataclass(frozen=True, slots=True)
class GlassLine:
    """One opened glass, for review."""

    id: int
    account: str
    role: str
    region: str
    department: str
    why: str
    opened_at: datetime
    expires_at: datetime
    reviewed_at: datetime | None
    was_right: bool | None


def glasses(within: str, limit: int = 100) -> list[GlassLine]:
    """Glasses opened by offices of a region, newest first."""
    rows = Glass.objects.order_by("-id").values_list(*GlassLine.__slots__).iterator()
    return list(
        islice((g for g in (GlassLine(*row) for row in rows) if places.within(g.region, within)), limit)
    )


def accounts_within(region: str) -> tuple[str, ...]:
    """How the log names every account that ever worked for a place within ``region``."""
    held = Assignment.objects.exclude(region="").values_list("account_id", "region").distinct()
    return tuple(sorted({handle(account) for account, place in held if places.within(place, region)}))


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """One request for a bulk act and where it stands."""

    id: int
    account: str
    role: str
    region: str
    department: str
    action: str
    purpose: str
    why: str
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    is_granted: bool | None
    used_at: datetime | None


def _lines(found: object, limit: int) -> list[ApprovalLine]:
    names = ApprovalLine.__slots__
    return [ApprovalLine(*row) for row in found.order_by("-id").values_list(*names)[:limit]]  # type: ignore[attr-defined]


def approvals_of(account: str, limit: int = 50) -> list[ApprovalLine]:
    """What an account has asked for."""
    return _lines(Approval.objects.filter(account=account), limit)


def approvals_waiting(actor: Actor, at: datetime, limit: int = 50) -> list[ApprovalLine]:
    """What colleagues asked that this actor may answer: same place or below, same department, not their own."""
    found = Approval.objects.filter(is_granted__isnull=True, expires_at__gt=at).exclude(account=actor.account)
    if actor.department:
        found = found.filter(department=actor.department)
    return [line for line in _lines(found, 500) if places.within(line.region, actor.region)][:limit]


def granted(actor: Actor, action: str, purpose: str, scope: str, at: datetime) -> int | None:
    """The id of an approval that covers exactly this act and was not used, or None."""
    return (
        Approval.objects.filter(
            account=actor.account,
            role=actor.role,
            action=action,
            purpose=purpose,
            scope=scope,
            is_granted=True,
            used_at__isnull=True,
            expires_at__gt=at,
        )
        .values_list("id", flat=True)
        .first()
    )


def reviewers(actor: Actor, at: datetime) -> int:
    """How many other accounts could answer this actor's request now."""
    roles = [name for name, role in rules().roles.items() if "approval.give" in role.may]
    held = Assignment.objects.filter(role__in=roles, begin_at__lte=at, account__is_active=True)
    held = held.filter(Q(end_at__isnull=True) | Q(end_at__gt=at))
    accounts = {
        a.account_id
        for a in held
        if handle(a.account_id) != actor.account
        and places.within(actor.region, a.region)
        and (not a.department or a.department == actor.department)
    }
    return len(accounts)


def account_of(username: str) -> int | None:
    """The id of an account by its name."""
    return Account.objects.filter(username=username).values_list("id", flat=True).first()

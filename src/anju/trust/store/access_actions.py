"""Writes of the access room: roles given and ended, approvals, broken glass. Each with its log entry inside."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from anju.kernel.refusal import Refusal
from anju.trust import places
from anju.trust.access import Actor, Circumstance, Subject, decide, rules
from anju.trust.access.model import SYSTEM_ROLE
from anju.trust.store import log
from anju.trust.store.models import Account, Approval, Assignment, Glass

APPROVAL_LASTS = timedelta(hours=24)
GLASS_LASTS = timedelta(minutes=30)
SHORTEST_WHY = 10


@transaction.atomic
def grant_role(
    username: str,
    role: str,
    region: str,
    *,
    by: Actor,
    at: datetime,
    department: str = "",
    person_code: str = "",
    until: datetime | None = None,
) -> int:
    """Give an account a role; return the assignment's id. Refuses what the rules do not know, and oneself."""
    account = Account.objects.select_for_update().filter(username=username).first()
    if account is None:
        raise Refusal("trust.no_account", account=username)
    told = rules().roles.get(role)
    if told is None:
        raise Refusal("access.unknown_role", role=role)
    if told.place == "region" and places.bounds(region) == (places.PAST, places.PAST):
        raise Refusal("trust.no_place", region=region)
    if told.department != bool(department):
        raise Refusal("trust.department_wrong", role=role)
    _may_grant(by, account, region)
    made = Assignment.objects.create(
        account=account,
        role=role,
        region=region,
        department=department,
        person_code=person_code,
        begin_at=at,
        end_at=until,
        granted_by=by.account,
    )
    log.record(
        by, "assignment.grant", at, subject=f"account:{account.pk}", detail={"role": role, "region": region}
    )
    return made.pk


def _may_grant(by: Actor, account: Account, region: str) -> None:
    if by.role == SYSTEM_ROLE:
        return
    if by.account == f"account:{account.pk}":
        raise Refusal("trust.own_role")
    if not places.within(region, by.region):
        raise Refusal("access.out_of_place", region=by.region)


@transaction.atomic
def end_role(assignment: int, *, by: Actor, at: datetime) -> None:
    """End an assignment now."""
    row = Assignment.objects.select_for_update().filter(pk=assignment, end_at__isnull=True).first()
    if row is None:
        raise Refusal("trust.no_assignment", assignment=assignment)
    _may_grant(by, row.account, row.region)
    row.end_at = max(at, row.begin_at + timedelta(microseconds=1))
    row.save(update_fields=["end_at"])
    log.record(by, "assignment.grant", at, subject=f"account:{row.account_id}", detail={"ended": row.role})


@transaction.atomic
def ask_approval(action: str, purpose: str, scope: str, why: str, *, by: Actor, at: datetime) -> int:
    """Ask for a second person's agreement to one bulk act; return the request's id."""
    _why(why)
    decision = decide(by, action, purpose, circumstance=Circumstance(second_factor=True, approved=True))
    if not decision.allowed:
        raise Refusal(decision.reasons[0].code, **decision.reasons[0].facts)
    made = Approval.objects.create(
        account=by.account, role=by.role, region=by.region, department=by.department, action=action,
        purpose=purpose, scope=scope, why=why, asked_at=at, expires_at=at + APPROVAL_LASTS,
    )  # fmt: skip
    log.record(by, "approval.ask", at, purpose=purpose, subject=f"approval:{made.pk}", detail={"for": action})
    return made.pk


@transaction.atomic
def answer_approval(approval: int, *, is_granted: bool, by: Actor, at: datetime) -> None:
    """The second person's answer. Refuses one's own request, another place or department, an expired or answered one."""
    row = Approval.objects.select_for_update().filter(pk=approval).first()
    if row is None or row.is_granted is not None or row.expires_at <= at:
        raise Refusal("trust.approval_closed", approval=approval)
    if row.account == by.account:
        raise Refusal("trust.approval_own")
    subject = Subject("approval", str(approval), row.region, department=row.department)
    decision = decide(by, "approval.give", subject=subject, circumstance=Circumstance(second_factor=True))
    if not decision.allowed:
        raise Refusal(decision.reasons[0].code, **decision.reasons[0].facts)
    row.answered_by, row.answered_at, row.is_granted = by.account, at, is_granted
    row.save(update_fields=["answered_by", "answered_at", "is_granted"])
    told = {"for": row.action, "granted": int(is_granted)}
    log.record(by, "approval.give", at, purpose=row.purpose, subject=f"approval:{approval}", detail=told)


def use_approval(approval: int, *, at: datetime) -> None:
    """Mark an approval as used, inside the transaction of the act; a second use is refused."""
    used = Approval.objects.filter(pk=approval, used_at__isnull=True).update(used_at=at)
    if used != 1:
        raise Refusal("trust.approval_closed", approval=approval)


@transaction.atomic
def break_glass(why: str, *, by: Actor, at: datetime) -> datetime:
    """See beyond one's place for half an hour. Loud: it is logged at once and waits for review. Returns its end."""
    _why(why)
    role = rules().roles.get(by.role)
    if role is None or not role.glass:
        raise Refusal("access.role_may_not", role=by.role, action="glass.break")
    made = Glass.objects.create(
        account=by.account, role=by.role, region=by.region, department=by.department, why=why,
        opened_at=at, expires_at=at + GLASS_LASTS,
    )  # fmt: skip
    log.record(
        by, "glass.break", at, subject=f"glass:{made.pk}", detail={"minutes": GLASS_LASTS.seconds // 60}
    )
    return made.expires_at


@transaction.atomic
def review_glass(glass: int, *, was_right: bool, by: Actor, at: datetime) -> None:
    """The review of an opened glass, by somebody else."""
    row = Glass.objects.select_for_update().filter(pk=glass, reviewed_at__isnull=True).first()
    if row is None or (by.role != SYSTEM_ROLE and not places.within(row.region, by.region)):
        raise Refusal("trust.glass_reviewed", glass=glass)
    if row.account == by.account:
        raise Refusal("trust.approval_own")
    row.reviewed_by, row.reviewed_at, row.was_right = by.account, at, was_right
    row.save(update_fields=["reviewed_by", "reviewed_at", "was_right"])
    log.record(by, "glass.review", at, subject=f"glass:{glass}", detail={"right": int(was_right)})


def _why(why: str) -> None:
    if len(why.strip()) < SHORTEST_WHY:
        raise Refusal("trust.why_too_short", letters=SHORTEST_WHY)

"""Deciding: every condition is asked, each one that fails is named, and only a full yes opens the door."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from anju.trust import places
from anju.trust.access.model import (
    SYSTEM_ROLE,
    Action,
    Actor,
    Circumstance,
    Decision,
    Purpose,
    Reason,
    Role,
    Subject,
)
from anju.trust.access.rules import Rules, rules

LACKS = {
    "access.purpose_missing": "purpose",
    "access.second_factor_missing": "second_factor",
    "access.approval_missing": "approval",
}


def decide(
    actor: Actor | None,
    action: str,
    purpose: str = "",
    subject: Subject | None = None,
    circumstance: Circumstance = Circumstance(),  # noqa: B008 - frozen
    book: Rules | None = None,
) -> Decision:
    """May ``actor`` do ``action`` about ``subject`` for ``purpose``? ``actor`` None: nobody is logged in.

    Pure and deny by default: an unknown action, role, purpose or place is a no. ``subject`` None asks only about
    what does not depend on it (for navigation and before anything was read).
    """
    told = _decided_in_general if subject is None else _decided
    return told(actor, action, purpose, subject, circumstance, book or rules())


def _decided(
    actor: Actor | None,
    action: str,
    purpose: str,
    subject: Subject | None,
    circumstance: Circumstance,
    book: Rules,
) -> Decision:
    wanted = book.actions.get(action)
    if wanted is None:
        return _no(Reason("access.unknown_action", {"action": action}))
    if wanted.reach == "open":
        return Decision(True, (Reason("access.open", {}),))
    if actor is None:
        return _no(Reason("access.not_logged_in", {}))
    if wanted.reach == "login":
        return Decision(True, (Reason("access.logged_in", {}),))
    if actor.role == SYSTEM_ROLE:
        return Decision(True, (Reason("access.system", {}),))
    role = book.roles.get(actor.role)
    if role is None:
        return _no(Reason("access.unknown_role", {"role": actor.role}))
    stated = book.purposes.get(purpose)
    against = (
        *_role(role, wanted, circumstance),
        *_assignment(role, actor),
        *_purpose(role, actor, wanted, purpose, stated),
        *_place(role, actor, wanted, subject, circumstance),
        *_restricted(wanted, stated, subject),
        *_second_person(wanted, circumstance),
    )
    if against:
        return _no(*against)
    grounds = [Reason("access.role_may", {"role": role.name, "action": action})]
    if stated and wanted.needs_purpose:
        grounds.append(Reason("access.purpose_given", {"purpose": purpose}))
    if circumstance.glass and wanted.reach == "person":
        grounds.append(Reason("access.glass_broken", {}))
    return Decision(True, tuple(grounds), stated.aspects if stated and wanted.needs_purpose else ())


_decided_in_general = lru_cache(maxsize=4096)(_decided)
"""Without a subject few questions are asked, and always the same ones."""


def _no(*against: Reason) -> Decision:
    lacks = tuple(LACKS[r.code] for r in against if r.code in LACKS)
    # What cannot be mended is told first, and then nothing helps.
    final = any(r.code not in LACKS for r in against)
    return Decision(False, against, lacks=() if final else lacks)


def _role(role: Role, action: Action, circumstance: Circumstance) -> Iterator[Reason]:
    if action.name not in role.may:
        yield Reason("access.role_may_not", {"role": role.name, "action": action.name})
    elif role.staff and not circumstance.second_factor:
        yield Reason("access.second_factor_missing", {})


def _assignment(role: Role, actor: Actor) -> Iterator[Reason]:
    """An assignment that says too little gives no right."""
    if role.place == "region" and places.bounds(actor.region) == (places.PAST, places.PAST):
        yield Reason("access.assignment_without_place", {"role": role.name})
    if role.department and not actor.department:
        yield Reason("access.assignment_without_department", {"role": role.name})


def _purpose(
    role: Role, actor: Actor, action: Action, name: str, purpose: Purpose | None
) -> Iterator[Reason]:
    if not action.needs_purpose:
        return
    if not name:
        yield Reason("access.purpose_missing", {})
    elif purpose is None:
        yield Reason("access.unknown_purpose", {"purpose": name})
    elif not fits(purpose, role, actor.department, action):
        yield Reason(
            "access.purpose_does_not_fit", {"purpose": name, "role": role.name, "action": action.name}
        )


def fits(purpose: Purpose, role: Role, department: str, action: Action | None = None) -> bool:
    """Whether the purpose belongs to the role (and department) and covers the action."""
    return (
        role.name in purpose.roles
        and (not role.department or not purpose.departments or department in purpose.departments)
        and (action is None or not purpose.actions or action.name in purpose.actions)
    )


def _place(
    role: Role, actor: Actor, action: Action, subject: Subject | None, circumstance: Circumstance
) -> Iterator[Reason]:
    if action.reach == "system" and role.place == "region" and actor.region != places.WHOLE:
        yield Reason(
            "access.out_of_place", {"region": actor.region}
        )  # what concerns every place is not one place's
    if subject is None or action.reach in {"system", "open"}:
        return
    if role.place == "self" or action.reach == "own":
        own = (subject.kind == "account" and subject.code == actor.account) or (
            bool(actor.person_code) and subject.person_code == actor.person_code
        )
        if subject.kind and not own:
            yield Reason("access.not_ones_own", {})
        return
    if (
        subject.kind
        and not places.within(subject.region, actor.region)
        and not (circumstance.glass and role.glass)
    ):
        yield Reason("access.out_of_place", {"region": actor.region})
    if subject.department and role.department and subject.department != actor.department:
        yield Reason("access.other_department", {"department": actor.department})


def _restricted(action: Action, purpose: Purpose | None, subject: Subject | None) -> Iterator[Reason]:
    """Who objected, or whose data are kept only because a law says so, is left alone but for a few purposes."""
    if subject is None or not subject.is_restricted or action.reach != "person":
        return
    if purpose is None or not purpose.on_restricted:
        yield Reason("access.restricted", {})


def _second_person(action: Action, circumstance: Circumstance) -> Iterator[Reason]:
    if action.bulk and not circumstance.approved:
        yield Reason("access.approval_missing", {})


def purposes_for(actor: Actor, action: str = "", book: Rules | None = None) -> tuple[Purpose, ...]:
    """Purposes an actor may choose, for one action or for any of the role's actions."""
    book = book or rules()
    role = book.roles.get(actor.role)
    if role is None:
        return ()
    names = [action] if action else sorted(role.may)
    asked = [a for n in names if (a := book.actions.get(n)) and a.needs_purpose]
    return tuple(p for p in book.purposes.values() if any(fits(p, role, actor.department, a) for a in asked))

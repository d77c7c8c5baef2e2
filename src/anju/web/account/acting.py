"""As whom and for what a request acts: the assignment and the purpose chosen in this session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from anju.trust.access import Actor, Purpose, purposes_for, rules
from anju.trust.access.model import Role
from anju.trust.store import access_queries
from anju.trust.store.access_queries import Held
from anju.web.account import backends

KEY = "acting"
LASTS = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Acting:
    """The assignment in use, all those held, the purpose chosen (empty when none or expired), until when.

    ``is_machine``: a department's system with a token of its own; ``is_approved`` once for all for its bulk acts.
    """

    held: Held
    all: tuple[Held, ...]
    purpose: str
    until: datetime | None
    glass_until: datetime | None = None
    is_machine: bool = False
    is_approved: bool = False

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.held.actor

    @property
    def role(self) -> Role | None:
        """The role acted in."""
        return rules().roles.get(self.actor.role)

    @property
    def purpose_named(self) -> Purpose | None:
        """The purpose chosen, with its names and basis."""
        return rules().purposes.get(self.purpose)

    @property
    def has_purposes(self) -> bool:
        """Whether this role ever needs one."""
        return _has_purposes(self.actor.role, self.actor.department, id(rules()))


@lru_cache(maxsize=256)
def _has_purposes(role: str, department: str, _book: int) -> bool:
    return bool(purposes_for(Actor("", role, department=department)))


def acting(request: HttpRequest) -> Acting | None:
    """As whom this request acts; None when nobody is logged in. Read once per request."""
    found: Acting | bool | None = getattr(request, "_acting", False)
    if found is False:
        found = _read(request)
        request._acting = found  # type: ignore[attr-defined]
    return found  # type: ignore[return-value]


def _read(request: HttpRequest) -> Acting | None:
    user, now = getattr(request, "user", None), timezone.now()
    with backends.with_assignments(now):
        if user is None or not user.is_authenticated or (user.is_demo and not settings.DEMO):
            return None
    held = backends.assignments_of(user, now)
    told: dict[str, Any] = request.session.get(KEY, {})
    chosen = next((h for h in held if h.id == told.get("assignment")), held[0] if held else None)
    if chosen is None:
        return Acting(Held(0, Actor(access_queries.handle(user.pk), "none")), (), "", None)
    until = datetime.fromisoformat(told["until"]) if told.get("until") else None
    is_good = until is not None and until > now and told.get("assignment") == chosen.id
    glass = access_queries.glass_until(chosen.actor, now) if request.session.get("glass") else None
    return Acting(chosen, held, told.get("purpose", "") if is_good else "", until if is_good else None, glass)


def choose(request: HttpRequest, assignment: int, purpose: str) -> bool:
    """Act in another assignment, for a purpose (empty: none). False when either is not the account's to choose."""
    now = timezone.now()
    held = {h.id: h for h in access_queries.assignments(request.user.pk, now)}
    chosen = held.get(assignment)
    if chosen is None or (purpose and purpose not in {p.name for p in purposes_for(chosen.actor)}):
        return False
    until = (now + LASTS).isoformat() if purpose else ""
    request.session[KEY] = {"assignment": chosen.id, "purpose": purpose, "until": until}
    if hasattr(request, "_acting"):
        del request._acting
    return True


def has_second_factor(request: HttpRequest) -> bool:
    """Whether this session was opened with one. Demo accounts are let off while the demo runs; pages say so.

    A machine's token is no password: 256 random bits or a signature, given out by one person and approved by another.
    """
    if (as_whom := acting(request)) is not None and as_whom.is_machine:
        return True
    if settings.DEMO and request.user.is_demo:
        return True
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))

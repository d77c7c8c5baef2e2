"""Who is logged in: Django's and allauth's backends; the account of a session is read by a prepared statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend

from anju.trust.store import access_queries
from anju.trust.store.access_queries import Held

_held_at: ContextVar[datetime | None] = ContextVar("held_at", default=None)


@contextmanager
def with_assignments(at: datetime) -> Iterator[None]:
    """An account read in this block brings its assignments in force at ``at`` along: one trip to the database, not two."""
    before = _held_at.set(at)
    try:
        yield
    finally:
        _held_at.reset(before)


def assignments_of(user: Any, at: datetime) -> tuple[Held, ...]:
    """The assignments in force at ``at``: those that came with the account, or asked for now."""
    came_along: tuple[datetime, tuple[Held, ...]] | None = getattr(user, "came_along", None)
    if came_along is not None and came_along[0] == at:
        return came_along[1]
    return access_queries.assignments(user.pk, at)


class Password(ModelBackend):
    """Name and password."""

    def get_user(self, user_id: Any) -> Any:
        """The account of a session, or None when it may not log in (any more)."""
        return _active(self, user_id)


class Door(AuthenticationBackend):
    """Everything else the door lets in."""

    def get_user(self, user_id: Any) -> Any:
        """The account of a session, or None when it may not log in (any more)."""
        return _active(self, user_id)


def _active(backend: ModelBackend, user_id: Any) -> Any:
    at = _held_at.get()
    if at is None:
        found = access_queries.account(int(user_id))
    else:
        found, held = access_queries.account_with_assignments(int(user_id), at)
        if found is not None:
            found.came_along = at, held
    return found if found is not None and backend.user_can_authenticate(found) else None

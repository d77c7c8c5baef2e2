"""Who is logged in: Django's and allauth's backends; the account of a session is read by a prepared statement."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend

from anju.trust.store import access_queries


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
    found = access_queries.account(int(user_id))
    return found if found is not None and backend.user_can_authenticate(found) else None

"""Template context: as whom and for what the page is shown."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from anju.web.account.acting import acting as read


def acting(request: HttpRequest) -> dict[str, Any]:
    """``acting``, read only if a template asks."""
    return {"acting": SimpleLazyObject(lambda: read(request))}

"""The bar at the top of every page, drawn once for each way it looks and filled in for each request."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from anju.web.account.acting import acting

MOST = 2_000
_MARK = secrets.token_hex(8)
"""Nobody outside this process knows it, so no name can hold it."""
TOKEN, WHOLE, PATH = f"token{_MARK}", f"whole{_MARK}", f"path{_MARK}"
_drawn: dict[tuple[Any, ...], str] = {}


class _AnyRequest:
    """What the bar's templates ask of a request: where it went."""

    path = PATH

    def get_full_path(self) -> str:
        return WHOLE


def drawn(request: HttpRequest, shell: Any) -> SafeString:
    """The bar for this request."""
    as_whom, user = acting(request), getattr(request, "user", None)
    is_known = bool(user is not None and user.is_authenticated)
    name = (user.get_full_name(), user.username) if user is not None and is_known else ("", "")
    glass = as_whom.glass_until if as_whom else None
    purpose = (as_whom.purpose, as_whom.has_purposes) if as_whom else ("", False)
    links = shell.account_links if is_known else ()
    key = (get_language(), shell.theme, shell.size, shell.is_demo, shell.find_url, shell.groups, links, is_known, name,
           purpose, glass, shell.place, settings.ROOT_URLCONF)  # fmt: skip
    found = _drawn.get(key)
    if found is None:
        if len(_drawn) >= MOST:
            _drawn.clear()
        told = {
            "shell": shell,
            "user": user,
            "acting": as_whom,
            "request": _AnyRequest(),
            "csrf_token": TOKEN,
        }
        found = _drawn[key] = render_to_string("shell/top.html", told)
    return SafeString(
        found.replace(TOKEN, get_token(request))
        .replace(WHOLE, escape(request.get_full_path()))
        .replace(PATH, quote(request.path, safe="/"))
    )

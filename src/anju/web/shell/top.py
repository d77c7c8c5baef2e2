"""The frame of a page and the bar at its top, drawn once for each way they look and filled in for each request."""

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

from anju.trust.access import rules
from anju.web.account.acting import acting

MOST = 1_000
_MARK = secrets.token_hex(8)
"""Nobody outside this process knows it, so no name can hold it."""
TOKEN, WHOLE, PATH, MAIN = f"token{_MARK}", f"whole{_MARK}", f"path{_MARK}", f"main{_MARK}"
_drawn: dict[tuple[Any, ...], SafeString] = {}


class _AnyRequest:
    """What the bar's templates ask of a request: where it went."""

    path = PATH

    def get_full_path(self) -> str:
        return WHOLE


class _AnyShell:
    """A frame's value whose bar is not filled in yet."""

    def __init__(self, shell: Any, bar: SafeString) -> None:
        self.shell, self.top = shell, bar

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shell, name)


def drawn(request: HttpRequest, shell: Any) -> SafeString:
    """The bar for this request."""
    return SafeString(_filled(request, _bar(request, shell, _looks(request, shell)), get_token(request)))


def framed(request: HttpRequest, shell: Any, template: str, token: str) -> str:
    """A whole page from a template that is nothing but frame; ``MAIN`` stands where its body goes.

    A frame belongs to one entry of the navigation, wherever below it the request went.
    """
    as_whom, user = acting(request), request.user
    key = (template, get_language(), shell.theme, shell.size, shell.is_demo, shell.place, settings.ROOT_URLCONF,
           id(rules()), user.get_full_name(), user.get_username(),
           as_whom and (as_whom.actor, as_whom.purpose, as_whom.glass_until))  # fmt: skip
    found = _drawn.get(key)
    if found is None:
        bar = _bar(request, shell, _looks(request, shell))
        found = _kept(
            key, render_to_string(template, {"shell": _AnyShell(shell, bar), "main": SafeString(MAIN)})
        )
    return _filled(request, found, token)


def _looks(request: HttpRequest, shell: Any) -> tuple[Any, ...]:
    """Everything that the frame shows, but for what is filled in."""
    as_whom, user = acting(request), getattr(request, "user", None)
    is_known = bool(user is not None and user.is_authenticated)
    name = (user.get_full_name(), user.username) if user is not None and is_known else ("", "")
    glass = as_whom.glass_until if as_whom else None
    purpose = (as_whom.purpose, as_whom.has_purposes) if as_whom else ("", False)
    links = shell.account_links if is_known else ()
    return (get_language(), shell.theme, shell.size, shell.is_demo, shell.find_url, shell.groups, links, is_known, name,
            purpose, glass, shell.place, settings.ROOT_URLCONF)  # fmt: skip


def _bar(request: HttpRequest, shell: Any, look: tuple[Any, ...]) -> SafeString:
    found = _drawn.get(look)
    if found is None:
        told = {"shell": shell, "user": getattr(request, "user", None), "acting": acting(request),
                "request": _AnyRequest(), "csrf_token": TOKEN}  # fmt: skip
        found = _kept(look, render_to_string("shell/top.html", told))
    return found


def _kept(key: tuple[Any, ...], text: str) -> SafeString:
    if len(_drawn) >= MOST:
        _drawn.clear()
    _drawn[key] = SafeString(text)
    return _drawn[key]


def _filled(request: HttpRequest, text: str, token: str) -> str:
    return (
        text.replace(TOKEN, token)
        .replace(WHOLE, escape(request.get_full_path()))
        .replace(PATH, quote(request.path, safe="/"))
    )

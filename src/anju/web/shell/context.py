"""What the frame around every page needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from anju.kernel import packs
from anju.web.shell import navigation, top

THEMES = ("light", "dark", "auto")
SIZES = ("normal", "large")


@dataclass(frozen=True)
class Shell:
    """The frame's own value: look, language, place, where one can go."""

    request: HttpRequest

    @cached_property
    def theme(self) -> str:
        """``light``, ``dark`` or ``auto`` (as the device has it)."""
        return _chosen(self.request, "anju_theme", THEMES, "auto")

    @cached_property
    def size(self) -> str:
        """``normal`` or ``large`` type."""
        return _chosen(self.request, "anju_size", SIZES, "normal")

    @cached_property
    def is_english(self) -> bool:
        """Whether the page is shown in English."""
        return (get_language() or "").startswith("en")

    @property
    def is_demo(self) -> bool:
        """Whether everything here is invented."""
        return bool(settings.DEMO)

    @cached_property
    def place(self) -> str:
        """The name of the place this system serves."""
        return _names(packs.root(), packs.place())["en" if self.is_english else "zh"]

    @property
    def login_url(self) -> str:
        """Where one logs in, and comes back from to this page."""
        return _where(settings.LOGIN_URL)

    @property
    def logout_url(self) -> str:
        """Where one logs out."""
        return _where(settings.LOGOUT_URL)

    @property
    def find_url(self) -> str:
        """Where the search box at the top sends to; empty for those who may not search for people."""
        if not hasattr(self.request, "user") or not navigation.open_to(self.request, "person.search"):
            return ""
        return _where("staff:find")

    @cached_property
    def account_links(self) -> tuple[navigation.Link, ...]:
        """The account's own pages."""
        return navigation.account_links(self.request)

    @cached_property
    def groups(self) -> tuple[navigation.Group, ...]:
        """Where the one who looks can go."""
        return navigation.groups(self.request) if hasattr(self.request, "user") else ()

    @cached_property
    def top(self) -> SafeString:
        """The bar at the top."""
        return top.drawn(self.request, self)

    @cached_property
    def navigation(self) -> SafeString:
        """``groups`` drawn; the page holds them twice, at the side and in the menu of small screens."""
        return navigation.drawn(self.request)


@lru_cache
def _names(_root: Path, place: str) -> Mapping[str, str]:
    told = packs.read_yaml(packs.chain(place)[0] / "pack.yaml")["name"]
    return {language: str(name) for language, name in told.items()}


def _where(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return name if name.startswith("/") else ""


def _chosen(request: HttpRequest, cookie: str, allowed: tuple[str, ...], otherwise: str) -> str:
    stated = request.COOKIES.get(cookie, "")
    return stated if stated in allowed else otherwise


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context: ``shell``."""
    return {"shell": Shell(request)}

"""Template tags of the door: other ways in, and the demo's open accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import template
from django.conf import settings
from django.urls import reverse

from anju.trust.access import Role, rules
from anju.trust.store import account_actions
from anju.web.shell import terms

register = template.Library()


@dataclass(frozen=True, slots=True)
class OtherLogin:
    """One national or city login."""

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """One account of the demo, its password published."""

    name: str
    password: str
    role: Role
    office: str


@register.simple_tag(takes_context=True)
def national_logins(context: Any) -> list[OtherLogin]:
    """The OpenID Connect logins of this deployment."""
    apps = get_adapter().list_apps(context["request"], provider="openid_connect")
    return [OtherLogin(a.name, reverse("openid_connect_login", args=[a.provider_id])) for a in apps]


BROWSERS = (("MicroMessenger", "微信"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("UCBrowser", "UC"), ("MQQBrowser", "QQ"),
            ("HuaweiBrowser", "Huawei"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
MACHINES = (("HarmonyOS", "HarmonyOS"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
            ("Macintosh", "Mac"), ("Linux", "Linux"))  # fmt: skip


@register.filter
def device(agent: str) -> str:
    """A browser's long name in two words people know; what is not known stays as it is, cut short."""
    known = [next((said for mark, said in kinds if mark in agent), "") for kinds in (BROWSERS, MACHINES)]
    return " · ".join(word for word in known if word) or agent[:40] or "—"


@register.simple_tag
def demo_logins() -> list[DemoLogin]:
    """The demo's accounts; none outside the demo."""
    if not settings.DEMO:
        return []
    told, book = account_actions.demo_accounts(), rules().roles
    return [
        DemoLogin(a["name"], told["password"], book[a["role"]], _office(a.get("department", ""), a["region"]))
        for a in told["accounts"]
    ]


def _office(department: str, region: str) -> str:
    return terms.office_name(f"{department}:{region}" if department else region) if region else ""

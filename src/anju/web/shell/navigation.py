"""Where one can go, as data: sections per audience, each entry with the right it needs.

An entry appears when its page exists and the one who looks may open it; its page guards itself all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from anju.trust.access import Actor, rules
from anju.web.account.acting import acting
from anju.web.guard import could


@dataclass(frozen=True, slots=True)
class Entry:
    """One page one can go to: its url name, label, icon, and the right it asks for (empty: anyone)."""

    url_name: str
    label: str | Promise
    icon: str
    right: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Entries that belong together, under one heading."""

    label: str | Promise
    entries: tuple[Entry, ...]


SECTIONS = (
    Section(
        _("我的"),
        (
            Entry("resident:home", _("我的档案"), "id-badge-2", "own.read"),
            Entry("resident:policies", _("我能享受什么"), "award", "own.read"),
            Entry("resident:lists", _("我的公示名单"), "list-numbers", "own.read"),
            Entry("resident:looks", _("谁看过我"), "eye", "own.looks"),
            Entry("resident:requests", _("我的请求"), "message-2", "own.ask"),
            Entry("resident:consents", _("我的同意"), "checkbox", "own.consent"),
        ),
    ),
    Section(
        _("人口登记"),
        (
            Entry("staff:counter", _("登记入住与离开"), "door-enter", "person.register"),
            Entry("staff:people", _("查找人员"), "user-search", "person.search"),
            Entry("staff:dwellings", _("房屋"), "building-community", "dwelling.read"),
            Entry("staff:employers", _("用人单位"), "briefcase", "employer.read"),
        ),
    ),
    Section(
        _("数据交换"),
        (
            Entry("staff:batches", _("报送批次"), "package-import", "exchange.read"),
            Entry("clients", _("部门系统接入"), "plug-connected", "client.manage"),
            Entry("staff:review", _("人工判别"), "users-group", "review.read"),
            Entry("staff:discrepancies", _("不一致事项"), "arrows-diff", "discrepancy.read"),
            Entry("staff:quality", _("数据质量"), "chart-bar", "quality.read"),
        ),
    ),
    Section(
        _("政策"),
        (
            Entry("planner:policies", _("政策与试算"), "adjustments", "policy.simulate"),
            Entry("planner:scenarios", _("试算方案"), "bookmarks", "policy.simulate"),
            Entry("planner:compare", _("比较城市"), "scale", "policy.simulate"),
            Entry("planner:lists", _("公示名单"), "list-numbers", "list.read"),
            Entry("planner:allocations", _("学位分配"), "school", "places.allocate"),
        ),
    ),
    Section(
        _("信任与监督"),
        (
            Entry("dpo:desk", _("个人信息保护"), "shield-check", "consent.read"),
            Entry("dpo:requests", _("个人请求"), "message-2", "request.answer"),
            Entry("dpo:incidents", _("安全事件"), "alert-octagon", "incident.write"),
            Entry("dpo:retention", _("到期删除"), "clock-x", "retention.run"),
            Entry("entrance:statistics", _("公开统计"), "chart-dots", "statistics.release"),
            Entry("log:entries", _("审计记录"), "list-search", "log.read"),
            Entry("account:approvals", _("双人复核"), "users", "approval.give"),
            Entry("account:glasses", _("紧急越权复核"), "hammer", "glass.review"),
        ),
    ),
)


ACCOUNT = (
    Entry("account:overview", _("登录与安全"), "shield-lock", "account.own"),
    Entry("account:purpose", _("角色与事由"), "target", "purpose.choose"),
    Entry("account:glass", _("紧急越权"), "hammer", "glass.break"),
    Entry("log:front", _("公开日志"), "list-check"),
)
"""The account's own pages."""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is drawn for one request."""

    label: str
    icon: str
    href: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A section as it is drawn for one request."""

    label: str
    links: tuple[Link, ...] = field(default=())


def groups(request: HttpRequest) -> tuple[Group, ...]:
    """What the one who asks can go to; sections without an entry are left out."""
    reached = _reached(_whom(request), id(rules()), settings.ROOT_URLCONF)
    here = max((href for _name, href in reached if request.path.startswith(href)), key=len, default="")
    return _groups(reached, here, get_language() or "")


def open_to(request: HttpRequest, right: str) -> bool:
    """Whether the one who asks may do this, or could after naming a purpose."""
    return _may(_whom(request), right, id(rules()))


def drawn(request: HttpRequest) -> SafeString:
    """The navigation, drawn once for everybody who sees the same."""
    return _drawn(groups(request), get_language() or "")


def account_links(request: HttpRequest) -> tuple[Link, ...]:
    """The account's own pages that exist."""
    return _account_links(_whom(request), id(rules()), request.path, get_language() or "")


@lru_cache(maxsize=512)
def _account_links(told: tuple[Actor | None, str], book: int, path: str, _language: str) -> tuple[Link, ...]:
    return tuple(
        Link(str(e.label), e.icon, href, path.startswith(href))
        for e in ACCOUNT
        if (not e.right or _may(told, e.right, book)) and (href := _href(e.url_name))
    )


def _whom(request: HttpRequest) -> tuple[Actor | None, str]:
    as_whom = acting(request)
    return (as_whom.actor, as_whom.purpose) if as_whom else (None, "")


@lru_cache(maxsize=4096)
def _may(told: tuple[Actor | None, str], right: str, _book: int) -> bool:
    return could(*told, right)


@lru_cache(maxsize=512)
def _reached(told: tuple[Actor | None, str], book: int, _urls: str) -> tuple[tuple[str, str], ...]:
    """Pages open to somebody, with their addresses."""
    return tuple(
        (e.url_name, href)
        for s in SECTIONS
        for e in s.entries
        if (not e.right or _may(told, e.right, book)) and (href := _href(e.url_name))
    )


@lru_cache(maxsize=512)
def _groups(reached: tuple[tuple[str, str], ...], here: str, _language: str) -> tuple[Group, ...]:
    open_pages = dict(reached)
    made = (
        Group(
            str(s.label),
            tuple(
                Link(str(e.label), e.icon, open_pages[e.url_name], open_pages[e.url_name] == here)
                for e in s.entries
                if e.url_name in open_pages
            ),
        )
        for s in SECTIONS
    )
    return tuple(group for group in made if group.links)


@lru_cache(maxsize=512)
def _drawn(told: tuple[Group, ...], _language: str) -> SafeString:
    return SafeString(render_to_string("shell/navigation.html", {"groups": told}))


def _href(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""

"""Where one can go, as data: sections per audience, each entry with the right it needs.

An entry appears when its page exists and the one who looks may open it; its page guards itself all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anju.web.guard import may


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
            Entry("resident:looks", _("谁看过我"), "eye", "own.looks"),
            Entry("resident:requests", _("我的请求"), "message-2", "own.ask"),
            Entry("resident:consents", _("我的同意"), "checkbox", "own.consent"),
        ),
    ),
    Section(
        _("人口登记"),
        (
            Entry("staff:people", _("查找人员"), "user-search", "person.search"),
            Entry("staff:dwellings", _("房屋"), "building-community", "dwelling.read"),
            Entry("staff:employers", _("用人单位"), "briefcase", "employer.read"),
        ),
    ),
    Section(
        _("数据交换"),
        (
            Entry("staff:batches", _("报送批次"), "package-import", "exchange.read"),
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
        ),
    ),
    Section(
        _("信任与监督"),
        (
            Entry("dpo:desk", _("个人信息保护"), "shield-check", "request.answer"),
            Entry("dpo:incidents", _("安全事件"), "alert-octagon", "incident.write"),
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

    label: str | Promise
    icon: str
    href: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A section as it is drawn for one request."""

    label: str | Promise
    links: tuple[Link, ...] = field(default=())


def groups(request: HttpRequest) -> tuple[Group, ...]:
    """What the one who asks can go to; sections without an entry are left out."""
    drawn = (Group(s.label, tuple(link for e in s.entries if (link := _link(e, request)))) for s in SECTIONS)
    return tuple(group for group in drawn if group.links)


def account_links(request: HttpRequest) -> tuple[Link, ...]:
    """The account's own pages that exist."""
    return tuple(link for e in ACCOUNT if (link := _link(e, request)))


def _link(entry: Entry, request: HttpRequest) -> Link | None:
    if entry.right and not may(request, entry.right):
        return None
    try:
        href = reverse(entry.url_name)
    except NoReverseMatch:
        return None
    return Link(entry.label, entry.icon, href, request.path.startswith(href))

"""The small parts of which a page holds dozens, put together in Python: a template for each costs ten times as much.

Every value passes ``format_html`` or ``escape``; the gallery shows each part.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from html import escape
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from anju.web.shell import assets, terms

UNKNOWN = "—"
BADGES = {
    "good": "circle-check",
    "signal": "alert-triangle",
    "bad": "circle-x",
    "calm": "info-circle",
    "quiet": "circle-dashed",
}
LIKE_CODES = frozenset({"citizen_no", "phone"})


def day(value: date) -> str:
    """A day that machines read too."""
    stated = value.isoformat()
    return f'<time datetime="{stated}">{stated}</time>'


def _hidden(words: str) -> str:
    return f'<span class="visually-hidden">{escape(words)}</span>'


def _source(source: Any) -> str:
    named = escape(terms.dataset_name(source.dataset))
    return f"{named} · {day(source.observed_on)}" if source.observed_on else named


def _other(field: str, other: Any) -> str:
    mark = assets.icon("arrows-diff") if other.is_contradiction else ""
    by = "".join(f"<br>{_source(s)}" for s in other.sources)
    return f"<li>{mark} <strong>{escape(terms.code_label(field, other.value))}</strong>{by}</li>"


def sourced(value: str, sources: Iterable[Any], others: Iterable[Any], field: str) -> SafeString:
    """A value with its source one tap away, and what other sources say. ``value`` is safe or gets escaped."""
    sources, others = tuple(sources or ()), tuple(others or ())
    if not sources and not others:
        return format_html("{}", value)
    disputed = any(o.is_contradiction for o in others)
    mark, words = ("arrows-diff", _("来源不一致")) if disputed else ("info-circle", _("来源"))
    more = ""
    if others:
        listed = "".join(_other(field, o) for o in others)
        more = f'<p class="source-head">{escape(_("其他来源的值"))}</p><ul>{listed}</ul>'
    return format_html(
        '<details class="source{}"><summary>{} {}{}</summary><div class="source-panel">'
        '<p class="source-head">{}</p><ul>{}</ul>{}</div></details>',
        " is-disputed" if disputed else "",
        value,
        mark_safe(assets.icon(mark)),  # noqa: S308 - drawn from the installed icon set
        mark_safe(_hidden(words)),  # noqa: S308 - escaped there
        _("来源"),
        mark_safe("".join(f"<li>{_source(s)}</li>" for s in sources)),  # noqa: S308 - escaped in _source
        mark_safe(more),  # noqa: S308 - escaped above
    )


def span(begin: date | None, last: date | None, is_presumed: bool) -> SafeString:
    """From a day to a last day, or until now; an end that was concluded from elsewhere says so."""
    first = day(begin) if begin else UNKNOWN
    if last is None:
        return mark_safe(f"{first} {escape(_('至'))} {escape(_('今'))}")  # noqa: S308
    note = f' <span class="faint">{escape(_("（推定：之后已在别处确认）"))}</span>' if is_presumed else ""
    return mark_safe(f"{first} {escape(_('至'))} {day(last)}{note}")  # noqa: S308


def badge(tone: str, words: str) -> SafeString:
    """A state in a word, with the icon of its tone."""
    return SafeString(
        f'<span class="mark mark-{tone}">{assets.icon(BADGES[tone])}{escape(str(words))}</span>'
    )


def masked(value: str | None, href: str, field: str, token: str) -> SafeString:
    """A masked value as a button of a form of its own."""
    if not value:
        return SafeString(UNKNOWN)
    href, kind = escape(str(href)), " code" if field in LIKE_CODES else ""
    told = _("显示完整的%(what)s") % {"what": terms.field_label(field)}
    return SafeString(
        f'<form class="inline" method="post" action="{href}" hx-post="{href}" hx-swap="outerHTML">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{escape(token)}">'
        f'<button class="reveal{kind}" title="{escape(_("显示完整内容 60 秒，将留下记录"))}">'
        f"{_hidden(told)} {escape(str(value))} {assets.icon('eye')}</button></form>"
    )

"""The small parts of which a page holds dozens, put together in Python: a template for each costs ten times as much.

Every value passes ``escape``; the gallery shows each part.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from markupsafe import escape

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
KEPT = 4_096


def day(value: date) -> str:
    """A day that machines read too."""
    stated = value.isoformat()
    return f'<time datetime="{stated}">{stated}</time>'


def _hidden(words: str) -> str:
    return f'<span class="visually-hidden">{escape(words)}</span>'


@lru_cache(maxsize=16)
def _source_words(_language: str | None, is_disputed: bool) -> tuple[str, str, str]:
    """What stands around a value's sources: the mark after it, the head of its sources, that of the other values."""
    mark, words = ("arrows-diff", _("来源不一致")) if is_disputed else ("info-circle", _("来源"))
    return assets.icon(mark) + _hidden(words), str(escape(_("来源"))), str(escape(_("其他来源的值")))


@lru_cache(maxsize=KEPT)
def _source(dataset: str, observed_on: date | None, _language: str | None) -> str:
    named = escape(terms.dataset_name(dataset))
    return f"{named} · {day(observed_on)}" if observed_on else str(named)


def _other(field: str, other: Any, language: str | None) -> str:
    mark = assets.icon("arrows-diff") if other.is_contradiction else ""
    by = "".join(f"<br>{_source(s.dataset, s.observed_on, language)}" for s in other.sources)
    return f"<li>{mark} <strong>{escape(terms.code_label(field, other.value))}</strong>{by}</li>"


def sourced(
    value: str, sources: Iterable[Any], others: Iterable[Any], field: str, language: str | None = None
) -> SafeString:
    """A value with its source one tap away, and what other sources say. ``value`` is safe or gets escaped.

    ``language`` here and below: the page's, where the caller knows it already.
    """
    sources, others = tuple(sources or ()), tuple(others or ())
    if not sources and not others:
        return SafeString(escape(value))
    language, disputed = language or get_language(), any(o.is_contradiction for o in others)
    mark, head, more_head = _source_words(language, disputed)
    more = ""
    if others:
        listed = "".join([_other(field, o, language) for o in others])
        more = f'<p class="source-head">{more_head}</p><ul>{listed}</ul>'
    told = "".join([f"<li>{_source(s.dataset, s.observed_on, language)}</li>" for s in sources])
    return SafeString(
        f'<details class="source{" is-disputed" if disputed else ""}"><summary>{escape(value)}&nbsp;{mark}</summary>'
        f'<div class="source-panel"><p class="source-head">{head}</p><ul>{told}</ul>{more}</div></details>'
    )


def span(begin: date | None, last: date | None, is_presumed: bool, language: str | None = None) -> SafeString:
    """From a day to a last day, or until now; an end that was concluded from elsewhere says so."""
    first = day(begin) if begin else UNKNOWN
    to, now, presumed = _span_words(language or get_language())
    if last is None:
        return SafeString(f"{first} {to} {now}")
    note = f' <span class="faint">{presumed}</span>' if is_presumed else ""
    return SafeString(f"{first} {to} {day(last)}{note}")


@lru_cache(maxsize=8)
def _span_words(_language: str | None) -> tuple[str, str, str]:
    return str(escape(_("至"))), str(escape(_("今"))), str(escape(_("（推定：之后已在别处确认）")))


def badge(tone: str, words: str) -> SafeString:
    """A state in a word, with the icon of its tone."""
    return SafeString(
        f'<span class="mark mark-{tone}">{assets.icon(BADGES[tone])}{escape(str(words))}</span>'
    )


def masked(value: str | None, href: str, field: str, token: str, language: str | None = None) -> SafeString:
    """A masked value as a button of a form of its own."""
    if not value:
        return SafeString(UNKNOWN)
    where, (title, told, eye) = escape(str(href)), _masked_words(field, language or get_language())
    kind = " code" if field in LIKE_CODES else ""
    return SafeString(
        f'<form class="inline" method="post" action="{where}" hx-post="{where}" hx-swap="outerHTML">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{escape(token)}">'
        f'<button class="reveal{kind}" title="{title}">{told} {escape(str(value))} {eye}</button></form>'
    )


@lru_cache(maxsize=64)
def _masked_words(field: str, _language: str | None) -> tuple[str, str, str]:
    told = _("显示完整的%(what)s") % {"what": terms.field_label(field)}
    return str(escape(_("显示完整内容 60 秒，将留下记录"))), _hidden(told), assets.icon("eye")

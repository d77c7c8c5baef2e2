"""Template tags of every page: icons, days, numbers, labels, components. They are builtins; nothing to load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from anju.kernel import articles, wording
from anju.kernel.refusal import Refusal
from anju.web.shell import assets, parts, terms

register = template.Library()

_HAN = "\u3400-\u9fff"
_JOINTS = re.compile(rf"(?<=[{_HAN}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[{_HAN}])")
THIN_SPACE = "\u2009"
UNKNOWN = "—"


def is_english() -> bool:
    """Whether the page is being shown in English."""
    return (get_language() or "").startswith("en")


@register.simple_tag
def icon(name: str) -> SafeString:
    """The drawing called ``name``; it says nothing to a screen reader, so a word stands beside it."""
    return mark_safe(assets.icon(name))  # noqa: S308 - drawn from the installed icon set


@register.filter
def label(value: Any) -> str:
    """A thing with ``zh`` and ``en`` (attributes or keys) in the page's language."""
    if value is None:
        return UNKNOWN
    key = "en" if is_english() else "zh"
    if isinstance(value, Mapping):
        return str(value.get(key) or value.get("zh") or "")
    return str(getattr(value, key, None) or getattr(value, "zh", None) or value)


@register.filter
def lasts(until: date | None) -> bool:
    """Whether what holds until a day holds still: a lease that ends next year is not over."""
    return until is None or until > timezone.localdate()


@register.filter
def breakable(name: str) -> SafeString:
    """A file's name that may break after its joints, rather than anywhere."""
    return mark_safe(re.sub(r"(?<=[._-])", "<wbr>", escape(name)))  # noqa: S308 - escaped


@register.filter
def article(citation: str) -> str:
    """A citation of a law or rule: as written, or in English."""
    return articles.english(citation) if is_english() else citation


@register.filter
def day(value: date | datetime | None) -> SafeString | str:
    """A day as 2026-11-22, readable by machines; an instant keeps its minutes."""
    if value is None:
        return UNKNOWN
    if isinstance(value, datetime):
        shown = timezone.localtime(value) if timezone.is_aware(value) else value
        return format_html(
            '<time datetime="{}">{}</time>', shown.isoformat(timespec="seconds"), f"{shown:%Y-%m-%d %H:%M}"
        )
    return mark_safe(parts.day(value))  # noqa: S308 - a day has nothing to escape


@register.filter
def month(value: date | None) -> str:
    """A month as 2026-11."""
    return f"{value:%Y-%m}" if value else UNKNOWN


@register.filter
def number(value: float | Decimal | None, places: int = 0) -> str:
    """A number in groups of three."""
    return UNKNOWN if value is None else f"{value:,.{places}f}"


@register.filter
def percent(value: float | None, places: int = 1) -> str:
    """A share of one as per cent."""
    return UNKNOWN if value is None else f"{value * 100:.{places}f} %"


@register.filter
def yuan(fen: int | None) -> str:
    """An amount in fen as yuan."""
    return UNKNOWN if fen is None else f"¥{THIN_SPACE}{fen / 100:,.2f}"


@register.filter
def shown(value: Any) -> str:
    """Any value as a page shows it; nothing is a dash, yes and no are words."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, date):
        return day(value)
    return str(value)


@register.filter
def thin(text: str) -> str:
    """Chinese and Latin set apart by a thin space."""
    return _JOINTS.sub(THIN_SPACE, str(text))


@register.simple_tag
def say(code: str, **facts: Any) -> str:
    """A wording of the packs in the page's language."""
    return wording.say(code, "en" if is_english() else "zh", **facts)


@register.simple_tag(name="badge")
def mark(tone: str, words: str) -> SafeString:
    """A state in a word with its icon: ``good``, ``signal`` (needs you), ``bad``, ``calm``, ``quiet``."""
    return parts.badge(tone, words)


def badge(tone: str, words: str) -> dict[str, str]:
    """The same for an inclusion tag of ``shell/badge.html``."""
    return {"tone": tone, "words": words, "icon": parts.BADGES[tone]}


@register.inclusion_tag("shell/heading.html", takes_context=True)
def heading(context: Any, key: str, words: str, align: str = "") -> dict[str, Any]:
    """A column heading that sorts on the server: once ascending, again descending; paging begins anew."""
    return sorting(context["request"].GET, getattr(context.get("page"), "sort", ""), key, words, align)


def sorting(asked: QueryDict, usual: str, key: str, words: str, align: str = "") -> dict[str, Any]:
    """What a heading shows where ``asked`` is the address's query and ``usual`` the order of a page that names none."""
    query = asked.copy()
    current = query.get("sort", "") or usual
    state = {"": "none", key: "ascending", f"-{key}": "descending"}.get(current, "none")
    query["sort"] = f"-{key}" if state == "ascending" else key
    query.pop("after", None)
    return {"words": words, "state": state, "href": "?" + query.urlencode(), "align": align}


@register.inclusion_tag("shell/pager.html", takes_context=True)
def pager(context: Any, next_after: str | None, shown_rows: int, total: int | None = None) -> dict[str, Any]:
    """Forward by key, back to the first page; how many rows there are where that is known."""
    return paging(context["request"].GET, next_after, shown_rows, total)


def paging(
    asked: QueryDict, next_after: str | None, shown_rows: int, total: int | None = None
) -> dict[str, Any]:
    """What the pager shows where ``asked`` is the address's query."""
    query = asked.copy()
    is_first = "after" not in query
    query.pop("after", None)
    first = "?" + query.urlencode()
    following = ""
    if next_after:
        query["after"] = next_after
        following = "?" + query.urlencode()
    return {"first": "" if is_first else first, "next": following, "shown": shown_rows, "total": total}


@register.inclusion_tag("shell/empty.html")
def empty(words: str, hint: str = "", drawn: str = "inbox") -> dict[str, str]:
    """What a list says when it has nothing to show, and what to do next."""
    return {"words": words, "hint": hint, "icon": drawn}


@register.inclusion_tag("shell/tile.html")
def tile(
    words: str, value: str, note: str = "", href: str = "", tone: str = "", definition: str = ""
) -> dict[str, str]:
    """One figure with its name, its note, its definition one tap away, and what it is made of behind a link."""
    return {
        "words": words,
        "value": value,
        "note": note,
        "href": href,
        "tone": tone,
        "definition": definition,
    }


@register.simple_tag
def sourced(value: Any, sources: Any, others: Any = (), field: str = "") -> SafeString:
    """A value with its source one tap away, and what other sources say."""
    return parts.sourced(terms.code_label(field, value) if field else shown(value), sources, others, field)


@register.simple_tag
def span(
    begin: date | None, until: date | None, presumed: date | None = None, stated: date | None = None
) -> SafeString:
    """A period in words: half-open days in, first and last day out."""
    return parts.span(begin, last_day(until), bool(presumed and not stated))


@register.simple_tag(takes_context=True)
def masked(context: Any, value: str, href: str, field: str) -> SafeString:
    """A masked value with a button that shows it for a minute; the look is logged."""
    return parts.masked(value, href, field, str(context.get("csrf_token", "")))


@register.filter
def initial(name: str) -> str:
    """The first character of a name, for the round mark beside it."""
    return (name or "?")[0].upper()


TONES = {"A": "good", "B": "calm", "C": "bad"}


@register.filter
def grade_tone(grade: str) -> str:
    """The tone of a safety grade; the word beside it says which."""
    return TONES.get(grade, "quiet")


@register.filter
def source_words(stated: str) -> str:
    """A source written as ``dataset@day`` in words."""
    dataset, _at, observed = stated.partition("@")
    return f"{terms.dataset_name(dataset)} · {observed}" if observed else terms.dataset_name(dataset)


@register.filter
def last_day(value: date | None) -> date | None:
    """The last day of a half-open period, from the day after it."""
    return value - timedelta(days=1) if value else None


@register.filter
def field_words(name: str) -> str:
    """A field's name in words."""
    return terms.field_label(name)


@register.filter
def code_words(value: Any, field: str) -> str:
    """A field's value in words."""
    return terms.code_label(field, value)


@register.filter
def region_words(code: str | None, levels: int = 2) -> str:
    """A division by name."""
    return terms.region_name(code, levels=levels)


@register.filter
def dataset_words(dataset: str) -> str:
    """A dataset by its contract's name."""
    return terms.dataset_name(dataset)


@register.filter
def sent_as(name: str, dataset: str) -> str:
    """A column of a dataset as it was sent."""
    return terms.sent_field(dataset, name)


@register.filter
def office(stated: str) -> str:
    """An office of the log in words."""
    return terms.office_name(stated)


@register.simple_tag
def percent4(value: float | None) -> str:
    """A very small share of one as per cent, with four places."""
    return percent(value, 4)


def refusal_words(refusal: Refusal) -> str:
    """A refusal as a sentence in the page's language."""
    return wording.explain(refusal, "en" if is_english() else "zh")

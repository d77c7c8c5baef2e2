"""The pages asked for most: their body is compiled (Jinja2), their frame drawn once for each way it looks.

A body lies under ``<audience>/compiled/`` and is written in Jinja2's language, which is near Django's; its words and
parts are filters. There is one book of bodies for each language, so that a sentence, an icon, the label of a code are
worked out once and stand in the compiled body as they are. Every value is escaped; an unknown name is an error.
The frame is a Django template like any page's, with ``{{ main }}`` where the body goes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from anju.web.shell import parts, quick, tags, terms, top, words
from anju.web.shell.context import Shell

LABELS = 16_384
"""Labels of codes that a book remembers; there are fewer codes than that in use."""
PIECES = 1_024


def respond(request: HttpRequest, name: str, page: Any) -> HttpResponse:
    """The page ``name``: the frame of this name around the compiled body of the same name, drawn from ``page``."""
    token = get_token(request)
    waiting = get_messages(request)
    told = render_to_string("shell/messages.html", {"messages": waiting}) if len(waiting) else ""
    frame = top.framed(request, Shell(request), name, token)
    return Drawn(
        lambda: frame.replace(top.MAIN, told + body(name, page=page, token=token, query=request.GET))
    )


class Drawn(SimpleTemplateResponse):
    """A page that knows all it shows and is drawn last: the guard has the look written down meanwhile."""

    asks_nothing = True
    """Drawing it asks no database."""

    def __init__(self, draw: Callable[[], str]) -> None:
        super().__init__(None)
        self.draw = draw

    @property
    def rendered_content(self) -> str:
        """The page."""
        return self.draw()


def body(name: str, **told: Any) -> str:
    """A compiled body with its values, in the page's language."""
    return _book(get_language() or "").get_template(name).render(told)


@lru_cache
def _book(language: str) -> Environment:
    """The bodies of every audience in one language."""
    book = Environment(
        loader=FileSystemLoader(sorted(words.WEB.glob("*/compiled"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    words_of = _words()
    book.filters |= words_of | PLAIN | _parts(language, words_of["code_words"]) | EXTRA
    return book


EXTRA: dict[str, Callable[..., Any]] = {}
"""Filters of the audiences' own words; each adds its own when its pages are loaded."""


def _words() -> dict[str, Callable[..., Any]]:
    """Words of a language: what can be looked up again is remembered."""
    labels = lru_cache(maxsize=LABELS)(terms.code_label)

    def code_words(value: Any, field: str) -> str:
        is_coded = field in terms.CODELISTS or field == "dataset" or field.endswith("region")
        return labels(field, value) if is_coded else terms.code_label(field, value)

    return {
        "_": lambda said, /, **facts: gettext(said) % facts if facts else gettext(said),
        "_n": lambda said, n: ngettext(said, said, n) % {"n": n},
        "code_words": code_words,
        "region_words": lru_cache(maxsize=LABELS)(lambda code, levels=2: terms.region_name(code, levels=levels)),
        "dataset_words": lru_cache(maxsize=PIECES)(terms.dataset_name),
        "field_words": lru_cache(maxsize=PIECES)(terms.field_label),
    }  # fmt: skip


PLAIN: dict[str, Callable[..., Any]] = {
    "url": quick.path_of,
    "icon": tags.icon,
    "shown": tags.shown,
    "day": tags.day,
    "month": tags.month,
    "number": tags.number,
    "last_day": tags.last_day,
    "initial": tags.initial,
}
"""Plain values as pages show them."""


def _parts(language: str, code_words: Callable[[Any, str], str]) -> dict[str, Callable[..., Any]]:
    """Parts as pages show them, in a language."""

    def sourced(value: Any, sources: Any, others: Any = (), field: str = "") -> SafeString:
        told = code_words(value, field) if field else tags.shown(value)
        return parts.sourced(told, sources, others, field, language)

    def span(begin: Any, until: Any, presumed: Any = None, stated: Any = None) -> SafeString:
        return parts.span(begin, tags.last_day(until), bool(presumed and not stated), language)

    def masked(value: Any, href: str, field: str, token: str) -> SafeString:
        return parts.masked(value, href, field, token, language)

    return {
        "sourced": sourced,
        "span": span,
        "masked": masked,
        "heading": _heading,
        "pager": _pager,
        "empty": _empty,
    }


@lru_cache(maxsize=PIECES)
def _piece(template: str, _language: str, told: tuple[tuple[str, Any], ...]) -> SafeString:
    return SafeString(render_to_string(template, dict(told)))


def _heading(text: str, key: str, query: Any) -> SafeString:
    return _piece(
        "shell/heading.html", get_language() or "", tuple(tags.sorting(query, "", key, text).items())
    )


def _pager(next_after: str | None, shown: int, query: Any) -> SafeString:
    """The pager; the addresses in it are filled in after it was drawn, for they are never the same again."""
    told = tags.paging(query, next_after, shown)
    marked = {**told, "first": told["first"] and top.PATH, "next": told["next"] and top.WHOLE}
    drawn = _piece("shell/pager.html", get_language() or "", tuple(marked.items()))
    return SafeString(
        drawn.replace(top.PATH, parts.escape(told["first"])).replace(top.WHOLE, parts.escape(told["next"]))
    )


def _empty(text: str, hint: str = "", drawn: str = "inbox") -> SafeString:
    return _piece("shell/empty.html", get_language() or "", (("words", text), ("hint", hint), ("icon", drawn)))  # fmt: skip

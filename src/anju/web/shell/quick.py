"""Sentences and addresses of templates, worked out once: a page holds a hundred of them, and they do not change.

Overrides the tags ``trans``, ``url`` and ``static`` with ones that remember: a literal sentence per language, an address
per name and arguments, a file. What they write is the same, to the byte.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import defaulttags
from django.template.base import Node, Parser, Token
from django.templatetags import i18n
from django.templatetags.static import do_static
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.html import conditional_escape
from django.utils.translation import get_language

register = template.Library()


class Sentence(Node):
    """A literal sentence, remembered per language."""

    def __init__(self, slow: i18n.TranslateNode) -> None:
        self.slow, self.asvar = slow, slow.asvar
        self.known: dict[str | None, Any] = {}

    def render(self, context: template.Context) -> str:
        """The sentence in the page's language, or kept under its name."""
        language = get_language()
        found = self.known.get(language)
        if found is None:
            found = self.slow.render(context)
            if self.asvar:
                found = context[self.asvar]
            self.known[language] = found
        if self.asvar:
            context[self.asvar] = found
            return ""
        return str(found)


@register.tag("trans")
@register.tag("translate")
def sentence(parser: Parser, token: Token) -> Node:
    """``{% trans "…" %}``."""
    slow = i18n.do_translate(parser, token)
    told = slow.filter_expression
    is_literal = getattr(told.var, "literal", None) is not None and not told.filters
    return Sentence(slow) if is_literal and not slow.noop and slow.message_context is None else slow


class Address(Node):
    """An address, remembered per name and arguments."""

    child_nodelists = ()

    def __init__(self, slow: defaulttags.URLNode) -> None:
        self.slow = slow

    def render(self, context: template.Context) -> str:
        """The address, or kept under its name (empty there when there is none)."""
        slow = self.slow
        name = slow.view_name.resolve(context)
        arguments = tuple(a.resolve(context) for a in slow.args)
        try:
            found = path(name, *arguments)
        except NoReverseMatch:
            if slow.asvar is None:
                raise
            found = ""
        if slow.asvar:
            context[slow.asvar] = found
            return ""
        return conditional_escape(found) if context.autoescape else found


@lru_cache(maxsize=8192)
def _address(name: str, arguments: tuple[Any, ...], *_where: Any) -> str:
    return reverse(name, args=arguments)


def path(name: str, *arguments: Any) -> str:
    """The address of a page by its name and arguments, remembered."""
    return _address(name, arguments, get_script_prefix(), get_urlconf(), settings.ROOT_URLCONF)


def path_of(name: str, *arguments: str) -> str:
    """The same for arguments that hardly come again, such as people's codes: the form is remembered, they are filled in."""
    form = _form(name, len(arguments), get_script_prefix(), settings.ROOT_URLCONF)
    if form is None or not all(a.isascii() and a.isalnum() for a in arguments):
        return path(name, *arguments)
    return form.format(*arguments)


@lru_cache(maxsize=512)
def _form(name: str, count: int, *_where: Any) -> str | None:
    """The address with a place for each argument; None where its arguments cannot be any letters and digits."""
    marks = [f"argument0{n}0" for n in range(count)]
    try:
        form = reverse(name, args=marks).replace("{", "{{").replace("}", "}}")
    except NoReverseMatch:
        return None
    for n, mark in enumerate(marks):
        form = form.replace(mark, f"{{{n}}}")
    return form


@register.tag("url")
def address(parser: Parser, token: Token) -> Node:
    """``{% url "name" argument %}``; with keywords as Django does it."""
    slow = defaulttags.url(parser, token)
    return slow if slow.kwargs else Address(slow)


class File(Node):
    """The address of a static file, remembered."""

    child_nodelists = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, context: template.Context) -> str:
        """The address, with the hash of the file's content where files are collected."""
        return conditional_escape(_file(self.name, id(staticfiles_storage._wrapped)))


@lru_cache(maxsize=256)
def _file(name: str, _storage: int) -> str:
    return str(staticfiles_storage.url(name))


@register.tag("static")
def file(parser: Parser, token: Token) -> Node:
    """``{% static "name" %}``."""
    slow = do_static(parser, token)
    literal = getattr(slow.path.var, "literal", None) or (
        slow.path.var if isinstance(slow.path.var, str) else None
    )
    return File(str(literal)) if literal and slow.varname is None and not slow.path.filters else slow

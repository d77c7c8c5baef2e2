"""Where to go on to, and refusals in the page's language."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from anju.kernel import wording
from anju.kernel.refusal import Refusal
from anju.web.shell.tags import is_english


def safe_next(request: HttpRequest, stated: str) -> str:
    """``stated`` if it is a page of ours; the front page otherwise."""
    is_ours = url_has_allowed_host_and_scheme(
        stated, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return stated if is_ours else "/"


def told(refusal: Refusal) -> str:
    """A refusal as a full sentence."""
    return wording.explain(refusal, "en" if is_english() else "zh")

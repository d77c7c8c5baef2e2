"""The frame's own few pages: change the look, change the language, no connection."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_GET, require_POST

from anju.web.guard import public
from anju.web.shell.context import SIZES, THEMES

YEAR_SECONDS = 365 * 24 * 3600


def way_back(request: HttpRequest) -> str:
    """Where the form said it came from, if that is a page of ours; the front page otherwise."""
    stated = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        stated, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return stated if safe else "/"


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
    )


@require_POST
@public
def look(request: HttpRequest) -> HttpResponse:
    """Light or dark, normal or large: kept in a cookie of this device."""
    response = HttpResponseRedirect(way_back(request))
    if request.POST.get("theme") in THEMES:
        _keep(response, "anju_theme", request.POST["theme"])
    if request.POST.get("size") in SIZES:
        _keep(response, "anju_size", request.POST["size"])
    return response


@require_POST
@public
def language(request: HttpRequest) -> HttpResponse:
    """Chinese or English: kept in a cookie of this device."""
    response = HttpResponseRedirect(way_back(request))
    asked = request.POST.get("language", "")
    if asked in dict(settings.LANGUAGES) and check_for_language(asked):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, asked)
    return response


@require_GET
@public
def offline(request: HttpRequest) -> HttpResponse:
    """What a device shows when it has no connection."""
    return render(request, "shell/offline.html")

"""Which language a page is in: Chinese, unless this device asked for another with the switch.

A program has no switch: at the API the language it prefers (``Accept-Language``) counts.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

MACHINES = "/api/"
LONGEST = 200


def preferred(header: str) -> str:
    """The language of ours that stands first among those accepted; empty where none does."""
    asked = (code.partition("-")[0] for code, weight in parse_accept_lang_header(header[:LONGEST]) if weight)
    ours = {code.partition("-")[0]: code for code, _name in settings.LANGUAGES}
    return next((ours[code] for code in asked if code in ours), "")


class Language:
    """Middleware: what the browser prefers is not asked; Chinese comes first, the switch stands on every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer in the chosen language and say which one it is."""
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if not chosen and request.path.startswith(MACHINES):
            chosen = preferred(request.headers.get("Accept-Language", ""))
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

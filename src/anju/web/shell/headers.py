"""What a browser may do with our pages: load from us alone, run no inline code, be framed by nobody."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # Tabler draws arrows and ticks from data addresses; maps make blobs
        "worker-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
NOT_NEEDED = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"


class Headers:
    """Middleware: the same rules on every answer; a view that needs other ones sets its own header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and say what the answer may do."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", NOT_NEEDED)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.headers.setdefault("Cache-Control", "no-store")  # a kiosk keeps nobody's page
        return response

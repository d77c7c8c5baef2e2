"""Problem documents (RFC 9457): what went wrong in a sentence of both languages, with the refusal's code."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse

from anju.kernel import wording
from anju.kernel.refusal import Refusal
from anju.web.shell.tags import is_english

STATUS = {
    "doors.not_logged_in": 401,
    "doors.csrf": 403,
    "doors.dataset_out_of_scope": 403,
    "doors.purpose_out_of_scope": 403,
    "doors.bulk_out_of_scope": 403,
    "doors.too_many_requests": 429,
    "doors.too_large": 413,
    "doors.wrong_content": 415,
    "doors.encoded": 415,
    "doors.cut_off": 400,
    "doors.length_missing": 411,
    "doors.key_reused": 409,
    "doors.wrong_offset": 409,
    "doors.not_complete": 409,
    "doors.cursor_too_old": 410,
    "doors.no_upload": 404,
    "doors.batch_not_theirs": 404,
    "intake.no_taker": 503,
    "intake.disk_full": 503,
    "intake.out_of_memory": 503,
}
TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 410: "Gone",
    411: "Length Required", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content", 429: "Too Many Requests",
    503: "Service Unavailable",
}  # fmt: skip


def of(refusal: Refusal) -> HttpResponse:
    """A refusal as a problem document."""
    name = refusal.code.partition(".")[2]
    usual = 404 if name.startswith(("no_", "unknown")) else 422
    facts = {k: v for k, v in refusal.facts.items() if isinstance(v, str | int)}
    usual = 403 if refusal.room == "access" else usual
    return problem(STATUS.get(refusal.code, usual), refusal.code, **facts)


def problem(status: int, code: str, **facts: Any) -> HttpResponse:
    """A problem document for a wording's code."""
    told = {language: wording.say(code, language, **facts) for language in ("zh", "en")}
    body: dict[str, Any] = {
        "type": f"/api/docs/#{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": told["en" if is_english() else "zh"],
        "code": code,
        **told,
    }
    if "offset" in facts:
        body["offset"] = facts["offset"]
    return _answer(body, status)


def of_guard(answer: HttpResponse, purpose: str = "") -> HttpResponse:
    """The guard's no as a problem document: its reasons and what is lacking are kept.

    Where a purpose is lacking, it is told whether none was stated or ``purpose`` is not the caller's.
    """
    told = json.loads(answer.content)
    if told["code"] == "access.purpose_missing":
        code = "doors.purpose_out_of_scope" if purpose else "doors.purpose_missing"
        said = {language: wording.say(code, language, purpose=purpose[:40]) for language in ("zh", "en")}
        told |= {"code": code, "told": said["en" if is_english() else "zh"], **said}
    body = {
        "type": f"/api/docs/#{told['code']}",
        "title": TITLES.get(answer.status_code, "Error"),
        "status": answer.status_code,
        "detail": told["told"],
        **{k: v for k, v in told.items() if k != "told"},
    }
    return _answer(body, answer.status_code)


def _answer(body: dict[str, Any], status: int) -> HttpResponse:
    answer = HttpResponse(
        json.dumps(body, ensure_ascii=False), status=status, content_type="application/problem+json"
    )
    if status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    if status == 429:
        answer["Retry-After"] = "60"
    return answer


def not_found(request: HttpRequest, **_rest: Any) -> HttpResponse:
    """An address below ``/api/`` that is none."""
    return problem(404, "doors.no_address")

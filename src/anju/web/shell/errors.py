"""Pages for what goes wrong: each says what happened and what to do next, and shows no personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from anju.kernel import wording
from anju.kernel.refusal import Refusal
from anju.web.shell.tags import is_english


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an error page says: a heading, what happened, what to do, which icon."""

    heading: str
    told: str
    remedy: str
    icon: str
    code: str = ""


def page(request: HttpRequest, trouble: Trouble, status: int) -> HttpResponse:
    """An error page with its HTTP status."""
    return render(request, "shell/trouble.html", {"page": trouble}, status=status)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the page exists, the right does not."""
    told = str(exception) if exception and str(exception) else _("您当前的角色无权打开此页面。")
    return page(
        request,
        Trouble(_("无权访问"), told, _("如工作需要，请联系本单位管理员调整角色。"), "lock"),
        403,
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing is there."""
    return page(
        request,
        Trouble(
            _("找不到这个页面"), _("地址可能有误，或内容已被移走。"), _("请返回首页，或重新查找。"), "map-off"
        ),
        404,
    )


def broken(request: HttpRequest) -> HttpResponse:
    """500: our fault. Rendered without the database, in case that is what broke."""
    trouble = Trouble(
        _("系统出错了"),
        _("这是我们的问题，您提交的内容可能尚未保存。"),
        _("请稍后再试；如仍不行，请联系系统管理员。"),
        "tool",
    )
    return render(request, "shell/broken.html", {"page": trouble}, status=500)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form's token is missing or too old."""
    return page(
        request,
        Trouble(
            _("表单已失效"),
            _("页面打开的时间太长，或浏览器禁用了 Cookie。"),
            _("请返回上一页，刷新后再提交。"),
            "refresh",
        ),
        403,
    )


class Refusals:
    """Middleware: a refusal that no view caught becomes a page that says it in a full sentence."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Tell a refusal with status 422; leave everything else to be a bug."""
        if not isinstance(exception, Refusal):
            return None
        told = wording.explain(exception, "en" if is_english() else "zh")
        status = 404 if exception.code.partition(".")[2].startswith(("no_", "unknown")) else 422
        return page(
            request,
            Trouble(_("无法办理"), told, _("请按提示修改后再试。"), "hand-stop", exception.code),
            status,
        )

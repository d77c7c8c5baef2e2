"""A second person: asking for agreement to a bulk act, answering; breaking glass, and its review."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.kernel.refusal import Refusal
from anju.trust.access import Action, Purpose, Role, rules
from anju.trust.store import access_actions, access_queries
from anju.trust.store.access_queries import ApprovalLine, GlassLine
from anju.web.account.acting import acting
from anju.web.account.back import safe_next, told
from anju.web.guard import guard

SCOPE = 64


@dataclass(frozen=True, slots=True)
class AskPage:
    """One bulk act that needs a colleague's agreement; ``reviewers`` who could give it now."""

    action: Action | None
    scope: str
    purpose: Purpose | None
    reviewers: int
    next_url: str
    why: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A request with the words for its codes."""

    line: ApprovalLine
    action: Action | None
    purpose: Purpose | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """What I asked for, and what waits for my answer."""

    mine: tuple[Named, ...]
    waiting: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class GlassPage:
    """Before glass is broken: what it means."""

    minutes: int
    why: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class GlassesPage:
    """Every broken glass, for review."""

    lines: tuple[GlassLine, ...]


def _named(lines: list[ApprovalLine]) -> tuple[Named, ...]:
    book = rules()
    return tuple(
        Named(x, book.actions.get(x.action), book.purposes.get(x.purpose), book.roles.get(x.role))
        for x in lines
    )


@require_http_methods(["GET", "POST"])
@guard("approval.ask")
def approval(request: HttpRequest) -> HttpResponse:
    """Ask a colleague to agree to exactly one bulk act."""
    as_whom = acting(request)
    assert as_whom is not None
    given = request.POST if request.method == "POST" else request.GET
    action, asked = rules().actions.get(given.get("action", "")), given.get("scope", "")
    next_url = safe_next(request, given.get("next", ""))
    trouble, now = "", timezone.now()
    if request.method == "POST" and action is not None and len(asked) == SCOPE:
        try:
            access_actions.ask_approval(
                action.name, as_whom.purpose, asked, request.POST.get("why", ""), by=as_whom.actor, at=now
            )
            messages.success(request, _("已提交。同事同意后，请回到原页面再做一次，24 小时内有效。"))
            return redirect("account:approvals")
        except Refusal as refusal:
            trouble = told(refusal)
    page = AskPage(
        action, asked, as_whom.purpose_named, access_queries.reviewers(as_whom.actor, now), next_url,
        given.get("why", ""), trouble,
    )  # fmt: skip
    return render(request, "account/approval.html", {"page": page}, status=422 if trouble else 200)


@require_GET
@guard("approval.ask")
def approvals(request: HttpRequest) -> HttpResponse:
    """What I asked for, and what colleagues ask of me."""
    as_whom = acting(request)
    assert as_whom is not None
    waiting = access_queries.approvals_waiting(as_whom.actor, timezone.now())
    page = ApprovalsPage(_named(access_queries.approvals_of(as_whom.actor.account)), _named(waiting))
    return render(request, "account/approvals.html", {"page": page})


@require_POST
@guard("approval.give")
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Agree or not."""
    granted = request.POST.get("do") == "grant"
    access_actions.answer_approval(number, is_granted=granted, by=request.access.actor, at=timezone.now())  # type: ignore[attr-defined]
    messages.success(request, _("已答复。"))
    return redirect("account:approvals")


@require_http_methods(["GET", "POST"])
@guard("glass.break")
def glass(request: HttpRequest) -> HttpResponse:
    """See beyond one's place in an emergency: half an hour, logged, reviewed."""
    minutes = int(access_actions.GLASS_LASTS.total_seconds() // 60)
    page = GlassPage(minutes)
    if request.method == "POST":
        why = request.POST.get("why", "")
        try:
            access_actions.break_glass(why, by=request.access.actor, at=timezone.now())  # type: ignore[attr-defined]
            request.session["glass"] = True
            transaction.on_commit(lambda: _tell_of_glass(request.access.actor.office, why))  # type: ignore[attr-defined]
            messages.warning(request, _("紧急越权已生效，30 分钟后自动结束。每一次查看都会被复核。"))
            return redirect("/")
        except Refusal as refusal:
            page = GlassPage(minutes, why, told(refusal))
    return render(request, "account/glass.html", {"page": page}, status=422 if page.trouble else 200)


def _tell_of_glass(office: str, why: str) -> None:
    """Loud: every data protection officer gets a mail at once."""
    send_mail(
        _("紧急越权已发生"),
        _("单位 %(office)s 启用了紧急越权。理由：%(why)s。请在“紧急越权复核”中核实。")
        % {"office": office, "why": why},
        None,
        access_queries.addresses_of("dpo", timezone.now()),
    )


@require_GET
@guard("glass.review")
def glasses(request: HttpRequest) -> HttpResponse:
    """Every broken glass."""
    return render(
        request,
        "account/glasses.html",
        {"page": GlassesPage(tuple(access_queries.glasses(request.access.actor.region)))},
    )


@require_POST
@guard("glass.review")
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Say whether it was right."""
    right = request.POST.get("do") == "right"
    access_actions.review_glass(number, was_right=right, by=request.access.actor, at=timezone.now())  # type: ignore[attr-defined]
    return redirect("account:glasses")

"""One's own account: what one may do here, in which role, for which purpose."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.kernel.numbers import whole
from anju.trust.access import Action, Purpose, purposes_for, rules
from anju.trust.store.access_queries import Held
from anju.web.account.acting import Acting, acting, choose, has_second_factor
from anju.web.account.back import safe_next
from anju.web.guard import guard
from anju.web.shell.tags import label
from anju.web.shell.terms import office_name


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """Roles held, and what one's role may do."""

    acting: Acting
    may: tuple[Action, ...]
    has_second_factor: bool
    is_let_off: bool


@dataclass(frozen=True, slots=True)
class PurposePage:
    """Assignments and the purposes each offers; ``action`` is what asked for one."""

    held: tuple[tuple[int, str], ...]
    chosen: int
    purposes: tuple[Purpose, ...]
    purpose: str
    action: Action | None
    next_url: str


@dataclass(frozen=True, slots=True)
class SecondFactorPage:
    """Whether one is set up already, and where to go on."""

    is_set_up: bool
    verify_url: str
    next_url: str


@require_GET
@guard("account.own")
def overview(request: HttpRequest) -> HttpResponse:
    """Who I am here: roles, places, what the role may do, how the account is protected."""
    as_whom = acting(request)
    assert as_whom is not None
    told = rules()
    may = tuple(a for n, a in told.actions.items() if as_whom.role and n in as_whom.role.may)
    let_off = bool(settings.DEMO and request.user.is_demo)  # type: ignore[union-attr]
    page = OverviewPage(as_whom, may, has_second_factor(request), let_off)
    return render(request, "account/overview.html", {"page": page})


@require_http_methods(["GET", "POST"])
@guard("purpose.choose")
def purpose(request: HttpRequest) -> HttpResponse:
    """Choose as whom and why; kept for half an hour."""
    as_whom = acting(request)
    assert as_whom is not None
    given = request.POST if request.method == "POST" else request.GET
    next_url = safe_next(request, given.get("next", ""))
    stated = whole(given.get("assignment"))
    number = as_whom.held.id if stated is None else stated
    chosen = next((h for h in as_whom.all if h.id == number), as_whom.held)
    if request.method == "POST":
        if choose(request, chosen.id, request.POST.get("purpose", "")):
            return HttpResponseRedirect(next_url)
        messages.error(request, _("请选择列表中的一项事由。"))
    action = rules().actions.get(given.get("action", ""))
    offered = purposes_for(chosen.actor, action.name if action and action.needs_purpose else "")
    page = PurposePage(
        tuple((h.id, _words(h)) for h in as_whom.all), chosen.id, offered, as_whom.purpose, action, next_url
    )
    return render(
        request, "account/purpose.html", {"page": page}, status=422 if request.method == "POST" else 200
    )


def _words(held: Held) -> str:
    """A role with its department and place."""
    role = rules().roles.get(held.actor.role)
    return " · ".join(
        p for p in (label(role), office_name(held.actor.office) if held.actor.office else "") if p
    )


@require_GET
@guard("account.own")
def second_factor(request: HttpRequest) -> HttpResponse:
    """Why a second factor is needed, and the way to it."""
    next_url = safe_next(request, request.GET.get("next", ""))
    verify = reverse("mfa_reauthenticate") + "?" + urlencode({"next": next_url})
    page = SecondFactorPage(is_mfa_enabled(request.user), verify, next_url)
    return render(request, "account/second_factor.html", {"page": page})


@require_POST
@guard("account.own")
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    """End one of my sessions: the device has to log in again."""
    session = UserSession.objects.filter(user=request.user, pk=number).first()
    if session is None:
        raise Http404
    session.end()
    messages.success(request, _("该设备已退出登录。"))
    return HttpResponseRedirect(reverse("usersessions_list"))

"""The data steward's page of machine clients: made here, approved by a colleague, keys given once, changed, revoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from anju.exchange.contracts import list_contracts
from anju.exchange.contracts.codelists import get_codelist
from anju.exchange.store import client_actions, client_queries
from anju.exchange.store.client_actions import ROLE, Scope
from anju.exchange.store.client_queries import ClientLine
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor, Purpose, rules
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class Department:
    """One of the twelve departments, with its names."""

    id: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Offered:
    """One dataset a client may be given, and whose it is."""

    id: str
    zh: str
    en: str
    department: Department


@dataclass(frozen=True, slots=True)
class ClientsPage:
    """The clients of the steward's place, what a new one may be given, and a token that was just made."""

    rows: tuple[ClientLine, ...]
    own: str
    departments: tuple[Department, ...]
    contracts: tuple[Offered, ...]
    purposes: tuple[Purpose, ...]
    region: str
    token: str = ""
    token_of: str = ""
    trouble: str = ""


@never_cache
@require_http_methods(["GET", "POST"])
@guard("client.manage")
def clients(request: HttpRequest) -> HttpResponse:
    """List the systems that may connect; make one."""
    trouble = ""
    if request.method == "POST":
        try:
            _make(request)
            messages.success(request, _("已登记。请另一位同事复核后再发放密钥。"))
            return redirect("clients")
        except Refusal as refusal:
            trouble = refusal_words(refusal)
    return _page(request, trouble=trouble)


def _make(request: HttpRequest) -> None:
    given = request.POST
    days = given.get("days", "")
    scope = Scope(
        tuple(given.getlist("dataset")),
        tuple(given.getlist("purpose")),
        bool(given.get("bulk")),
        bool(given.get("clear")),
    )
    client_actions.make_client(
        given.get("name", "").strip().lower(),
        given.get("title", ""),
        given.get("department", ""),
        given.get("region", "").strip(),
        scope,
        by=request.access.actor,  # type: ignore[attr-defined]
        at=timezone.now(),
        lasts=timedelta(days=(whole(days) or 0) if len(days) < 5 else 0),
    )


@never_cache
@require_http_methods(["POST"])
@guard("client.manage")
def client(request: HttpRequest, client: str) -> HttpResponse:
    """Approve a client, give it a key, change or revoke its keys, end it."""
    by: Actor = request.access.actor  # type: ignore[attr-defined]
    do, at = request.POST.get("do", ""), timezone.now()
    try:
        if do in SHOWN:
            token = SHOWN[do](client, by=by, at=at)
            return _page(request, token=token, token_of=client)
        if do in DONE:
            DONE[do](client, by=by, at=at)
            messages.success(request, _("已办理。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("clients")


SHOWN: dict[str, Callable[..., str]] = {"secret": client_actions.add_secret, "rotate": client_actions.rotate}
DONE: dict[str, Callable[..., object]] = {
    "approve": client_actions.approve_client,
    "revoke": client_actions.end_keys,
    "end": client_actions.end_client,
}


def _page(request: HttpRequest, *, token: str = "", token_of: str = "", trouble: str = "") -> HttpResponse:
    by: Actor = request.access.actor  # type: ignore[attr-defined]
    now: datetime = timezone.now()
    book = rules()
    departments = {
        code: Department(code, *names) for code, names in get_codelist("department").labels.items()
    }
    page = ClientsPage(
        client_queries.list_clients(now, by.region),
        by.account,
        tuple(departments.values()),
        tuple(Offered(c.id, c.zh, c.en, departments[c.department]) for c in list_contracts()),
        tuple(p for p in book.purposes.values() if ROLE in p.roles),
        by.region,
        token,
        token_of,
        trouble,
    )
    return render(request, "api/clients.html", {"page": page}, status=422 if trouble else 200)

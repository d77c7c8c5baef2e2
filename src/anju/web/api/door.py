"""Who is at the API's door, and the guard before every operation.

A department's system shows a bearer token; a browser keeps its session, and for requests that change something its form
token too. The purpose stands in the header ``Anju-Purpose``: never in an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from ninja.utils import check_csrf

from anju.exchange.store import client_queries
from anju.exchange.store.client_actions import Scope
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor, Circumstance, decide, purposes_for
from anju.trust.store import log
from anju.trust.store.access_queries import Held
from anju.web.account.acting import Acting, acting
from anju.web.api import problems
from anju.web.guard import guard

View = Callable[..., Any]
SESSIONS_PER_MINUTE = 300
STRANGERS_PER_MINUTE = 120
PIECE = 1 << 20


def authenticate(request: HttpRequest) -> bool:
    """Find out who asks. Raises a refusal for nobody, for a browser's unproven write, for too many requests."""
    header = request.headers.get("Authorization", "")
    purpose = request.headers.get("Anju-Purpose", "").strip()
    if header:
        _machine(request, header, purpose)
    else:
        _person(request, purpose)
    _refuse_early(request)
    return True


def _refuse_early(request: HttpRequest) -> None:
    """Who may never do this is told so before the content is looked at. Everything else is the guard's."""
    as_whom = acting(request)
    action = request.resolver_match.func.actions[request.method]  # type: ignore[union-attr]
    assert as_whom is not None
    at_best = Circumstance(second_factor=True, approved=True)
    decision = decide(as_whom.actor, action, as_whom.purpose, None, at_best)
    if decision.allowed or decision.lacks:
        return
    reason = decision.reasons[0]
    with transaction.atomic():
        log.record(
            as_whom.actor,
            action,
            timezone.now(),
            result="refused",
            detail={"code": reason.code, "page": "api"},
        )
    raise Refusal(reason.code, **reason.facts)


def _person(request: HttpRequest, purpose: str) -> None:
    """A browser's session."""
    as_whom = acting(request)
    if as_whom is None:
        raise Refusal("doors.not_logged_in")
    if request.method not in {"GET", "HEAD"} and check_csrf(request, authenticate) is not None:
        raise Refusal("doors.csrf")
    _count(as_whom.actor.account, SESSIONS_PER_MINUTE)
    if purpose and purpose in {p.name for p in purposes_for(as_whom.actor)}:
        request._acting = replace(as_whom, purpose=purpose)  # type: ignore[attr-defined]


def _machine(request: HttpRequest, header: str, purpose: str) -> None:
    """A department's system."""
    found = client_queries.authenticate(header, timezone.now())
    if found is None:
        _count(f"address:{request.META.get('REMOTE_ADDR', '')}"[:60], STRANGERS_PER_MINUTE)
        raise Refusal("doors.not_logged_in")
    _count(found.actor.account, found.scope.per_minute)
    request._acting = Acting(  # type: ignore[attr-defined]
        Held(0, found.actor),
        (),
        purpose if purpose in found.scope.purposes else "",
        None,
        is_machine=True,
        is_approved=found.scope.bulk,
    )
    request.machine = found  # type: ignore[attr-defined]


def _count(account: str, most: int) -> None:
    if not client_queries.is_within_rate(account, most):
        raise Refusal("doors.too_many_requests", most=most)


def door(action: str) -> Callable[[View], View]:
    """The guard of an operation: its no is told as a problem document."""

    def wrap(view: View) -> View:
        guarded = guard(action)(view)

        @wraps(guarded)
        def at_the_door(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            answer = guarded(request, *args, **kwargs)
            if isinstance(answer, JsonResponse) and answer.status_code in (401, 403):
                return problems.of_guard(answer, request.headers.get("Anju-Purpose", "").strip())
            return answer

        return at_the_door

    return wrap


def scope(request: HttpRequest) -> Scope | None:
    """The scope of the system that asks; None for a person, whom their role alone bounds."""
    machine = getattr(request, "machine", None)
    return machine.scope if machine else None


def actor(request: HttpRequest) -> Actor:
    """Who acts, as the guard decided."""
    return request.access.actor  # type: ignore[attr-defined, no-any-return]


def pieces(request: HttpRequest) -> Iterator[bytes]:
    """The request's content as it arrives. Refuses one that breaks off, or of which nobody can tell whether it did, and
    one packed for the way: what is hashed, signed for and kept is what was sent."""
    if not request.META.get("CONTENT_LENGTH") and request.headers.get("Transfer-Encoding"):
        raise Refusal("doors.length_missing")
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refusal("doors.encoded")
    try:
        while piece := request.read(PIECE):
            yield piece
    except UnreadablePostError as gone:
        raise Refusal("doors.cut_off") from gone


def nothing(_request: HttpRequest) -> HttpResponse:
    """An empty answer."""
    return HttpResponse(status=204)

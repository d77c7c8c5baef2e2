"""Addresses of the API, its documentation and the health of the process."""

from __future__ import annotations

from functools import wraps
from inspect import getclosurevars, isfunction
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import URLPattern, URLResolver, path, re_path
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from anju.kernel.refusal import Refusal
from anju.web.api import asking, clients, docs, health, identity, problems, pushing
from anju.web.api.door import authenticate

api = NinjaAPI(
    title="Anju 安居",
    version="1",
    description="Sending to the exchange, asking the register, following the library. Every call is decided by role, "
    "place and purpose, and logged.",
    urls_namespace="api",
    docs_url=None,
    openapi_url="openapi.json",
    auth=authenticate,
)
api.add_router("/exchange", pushing.router)
api.add_router("/exchange", asking.changes_router)
api.add_router("/population", asking.router)
api.add_router("", identity.router)


@api.exception_handler(Refusal)
def refused(_request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """What was foreseen, as a problem document."""
    return problems.of(refusal)


@api.exception_handler(ValidationError)
def unreadable(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What does not fit the interface: which fields, and never their values."""
    if any(e["loc"][-1] == "Idempotency-Key" for e in error.errors):
        return problems.problem(422, "doors.key_missing")
    fields = sorted({_place(e["loc"])[:80] for e in error.errors})[:20]
    return problems.problem(422, "doors.unreadable", fields=", ".join(fields))


def _place(loc: tuple[Any, ...]) -> str:
    """Where a fault is as the sender knows it: ``people.3.born_on``, ``limit``; ``body`` for all of it."""
    named = [str(p) for p in loc[1:]]
    if loc[0] == "body" and named[:1] == ["body"]:
        named = named[1:]
    return ".".join(named) or str(loc[0])


@api.exception_handler(HttpError)
def wrong(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """A body that is no JSON, and the like."""
    code = 413 if error.status_code == 413 else 422
    return problems.problem(code, "doors.unreadable", fields="body")


@api.exception_handler(UnreadablePostError)
def cut_off(_request: HttpRequest, _error: UnreadablePostError) -> HttpResponse:
    """A request that broke off."""
    return problems.problem(400, "doors.cut_off")


@api.exception_handler(Http404)
def unknown(_request: HttpRequest, _error: Http404) -> HttpResponse:
    """Nothing there."""
    return problems.problem(404, "doors.no_address")


def _patterns() -> tuple[list[Any], str, str]:
    """The API's addresses; each view is told which action of the access rules stands behind which method."""
    patterns, *names = api.urls
    for pattern in patterns:
        view: Any = pattern.callback
        behind = getclosurevars(view).nonlocals.get("self") if isfunction(view) else None
        operations = getattr(behind, "operations", ())
        view.actions = {m: str(getattr(o.view_func, "rule", "")) for o in operations for m in o.methods}
        view.rules = tuple(dict.fromkeys(view.actions.values())) or (
            "page.open",
        )  # it describes itself to anyone
        pattern.callback = _told(view)
    return patterns, *names  # type: ignore[return-value]


def _told(view: Any) -> Any:
    """The view, whose no to a method is a problem document too."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = view(request, *args, **kwargs)
        if answer.status_code != 405:
            return answer
        allowed = str(answer.headers.get("Allow", ""))
        problem = problems.problem(
            405, "doors.wrong_method", method=str(request.method)[:20], allowed=allowed
        )
        problem.headers["Allow"] = allowed
        return problem

    return answered


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("staff/clients/", clients.clients, name="clients"),
    path("staff/clients/<slug:client>/", clients.client, name="client"),
    path("api/docs/", docs.page, name="api_docs"),
    path("api/", _patterns()),
    re_path(r"^api/", docs.no_address),
]

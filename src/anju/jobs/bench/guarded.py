"""The person file with and without what guards it: access check, row security, log entry."""

from __future__ import annotations

import contextlib
import copy
import inspect
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

from anju.jobs.bench import Figure, percentile, timed
from anju.jobs.bench import requests as load

READS, BLOCK = 600, 50


def read() -> list[Figure]:
    """The person file through its guard, and the same in a plain transaction as the owner of the tables.

    Three times: as a request through every middleware, as people pay for it, where the plain one knows too who is
    logged in; the same where even that is left out of the plain one; and the view alone, where the page is not counted.
    """
    from django.core.handlers.base import BaseHandler
    from django.db import transaction
    from django.http import HttpRequest, HttpResponse
    from django.test import Client, RequestFactory
    from django.urls import get_resolver, path, resolve

    cookie = load._session()
    name, _equals, value = cookie.partition("=")
    client = Client(SERVER_NAME="localhost")
    client.cookies[name] = value
    paths = random.Random(1).choices(people(), k=READS)
    request = _captured(client, paths[0])
    view = resolve(paths[0]).func
    bare_view = inspect.unwrap(view)
    settled = copy.copy(request)  # who asks and what is allowed is known already

    def without(request: HttpRequest, code: str) -> HttpResponse:
        request.access, request._acting = settled.access, settled._acting  # type: ignore[attr-defined]
        with transaction.atomic():
            answer = bare_view(request, code=code)
        return answer.render() if hasattr(answer, "render") else answer

    def known(request: HttpRequest, code: str) -> HttpResponse:
        bool(request.user.is_authenticated)  # type: ignore[attr-defined]  # asks for the session and the account
        return without(request, code)

    handler = BaseHandler()
    handler.load_middleware()

    def unguarded(view: Callable[[HttpRequest, str], HttpResponse]) -> ModuleType:
        urls = ModuleType("unguarded")
        urls.urlpatterns = [  # type: ignore[attr-defined]
            path("staff/people/<str:code>/", view), *get_resolver().url_patterns
        ]  # fmt: skip
        return urls

    knowing, unknowing = unguarded(known), unguarded(without)

    def asked(place: str, urls: ModuleType | None = None) -> None:
        fresh = RequestFactory(SERVER_NAME="localhost").get(place)
        fresh.COOKIES[name] = value
        if urls is not None:
            fresh.urlconf = urls
        if (status := handler.get_response(fresh).status_code) != 200:
            raise RuntimeError(f"person file: status {status}")

    def alone(place: str) -> None:
        view(_fresh(request), code=resolve(place).kwargs["code"])

    def alone_without(place: str) -> None:
        without(settled, code=resolve(place).kwargs["code"])

    return [
        *_compared("a person file asked for, guarded and logged", "<= 1.5 times", paths, asked,
                   lambda place: asked(place, knowing)),
        *_compared("  who is logged in counted as guard too", "", paths, asked, lambda place: asked(place, unknowing)),
        *_compared("  the view alone", "", paths, alone, alone_without),
    ]  # fmt: skip


def _compared(
    what: str, aim: str, paths: list[str], guarded: Callable[[str], None], bare: Callable[[str], None]
) -> list[Figure]:
    """Two ways of the same read, turn about in small blocks: whatever else the machine does falls on both."""
    laps: dict[str, list[float]] = {"guarded": [], "bare": []}
    spent = {"guarded": 0.0, "bare": 0.0}
    for begin in range(0, READS, BLOCK):
        for name, work in (("guarded", guarded), ("bare", bare))[:: 1 if begin // BLOCK % 2 else -1]:
            with cpu_spent() as cpu:
                for path in paths[begin : begin + BLOCK]:
                    with timed() as lap:
                        work(path)
                    laps[name].append(lap.seconds)
            if begin:  # the first block only warms up
                spent[name] += cpu[0]
    walls = {name: percentile(seconds[BLOCK:], 0.5) * 1000 for name, seconds in laps.items()}
    cpus = {name: seconds / (READS - BLOCK) * 1000 for name, seconds in spent.items()}
    return [
        Figure(f"{what}: CPU", cpus["guarded"], "ms", aim,
               f"without: {cpus['bare']:.2f} ms", cpus["guarded"] / cpus["bare"]),
        Figure(f"{what}: wall, median", walls["guarded"], "ms", aim,
               f"without: {walls['bare']:.2f} ms", walls["guarded"] / walls["bare"]),
    ]  # fmt: skip


def people() -> list[str]:
    """Addresses of person files the worker may open, spread over the place."""
    return load._asked()[0]


def _captured(client: Any, path: str) -> Any:
    """A real request of the logged-in worker, as it reached the view."""
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"person file: status {answer.status_code}")
    return answer.wsgi_request


def _fresh(request: Any) -> Any:
    """The request as if it had just come: nothing of an earlier decision is kept on it."""
    for name in ("_acting", "access"):
        if hasattr(request, name):
            delattr(request, name)
    return request


@contextlib.contextmanager
def cpu_spent() -> Any:
    """CPU seconds of this process and of the database, in a list that is filled when the block ends."""
    import psutil

    told = [0.0]
    me = psutil.Process()
    before = load._cpu(me)
    yield told
    told[0] = load._cpu(me) - before

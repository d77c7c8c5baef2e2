"""Health of this process: ``/healthz`` is alive, ``/readyz`` can do its work. Neither shows anything about anybody."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable

from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from anju.kernel.home import lake
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.store import log, rows
from anju.web.guard import public

KEPT_SECONDS = 2.0
"""An answer holds for so long: whoever asks a thousand times a second costs no more than one who asks twice."""
NOBODY = Actor("system:health", "none")
_kept: tuple[float, dict[str, str]] = (0.0, {})
_lock = threading.Lock()


class _Undone(Exception):
    """Rolls the trial back."""


@require_safe
@public
def live(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@public
def ready(_request: HttpRequest) -> HttpResponse:
    """The real operations: a read under row security, a line for the log (not kept), a file in the lake."""
    global _kept
    with _lock:
        if time.monotonic() - _kept[0] > KEPT_SECONDS:
            _kept = (time.monotonic(), {name: _tried(check) for name, check in CHECKS.items()})
        told = _kept[1]
    is_ready = all(state == "ok" for state in told.values())
    return JsonResponse({"ready": is_ready, "checks": told}, status=200 if is_ready else 503)


def _tried(check: Callable[[], None]) -> str:
    try:
        check()
    except (Error, OSError, Refusal) as broken:
        return type(broken).__name__
    return "ok"


def _read() -> None:
    with rows.acting(NOBODY), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT 1 FROM register_identity LIMIT 1) AS seen")
        if cursor.fetchone()[0]:
            raise Refusal("access.out_of_place", region="")  # nobody must see nobody


def _append() -> None:
    try:
        with transaction.atomic():
            log.record(NOBODY, "page.open", timezone.now(), detail={"trial": 1})
            raise _Undone
    except _Undone:
        return


def _write() -> None:
    folder = lake()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, path = tempfile.mkstemp(dir=folder, prefix=".ready-")
    os.close(descriptor)
    os.unlink(path)  # noqa: PTH108 - the name comes as text


CHECKS = {"database": _read, "log": _append, "lake": _write}

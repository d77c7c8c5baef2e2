"""School places: choose applicants and schools, see the hash of the seed, run with progress, take the proof away."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from django.contrib import messages
from django.db import connection, transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.kernel.refusal import Refusal
from anju.services.store import allocation
from anju.services.store.allocation import AllocationView
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words

TONES = {"prepared": "quiet", "running": "calm", "done": "good", "failed": "bad"}
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One allocation in words."""

    view: AllocationView
    method: str
    tone: str
    state: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: words, whether it is over, whether it is at hand."""

    words: str
    is_over: bool
    is_here: bool


@dataclass(frozen=True, slots=True)
class AllocationPage:
    """One allocation, its steps, and its outcome by choice and school."""

    row: Row
    steps: tuple[Step, ...]
    choices: tuple[tuple[int, int], ...]
    unplaced: int
    more_schools: int


@require_http_methods(["GET", "POST"])
@guard("places.allocate")
def allocations(request: HttpRequest) -> HttpResponse:
    """Every allocation; and a new one from two files."""
    if request.method == "POST":
        try:
            return redirect("planner:allocation", _prepared(request))
        except Refusal as refusal:
            messages.error(request, refusal_words(refusal))
            return redirect("planner:allocations")
    rows = tuple(_row(a) for a in allocation.list_allocations(request.access.actor.region))
    return render(request, "planner/allocations.html", {"page": rows})


def _prepared(request: HttpRequest) -> int:
    files = [request.FILES.get(name) for name in ("applicants", "schools")]
    if None in files:
        raise Refusal("services.allocation_missing")
    texts = []
    for sent in files:
        raw = sent.read() if sent else b""
        try:
            texts.append(raw.decode("utf-8-sig"))
        except UnicodeDecodeError:
            texts.append(raw.decode("gb18030", errors="replace"))
    access = request.access
    return allocation.prepare(
        request.POST.get("title", ""), request.POST.get("method", ""), texts[0], texts[1], access.actor.region, by=access.actor,
        at=timezone.now(), purpose=access.purpose,
    )  # fmt: skip


@require_GET
@guard("places.allocate")
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One allocation."""
    return render(request, "planner/allocation.html", {"page": _page(request, number)})


@require_GET
@guard("places.allocate")
def state(request: HttpRequest, number: int) -> HttpResponse:
    """Only how far it is, for the page that waits."""
    page = _page(request, number)
    answer = render(request, "planner/allocation_state.html", {"page": page})
    if page.row.view.state != "running":
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
@guard("places.allocate")
def run(request: HttpRequest, number: int) -> HttpResponse:
    """Open the seed and allocate, beside the request; the page shows each step."""
    access = request.access
    try:
        allocation.start(number, by=access.actor, at=timezone.now(), purpose=access.purpose)
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        transaction.on_commit(lambda: threading.Thread(target=_work, args=(number,), daemon=True).start())
    return redirect("planner:allocation", number)


def _work(number: int) -> None:
    try:
        allocation.work(number)
    except Exception:
        logging.getLogger(__name__).exception("allocation %s failed", number)
    finally:
        connection.close()


@require_GET
@guard("places.allocate")
def proof(request: HttpRequest, number: int) -> FileResponse:
    """The proof: everything anyone needs to check that nobody was passed over."""
    try:
        path = allocation.proof_of(number, request.access.actor.region)
    except Refusal as refusal:
        raise Http404 from refusal
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"allocation-{number}-proof.json")


def _row(view: AllocationView) -> Row:
    methods = {"serial": _("按积分依次选（一张名单）"), "deferred": _("延迟接受（各校次序不同）")}
    states = {"prepared": _("待分配"), "running": _("正在分配"), "done": _("已完成"), "failed": _("没有完成")}
    return Row(view, methods[view.method], TONES[view.state], states[view.state])


def _page(request: HttpRequest, number: int) -> AllocationPage:
    try:
        view = allocation.get_allocation(number, request.access.actor.region)
    except Refusal as refusal:
        raise Http404 from refusal
    words = {
        "reading": _("读取文件"),
        "allocating": _("抽签并分配"),
        "checking": _("核验无人被越过"),
        "writing": _("写出证明"),
    }
    at = allocation.STEPS.index(view.step) if view.step in allocation.STEPS else len(words)
    steps = tuple(Step(w, i < at, i == at) for i, w in enumerate(words.values()))
    result = view.result or {}
    choices = tuple(enumerate(result.get("by_choice", ()), 1))
    more = max(len(result.get("schools", ())) - SHOWN, 0)
    return AllocationPage(_row(view), steps, choices, view.applicants - int(result.get("placed", 0)), more)

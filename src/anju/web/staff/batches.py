"""Batches: what was sent, what was held back and why, the report to mend, the file sent again."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.exchange.contracts import list_contracts
from anju.exchange.intake.report import XLSX, file_name
from anju.exchange.store import actions, queries, senders
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.trust.access import Subject
from anju.web.guard import guard, may
from anju.web.shell.tags import refusal_words

STATES = ("open", "fixed", "again", "waived", "all")


@dataclass(frozen=True, slots=True)
class BatchesPage:
    """One page of batches, the datasets one can send, and what went wrong with the last upload."""

    rows: tuple[queries.BatchLine, ...]
    next_after: str | None
    contracts: tuple[object, ...]
    dataset: str
    departments: tuple[str, ...]
    department: str
    is_waiting: bool
    trouble: str
    may_send: bool


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One batch with its held rows."""

    batch: queries.BatchDetail
    rows: tuple[queries.HeldLine, ...]
    next_after: str | None
    state: str
    states: tuple[str, ...]
    may_send: bool
    may_fix: bool
    may_open: bool


@require_http_methods(["GET", "POST"])
@guard("exchange.read", unsafe="exchange.send")
def batches(request: HttpRequest) -> HttpResponse:
    """List batches; take a file in."""
    trouble = ""
    if request.method == "POST" and request.FILES.get("file"):
        try:
            accepted = _take(request, request.FILES["file"])
        except Refusal as refusal:
            access = request.access
            actions.note_refused(refusal, by=access.actor, at=timezone.now(), purpose=access.purpose)
            trouble = refusal_words(refusal)
        else:
            if accepted.is_new:
                messages.success(
                    request,
                    _("已接收 %(good)s 行，退回 %(held)s 行。")
                    % {"good": accepted.rows, "held": accepted.held},
                )
            else:
                messages.info(request, _("这份文件已经收过，没有改变任何内容。"))
            return redirect("staff:batch", accepted.batch)
    elif request.method == "POST":
        trouble = _("请先选择一个文件。")
    dataset, department = request.GET.get("dataset", ""), request.GET.get("department", "")
    is_waiting, contracts = request.GET.get("waiting") == "1", tuple(list_contracts())
    theirs = tuple(c.id for c in contracts if c.department == department) if department else None
    found = queries.list_batches(
        dataset=dataset or None,
        after=request.GET.get("after"),
        sort=request.GET.get("sort", "-accepted_at"),
        now=timezone.now(),
        sender=queries.Sender(datasets=theirs, is_waiting=is_waiting),
    )
    page = BatchesPage(
        found.rows, found.next_after, contracts, dataset, tuple(sorted({c.department for c in contracts})), department,
        is_waiting, trouble, may(request, "exchange.send"),
    )  # fmt: skip
    return render(request, "staff/batches.html", {"page": page}, status=422 if trouble else 200)


def _take(request: HttpRequest, file: UploadedFile) -> actions.Accepted:
    """Put the upload on disk under a name that keeps only its ending, and hand it to intake."""
    folder = tempfile.mkdtemp(prefix="upload-")
    path = Path(folder) / f"upload{Path(file.name or '').suffix.lower()[:8]}"
    try:
        with path.open("wb") as stream:
            for piece in file.chunks():
                stream.write(piece)
        return actions.accept_upload(
            path,
            name=Path(file.name or "upload").name[:120],
            dataset=request.POST.get("dataset") or None,
            by=request.access.actor,
            at=timezone.now(),
            purpose=request.access.purpose,
        )
    finally:
        path.unlink(missing_ok=True)
        os.rmdir(folder)  # noqa: PTH106 - made here, empty now


@require_GET
@guard("exchange.read")
def batch(request: HttpRequest, batch: str) -> HttpResponse:
    """One batch: figures, and the rows held back with field, reason and remedy."""
    state = request.GET.get("state", "open")
    held = queries.list_held(
        batch, state=None if state == "all" else state, after=request.GET.get("after"), now=timezone.now()
    )
    found = queries.get_batch(batch)
    theirs = senders.is_theirs(found, request.access.actor)
    page = BatchPage(
        found, held.rows, held.next_after, state, STATES, may(request, "exchange.send"),
        theirs and may(request, "exchange.fix"), theirs and may(request, "exchange.rejects"),
    )  # fmt: skip
    return render(request, "staff/batch.html", {"page": page})


@require_GET
@guard("exchange.rejects")
def report(request: HttpRequest, batch: str) -> HttpResponse:
    """The error report: the held rows in the layout they were sent, to be mended and sent again."""
    found = senders.get_theirs(batch, request.access.actor)
    request.access.subject = Subject("batch", found.id)
    request.access.detail["open"] = found.held_open
    answer = HttpResponse(queries.error_report(found.id), content_type=XLSX)
    name = file_name(found.id)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@guard("exchange.fix")
def waive(request: HttpRequest, batch: str) -> HttpResponse:
    """Give up rows that will not come back, with a reason."""
    try:
        given_up = actions.waive(
            senders.get_theirs(batch, request.access.actor).id,
            rows=[n for told in request.POST.getlist("row") if (n := whole(told)) is not None],
            reason=request.POST.get("reason", ""),
            by=request.access.actor,
            at=timezone.now(),
            purpose=request.access.purpose,
        )
        messages.success(request, _("已放弃 %(n)s 行。") % {"n": given_up})
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("staff:batch", batch)

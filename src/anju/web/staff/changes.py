"""Why some records are one person; merging and splitting people, with a second person, undone as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.exchange.store import change_actions, change_queries, review_queries, why_queries
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.web.guard import Access, guard, may
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class WhyPage:
    """Why the records of one person are one, what people decided about it, and what can be changed."""

    code: str
    why: why_queries.Why
    words: tuple[review_queries.WordLine, ...]
    changes: tuple[change_queries.ChangeLine, ...]
    may_change: bool
    given: dict[str, str]
    trouble: str


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Merges and splits: what waits for a second person, and what was done."""

    waiting: tuple[change_queries.ChangeLine, ...]
    done: tuple[change_queries.ChangeLine, ...]


@require_http_methods(["GET", "POST"])
@guard("person.read", subject="person:code", unsafe="person.merge")
def why(request: HttpRequest, code: str) -> HttpResponse:
    """The explanation of one person, and proposals to merge or split."""
    access: Access = request.access  # type: ignore[attr-defined]
    trouble = ""
    if request.method == "POST":
        try:
            _propose(request, code)
        except Refusal as refusal:
            trouble = refusal_words(refusal)
        else:
            messages.success(request, _("已提出，等另一位同事复核；复核后，下一次比对和发布时显示在档案里。"))
            return redirect("staff:why", code)
    held = why_queries.why(code)
    if held.code != code:
        messages.info(
            request, _("编码 %(old)s 已并入 %(new)s，这是现在的档案。") % {"old": code, "new": held.code}
        )
        return redirect("staff:why", held.code)
    page = WhyPage(
        code, held, review_queries.words_about(code),
        change_queries.list_changes(code=code, account=access.actor.account), may(request, "person.merge"),
        request.POST.dict() if trouble else {}, trouble,
    )  # fmt: skip
    return render(request, "staff/why.html", {"page": page}, status=422 if trouble else 200)


def _propose(request: HttpRequest, code: str) -> None:
    access: Access = request.access  # type: ignore[attr-defined]
    told = {
        "why": request.POST.get("why", ""),
        "by": access.actor,
        "at": timezone.now(),
        "purpose": access.purpose,
    }
    if request.POST.get("do") == "merge":
        change_actions.propose_merge(code, request.POST.get("other", ""), **told)
    else:
        records = [n for told in request.POST.getlist("record") if (n := whole(told)) is not None]
        change_actions.propose_split(code, records, **told)


@require_GET
@guard("person.merge")
def changes(request: HttpRequest) -> HttpResponse:
    """Merges and splits of the place: what waits, and the history."""
    access: Access = request.access  # type: ignore[attr-defined]
    listed = change_queries.list_changes(account=access.actor.account)
    access.detail["rows"] = len(listed)
    page = ChangesPage(
        tuple(c for c in listed if c.state == "proposed"), tuple(c for c in listed if c.state != "proposed")
    )
    return render(request, "staff/changes.html", {"page": page})


@require_POST
@guard("person.merge")
def answer(request: HttpRequest, change: int) -> HttpResponse:
    """Confirm or refuse a colleague's proposal, or take a change back."""
    access: Access = request.access  # type: ignore[attr-defined]
    told = {"by": access.actor, "at": timezone.now(), "purpose": access.purpose}
    do = request.POST.get("do", "")
    try:
        if do in ("confirm", "refuse"):
            change_actions.answer(change, agrees=do == "confirm", **told)
            messages.success(
                request,
                _("已答复。确认的变更在下一次比对和发布后显示在档案里。")
                if do == "confirm"
                else _("已答复。"),
            )
        elif do == "undo":
            change_actions.undo(change, why=request.POST.get("why", ""), **told)
            messages.success(request, _("已撤回，下一次比对和发布后恢复。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("staff:changes")

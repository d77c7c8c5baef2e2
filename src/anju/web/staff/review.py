"""Clerical review: the queue, two records side by side, the reviewer's word, and taking it back."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.exchange.store import review_actions, review_queries
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.trust.access import Subject
from anju.trust.store import log
from anju.web.guard import Access, guard, may
from anju.web.shell.tags import refusal_words

REVEAL_SECONDS = 60
KEYS = (("same", "1"), ("different", "2"), ("unsure", "3"), ("skip", "→"))


@dataclass(frozen=True, slots=True)
class QueuePage:
    """How the queue stands, and what this reviewer decided last."""

    queue: review_queries.Queue
    words: tuple[review_queries.WordLine, ...]
    next_after: str | None
    may_decide: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """One pair side by side; ``left`` more wait. ``seconds``: how long what was revealed stays."""

    question: review_queries.QuestionView
    left: int
    keys: tuple[tuple[str, str], ...]
    why: str
    trouble: str
    may_decide: bool
    seconds: int


@require_GET
@guard("review.read")
def queue(request: HttpRequest) -> HttpResponse:
    """The queue and my recent words."""
    access: Access = request.access  # type: ignore[attr-defined]
    words, following = review_queries.list_words(mine=access.actor.account, after=request.GET.get("after"))
    page = QueuePage(
        review_queries.queue(timezone.now()), words, following, may(request, "review.decide"), may(request, "person.merge")
    )  # fmt: skip
    return render(request, "staff/review.html", {"page": page})


@require_GET
@guard("review.decide")
def following(request: HttpRequest) -> HttpResponse:
    """Take the pair worth most that nobody else has."""
    access: Access = request.access  # type: ignore[attr-defined]
    found = review_actions.claim_next(by=access.actor, at=timezone.now())
    if found is None:
        messages.success(request, _("您的辖区内没有待判别的记录了。"))
        return redirect("staff:review")
    return redirect("staff:question", found)


@require_http_methods(["GET", "POST"])
@guard("review.read", unsafe="review.decide")
def question(request: HttpRequest, question: int) -> HttpResponse:
    """Look at one pair, and say what it is."""
    access: Access = request.access  # type: ignore[attr-defined]
    trouble, at = "", timezone.now()
    if request.method == "POST":
        try:
            review_actions.say(
                question, request.POST.get("do", ""), by=access.actor, at=at, purpose=access.purpose,
                why=request.POST.get("why", ""),
            )  # fmt: skip
        except Refusal as refusal:
            if refusal.code in {"review.claimed", "review.answered"}:
                messages.warning(request, refusal_words(refusal))
                return redirect("staff:review_next")
            trouble = refusal_words(refusal)
        else:
            return redirect("staff:review_next")
    elif may(request, "review.decide"):
        review_actions.claim(question, by=access.actor, at=at)
    _looked(access, question)
    return _show(request, question, trouble=trouble)


@require_POST
@guard("person.reveal")
def reveal(request: HttpRequest, question: int) -> HttpResponse:
    """The same pair in clear, for a minute; the look is logged for both people."""
    access: Access = request.access  # type: ignore[attr-defined]
    _looked(access, question, "person.reveal")
    answer = _show(request, question, masked=False)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@guard("review.decide")
def undo(request: HttpRequest) -> HttpResponse:
    """Take back my last word, or the one named; its pair is mine again."""
    access: Access = request.access  # type: ignore[attr-defined]
    try:
        found = review_actions.take_back(
            by=access.actor, at=timezone.now(), purpose=access.purpose, word=whole(request.POST.get("word"))
        )  # fmt: skip
    except Refusal as refusal:
        messages.warning(request, refusal_words(refusal))
        return redirect("staff:review")
    if not review_queries.is_open(found):
        messages.info(request, _("已撤回，下一次比对后会再问这一对。"))
        return redirect("staff:review")
    messages.info(request, _("已撤回上一次判别，请重新判别这一对。"))
    return redirect("staff:question", found)


def _looked(access: Access, question: int, action: str = "review.read") -> None:
    """Both people can see that they were looked at."""
    one, other = review_queries.people_of(question)
    access.subject = Subject("person", one)
    access.detail["question"] = question
    log.record(
        access.actor, action, timezone.now(), purpose=access.purpose, subject=f"person:{other}",
        detail={"question": question},
    )  # fmt: skip


def _show(request: HttpRequest, question: int, *, masked: bool = True, trouble: str = "") -> HttpResponse:
    page = QuestionPage(
        review_queries.get_question(question, masked=masked),
        review_queries.count_open(),
        KEYS,
        request.POST.get("why", "") if trouble else "",
        trouble,
        may(request, "review.decide"),
        0 if masked else REVEAL_SECONDS,
    )
    return render(request, "staff/question.html", {"page": page}, status=422 if trouble else 200)

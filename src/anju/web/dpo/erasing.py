"""Carrying out what a person asked: deletion as far as the law lets, restriction of the rest, and lifting it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.trust.store import erasure_actions, erasure_queries, rights_actions, rights_queries, term_queries
from anju.web.guard import guard
from anju.web.shell.tags import refusal_words


@dataclass(frozen=True, slots=True)
class Held:
    """What is held about the one who asked, aspect by aspect, and what was already done about it."""

    terms: tuple[term_queries.Term, ...]
    restriction: erasure_queries.RestrictionLine | None
    erasure: erasure_queries.ErasureLine | None
    until: date | None


@dataclass(frozen=True, slots=True)
class RestrictedPage:
    """Restrictions in force and the newest erasures, within the officer's places."""

    restrictions: tuple[erasure_queries.RestrictionLine, ...]
    erasures: tuple[erasure_queries.ErasureLine, ...]
    tombstones: int


def held(line: rights_queries.RequestLine) -> Held | None:
    """The ground on which a deletion or an objection is answered; None for other kinds."""
    if line.kind.key not in {"delete", "object"}:
        return None
    terms = term_queries.terms_of(line.person_code, timezone.localdate())
    return Held(
        terms,
        erasure_queries.find_restriction(line.person_code),
        erasure_queries.erasure_for(line.number),
        term_queries.last_term(terms),
    )


@require_POST
@guard("person.erase")
def erase(request: HttpRequest, number: str) -> HttpResponse:
    """Grant a deletion: order it, restrict what stays, answer the person - all three or none."""
    actor, at, purpose = request.access.actor, timezone.now(), request.access.purpose
    try:
        line = _open(number, "delete")
        until = term_queries.last_term(term_queries.terms_of(line.person_code, timezone.localdate()))
        with transaction.atomic():
            erasure_actions.order_erasure(
                line.person_code, rights_queries.region_of(number), request.POST.get("ground", ""),
                by=actor, at=at, purpose=purpose, request=number, until=until,
            )  # fmt: skip
            rights_actions.answer(number, request.POST.get("answer", ""), by=actor, at=at, purpose=purpose)
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("已下达删除并答复本人；现在起已限制处理，一分钟内执行。"))
    return redirect("dpo:request", number)


@require_POST
@guard("person.restrict")
def restrict(request: HttpRequest, number: str) -> HttpResponse:
    """Grant an objection: from now on the data are kept and otherwise left alone."""
    actor, at, purpose = request.access.actor, timezone.now(), request.access.purpose
    try:
        line = _open(number, "object")
        with transaction.atomic():
            erasure_actions.restrict(
                line.person_code, rights_queries.region_of(number), "objected",
                by=actor, at=at, purpose=purpose, request=number,
            )  # fmt: skip
            rights_actions.answer(number, request.POST.get("answer", ""), by=actor, at=at, purpose=purpose)
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("已限制处理并答复本人。"))
    return redirect("dpo:request", number)


def _open(number: str, kind: str) -> rights_queries.RequestLine:
    line = rights_queries.get_request(number, today=timezone.localdate())
    if line.kind.key != kind or line.state != "open":
        raise Refusal("rights.not_open", number=number)
    return line


@require_POST
@guard("person.restrict", subject="person:code")
def lift(request: HttpRequest, code: str) -> HttpResponse:
    """End a restriction."""
    try:
        erasure_actions.lift(code, by=request.access.actor, at=timezone.now(), purpose=request.access.purpose)
        messages.success(request, _("已解除限制。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("dpo:restricted")


@require_GET
@guard("consent.read")
def restricted(request: HttpRequest) -> HttpResponse:
    """Whose data are restricted, and what was erased."""
    page = RestrictedPage(
        erasure_queries.list_restrictions(),
        erasure_queries.list_erasures(),
        erasure_queries.count_tombstones(),
    )
    return render(request, "dpo/restricted.html", {"page": page})

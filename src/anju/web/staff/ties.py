"""One person's family: put right who is whose spouse, child or parent, take out who is no relative, record one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.register import settling
from anju.register import ties as relations
from anju.register.store import queries as register
from anju.register.store import settling_parts
from anju.register.store.queries import ties as tie_queries
from anju.trust import rights
from anju.trust.store import rights_queries
from anju.web.guard import Access, guard, may
from anju.web.shell.tags import refusal_words
from anju.web.shell.terms import code_label
from anju.web.staff.discrepancies import departments, named, step, theirs_to_see
from anju.web.staff.people import scope

FOUND = 8


@dataclass(frozen=True, slots=True)
class TiesView:
    """The relatives with the case about them, people found to be recorded as one, and what can be done."""

    held: tie_queries.TiesPage
    relations: tuple[tuple[str, str], ...]
    departments: tuple[tuple[str, str], ...]
    evidence: dict[str, dict[str, str]]
    request: rights_queries.RequestLine | None
    grounds: tuple[rights.Ground, ...]
    given: dict[str, str]
    chosen: int
    text: str
    people: tuple[register.PersonLine, ...]
    most: int
    trouble: str
    may_act: bool
    may_search: bool


@require_http_methods(["GET", "POST"])
@guard("discrepancy.read", subject="person:code", unsafe="discrepancy.settle")
def ties(request: HttpRequest, code: str) -> HttpResponse:
    """See the relatives; put one right, take one out, record one, hand the case on, close it, take a decision back."""
    access: Access = request.access  # type: ignore[attr-defined]
    trouble, is_looking = "", request.POST.get("do") == "look"
    if request.method == "POST" and not is_looking:
        try:
            done = _do(request.POST, access, code)
        except Refusal as refusal:
            trouble = refusal_words(named(refusal))
        else:
            messages.success(request, done)
            return redirect("staff:case", code, relations.FIELD)
    held = tie_queries.get_ties(code)
    head = held.case
    theirs_to_see(head, access.actor)
    asked = rights_queries.get_request(head.request, today=timezone.localdate()) if head.request else None
    given = request.POST.dict() if trouble or is_looking else {}
    row, text, may_search = (
        given.get("row", ""),
        given.get("text", "").strip()[:80],
        may(request, "person.search"),
    )
    found = (
        register.find_people(text, scope=scope(access.actor), limit=FOUND).rows if text and may_search else ()
    )
    access.detail["rows"] = len(held.relatives) + len(found)
    page = TiesView(
        held, tuple((r, code_label("relation", r)) for r in relations.relations()), departments(head.owner),
        settling.plan()["evidence"], asked, tuple(rights.grounds("correct").values()) if asked else (), given,
        whole(row) or 0, text, tuple(p for p in found if p.code != head.person_code), FOUND, trouble,
        may(request, "discrepancy.settle") and access.actor.department in ("", head.owner), may_search,
    )  # fmt: skip
    return render(request, "staff/ties.html", {"page": page}, status=422 if trouble else 200)


def _do(given: QueryDict, access: Access, code: str) -> str:
    why, do = given.get("why", ""), given.get("do", "")
    who: dict[str, Any] = {"by": access.actor, "at": timezone.now(), "purpose": access.purpose}
    told = {"why": why, "evidence": given.get("evidence", "records")} | who
    relation = given.get("relation", "")
    if do in ("change", "add") and not relation:
        raise Refusal("register.choose_relation")
    if do in ("change", "take_out"):
        row = whole(given.get("row"))
        if row is None:
            raise Refusal("register.choose_relative")
        relative, name = tie_queries.relative_of(code, row)
        settling_parts.settle_tie(code, relative, relation if do == "change" else "", name=name, **told)
        return _("已更正，两个人的档案现在就这样显示；以后的汇总也以它为准。")
    if do == "add":
        if not given.get("relative"):
            raise Refusal("register.choose_relative")
        settling_parts.settle_tie(code, given["relative"], relation, **told)
        return _("已登记，两个人的档案现在就这样显示；以后的汇总也以它为准。")
    if done := step(given, code, relations.FIELD, who):
        return done
    raise Refusal("register.choose_relative")

"""Publication lists: prepared, published under masked names, open to objection, final."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.policy import library, loading
from anju.policy.bound import bind
from anju.policy.form import asked
from anju.policy.loading import files
from anju.policy.model import Programme
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import row_values
from anju.policy.words import number as points
from anju.register.store.queries.lines import of_people
from anju.services.publishing import Applicant
from anju.services.store import list_actions, list_queries
from anju.trust import places as regions
from anju.trust.store import erasure_queries
from anju.web.guard import guard, may, public
from anju.web.planner.programmes import language, library_day
from anju.web.shell.tags import refusal_words

PAGE = 50
TONES = {"prepared": "quiet", "published": "calm", "final": "good"}
OUTCOMES = {"open": "signal", "upheld": "good", "rejected": "quiet"}


@dataclass(frozen=True, slots=True)
class Head:
    """A list's head in words."""

    view: list_queries.ListView
    name: str
    service: str
    tone: str
    state: str
    ties: str
    line: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be ranked: value of the form, words, places the file states."""

    value: str
    words: str
    places: int | None


@dataclass(frozen=True, slots=True)
class Lists:
    """All lists, and what a new one may be of."""

    heads: tuple[Head, ...]
    choices: tuple[Choice, ...]
    may_make: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list."""

    row: list_queries.PublicRow
    score: str
    quota: str
    reason: str


@dataclass(frozen=True, slots=True)
class Objection:
    """One objection in words."""

    view: list_queries.ObjectionView
    tone: str
    state: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list with a page of its lines."""

    head: Head
    lines: tuple[Line, ...]
    total: int
    first: int
    is_all: bool
    before: int | None
    after: int | None
    objections: tuple[Objection, ...]
    may_decide: bool
    may_publish: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One fact an objection may correct: key, words, how to write it, its value on the list."""

    key: str
    name: str
    how: str
    value: str


@dataclass(frozen=True, slots=True)
class ObjectionPage:
    """One objection to be settled."""

    head: Head
    objection: Objection
    facts: tuple[Asked, ...]


@require_GET
@guard("list.read")
def lists(request: HttpRequest) -> HttpResponse:
    """Every list, and the form for a new one."""
    heads = tuple(_head(v) for v in list_queries.list_lists())
    return render(
        request, "planner/lists.html", {"page": Lists(heads, _choices(), may(request, "case.decide"))}
    )


@require_POST
@guard("case.decide")
def prepare(request: HttpRequest) -> HttpResponse:
    """Prepare a list: its seed is drawn and the hash goes out."""
    identity, _sign, service = request.POST.get("what", "").partition("#")
    raw = request.POST.get("places", "").strip()
    programme = _programme(identity)
    access = request.access
    number = list_actions.prepare(
        programme, service, int(raw) if raw.isdigit() else 0, library_day(programme), access.actor.region,
        by=access.actor, at=timezone.now(), purpose=access.purpose,
    )  # fmt: skip
    messages.success(request, _("名单已编制：种子的哈希已公布，排名时才公布种子。"))
    return redirect("planner:list", number)


@require_GET
@guard("list.read")
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One list for those who keep it."""
    page = _page(request, number, objections=may(request, "case.decide"))
    return render(request, "planner/list.html", {"page": page})


@require_POST
@guard("policy.rank")
def publish(request: HttpRequest, number: int) -> HttpResponse:
    """Rank everyone who qualifies and publish; a second person has agreed."""
    access = request.access
    found = list_queries.get_list(number)
    people = applicants(_programme(found.programme), found.service, found.filed_on, access.actor.region)
    list_actions.publish(number, people, by=access.actor, at=timezone.now(), purpose=access.purpose)
    access.detail["people"] = len(people)
    messages.success(request, _("名单已公示，异议期开始。"))
    return redirect("planner:list", number)


@require_POST
@guard("case.decide")
def close(request: HttpRequest, number: int) -> HttpResponse:
    """Make a list final."""
    access = request.access
    list_actions.close(number, by=access.actor, at=timezone.now(), purpose=access.purpose)
    messages.success(request, _("名单已定稿。"))
    return redirect("planner:list", number)


@require_POST
@guard("case.decide")
def object_for(request: HttpRequest, number: int) -> HttpResponse:
    """An officer takes an objection for somebody at the counter, or raises one."""
    access = request.access
    try:
        list_actions.object_to(
            number, request.POST.get("reference", "").strip().upper(), request.POST.get("claim", ""), by=access.actor,
            at=timezone.now(), purpose=access.purpose, is_by_officer=True,
        )  # fmt: skip
        messages.success(request, _("异议已受理。"))
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("planner:list", number)


@require_http_methods(["GET", "POST"])
@guard("case.decide")
def objection(request: HttpRequest, number: int) -> HttpResponse:
    """One objection: what was claimed, what the list rests on, and the settling of it."""
    access = request.access
    told = list_queries.get_objection(number)
    if request.method == "POST":
        key, value = request.POST.get("fact", ""), request.POST.get("value", "").strip()
        try:
            outcome = list_actions.settle(
                number, {key: value} if key else {}, request.POST.get("answer", ""), by=access.actor, at=timezone.now(),
                purpose=access.purpose,
            )  # fmt: skip
        except Refusal as refusal:
            messages.error(request, refusal_words(refusal))
            return redirect("planner:objection", number)
        messages.success(
            request, _("异议成立，名单已更正。") if outcome == "upheld" else _("异议已答复，名单不变。")
        )
        return redirect("planner:list", told.list_number)
    found = list_queries.get_list(told.list_number)
    held = list_actions.facts_of(number)
    facts = tuple(
        Asked(
            r["key"], r[language()], r[f"form_{language()}"], _shown(held.get(r["key"]), r.get("options", ()))
        )
        for r in asked(_programme(found.programme))
    )
    page = ObjectionPage(_head(found), _objection(told), facts)
    return render(request, "planner/objection.html", {"page": page})


@require_GET
@public
def published(request: HttpRequest, number: int) -> HttpResponse:
    """A published list as anyone may see it."""
    if list_queries.get_list(number).state == "prepared":
        raise Http404
    return render(request, "planner/list_public.html", {"page": _page(request, number)})


@require_GET
@public
def download(request: HttpRequest, number: int) -> HttpResponse:
    """The list with seed and lots, for whoever wants to check order and draw."""
    found = list_queries.get_list(number)
    if found.state == "prepared":
        raise Http404
    told = {
        "list": number, "programme": found.programme, "places": found.places, "ties": found.ties, "seed": found.seed,
        "seed_hash": found.seed_hash, "rows": [{**asdict(r), "score": str(r.score)} for r in list_queries.public_rows(number)],
    }  # fmt: skip
    answer = JsonResponse(told, json_dumps_params={"ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="list-{number}.json"'
    return answer


def applicants(programme: Programme, service: str, on: date, region: str) -> list[Applicant]:
    """Everyone of the place who qualifies, with what the ranking needs; people to be left alone take no part."""
    bound = bind(programme, on)
    with library.everyone([programme], on) as people:
        columns = [u.fact.column for u in programme.uses]
        query = compile_sql(
            bound,
            source=people.source,
            service=service,
            want=("passes",),
            keep=["person_code", "region", *columns],
        )
        passes = query.passes[service]
        rows = people.engine.rows(
            f'SELECT person_code, region, {", ".join(f"{chr(34)}{c}{chr(34)}" for c in columns)} FROM ({query.sql}) WHERE "{passes}"'
        )
    inside = [r for r in rows if regions.within(r[1], region)]
    codes = [r[0] for r in inside]
    left_alone = erasure_queries.restricted(codes)
    names = of_people(codes, True)
    return [
        Applicant(r[0], r[1], names[r[0]].name if r[0] in names else "*", row_values(programme, r[2:]))
        for r in inside
        if r[0] not in left_alone
    ]


def _choices() -> tuple[Choice, ...]:
    """Services of this place's programmes that rank, in force first."""
    found = []
    for name in files.programmes():
        place, short = name.split("/")
        if place != packs.place():
            continue
        for path in files.versions(place, short):
            programme = files.load_file(path)
            for service in programme.services:
                if service.ranking:
                    words = f"{programme.label(language())} {programme.version} · {service.label(language())}"
                    found.append(Choice(f"{programme.id}#{service.id}", words, service.ranking.places))
    return tuple(found)


def _programme(identity: str) -> Programme:
    try:
        return loading.get(identity)
    except Refusal as refusal:
        raise Http404 from refusal


def _page(request: HttpRequest, number: int, *, objections: bool = False) -> ListPage:
    try:
        found = list_queries.get_list(number)
    except Refusal as refusal:
        raise Http404 from refusal
    is_all = request.GET.get("all") == "1"
    rows = list_queries.public_rows(number)
    shown = rows if is_all else tuple(r for r in rows if r.is_admitted)
    raw = request.GET.get("from", "0")
    first = min(int(raw) if raw.isdigit() else 0, max(len(shown) - 1, 0)) // PAGE * PAGE
    quotas = _quotas(found)
    lines = tuple(
        Line(r, points(r.score), quotas.get(r.quota, r.quota), _reasons()[r.reason])
        for r in shown[first : first + PAGE]
    )
    told = tuple(_objection(o) for o in list_queries.list_objections(number)) if objections else ()
    return ListPage(
        _head(found), lines, len(shown), first, is_all, first - PAGE if first else None,
        first + PAGE if first + PAGE < len(shown) else None, told, objections, may(request, "policy.rank"),
    )  # fmt: skip


def _quotas(found: list_queries.ListView) -> dict[str, str]:
    programme = _programme(found.programme)
    spec = next(s.ranking for s in programme.services if s.id == found.service)
    return {c.id: c.en if language() == "en" else c.zh for c in (spec.categories if spec else ())}


def _head(view: list_queries.ListView) -> Head:
    try:
        programme = loading.get(view.programme)
        name = f"{programme.label(language())} {programme.version}"
        service = next(
            (s.label(language()) for s in programme.services if s.id == view.service), view.service
        )
    except Refusal:  # the file is gone; the list stays what it was
        name, service = view.programme, view.service
    states = {"prepared": _("已编制"), "published": _("公示中"), "final": _("已定稿")}
    ties = {
        "all_admitted": _("末位同分全部入围"),
        "none_admitted": _("末位同分全部不入围"),
        "draw": _("末位同分抽签"),
    }
    return Head(
        view, name, service, TONES[view.state], states[view.state], ties[view.ties],
        "—" if view.line_score is None else points(view.line_score), view.is_open(timezone.localdate()),
    )  # fmt: skip


def _objection(view: list_queries.ObjectionView) -> Objection:
    states = {"open": _("待处理"), "upheld": _("成立"), "rejected": _("不成立")}
    return Objection(
        view, OUTCOMES[view.state], states[view.state], _figures(view.before), _figures(view.after)
    )


def _figures(told: dict[str, Any]) -> str:
    if not told:
        return "—"
    admitted = _("入围") if told["is_admitted"] else _("未入围")
    return _("%(score)s 分，第 %(rank)s 名，%(admitted)s") % {
        "score": points(Fraction(told["score"])), "rank": told["rank"], "admitted": admitted,
    }  # fmt: skip


def _reasons() -> dict[str, str]:
    return {
        "within_places": _("在名额内"), "tied_at_line": _("与末位同分"), "drawn": _("抽中"), "not_drawn": _("未抽中"),
        "below_line": _("在线下"), "not_qualified": _("不符合条件"), "objection_admitted": _("异议成立，入围"),
        "objection_withdrawn": _("异议核定，退出"),
    }  # fmt: skip


def _shown(value: object, options: Sequence[Mapping[str, str]]) -> str:
    if value is None:
        return "—"
    words = next((o[language()] for o in options if o["code"] == value), "")
    if words:
        return words
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)

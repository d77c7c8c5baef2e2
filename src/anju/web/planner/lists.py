"""Publication lists: prepared, published under masked names, open to objection, final."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel import packs
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.policy.loading import files
from anju.policy.words import number as points
from anju.services.store import list_actions, list_queries
from anju.web.guard import guard, may, public
from anju.web.planner.applicants import applicants
from anju.web.planner.list_words import (
    Head,
    Line,
    Objection,
    head_of,
    objection_of,
    programme_of,
    quotas_of,
    reasons,
)
from anju.web.planner.programmes import language, library_day

PAGE = 50


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


@require_GET
@guard("list.read")
def lists(request: HttpRequest) -> HttpResponse:
    """Every list, and the form for a new one."""
    heads = tuple(head_of(v) for v in list_queries.list_lists())
    return render(
        request, "planner/lists.html", {"page": Lists(heads, _choices(), may(request, "case.decide"))}
    )


@require_POST
@guard("case.decide")
def prepare(request: HttpRequest) -> HttpResponse:
    """Prepare a list: its seed is drawn and the hash goes out."""
    identity, _sign, service = request.POST.get("what", "").partition("#")
    raw = request.POST.get("places", "").strip()
    programme = programme_of(identity)
    access = request.access
    number = list_actions.prepare(
        programme, service, whole(raw) or 0, library_day(programme), access.actor.region,
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
    people = applicants(programme_of(found.programme), found.service, found.filed_on, access.actor.region)
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


def _page(request: HttpRequest, number: int, *, objections: bool = False) -> ListPage:
    try:
        found = list_queries.get_list(number)
    except Refusal as refusal:
        raise Http404 from refusal
    is_all = request.GET.get("all") == "1"
    rows = list_queries.public_rows(number)
    shown = rows if is_all else tuple(r for r in rows if r.is_admitted)
    raw = request.GET.get("from", "0")
    first = min(whole(raw) or 0, max(len(shown) - 1, 0)) // PAGE * PAGE
    quotas = quotas_of(found)
    lines = tuple(
        Line(r, points(r.score), quotas.get(r.quota, r.quota), reasons()[r.reason])
        for r in shown[first : first + PAGE]
    )
    told = tuple(objection_of(o) for o in list_queries.list_objections(number)) if objections else ()
    return ListPage(
        head_of(found), lines, len(shown), first, is_all, first - PAGE if first else None,
        first + PAGE if first + PAGE < len(shown) else None, told, objections, may(request, "policy.rank"),
    )  # fmt: skip

"""Compared: one person or a group under each city's rules, and two versions side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.policy import library, loading
from anju.policy.bound import bind
from anju.policy.compare import Compared, Difference, compare_person, compare_tables
from anju.policy.loading import files
from anju.policy.model import Programme, Use
from anju.policy.simulate import Outcome, simulate
from anju.policy.sql.terms import quoted, text
from anju.policy.telling import OUTCOMES
from anju.web.guard import guard
from anju.web.planner.programmes import all_programmes, language, library_day, place_name, waiting
from anju.web.planner.results import GROUPS, count, group_title, group_value, score
from anju.web.planner.what_if import assumed
from anju.web.shell.charts import Chart, Series

FIRST = 18
"""Facts that stand open; the rest is one tap away."""
TONES = {"yes": "good", "no": "bad", "open": "signal"}
PLAIN = frozenset({"months", "days", "years", "count", "money", "area", "percent", "decimal", "boolean", "code", "date"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One programme that may be chosen."""

    id: str
    place: str
    name: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One fact of the form."""

    use: Use
    label: str
    kind: str
    unit: str
    options: tuple[tuple[str, str], ...]
    value: str
    asked_by: int


@dataclass(frozen=True, slots=True)
class Answered:
    """One programme's answer for the person, in words."""

    place: str
    told: Compared
    name: str
    service: str
    tone: str
    words: str
    score: str
    line: str
    unmet: str


@dataclass(frozen=True, slots=True)
class PersonPage:
    """The form and, once asked, the answers."""

    choices: tuple[Choice, ...]
    asks: tuple[Ask, ...]
    more: tuple[Ask, ...]
    rows: tuple[Answered, ...]
    samples: tuple[tuple[str, str], ...]
    on: date


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One programme's counts for the group."""

    place: str
    programme: Programme
    name: str
    qualified: str
    open: str
    mean: str
    absent: int


@dataclass(frozen=True, slots=True)
class GroupPage:
    """A group of people under each programme; counts only."""

    choices: tuple[Choice, ...]
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    chosen: str
    group: str
    people: str
    rows: tuple[GroupRow, ...]
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """Two tables side by side."""

    known: tuple[tuple[str, str], ...]
    one: Programme | None
    other: Programme | None
    differences: tuple[Difference, ...]
    changed: int


def latest() -> list[Programme]:
    """The newest version of each programme."""
    return [files.load_file(files.versions(*n.split("/"))[-1]) for n in files.programmes()]


def chosen(asked: Iterable[str]) -> tuple[list[Programme], tuple[Choice, ...]]:
    """The programmes asked for (settlement by points when none is), and all choices."""
    known, wanted = latest(), set(asked)
    if not wanted:
        wanted = {p.id for p in known if p.name in ("settlement", "points")}
    choices = tuple(Choice(p.id, place_name(p.place), p.label(language()), p.id in wanted) for p in known)
    return [p for p in known if p.id in wanted], choices


@guard("policy.simulate")
def person(request: HttpRequest) -> HttpResponse:
    """Facts filled in by hand, or those of an invented person, under each programme. Sent, never in the address."""
    sent = request.POST if request.method == "POST" else request.GET
    found, choices = chosen(sent.getlist("programme"))
    samples = _samples()
    facts = dict(samples.get(sent.get("sample", ""), {}).get("facts", {}))
    facts |= {
        k.removeprefix("fact:"): _written(k, v)
        for k, v in sent.items()
        if k.startswith("fact:") and v.strip()
    }
    on = timezone.localdate()
    rows: tuple[Answered, ...] = ()
    if facts and found:
        uses = [u for p in found for u in p.uses]
        known = {
            k: v for k, v in facts.items() if any(u.key == k or u.key.startswith(f"{k}.") or k.removesuffix("_yuan") + "_fen" == u.key for u in uses)
        }  # fmt: skip
        rows = tuple(map(_answered, compare_person(found, known, on)))
    key = "en" if language() == "en" else "zh"
    asks = _asks(found, facts)
    first = tuple(a for at, a in enumerate(asks) if a.value or at < FIRST)
    page = PersonPage(
        choices,
        first,
        tuple(a for a in asks if a not in first),
        rows,
        tuple((name, body[key]) for name, body in samples.items()),
        on,
    )
    return render(request, "planner/compare.html", {"page": page})


@require_GET
@guard("policy.simulate")
def group(request: HttpRequest) -> HttpResponse:
    """A group of the library's people under each programme, as if each city counted what this one knows."""
    found, choices = chosen(request.GET.getlist("programme"))
    asked = request.GET.get("group", "")
    column, _sign, value = asked.partition("=")
    column = column if column in GROUPS else ""
    rows: list[tuple[Programme, Outcome, int]] = []
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    people = 0
    for programme in found:
        on = library_day(programme)
        if (wait := waiting(request, programme, on)) is not None:
            return wait
        with library.everyone([programme], on) as all_:
            groups = groups or _groups(all_)
            source = all_.source
            if column and column in all_.columns:
                source = f"(SELECT * FROM {all_.source} WHERE CAST({quoted(column)} AS VARCHAR) = {text(value)}) AS chosen"
            told = simulate(
                all_.engine, source, bind(programme, on, {}), bind(programme, on, {}), least_cell=assumed().get("least_cell", 10)
            )  # fmt: skip
            people = told.people
            rows.append((programme, told.before, len(all_.absent)))
    page = GroupPage(
        choices, groups, asked, group_value(column, value) if column else _("全体居民"), count(people if people >= 10 else None),
        tuple(GroupRow(place_name(p.place), p, p.label(language()), count(o.qualified), count(o.open), score(o.mean_score), n) for p, o, n in rows),
        _group_chart([(place_name(p.place), o.qualified) for p, o, _n in rows]),
    )  # fmt: skip
    return render(request, "planner/compare_group.html", {"page": page})


@require_GET
@guard("policy.simulate")
def versions(request: HttpRequest) -> HttpResponse:
    """Two versions of a programme, or two cities' tables, line by line."""
    known = tuple(
        (p.id, f"{place_name(p.place)} · {p.label(language())} · {p.version}") for p in all_programmes()
    )
    one, other = (_named(request.GET.get(k, "")) for k in ("one", "other"))
    differences = tuple(compare_tables(one, other, language())) if one and other else ()
    page = VersionsPage(known, one, other, differences, sum(not d.is_same for d in differences))
    return render(request, "planner/versions.html", {"page": page})


def _written(key: str, value: str) -> str:
    """A value as a facts file writes it: money in the form is yuan."""
    value = value.strip()
    return f"{value}元" if key.endswith("_fen") and value.replace(".", "").isdigit() else value


def _named(asked: str) -> Programme | None:
    if not asked:
        return None
    try:
        return loading.get(asked)
    except Refusal as refusal:
        raise Http404 from refusal


def _samples() -> dict[str, Any]:
    path = packs.find_file("samples.yaml")
    return packs.read_yaml(path) if path else {}


def _asks(programmes: Iterable[Programme], facts: Mapping[str, Any]) -> tuple[Ask, ...]:
    """Every plain fact the programmes ask for, those most ask for first."""
    uses: dict[str, list[Use]] = {}
    for programme in programmes:
        for use in programme.uses:
            if use.fact.type.kind in PLAIN:
                uses.setdefault(use.key, []).append(use)
    ordered = sorted(uses.values(), key=lambda found: -len(found))
    return tuple(_ask(found[0], len(found), facts.get(found[0].key)) for found in ordered)


def _ask(use: Use, asked_by: int, value: Any) -> Ask:
    english = language() == "en"
    kind = use.fact.type.kind
    options = tuple((o.code, o.en if english else o.zh) for o in use.fact.options)
    if kind == "boolean":
        options, value = (("yes", _("是")), ("no", _("否"))), {True: "yes", False: "no"}.get(value, value)
    unit = {
        "months": _("个月"),
        "days": _("天"),
        "years": _("年"),
        "money": _("元"),
        "area": _("平方米"),
        "percent": "%",
    }.get(kind, "")
    label = use.fact.en if english else use.fact.zh
    return Ask(use, label, kind, unit, options, "" if value is None else str(value), asked_by)


def _answered(told: Compared) -> Answered:
    english = language() == "en"
    p = told.programme
    return Answered(
        place_name(p.place), told, p.label(language()), told.en if english else told.zh, TONES[told.outcome],
        OUTCOMES[told.outcome][1 if english else 0], score(told.score), score(told.line),
        ("; " if english else "；").join(u[1 if english else 0] for u in told.unmet),
    )  # fmt: skip


def _groups(people: library.People) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Groups large enough to be looked at."""
    found = []
    for column in (c for c in GROUPS if c in people.columns):
        rows = people.engine.rows(
            f"SELECT CAST({quoted(column)} AS VARCHAR) AS v FROM {people.source} WHERE v IS NOT NULL "
            f"GROUP BY 1 HAVING count(*) >= {assumed().get('least_cell', 10)} ORDER BY 1"
        )
        found.append((group_title(column), tuple((f"{column}={v}", group_value(column, v)) for (v,) in rows)))
    return tuple(found)


def _group_chart(rows: list[tuple[str, int | None]]) -> Chart | None:
    if not any(n for _name, n in rows):
        return None
    return Chart(
        "cities", _("符合人数"), "row", [name for name, _n in rows], [Series(_("符合人数"), [n for _name, n in rows])], _("人")
    )  # fmt: skip


__all__ = ["group", "person", "versions"]

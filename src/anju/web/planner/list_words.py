"""Publication lists and objections in words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from anju.kernel.refusal import Refusal
from anju.policy import loading
from anju.policy.model import Programme
from anju.policy.words import number as points
from anju.services.store import list_queries
from anju.web.planner.programmes import language

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


def programme_of(identity: str) -> Programme:
    """The programme a list was made with; a page that is not found where its file is gone."""
    try:
        return loading.get(identity)
    except Refusal as refusal:
        raise Http404 from refusal


def quotas_of(found: list_queries.ListView) -> dict[str, str]:
    """Categories of places by name."""
    programme = programme_of(found.programme)
    spec = next(s.ranking for s in programme.services if s.id == found.service)
    return {c.id: c.en if language() == "en" else c.zh for c in (spec.categories if spec else ())}


def head_of(view: list_queries.ListView) -> Head:
    """A list's head in words."""
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


def objection_of(view: list_queries.ObjectionView) -> Objection:
    """One objection in words."""
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


def reasons() -> dict[str, str]:
    """Why somebody is on the list where they are."""
    return {
        "within_places": _("在名额内"), "tied_at_line": _("与末位同分"), "drawn": _("抽中"), "not_drawn": _("未抽中"),
        "below_line": _("在线下"), "not_qualified": _("不符合条件"), "objection_admitted": _("异议成立，入围"),
        "objection_withdrawn": _("异议核定，退出"),
    }  # fmt: skip

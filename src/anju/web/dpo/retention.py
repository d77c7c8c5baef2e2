"""Retention runs: what would go, who put it forward, who agreed, what went. Counts alone."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from anju.kernel.refusal import Refusal
from anju.trust import rights
from anju.trust.retaining import Keeping, keepings
from anju.trust.store import erasure_actions, erasure_queries
from anju.web.guard import guard
from anju.web.shell.tags import label, refusal_words
from anju.web.shell.terms import dataset_name, field_label

ASPECT_OF = {
    "landright": "land",
    "taxyear": "tax",
    "healthfile": "health",
    "identity": "person",
    "dossier": "person",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One run with its counts in words; ``is_mine``: the one who looks put it forward, so another must approve."""

    run: erasure_queries.RunLine
    counts: tuple[tuple[str, int], ...]
    is_mine: bool


@dataclass(frozen=True, slots=True)
class RetentionPage:
    """The runs, newest first, and the terms they follow."""

    runs: tuple[Shown, ...]
    terms: tuple[tuple[str, Keeping], ...]
    every_days: int


def words_of(key: str) -> str:
    """A class of a run in words: records of a dataset, facts of an aspect, the house's own records, people."""
    kind, _dot, name = key.partition(".")
    if kind == "records":
        return _("报送记录：%(what)s") % {"what": dataset_name(name)}
    if kind == "house":
        return str(label(rights.catalogue()["retention"].get(name, {"zh": name, "en": name})))
    if kind == "facts":
        table = name.removeprefix("register_")
        return _("登记簿历史：%(what)s") % {"what": _aspect(ASPECT_OF.get(table, table))}
    return _("房屋登记中出现的姓名") if kind == "named" else _("整份档案（人）")


def _aspect(name: str) -> str:
    told = {
        "person": _("个人信息"), "discrepancy": _("不一致事项"), "dwelling": _("房屋"), "employer": _("用人单位"),
        "counterentry": _("窗口登记"), "settlement": _("核定记录"),
    }  # fmt: skip
    return told.get(name) or field_label(name)


@require_GET
@guard("retention.run")
def runs(request: HttpRequest) -> HttpResponse:
    """List the runs."""
    me = request.access.actor.account
    shown = tuple(
        Shown(run, _counts(run), run.asked_by == me)
        for run in erasure_queries.list_runs(20)
        if run.state != "dropped"
    )
    terms = tuple((_aspect(name), rule) for name, rule in keepings().items())
    page = RetentionPage(shown, terms, rights.catalogue()["retention_every_days"])
    return render(request, "dpo/retention.html", {"page": page})


def _counts(run: erasure_queries.RunLine) -> tuple[tuple[str, int], ...]:
    told: dict[str, int] = {}
    for key, rows in sorted((run.erased if run.state == "done" else run.counts).items()):
        told[words_of(key)] = told.get(words_of(key), 0) + rows  # two tables of one aspect are one line
    return tuple(told.items())


@require_POST
@guard("retention.run")
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """Put a run forward, approve a colleague's, or drop it."""
    step = request.POST.get("do", "")
    try:
        erasure_actions.decide_run(number, step, by=request.access.actor, at=timezone.now())
        told = {
            "ask": _("已提请执行，须由另一人批准。"),
            "approve": _("已批准，一分钟内开始执行，结果只记数量。"),
            "drop": _("已放弃，什么也没有删除。"),
        }
        messages.success(request, told[step])
    except Refusal as refusal:
        messages.error(request, refusal_words(refusal))
    return redirect("dpo:retention")

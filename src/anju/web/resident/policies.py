"""What can I get? One's own result under each programme, line by line in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.policy import library, loading
from anju.policy.explain import Answer, FactShown, LineShown, ServiceShown, TestShown, default_day, explain
from anju.policy.loading import files
from anju.policy.model import Programme
from anju.policy.telling import OUTCOMES, change_text
from anju.policy.words import number
from anju.register.store import queries as register
from anju.web.guard import guard
from anju.web.shell.tags import is_english
from anju.web.shell.terms import dataset_name

TONES = {"yes": "good", "no": "quiet", "open": "signal"}
CHANGES = 6


@dataclass(frozen=True, slots=True)
class Told:
    """One programme and how each of its services came out."""

    programme: Programme
    name: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One service: its name, tone, outcome in words, score and line."""

    name: str
    tone: str
    words: str
    score: str
    line: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as the page shows it."""

    name: str
    value: str
    source: str
    is_unknown: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One condition or line: its state or points, rule, article and facts."""

    name: str
    article: str
    rule: str
    tone: str
    points: str
    is_counted: bool
    depth: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not known, and who can prove it."""

    name: str
    proof: str


@dataclass(frozen=True, slots=True)
class ServicePart:
    """One service explained."""

    outcome: Outcome
    conditions: tuple[Row, ...]
    lines: tuple[Row, ...]
    others: tuple[Row, ...]
    missing: tuple[Missing, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """The whole explanation and its receipt."""

    programme: Programme
    name: str
    on: date
    cutoff: date
    services: tuple[ServicePart, ...]
    receipt: tuple[str, str, str]

    @property
    def doubt(self) -> str:
        """The query that begins a request about this result: which rules, which result; nothing of the person."""
        told = {"name": self.name, "version": self.programme.id, "digest": self.receipt[2]}
        return urlencode({"text": _("%(name)s（%(version)s，结果摘要 %(digest)s）：") % told})


@require_GET
@guard("own.read")
def policies(request: HttpRequest) -> HttpResponse:
    """What this place and the country offer, and where I stand with each."""
    code = request.access.actor.person_code
    told = []
    for programme in _here():
        answer = _answer(code, programme, with_changes=False)
        told.append(
            Told(programme, programme.label(_language()), tuple(_outcome(s) for s in answer.services))
        )
    return render(request, "resident/policies.html", {"page": tuple(told)})


@require_GET
@guard("own.read")
def policy(request: HttpRequest, place: str, programme: str) -> HttpResponse:
    """My own result under one programme, explained."""
    found = next((p for p in _here() if (p.place, p.name) == (place, programme)), None)
    if found is None:
        raise Http404
    answer = _answer(request.access.actor.person_code, found, with_changes=True)
    told = answer.receipt
    page = PolicyPage(
        found, found.label(_language()), answer.on, answer.cutoff, tuple(_part(s, answer) for s in answer.services),
        (found.digest[:12], told["facts_sha256"][:12], told["result_sha256"][:12]),
    )  # fmt: skip
    return render(request, "resident/policy.html", {"page": page})


def _language() -> str:
    return "en" if is_english() else "zh"


def _either(zh: str, en: str) -> str:
    return en if is_english() else zh


def _here() -> list[Programme]:
    """The programmes of this place and of the whole country, in force or the newest: facts 'in this city' mean it."""
    today, found = timezone.localdate(), []
    for name in files.programmes():
        if name.split("/")[0] in (packs.place(), "cn"):
            try:
                found.append(loading.get(name, today))
            except Refusal:  # no version in force: the newest is shown with its day
                found.append(loading.get(name, None))
    return sorted(found, key=lambda p: (p.place == "cn", p.name))


def _answer(code: str, programme: Programme, *, with_changes: bool) -> Answer:
    run = register.latest_run()
    on = default_day(programme, run.as_of if run and run.as_of else timezone.localdate())
    return explain(programme, library.person(code, programme, on), on, with_changes=with_changes)


def _outcome(service: ServiceShown) -> Outcome:
    words = OUTCOMES[service.outcome][1 if is_english() else 0]
    says_nothing = service.outcome == "open" and not service.score  # nothing proven yet is not nought points
    return Outcome(
        _either(service.zh, service.en), TONES[service.outcome], words,
        "" if service.score is None or says_nothing else number(service.score),
        "" if service.line is None else number(service.line),
    )  # fmt: skip


def _part(service: ServiceShown, answer: Answer) -> ServicePart:
    rows = [r for line in (*service.items, *service.deductions) for r in _lines(line, 0)]
    conditions = [_test(t, {"yes": "good", "no": "bad", "open": "signal"}) for t in service.conditions]
    conditions += [_test(t, {"yes": "bad", "no": "good", "open": "signal"}) for t in service.vetoes]
    missing = [Missing(_either(f.zh, f.en), _either(f.proof_zh, f.proof_en)) for f in service.missing]
    changes = [change_text(c, answer.programme, _language()) for c in service.changes[:CHANGES]]
    return ServicePart(
        _outcome(service), tuple(conditions), tuple(r for r in rows if r.points != "0"),
        tuple(r for r in rows if r.points == "0"), tuple(missing), tuple(changes),
    )  # fmt: skip


def _test(test: TestShown, tones: dict[str, str]) -> Row:
    facts = tuple(map(_fact, test.facts))
    return Row(
        _either(test.zh, test.en), test.article, _either(test.rule_zh, test.rule_en), tones[test.state], "", True, 0, facts
    )  # fmt: skip


def _lines(line: LineShown, depth: int) -> list[Row]:
    """A line and those inside it; a group's facts stand on its lines."""
    facts = () if line.lines else tuple(map(_fact, line.facts))
    tone = "signal" if line.is_unknown else "good" if line.points and line.is_counted else "quiet"
    row = Row(
        _either(line.zh, line.en), line.article, _either(line.rule_zh, line.rule_en), tone, number(line.points), line.is_counted,
        depth, facts,
    )  # fmt: skip
    return [row, *(r for inner in line.lines for r in _lines(inner, depth + 1))]


def _fact(fact: FactShown) -> Fact:
    source = dataset_name(fact.source) if fact.source and fact.source != "stated" else ""
    return Fact(
        _either(fact.zh, fact.en), _either(fact.shown_zh, fact.shown_en), source, fact.is_unknown
    )  # fmt: skip

"""Contradictions as work: the list, one field of one person with all its sources, and many settled by a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anju.exchange.contracts import get_codelist
from anju.exchange.review.comparing import Runs, align
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.register import settling
from anju.register.store import settling as actions
from anju.register.store import settling_many
from anju.register.store.queries import cases
from anju.trust import places, rights
from anju.trust.access import Actor
from anju.trust.store import rights_queries
from anju.web.guard import Access, guard, may
from anju.web.shell.sealed import open_sealed, seal
from anju.web.shell.tags import refusal_words
from anju.web.shell.terms import CODELISTS, code_label
from anju.web.staff.people import REVEAL_SECONDS, scope

OTHER = "other"
KINDS = {"name": "name", "citizen_no": "number", "phone": "number"}


@dataclass(frozen=True, slots=True)
class CasesPage:
    """One page of cases with the filters it was asked for. ``department``: an officer's own, the only one they see."""

    rows: tuple[cases.CaseLine, ...]
    next_after: str | None
    counts: cases.CaseCounts
    state: str
    field: str
    owner: str
    age: int
    department: str
    states: tuple[str, ...]
    ages: tuple[int, ...]
    links: dict[str, str]
    may_settle: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One value to choose: its option, a token that names it without showing it; a code's words, or the value in runs."""

    option: cases.Option
    token: str
    words: str
    runs: Runs


@dataclass(frozen=True, slots=True)
class CasePage:
    """One field of one person: values with sources, history, and what can be done."""

    case: cases.CaseFile
    choices: tuple[Choice, ...]
    codes: tuple[tuple[str, str], ...]
    departments: tuple[tuple[str, str], ...]
    evidence: dict[str, dict[str, str]]
    request: rights_queries.RequestLine | None
    grounds: tuple[rights.Ground, ...]
    given: dict[str, str]
    trouble: str
    may_settle: bool
    is_theirs: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class BulkPage:
    """Rules, what the chosen one would do, and what was done so far."""

    rules: tuple[settling.Rule, ...]
    preview: settling_many.Preview | None
    batches: tuple[cases.BatchLine, ...]
    why: str
    trouble: str
    most: int


@require_GET
@guard("discrepancy.read")
def listed(request: HttpRequest) -> HttpResponse:
    """Cases of the place, what is due first on top; a department's officer sees the department's own."""
    access: Access = request.access  # type: ignore[attr-defined]
    asked, where, at = request.GET, scope(access.actor), timezone.now()
    state = asked.get("state", "open") if asked.get("state", "open") in cases.STATES else "open"
    field = asked.get("field", "") if asked.get("field", "") in settling.FIELDS else ""
    owner = access.actor.department or asked.get("owner", "")
    age = stated if (stated := whole(asked.get("age"))) in cases.AGES else 0
    found = cases.list_cases(
        scope=where, at=at, owner=owner, field=field, state=state, older_than=age, after=asked.get("after")
    )
    access.detail["rows"] = len(found.rows)
    page = CasesPage(
        found.rows, found.next_after, cases.count_cases(where, at, owner=owner, field="", older_than=age), state, field,
        owner, age, access.actor.department, cases.STATES, cases.AGES, _links(asked), may(request, "discrepancy.settle"),
    )  # fmt: skip
    return render(request, "staff/discrepancies.html", {"page": page})


def _links(asked: object) -> dict[str, str]:
    """The query without one filter each, for the chips that set it."""
    kept = {k: v for k, v in asked.items() if k in ("state", "field", "owner", "age") and v}  # type: ignore[attr-defined]
    return {
        name: "?" + urlencode({k: v for k, v in kept.items() if k != name} | {name: ""})
        for name in ("state", "field")
    }


@require_http_methods(["GET", "POST"])
@guard("discrepancy.read", subject="person:code", unsafe="discrepancy.settle")
def case(request: HttpRequest, code: str, field: str) -> HttpResponse:
    """One field of one person: compare, settle, hand on, close, take back."""
    trouble = ""
    if request.method == "POST":
        try:
            done = _do(request, code, field)
        except Refusal as refusal:
            trouble = refusal_words(named(refusal))
        else:
            messages.success(request, done)
            return redirect("staff:case", code, field)
    return _show(request, code, field, trouble=trouble)


def named(refusal: Refusal) -> Refusal:
    """A refusal whose department is told by name."""
    if "owner" in refusal.facts:
        return Refusal(refusal.code, **refusal.facts | {"owner": code_label("owner", refusal.facts["owner"])})
    return refusal


def _do(request: HttpRequest, code: str, field: str) -> str:
    access: Access = request.access  # type: ignore[attr-defined]
    given, at = request.POST, timezone.now()
    why = given.get("why", "")
    who = {"by": access.actor, "at": at, "purpose": access.purpose}
    do = given.get("do", "")
    if do == "settle":
        actions.settle(
            code, field, _chosen(request, field), why=why, evidence=given.get("evidence", "records"), **who
        )  # fmt: skip
        return _("已核定，现在就显示这个值；以后的汇总也以它为准。")
    if done := step(given, code, field, who):
        return done
    raise Refusal("register.bad_value", field=field)


def step(given: QueryDict, code: str, field: str, who: dict[str, Any]) -> str:
    """What can be done with a case of any field: hand it on, close it, take a decision back. What was done in words;
    nothing where something else was asked for."""
    do, why = given.get("do", ""), given.get("why", "")
    if do == "send":
        actions.send(code, field, given.get("to", ""), note=why, **who)
        return _("已转交。")
    if do == "drop":
        actions.drop(code, field, why=why, ground=given.get("ground", ""), **who)
        return _("已结案，未作更正。")
    if do == "undo" and (number := whole(given.get("case"))) is not None:
        actions.undo(number, why=why, **who)
        return _("已撤回，恢复为原来显示的值。")
    return ""


def _chosen(request: HttpRequest, field: str) -> str:
    """The value meant: one of those stated, or what was typed."""
    picked = request.POST.get("value", "")
    if picked == OTHER:
        return settling.check(field, request.POST.get("other", ""))
    return settling.check(field, open_sealed(picked, request.user.pk))


@require_POST
@guard("person.reveal", subject="person:code")
def reveal(request: HttpRequest, code: str, field: str) -> HttpResponse:
    """The same page in clear, for a minute."""
    request.access.detail["field"] = field  # type: ignore[attr-defined]
    answer = _show(request, code, field, masked=False)
    answer["Cache-Control"] = "no-store"
    return answer


def _show(
    request: HttpRequest, code: str, field: str, *, masked: bool = True, trouble: str = ""
) -> HttpResponse:
    access: Access = request.access  # type: ignore[attr-defined]
    today = timezone.localdate()
    held = cases.get_case(code, field, today=today, masked=masked)
    theirs_to_see(held, access.actor)
    given = request.POST.dict() if trouble else {}
    asked = rights_queries.get_request(held.request, today=today) if held.request else None
    page = CasePage(
        held, _choices(request, held, asked, masked), _codes(field), departments(held.owner),
        settling.plan()["evidence"], asked, tuple(rights.grounds("correct").values()) if asked else (), given, trouble,
        may(request, "discrepancy.settle"), not access.actor.department or access.actor.department == held.owner,
        0 if masked else REVEAL_SECONDS,
    )  # fmt: skip
    return render(request, "staff/case.html", {"page": page}, status=422 if trouble else 200)


def theirs_to_see(held: cases.CaseFile | cases.CaseHead, actor: Actor) -> None:
    """A department sees what it is or was asked."""
    mine = actor.department
    if mine and mine != held.owner and mine not in {d for s in held.steps for d in (s.department, s.to)}:
        raise Refusal("register.other_department", owner=code_label("owner", held.owner))


def _choices(
    request: HttpRequest, held: cases.CaseFile, asked: rights_queries.RequestLine | None, masked: bool
) -> tuple[Choice, ...]:
    told = list(held.options)
    claim = _as_code(held.field, asked.claim.strip()) if asked is not None else ""
    if claim and claim not in {o.value for o in told}:
        told.append(cases.Option(claim, cases.mask(held.field, claim) if masked else claim, (), False, False))
    kind = KINDS.get(held.field, "") if masked else ""
    now = next((o.value for o in told if o.is_shown), "")
    is_coded = held.field in CODELISTS or held.field.endswith("region")
    return tuple(
        Choice(
            o, seal(o.value, request.user.pk), code_label(held.field, o.value) if is_coded else "",
            align(o.value, now, kind)[0],
        )
        for o in told
    )  # fmt: skip


def _as_code(field: str, claim: str) -> str:
    """What a person wrote, as the code of that word where the field is coded."""
    if field not in settling.CODED:
        return claim
    labels = get_codelist(CODELISTS[field]).labels
    return next(
        (code for code, words in labels.items() if claim.lower() in {w.lower() for w in words}), claim
    )


def _codes(field: str) -> tuple[tuple[str, str], ...]:
    """The codes of a coded field with their words; nothing for the others."""
    if field not in settling.CODED:
        return ()
    labels = get_codelist(CODELISTS[field]).labels
    return tuple(
        (c, code_label(field, c)) for c in settling.code_values(settling.CODED[field]) if c in labels
    )


def departments(owner: str) -> tuple[tuple[str, str], ...]:
    """Whom a case can be handed to, with their names."""
    return tuple((d, code_label("owner", d)) for d in settling.code_values("department") if d != owner)


@require_http_methods(["GET", "POST"])
@guard("discrepancy.read", unsafe="discrepancy.settle")
def bulk(request: HttpRequest) -> HttpResponse:
    """Choose a rule, see what it would settle, settle."""
    access: Access = request.access  # type: ignore[attr-defined]
    where, owner, why, trouble = scope(access.actor), access.actor.department, request.POST.get("why", ""), ""
    rule = request.POST.get("rule", "") or request.GET.get("rule", "")
    if request.method == "POST":
        try:
            _batch, count = settling_many.apply(
                rule, scope=where, region=_region(access.actor), why=why, owner=owner, by=access.actor, at=timezone.now(),
                purpose=access.purpose,
            )  # fmt: skip
        except Refusal as refusal:
            trouble = refusal_words(refusal)
        else:
            messages.success(request, _("已按规则核定 %(n)s 项，可在下面整批撤回。") % {"n": f"{count:,}"})
            return redirect(reverse("staff:bulk") + "#batches")
    preview = settling_many.preview(rule, scope=where, owner=owner) if rule in settling.rules() else None
    if preview is not None:
        access.detail["rows"] = len(preview.samples)
    page = BulkPage(
        tuple(settling.rules().values()), preview, cases.list_batches(), why, trouble, settling_many.MOST
    )
    return render(request, "staff/bulk.html", {"page": page}, status=422 if trouble else 200)


def _region(actor: Actor) -> str | None:
    """The division a batch belongs to."""
    return None if actor.region == places.WHOLE else places.prefix(actor.region)


@require_POST
@guard("discrepancy.settle")
def undo_bulk(request: HttpRequest, batch: int) -> HttpResponse:
    """Take a whole batch back."""
    access: Access = request.access  # type: ignore[attr-defined]
    try:
        done = settling_many.undo_batch(
            batch, why=request.POST.get("why", ""), by=access.actor, at=timezone.now(), purpose=access.purpose
        )
        messages.success(request, _("已撤回 %(n)s 项。") % {"n": f"{done:,}"})
    except Refusal as refusal:
        messages.error(request, refusal_words(named(refusal)))
    return redirect("staff:bulk")

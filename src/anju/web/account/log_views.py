"""The log's pages: checkpoints and proofs for everyone, entries for those who audit."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.trust.access import Action, Purpose, Role, rules
from anju.trust.store import log_keys, log_published, log_queries
from anju.trust.store.log_queries import Inclusion, Placed, SignedPoint
from anju.web.account.back import told
from anju.web.guard import guard, public

PAGE = 50
MORE = 1000


@dataclass(frozen=True, slots=True)
class FrontPage:
    """The newest checkpoint, those before it, the keys, and a proof if one was asked for."""

    newest: SignedPoint | None
    history: tuple[SignedPoint, ...]
    keys: tuple[str, ...]
    proof: Inclusion | None
    trouble: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry with the words for its codes."""

    placed: Placed
    action: Action | dict[str, str] | None
    purpose: Purpose | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """Entries newest first, narrowed by what was asked."""

    lines: tuple[Line, ...]
    next_before: int | None
    account: str
    action: str
    person: str


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One entry and its proof, once a checkpoint covers it."""

    line: Line
    proof: Inclusion | None


def _number(request: HttpRequest, name: str) -> int | None:
    return whole(request.GET.get(name))


def _verifiers() -> tuple[str, ...]:
    return tuple(str(v) for v in (*log_keys.verifiers(), *log_published.witness_verifiers()))


@require_GET
@public
def front(request: HttpRequest) -> HttpResponse:
    """What anyone can check about the log, and how."""
    seq, proof, trouble = _number(request, "seq"), None, ""
    if seq is not None:
        try:
            proof = log_queries.prove_inclusion(seq)
        except Refusal as refusal:
            trouble = told(refusal)
    newest, *history = log_queries.checkpoints(PAGE) or [None]
    page = FrontPage(newest, tuple(h for h in history if h), _verifiers(), proof, trouble)
    return render(request, "account/log.html", {"page": page}, status=422 if trouble else 200)


@require_GET
@public
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint as a signed note, or that of ``?size=``."""
    point = log_queries.checkpoint_at(_number(request, "size"))
    if point is None:
        return HttpResponse("", status=404, content_type="text/plain; charset=utf-8")
    return HttpResponse(point.note, content_type="text/plain; charset=utf-8")


@require_GET
@public
def keys(request: HttpRequest) -> HttpResponse:
    """The public keys, one verifier key a line: the log's own, then the witness's."""
    return HttpResponse("".join(f"{v}\n" for v in _verifiers()), content_type="text/plain; charset=utf-8")


@require_GET
@public
def checkpoints(request: HttpRequest) -> HttpResponse:
    """Checkpoints newest first; ``?before=`` pages on."""
    found = log_queries.checkpoints(MORE, _number(request, "before"))
    listed = [{"size": p.size, "root": p.root.hex(), "at": p.at.isoformat(), "note": p.note} for p in found]
    return JsonResponse(
        {"checkpoints": listed, "next_before": listed[-1]["size"] if len(listed) == MORE else None}
    )


@require_GET
@public
def inclusion(request: HttpRequest) -> HttpResponse:
    """Proof that entry ``?seq=`` stands in the tree of the newest checkpoint, or that of ``?size=``."""
    seq = _number(request, "seq")
    if seq is None:
        return JsonResponse({"code": "log.not_covered"}, status=422)
    try:
        proof = log_queries.prove_inclusion(seq, _number(request, "size"))
    except Refusal as refusal:
        return JsonResponse({"code": refusal.code, "told": told(refusal)}, status=422)
    return JsonResponse(
        {
            "seq": proof.seq,
            "size": proof.size,
            "leaf": proof.leaf.hex(),
            "root": proof.root.hex(),
            "hashes": [h.hex() for h in proof.hashes],
            "checkpoint": proof.note,
        }
    )


@require_GET
@public
def consistency(request: HttpRequest) -> HttpResponse:
    """Proof that the tree of ``?to=`` (or the newest) continues that of ``?from=``."""
    prior = _number(request, "from")
    try:
        if prior is None:
            raise Refusal("log.not_covered", seq=0, size=0)
        proof = log_queries.prove_consistency(prior, _number(request, "to"))
    except Refusal as refusal:
        return JsonResponse({"code": refusal.code, "told": told(refusal)}, status=422)
    return JsonResponse(
        {
            "from": proof.prior,
            "to": proof.size,
            "from_root": proof.prior_root.hex(),
            "to_root": proof.root.hex(),
            "hashes": [h.hex() for h in proof.hashes],
            "hashes_base64": [b64encode(h).decode() for h in proof.hashes],
        }
    )


OF_ACCOUNTS = {
    "account.login": {"zh": "登录", "en": "log in"},
    "account.make": {"zh": "建立账号", "en": "make an account"},
    "account.password": {"zh": "重设初始密码", "en": "set a first password"},
    "account.close": {"zh": "关闭账号", "en": "close an account"},
}
"""What happens to accounts before any role is at work: entries of the log, no rights of anybody."""


def _lines(placed: list[Placed]) -> tuple[Line, ...]:
    book = rules()
    return tuple(
        Line(
            p,
            book.actions.get(p.entry.action) or OF_ACCOUNTS.get(p.entry.action),
            book.purposes.get(p.entry.purpose),
            book.roles.get(p.entry.role),
        )
        for p in placed
    )


@require_GET
@guard("log.read")
def entries(request: HttpRequest) -> HttpResponse:
    """Entries of the offices in one's place, newest first."""
    asked = {name: request.GET.get(name, "")[:60] for name in ("account", "action", "person")}
    found = log_queries.entries(
        PAGE,
        _number(request, "before"),
        account=asked["account"],
        action=asked["action"],
        person_code=asked["person"],
    )
    page = EntriesPage(_lines(found), found[-1].seq if len(found) == PAGE else None, **asked)
    return render(request, "account/log_entries.html", {"page": page})


@require_GET
@guard("log.read")
def entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry with its proof."""
    (line,) = _lines([log_queries.get_entry(seq)])
    try:
        proof = log_queries.prove_inclusion(seq)
    except Refusal:
        proof = None
    return render(request, "account/log_entry.html", {"page": EntryPage(line, proof)})

"""The guard at every page's door, for pages and API operations alike.

``@guard("person.read", subject="person:code")`` asks the access rules, opens a transaction as the web's database role
bound to the actor's places, runs the view in it, and writes the log entry into the same transaction. A no is logged
too, and told with its reasons. ``@public`` marks what anyone may open. A view without either fails a test.

An answer that streams must not read the database: its transaction is over when the stream begins.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone

from anju.kernel import wording
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor, Circumstance, Decision, Subject, decide, rules
from anju.trust.store import access_actions, access_queries, log, rows, trip
from anju.web import subjects
from anju.web.account.acting import Acting, acting, has_second_factor
from anju.web.shell.tags import is_english

View = Callable[..., Any]
PERSON_CODE, CODE = re.compile(r"[0-9A-Z]{13}"), re.compile(r"[0-9A-Za-z._-]{1,40}")
UNREADABLE = "?"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ACCOUNT_OWN = frozenset({"channel.send", "glass.break", "approval.ask"})


@dataclass
class Access:
    """What a guarded view may know about the one who asks, and what it may add to the log entry.

    ``detail``: counts and codes only. ``subject`` may be set by a view that finds out late whom it is about.
    """

    actor: Actor
    purpose: str
    decision: Decision
    subject: Subject | None = None
    detail: dict[str, str | int] = field(default_factory=dict)

    def opens(self, aspect: str) -> bool:
        """Whether the purpose opens this aspect of a person's file."""
        return aspect in self.decision.aspects


def public(view: View) -> View:
    """Mark a page as open to anyone."""
    view.rule = "page.open"  # type: ignore[attr-defined]
    return view


def guard(action: str, subject: str = "", *, unsafe: str = "") -> Callable[[View], View]:
    """Let only those in who may do ``action`` (``unsafe``: another action for requests that change something).

    ``subject`` is ``kind:argument``: the view's argument that names what it is about, such as ``person:code``. Raises
    ValueError for a kind whose place nobody knows: such a page would be open to every place.
    """
    if subject and subject.partition(":")[0] not in subjects.PLACES:
        raise ValueError(f"nobody knows where this lies: {subject}")

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if any(isinstance(value, str) and not value.isprintable() for value in kwargs.values()):
                raise Http404
            asked = unsafe if unsafe and request.method in UNSAFE else action
            return _Door(request, asked, _about(subject, kwargs)).pass_through(view, args, kwargs)

        guarded.rule = action  # type: ignore[attr-defined]
        guarded.rules = tuple(a for a in (action, unsafe) if a)  # type: ignore[attr-defined]
        guarded.subject = subject  # type: ignore[attr-defined]
        return guarded

    return wrap


def may(request: HttpRequest, action: str) -> bool:
    """Whether the one who asks may do ``action``, or could after naming a purpose; for showing what leads there."""
    as_whom = acting(request)
    return could(as_whom.actor if as_whom else None, as_whom.purpose if as_whom else "", action)


def could(actor: Actor | None, purpose: str, action: str) -> bool:
    """Whether ``actor`` may do ``action`` in itself, or could after naming a purpose; what is a person's own asks for one."""
    rule = rules().actions.get(action)
    if rule and rule.reach == "own" and action not in ACCOUNT_OWN and actor and not actor.person_code:
        return False
    told = decide(actor, action, purpose, None, Circumstance(second_factor=True, approved=True))
    return told.allowed or "purpose" in told.lacks


def _about(subject: str, kwargs: Mapping[str, Any]) -> Subject | None:
    """What the address names. What cannot be a code is never looked up, nor kept in the log: people type all sorts."""
    kind, _, argument = subject.partition(":")
    if not argument:
        return None
    stated = str(kwargs[argument])
    form = PERSON_CODE if kind == "person" else CODE
    return Subject(kind, stated if form.fullmatch(stated) else UNREADABLE)


class _Door:
    """One request at one door."""

    def __init__(self, request: HttpRequest, action: str, subject: Subject | None) -> None:
        self.request, self.action, self.subject = request, action, subject
        self.at = timezone.now()
        self.as_whom: Acting | None = acting(request)
        self.rule = rules().actions.get(action)
        self.approval: int | None = None

    def pass_through(self, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Decide, run the view inside the transaction, log. Refusals of the view pass on, logged."""
        decision = self._decide(self._own())
        if not decision.allowed:
            return self._refuse(decision)
        assert self.as_whom is not None
        access = Access(self.as_whom.actor, self.as_whom.purpose, decision, self.subject)
        self.request.access = access  # type: ignore[attr-defined]
        try:
            with rows.acting(
                access.actor,
                audit=self.action == "log.read",
                glass=self.circumstance.glass,
                asking=self._question(),
                closing=log.ADD,
            ) as bound:
                decision = self._decide_subject(decision, bound.told)
                if decision.allowed:
                    access.decision, access.subject = decision, self.subject
                    return self._run(view, args, kwargs, access, bound)
        except (Refusal, PermissionDenied) as refused:
            code = refused.code if isinstance(refused, Refusal) else "access.denied"
            self._log(access, "failed", {"code": code})
            raise
        return self._refuse(decision)

    def _run(
        self, view: View, args: tuple[Any, ...], kwargs: dict[str, Any], access: Access, bound: rows.Bound
    ) -> Any:
        if self.approval is not None:
            access_actions.use_approval(self.approval, at=self.at)
        answer = view(self.request, *args, **kwargs)
        draws = callable(getattr(answer, "render", None)) and not answer.is_rendered
        if draws and not getattr(answer, "asks_nothing", False):
            answer, draws = answer.render(), False
        status = answer.status_code if isinstance(answer, HttpResponse) else 200
        is_write = self.rule is not None and self.rule.write and self.request.method in UNSAFE
        if (
            self.rule is not None and self.rule.is_read_logged and not is_write
        ):  # who writes tells the log itself
            bound.last.append(log.statement(**self._entry(access, "done" if status < 400 else "failed", {})))
        if draws:
            bound.commit_now()  # the page is drawn while the database writes the entry down; it leaves when both are done
            answer = answer.render()
        return answer

    @property
    def circumstance(self) -> Circumstance:
        """What holds now; asked from the session and, only where it matters, from the database."""
        if not hasattr(self, "_circumstance"):
            assert self.as_whom is not None
            actor, purpose = self.as_whom.actor, self.as_whom.purpose
            is_person = self.rule is not None and self.rule.reach == "person"
            role = self.as_whom.role
            glass = bool(is_person and role and role.glass and self.as_whom.glass_until)
            if self.rule is not None and self.rule.bulk and not self.as_whom.is_machine:
                self.approval = access_queries.granted(
                    actor, self.action, purpose, scope(self.request), self.at
                )
            self._circumstance = Circumstance(
                has_second_factor(self.request),
                self.approval is not None or self.as_whom.is_approved,
                glass,
            )
        return self._circumstance

    def _own(self) -> Subject | None:
        """Actions about oneself have oneself as their subject; who has no person code has no file."""
        if self.rule is None or self.rule.reach != "own" or self.as_whom is None:
            return None
        actor = self.as_whom.actor
        if self.action in ACCOUNT_OWN:
            return Subject("account", actor.account)
        return Subject("person", actor.person_code, person_code=actor.person_code)

    def _decide(self, subject: Subject | None) -> Decision:
        if self.as_whom is None:
            return decide(None, self.action)
        if self.subject is None and subject is not None and subject.kind == "person":
            self.subject = subject
        return decide(self.as_whom.actor, self.action, self.as_whom.purpose, subject, self.circumstance)

    def _question(self) -> trip.Statement | None:
        """What to ask about the subject's place; nothing where it is oneself, or nobody."""
        if self.subject is None or self.rule is None or self.rule.reach == "own":
            return None
        return subjects.PLACES[self.subject.kind](self.subject.code)

    def _decide_subject(self, decision: Decision, told: trip.Row | None) -> Decision:
        """Where the subject lies is read under row security: what is out of place looks as if it did not exist."""
        if self.subject is None or self.rule is None or self.rule.reach == "own":
            return decision
        region, is_restricted = subjects.place(told)
        self.subject = replace(self.subject, region=region, is_restricted=is_restricted)
        return self._decide(self.subject)

    def _log(self, access: Access, result: str, detail: dict[str, str | int]) -> None:
        log.record(**self._entry(access, result, detail))

    def _entry(self, access: Access, result: str, detail: dict[str, str | int]) -> dict[str, Any]:
        match = self.request.resolver_match
        return {
            "by": access.actor,
            "action": self.action,
            "at": self.at,
            "purpose": access.purpose if self.rule is not None and self.rule.needs_purpose else "",
            "subject": str(access.subject or ""),
            "result": result,
            "detail": {"page": match.view_name if match else "", **access.detail, **detail},
        }

    def _refuse(self, decision: Decision) -> HttpResponse:
        """Tell the no: log in, choose a purpose, show a second factor, ask a colleague - or no way."""
        if self.as_whom is None:
            return _unauthorised(self.request)
        if decision.lacks and not _is_api(self.request):
            return HttpResponseRedirect(_way_on(self.request, self.action, decision.lacks))
        with transaction.atomic():
            access = Access(self.as_whom.actor, self.as_whom.purpose, decision, self.subject)
            self._log(access, "refused", {"code": decision.reasons[0].code})
        if _is_api(self.request):
            return JsonResponse(_told(decision), status=403, json_dumps_params={"ensure_ascii": False})
        raise PermissionDenied(" ".join(_sentences(decision)))


def scope(request: HttpRequest) -> str:
    """What exactly a bulk act covers: the page and everything asked of it. An approval is for this and nothing else."""
    match = request.resolver_match
    asked = sorted(
        (k, v) for q in (request.GET, request.POST) for k, v in q.lists() if k != "csrfmiddlewaretoken"
    )
    told = repr(
        (match.view_name if match else request.path, sorted(match.kwargs.items()) if match else [], asked)
    )
    body = request.body if request.content_type == "application/json" else b""
    return hashlib.sha256(told.encode() + body).hexdigest()


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _unauthorised(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        told = wording.say("access.not_logged_in", "en" if is_english() else "zh")
        return JsonResponse({"code": "access.not_logged_in", "told": told}, status=401)
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")


def _way_on(request: HttpRequest, action: str, lacks: tuple[str, ...]) -> str:
    page = next(p for p in ("second_factor", "purpose", "approval") if p in lacks)
    back = request.get_full_path() if request.method == "GET" else request.META.get("HTTP_REFERER", "/")
    asked = {"next": back, "action": action}
    if page == "approval":
        asked["scope"] = scope(request)
    return reverse(f"account:{page}") + "?" + urlencode(asked)


def _sentences(decision: Decision) -> list[str]:
    language = "en" if is_english() else "zh"
    return [wording.say(r.code, language, **r.facts) for r in decision.reasons]


def _told(decision: Decision) -> dict[str, object]:
    reasons = [
        {"code": r.code, "told": t} for r, t in zip(decision.reasons, _sentences(decision), strict=True)
    ]
    first = decision.reasons[0]
    return {
        "code": first.code,
        "told": reasons[0]["told"],
        "zh": wording.say(first.code, "zh", **first.facts),
        "en": wording.say(first.code, "en", **first.facts),
        "reasons": reasons,
        "lacks": decision.lacks,
    }

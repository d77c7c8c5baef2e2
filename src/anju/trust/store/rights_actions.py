"""Writes of the person's side. Each is one transaction with its log entry inside."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, connection, transaction
from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Greatest

from anju.kernel.refusal import Refusal
from anju.trust import rights
from anju.trust.access import Actor, rules
from anju.trust.sealing import sealer
from anju.trust.store import log
from anju.trust.store.models import Assessment, Consent, Incident, PersonRequest, PrivacySpend

HERE = ZoneInfo("Asia/Shanghai")


def make_number(letter: str, at: datetime) -> str:
    """A number people can read out: letter, year and month, six characters without look-alikes."""
    tail = "".join(secrets.choice("23456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(6))
    return f"{letter}{at.astimezone(HERE):%y%m}{tail}"


def one_at_a_time(*about: str) -> None:
    """Whoever does the same at the same moment waits for this transaction, and then finds what it left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [" ".join(about)])


@transaction.atomic
def ask(
    kind: str,
    *,
    person_code: str,
    region: str,
    by: Actor,
    at: datetime,
    field: str = "",
    claim: str = "",
    text: str = "",
) -> str:
    """A person asks. Returns the request's number. Refuses what is incomplete, or is open already."""
    rights.check_request(kind, field=field, claim=claim, text=text)
    one_at_a_time("request", person_code, kind, field)
    open_one = PersonRequest.objects.filter(
        person_code=person_code, kind=kind, field=field, state="open"
    ).first()
    if open_one:
        raise Refusal("rights.already_asked", number=open_one.number)
    limit = rights.due(kind, at.astimezone(HERE).date())
    seal = sealer().seal
    made = PersonRequest.objects.create(
        number=make_number("Q", at), person_code=person_code, region=region, kind=kind, field=field,
        claim=seal(claim) if claim else None, text=seal(text) if text else None, asked_by=by.account, asked_at=at,
        due_on=limit.on, due_is_provisional=limit.is_provisional,
    )  # fmt: skip
    log.record(
        by, "own.ask", at, subject=f"person:{person_code}", detail={"request": made.number, "kind": kind}
    )
    return made.number


@transaction.atomic
def withdraw_request(number: str, *, person_code: str, by: Actor, at: datetime) -> None:
    """The person takes an open request back."""
    found = PersonRequest.objects.select_for_update().filter(number=number, person_code=person_code).first()
    if found is None:
        raise Refusal("rights.no_request", number=number)
    if found.state != "open":
        raise Refusal("rights.not_open", number=number)
    found.state = "withdrawn"
    found.save(update_fields=["state"])
    log.record(by, "own.ask", at, subject=f"person:{person_code}", detail={"request": number, "withdrawn": 1})


@transaction.atomic
def answer(number: str, answer: str, *, by: Actor, at: datetime, purpose: str, ground: str = "") -> None:
    """An officer answers an open request; with ``ground`` it is refused, and the ground must fit its kind."""
    found = PersonRequest.objects.select_for_update().filter(number=number).first()
    if found is None:
        raise Refusal("rights.no_request", number=number)
    if found.state != "open":
        raise Refusal("rights.not_open", number=number)
    if found.asked_by == by.account:
        raise Refusal("rights.own_answer")
    if not answer.strip():
        raise Refusal("rights.reason_needed" if ground else "rights.answer_needed")
    if ground and ground not in rights.grounds(found.kind):
        raise Refusal("rights.reason_needed")
    found.state, found.ground = ("refused", ground) if ground else ("answered", "")
    found.answer, found.answered_by, found.answered_at = sealer().seal(answer), by.account, at
    found.save()
    log.record(
        by, "request.answer", at, purpose=purpose, subject=f"person:{found.person_code}",
        result="refused" if ground else "done", detail={"request": number, "kind": found.kind},
    )  # fmt: skip


@transaction.atomic
def give_consent(
    topic: str,
    *,
    person_code: str,
    region: str,
    born_on: date | None,
    by: Actor,
    at: datetime,
    guardian_code: str = "",
) -> None:
    """A person, or the guardian of a child, agrees to the text in force today."""
    text = rights.check_consent(topic, born_on, guardian_code, at.astimezone(HERE).date())
    one_at_a_time("consent", person_code, topic)  # pressed twice: the second is told that it stands already
    current = Consent.objects.select_for_update().filter(
        person_code=person_code, topic=topic, withdrawn_at__isnull=True
    )
    held = current.first()
    if held and held.version == text.version:
        raise Refusal("rights.consent_given")
    current.update(withdrawn_at=_not_before_given(at))  # an older version ends where the new one begins
    try:
        with transaction.atomic():
            Consent.objects.create(
                person_code=person_code, region=region, topic=topic, version=text.version,
                text_digest=text.text_digest, guardian_code=guardian_code, given_at=at,
            )  # fmt: skip
    except IntegrityError as stands:  # the other parent gave it, which this one does not see
        raise Refusal("rights.consent_given") from stands
    log.record(
        by, "own.consent", at, subject=f"person:{person_code}",
        detail={"topic": topic, "version": text.version, "given": 1},
    )  # fmt: skip


@transaction.atomic
def withdraw_consent(topic: str, *, person_code: str, by: Actor, at: datetime) -> None:
    """A consent ends now; what was done before stays lawful."""
    ended = Consent.objects.filter(person_code=person_code, topic=topic, withdrawn_at__isnull=True).update(
        withdrawn_at=_not_before_given(at)
    )
    if not ended:
        raise Refusal("rights.no_consent")
    log.record(by, "own.consent", at, subject=f"person:{person_code}", detail={"topic": topic, "given": 0})


def _not_before_given(at: datetime) -> Greatest:
    """A clock that was set back must not keep anybody from withdrawing."""
    return Greatest(F("given_at"), Value(at, DateTimeField()))


@transaction.atomic
def write_incident(kind: str, what: str, people: int, happened_on: date, *, by: Actor, at: datetime) -> str:
    """Open an incident. Returns its number."""
    if kind not in rights.catalogue()["incidents"]["kinds"] or not what.strip():
        raise Refusal("rights.incomplete", kind=kind, missing="kind, what")
    made = Incident.objects.create(
        number=make_number("S", at), kind=kind, what=what, people=people, happened_on=happened_on, found_at=at,
        written_by=by.account,
    )  # fmt: skip
    log.record(by, "incident.write", at, detail={"incident": made.number, "people": people})
    return made.number


@transaction.atomic
def follow_incident(number: str, step: str, *, by: Actor, at: datetime, measures: str = "") -> None:
    """One step of an incident: ``told_authority``, ``told_people`` or ``closed`` (needs the measures taken)."""
    found = Incident.objects.select_for_update().filter(number=number, closed_at__isnull=True).first()
    if found is None or step not in {"told_authority", "told_people", "closed"}:
        raise Refusal("rights.unknown_incident", number=number)
    if step == "closed" and not measures.strip():
        raise Refusal("rights.incomplete", kind="incident", missing="measures")
    setattr(found, f"{step}_at", at)
    found.measures = measures or found.measures
    found.save()
    log.record(by, "incident.write", at, detail={"incident": number, "step": step})


@transaction.atomic
def start_assessment(subject: str, known: dict[str, Any], *, by: Actor, at: datetime) -> str:
    """Begin an impact assessment of a purpose, filled from the catalogue. Returns its number."""
    if subject not in rules().purposes:
        raise Refusal("rights.unknown_assessment", number=subject)
    made = Assessment.objects.create(
        number=make_number("A", at), subject=subject, known=known, made_by=by.account, made_at=at
    )
    log.record(by, "request.answer", at, detail={"assessment": made.number, "subject": subject})
    return made.number


@transaction.atomic
def answer_assessment(number: str, answers: dict[str, str], *, by: Actor, at: datetime) -> None:
    """Write answers into an assessment that is not approved yet."""
    found = Assessment.objects.select_for_update().filter(number=number, approved_at__isnull=True).first()
    if found is None:
        raise Refusal("rights.unknown_assessment", number=number)
    asked = {q["id"] for q in rights.catalogue()["assessment"]}
    found.answers = {**found.answers, **{k: v.strip() for k, v in answers.items() if k in asked}}
    found.save(update_fields=["answers"])
    log.record(by, "request.answer", at, detail={"assessment": number})


@transaction.atomic
def approve_assessment(number: str, *, by: Actor, at: datetime) -> None:
    """A second person approves a complete assessment."""
    found = Assessment.objects.select_for_update().filter(number=number, approved_at__isnull=True).first()
    if found is None:
        raise Refusal("rights.unknown_assessment", number=number)
    left = [q["id"] for q in rights.catalogue()["assessment"] if not found.answers.get(q["id"])]
    if left:
        raise Refusal("rights.unanswered_questions", count=len(left))
    if found.made_by == by.account:
        raise Refusal("rights.own_answer")
    found.approved_by, found.approved_at = by.account, at
    found.save(update_fields=["approved_by", "approved_at"])
    log.record(by, "approval.give", at, detail={"assessment": number})


class YearlyBudget:
    """The privacy budget of one population in one year, kept in the database. Satisfies ``disclosure.Budget``."""

    def __init__(self, population: str, by: Actor, at: datetime) -> None:
        self.population, self.by, self.at = population, by, at

    @transaction.atomic
    def spend(self, epsilon: float, what: str) -> None:
        """Write the withdrawal down, or refuse it. Two at once wait for each other."""
        year = self.at.astimezone(HERE).year
        one_at_a_time("budget", self.population, str(year))
        spent = sum(
            PrivacySpend.objects.filter(population=self.population, year=year).values_list(
                "epsilon", flat=True
            )
        )
        left = rights.catalogue()["disclosure"]["epsilon_per_year"] - spent
        if epsilon > left + 1e-9:
            raise Refusal(
                "disclosure.budget_spent", population=self.population, left=round(left, 3), asked=epsilon,
                renews_on=date(year + 1, 1, 1),
            )  # fmt: skip
        PrivacySpend.objects.create(
            population=self.population, year=year, epsilon=epsilon, what=what, spent_at=self.at,
            spent_by=self.by.account,
        )  # fmt: skip
        log.record(
            self.by, "statistics.release", self.at, detail={"population": self.population, "what": what[:60]}
        )

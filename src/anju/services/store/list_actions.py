"""Writes of publication lists: prepare, publish, object, settle, close. Each is one transaction with its log entry."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Model

from anju.kernel.refusal import Refusal
from anju.kernel.workdays import deadline
from anju.policy import loading
from anju.policy import rank as ranking
from anju.policy.bound import bind
from anju.policy.facts_file import value as read_value
from anju.policy.model import Programme
from anju.policy.receipt import plain
from anju.services import publishing
from anju.services.publishing import Applicant
from anju.services.store.models import ListObjection, ListPlace, PublicList
from anju.trust.access import Actor
from anju.trust.places import within as lies_within
from anju.trust.sealing import sealer
from anju.trust.store import log

HERE = ZoneInfo("Asia/Shanghai")
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LEAST_TEXT, LONGEST_TEXT = 4, 1000
ROW = ("reference", "name", "score", "keys", "category", "is_qualified", "rank", "is_admitted", "quota", "reason", "lot")  # fmt: skip


@transaction.atomic
def prepare(
    programme: Programme, service: str, places: int, filed_on: date, region: str, *, by: Actor, at: datetime, purpose: str
) -> int:  # fmt: skip
    """Draw a secret seed and put its hash out, before anybody is ranked. Refuses a service that does not rank, and no places."""
    spec = ranking.ranking_of(bind(programme, filed_on), service)
    if places < 1:
        raise Refusal("services.places_needed")
    seed = secrets.token_hex(24)
    made = PublicList.objects.create(
        programme=programme.id, file_sha256=programme.digest, service=service, filed_on=filed_on, region=region, places=places,
        ties=spec.ties, seed=seed, seed_hash=ranking.commit(seed), prepared_at=at, prepared_by=by.account,
    )  # fmt: skip
    _tell(made, "prepared", by=by, at=at, purpose=purpose)
    return int(made.id)


@transaction.atomic
def publish(number: int, people: Sequence[Applicant], *, by: Actor, at: datetime, purpose: str) -> None:
    """Rank everyone who takes part and publish. Refuses a list that is out already, or whose rule file has changed since."""
    found = _locked(number, "prepared", by)
    programme = _programme(found)
    references = _references(len(people))
    known = dict(zip(references, people, strict=True))
    bound = bind(programme, found.filed_on)
    result = publishing.ranked(
        bound, found.service, ((r, p.facts) for r, p in known.items()), found.places, found.seed
    )
    seal = sealer().seal
    rows = []
    for told in (publishing.row(r) for r in result.ranked):
        person = known[told["reference"]]
        facts = json.dumps(
            {k: plain(v) for k, v in person.facts.items() if v is not None}, ensure_ascii=False
        )
        rows.append(
            ListPlace(on_list=found, person_code=person.person_code, region=person.region, name=person.name, facts=seal(facts), **told)
        )  # fmt: skip
    ListPlace.objects.bulk_create(rows, batch_size=2000)
    limit = deadline(at.astimezone(HERE).date(), publishing.objection_workdays())
    found.state, found.published_at, found.published_by = "published", at, by.account
    found.applicants, found.admitted = len(rows), len(result.admitted)
    found.line = result.line.reference if result.line else ""
    found.line_score = str(result.line.score) if result.line else ""
    found.objections_until, found.until_is_provisional = limit.on, limit.is_provisional
    found.public = [_public(r) for r in rows]
    found.save()
    _tell(found, "published", by=by, at=at, purpose=purpose)


@transaction.atomic
def object_to(
    number: int, reference: str, claim: str, *, by: Actor, at: datetime, purpose: str = "", is_by_officer: bool = False
) -> int:  # fmt: skip
    """Object to one place while the window is open. Refuses another's place to a resident, and a second open objection."""
    place = ListPlace.objects.select_related("on_list").filter(on_list_id=number, reference=reference).first()
    if place is None or (not is_by_officer and place.person_code != by.person_code):
        raise Refusal("services.no_place", reference=reference)
    today, until = at.astimezone(HERE).date(), place.on_list.objections_until
    if place.on_list.state != "published" or until is None or today > until:
        raise Refusal("services.window_closed", until=until.isoformat() if until else "—")
    if ListObjection.objects.filter(place=place, state="open").exists():
        raise Refusal("services.already_objected", reference=reference)
    made = ListObjection.objects.create(
        on_list=place.on_list, place=place, person_code=place.person_code, region=place.region, claim=sealer().seal(_text(claim)),
        made_at=at, made_by=by.account, is_by_officer=is_by_officer, before=_figures(place),
    )  # fmt: skip
    action = "case.decide" if is_by_officer else "own.ask"
    log.record(
        by, action, at, purpose=purpose, subject=f"person:{place.person_code}", detail={"list": number, "objection": made.id}
    )  # fmt: skip
    return int(made.id)


@transaction.atomic
def settle(
    number: int, corrected: Mapping[str, str], answer: str, *, by: Actor, at: datetime, purpose: str
) -> str:
    """Settle an objection: with corrected facts the one person is worked out again, against the line as published.

    Returns ``upheld`` when score, rank or admission changed, else ``rejected``. Nobody else's row changes. Refuses a fact
    the programme does not ask for, a value not of its type, an objection that is settled.
    """
    objection = (
        ListObjection.objects.select_for_update(of=("self",)).select_related("place", "on_list").filter(id=number).first()
    )  # fmt: skip
    if objection is None or objection.state != "open":
        raise Refusal("services.no_objection", number=number)
    told = _text(answer)
    found = PublicList.objects.select_for_update().get(id=objection.on_list_id)
    place = objection.place
    if corrected:
        _work_out_again(found, place, corrected)
    objection.state = "upheld" if _figures(place) != objection.before else "rejected"
    objection.after = _figures(place)
    objection.answer, objection.answered_at, objection.answered_by = sealer().seal(told), at, by.account
    objection.save()
    log.record(
        by, "case.decide", at, purpose=purpose, subject=f"person:{place.person_code}",
        detail={"list": found.id, "objection": number, "outcome": objection.state},
    )  # fmt: skip
    return str(objection.state)


@transaction.atomic
def close(number: int, *, by: Actor, at: datetime, purpose: str) -> None:
    """Make a list final, once its window is over and every objection is settled."""
    found = _locked(number, "published", by)
    until = found.objections_until
    if until is not None and at.astimezone(HERE).date() <= until:
        raise Refusal("services.window_open", until=until.isoformat())
    left = ListObjection.objects.filter(on_list=found, state="open").count()
    if left:
        raise Refusal("services.objections_open", count=left)
    found.state, found.closed_at, found.closed_by = "final", at, by.account
    found.save(update_fields=["state", "closed_at", "closed_by"])
    _tell(found, "final", by=by, at=at, purpose=purpose)


def facts_of(number: int) -> dict[str, Any]:
    """The facts an objection's place was worked out from, in JSON's own types."""
    found = ListObjection.objects.select_related("place").filter(id=number).first()
    if found is None:
        raise Refusal("services.no_objection", number=number)
    return _facts(found.place)


def _work_out_again(found: PublicList, place: ListPlace, corrected: Mapping[str, str]) -> None:
    programme = _programme(found)
    uses = {u.key: u.fact for u in programme.uses}
    facts = _facts(place)
    for key, raw in corrected.items():
        if key not in uses:
            raise Refusal("services.unknown_fact", fact=key)
        facts[key] = raw or None
    try:
        values = {k: read_value(v, uses[k]) for k, v in facts.items() if k in uses}
    except ValueError as wrong:
        raise Refusal("services.fact_not_understood") from wrong
    bound = bind(programme, found.filed_on)
    new = ranking.candidate(bound, place.reference, values, found.service)
    rows = list(found.rows.values(*ROW))
    before = publishing.result(rows, found.places, found.ties, found.line, found.seed)
    after = ranking.after_objection(before, [new])
    mine = next(r for r in after.ranked if r.candidate.reference == place.reference)
    for name, value in publishing.row(mine).items():
        setattr(place, name, value)
    place.facts = sealer().seal(
        json.dumps({k: plain(v) for k, v in values.items() if v is not None}, ensure_ascii=False)
    )
    place.save()
    found.admitted = found.rows.filter(is_admitted=True).count()
    changed = _public(place)
    found.public = sorted(
        (changed if r["reference"] == place.reference else r for r in found.public),
        key=lambda r: (r["reason"] == "not_qualified", r["rank"], -Fraction(r["score"])),
    )
    found.save(update_fields=["admitted", "public"])


def _facts(place: ListPlace) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(sealer().open(place.facts)) if place.facts else {}
    return told


def _public(place: ListPlace) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ROW if name not in ("category", "is_qualified")}


def _figures(place: Model) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ("score", "rank", "is_admitted")}


def _references(count: int) -> list[str]:
    """Different references that say nothing about who stands behind them."""
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(secrets.choice(LETTERS) for _ in range(8)))
    return list(found)


def _locked(number: int, state: str, by: Actor) -> PublicList:
    found = PublicList.objects.select_for_update().filter(id=number).first()
    if found is None or not lies_within(found.region, by.region):
        raise Refusal("services.no_list", number=number)
    if found.state != state:
        raise Refusal("services.list_state", number=number)
    return found


def _programme(found: PublicList) -> Programme:
    programme = loading.get(found.programme)
    if programme.digest != found.file_sha256:
        raise Refusal("services.rule_changed", programme=found.programme)
    return programme


def _text(raw: str) -> str:
    told = raw.strip()
    if len(told) < LEAST_TEXT:
        raise Refusal("services.text_needed", letters=LEAST_TEXT)
    return told[:LONGEST_TEXT]


def _tell(found: PublicList, what: str, *, by: Actor, at: datetime, purpose: str) -> None:
    log.record(by, "policy.rank", at, purpose=purpose, subject="", detail={"list": found.id, "step": what})

"""Everything another district has, tried by code, number and form from every role here: nothing told, nothing changed.

Every address that takes a code or a number stands in ``TRIED`` or in ``NOBODYS``; a new one has to be put into one of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from anju.exchange.store import queries
from anju.exchange.store.models import Batch, HeldRow, PersonChange, ReviewQuestion
from anju.register.store.models import CounterEntry, Discrepancy, Person, SettleBatch, Stay
from anju.services.store.models import Allocation, ListObjection, ListPlace, PublicList
from anju.trust.access import Actor, Circumstance, Role, decide, rules
from anju.trust.sealing import sealer
from anju.trust.store import access_actions, erasure_actions, ledger
from anju.trust.store.models import Account, Approval, Glass, LogEntry

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import made
from knocking import AT, BY, PURPOSE, THERE, Door, Knocker, World, build, doors

pytestmark = pytest.mark.django_db
SECRET, WHY = "远邻的秘密", "远邻的秘密理由，足够长的一句话"
NOW = datetime.now(UTC)


def elsewhere(world: World) -> dict[str, Any]:
    """One of everything that belongs to the other district; by the name it has in ``TRIED``."""
    one, other = world.there[0], world.there[1]
    officer = Account.objects.create(username="there", is_demo=True)
    access_actions.grant_role("there", "station_worker", THERE, by=BY, at=AT)
    theirs = f"account:{officer.pk}"
    common: dict[str, Any] = {"region": THERE, "person_code": one}
    batch = Batch.objects.create(
        id="police_residence-0000000000000000", dataset="police_residence", sha256="0" * 64, file_name="a.csv", format="csv",
        sent_on=AT.date(), accepted_at=AT, accepted_by=theirs, contract_version="1", path="lake/none.parquet", headers=[],
        rows_read=1, rows_accepted=0, rows_held=1, fields={},
    )  # fmt: skip
    HeldRow.objects.create(
        batch=batch, dataset=batch.dataset, row_no=1, faults=[["姓名", "missing"]], since=AT
    )
    Discrepancy.objects.create(**common, field="name", owner="police", shown_dataset="a", against="b")
    sides = [
        {"person": p, "dataset": "police_residence", "key": "1", "seen": "2026-07-01", "records": 1, "datasets": [],
         "values": {"name": [SECRET]}}
        for p in (one, other)
    ]  # fmt: skip
    told = json.dumps({"evidence": [], "sides": sides})
    question = ReviewQuestion.objects.create(
        record_a=1, record_b=2, person_a=one, person_b=other, region=THERE, reason="unsure", weight=1.0, worth=1.0,
        told=sealer().seal(told), run=1, asked_at=AT,
    )  # fmt: skip
    change = PersonChange.objects.create(
        kind="merge", person_code=one, other_code=other, region=THERE, moved=[], kept=[], reason=sealer().seal(WHY),
        purpose="data_quality", proposed_by=theirs, proposed_at=AT,
    )  # fmt: skip
    settled = SettleBatch.objects.create(
        rule="newest", region=THERE, count=1, why=sealer().seal(WHY), settled_at=AT, settled_by=theirs
    )
    listed = PublicList.objects.create(
        programme="demo/points_settlement@2026", filed_on=AT.date(), region=THERE, places=1, prepared_at=AT
    )
    place = ListPlace.objects.create(
        **common, on_list=listed, reference="23456789", name=SECRET, score="1", rank=1, is_admitted=True,
        facts=sealer().seal("{}"),
    )  # fmt: skip
    objection = ListObjection.objects.create(
        **common, on_list=listed, place=place, claim=sealer().seal(SECRET), made_at=AT, before={}
    )
    allocation = Allocation.objects.create(title=SECRET, method="serial", region=THERE, made_at=AT)
    glass = Glass.objects.create(
        account=theirs,
        role="station_worker",
        region=THERE,
        why=WHY,
        opened_at=AT,
        expires_at=NOW + timedelta(days=1),
    )
    approval = Approval.objects.create(
        account=theirs, role="station_worker", region=THERE, department="police", action="person.export", purpose=PURPOSE,
        scope="0" * 64, why=WHY, asked_at=AT, expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    made("client-there", "990103")
    restricted = world.there[2]
    erasure_actions.restrict(restricted, THERE, "objected", by=BY, at=AT, purpose="rights_request")
    ledger.sequence_all()
    return {
        "person": one,
        "restricted": restricted,
        "dwelling": "D000000000000002",
        "employer": "91990102000000001A",
        "batch": batch.pk,
        "entry": CounterEntry.objects.filter(person_code=one).order_by("-pk").first().record_key,  # type: ignore[union-attr]
        "question": question.pk,
        "change": change.pk,
        "settled": settled.pk,
        "list": listed.pk,
        "objection": objection.pk,
        "place": place.reference,
        "allocation": allocation.pk,
        "glass": glass.pk,
        "approval": approval.pk,
        "client": "client-there",
        "request": world.requests[len(world.here)],
        "seq": LogEntry.objects.filter(person_code=one).values_list("seq", flat=True).first() or 0,
    }


TRIED = {
    "arrive_known": {"code": "person"},
    "leave": {"code": "person"},
    "counter_undo": {"code": "person", "key": "entry"},
    "person": {"code": "person"},
    "reveal": {"code": "person", "field": "=citizen_no"},
    "dwelling": {"code": "dwelling"},
    "employer": {"code": "employer"},
    "report": {"batch": "batch"},
    "waive": {"batch": "batch"},
    "undo_bulk": {"batch": "settled"},
    "stays": {"code": "person"},
    "jobs": {"code": "person"},
    "ties": {"code": "person"},
    "case": {"code": "person", "field": "=name"},
    "case_reveal": {"code": "person", "field": "=name"},
    "why": {"code": "person"},
    "answer_change": {"change": "change"},
    "question": {"question": "question"},
    "review_reveal": {"question": "question"},
    "answer": {"number": "approval"},
    "review": {"number": "glass"},
    "client": {"client": "client"},
    "list_publish": {"number": "list"},
    "list_close": {"number": "list"},
    "list_object": {"number": "list", "reference": "place"},
    "list": {"number": "list"},
    "objection": {"number": "objection"},
    "allocation": {"number": "allocation"},
    "allocation_run": {"number": "allocation"},
    "allocation_state": {"number": "allocation"},
    "allocation_proof": {"number": "allocation"},
    "request": {"number": "request"},
    "erase": {"number": "request"},
    "restrict": {"number": "request"},
    "lift": {"code": "restricted"},
    "entry": {"seq": "seq"},
}
"""Address names, and which of the other district's things stands in each of their places (``=``: as it is)."""
NOBODYS = {
    "batch", "behind", "statistic", "statistic_csv", "release", "list_public", "list_download", "policy", "what_if", "change",
    "draft", "export", "save", "audit", "scenario", "share", "remove", "ask", "consent", "retention_run", "incident",
    "assessment", "end_session", "openid_connect_login",
    "openid_connect_callback",
}  # fmt: skip
"""Addresses that name no person and no place: figures, published things, files of rules, an account's own."""
SENT: dict[str, Any] = {
    "dwelling": "D000000000000002", "begin_on": "2026-06-20", "end_on": "2026-06-20",
    "name": "新来的人", "sex": "1", "why": WHY, "answer": WHY, "reason": WHY, "claim": WHY, "value": "other", "other": "x",
    "row": "1", "ground": "unlawful", "evidence": "records", "to": "hrss", "what": "demo/points_settlement@2026#a",
    "reference": "23456789",
}  # fmt: skip
DOES = (
    "register",
    "confirm",
    "undo",
    "grant",
    "right",
    "approve",
    "revoke",
    "settle",
    "merge",
    "drop",
    "same",
    "withdraw",
)


def addresses(resolver: Any = None) -> Iterator[URLPattern]:
    for found in (resolver or get_resolver()).url_patterns:
        if isinstance(found, URLResolver):
            yield from addresses(found)
        elif found.pattern.converters and getattr(found.callback, "__module__", "").startswith("anju.web"):
            yield found


def tried() -> list[tuple[str, URLPattern]]:
    """Every address to be tried, with its full name."""
    found = []

    def walk(resolver: Any, space: str) -> None:
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                walk(one, f"{space}{one.namespace}:" if one.namespace else space)
            elif (
                one.name in TRIED
                and set(one.pattern.converters) <= set(TRIED[one.name])
                and one.pattern.converters
            ):
                found.append((f"{space}{one.name}", one))

    walk(get_resolver(), "")
    return [(name, one) for name, one in found if not name.startswith("api:")]


def test_every_address_with_a_code_or_a_number_is_tried_or_is_nobodys() -> None:
    known = {one.name for _name, one in tried()}
    assert {
        p.name for p in addresses() if not p.callback.__module__.startswith("anju.web.api")
    } - known <= NOBODYS
    assert not set(known) & NOBODYS


def rows_there() -> list[tuple[Any, ...]]:
    """What the database holds of the other district, but for the log."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'region'"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname !~ '^trust_log' ORDER BY 1"
        )
        told = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t WHERE region LIKE '990103%' ORDER BY 1")
            told += [(table, *row) for row in cursor.fetchall()]
        cursor.execute("SELECT 'batch', state, count(*) FROM exchange_heldrow GROUP BY 1, 2 ORDER BY 2")
        return told + list(cursor.fetchall())


@pytest.fixture
def world(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO, settings.LOGGING_CONFIG = True, None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return build()


def who_may(found: list[Door], action: str) -> list[Door]:
    """One door of each role: the one whose purpose fits the action, else any of it."""
    best: dict[str, Door] = {}
    for door in found:
        role, _, purpose = door.name.partition(":")
        stated, told = rules().purposes.get(purpose), rules().roles.get(role)
        fits = stated is not None and (not stated.actions or action in stated.actions)
        if isinstance(told, Role) and (role not in best or fits):
            best[role] = door
    return list(best.values())


def test_nothing_of_another_district_is_told_or_changed(world: World) -> None:
    things = elsewhere(world)
    knocker = Knocker(
        World(world.here, world.there, (*world.secrets, SECRET, WHY), world.numbers, world.requests)
    )
    found, before, opened = doors(world), rows_there(), []
    kind = "application/x-www-form-urlencoded"
    with knocker.listening():
        for name, pattern in tried():
            told = TRIED[pattern.name or ""]
            filled = {
                k: told[k][1:] if told[k][0] == "=" else things[told[k]] for k in pattern.pattern.converters
            }
            path = reverse(name, kwargs=filled)
            asked = getattr(pattern.callback, "rules", ())
            for door in who_may(found, asked[-1]):
                may = set(asked) & rules().roles[door.name.partition(":")[0]].may
                answers = [knocker.ask(door, "GET", path)]
                for do in DOES if may else DOES[:1]:
                    body = urlencode({**SENT, "do": do}).encode()
                    answers.append(knocker.ask(door, "POST", path, body=body, kind=kind))
                if any(a.status == 200 for a in answers) and name not in LOOK:
                    opened.append(f"{door.name} {path}")
    assert not knocker.wrong, "\n".join(knocker.wrong[:8])
    assert rows_there() == before
    assert not opened, opened


LOOK = frozenset({"staff:arrive_known", "planner:list"})
"""Open without telling anything: the counter's form of who may be moving here, and the head of a list."""


def test_a_new_person_is_not_moved_into_another_district(world: World) -> None:
    """Where somebody in sight has lived elsewhere, that dwelling is in sight; nobody is registered there from here."""
    Stay.objects.filter(person_code=world.here[0]).update(dwelling_code="D000000000000002")
    knocker, (door,) = Knocker(world), [d for d in doors(world) if d.name == f"station_worker:{PURPOSE}"]
    before = rows_there()
    body = urlencode({**SENT, "do": "register"}).encode()
    with knocker.listening():
        for path in ("/staff/counter/in/", f"/staff/counter/in/{world.here[1]}/"):
            answer = knocker.ask(door, "POST", path, body=body, kind="application/x-www-form-urlencoded")
            assert answer.status == 422, answer
    assert rows_there() == before


def test_files_go_to_those_who_sent_them_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of one's own office opens; an officer of another department is refused it, as is another's dataset."""
    monkeypatch.setattr(queries, "error_report", lambda batch: b"rows")
    things = elsewhere(world)
    found = {d.name: d for d in doors(world)}
    knocker, path = Knocker(world), f"/staff/batches/{things['batch']}/"
    mine = Account.objects.get(username="fuzz-station_worker")
    Batch.objects.update(accepted_by=f"account:{mine.pk}")
    steward, police = found["data_steward:data_quality"], found[f"department_officer:{PURPOSE}"]
    assert knocker.ask(steward, "GET", path + "report.xlsx").status == 200
    assert knocker.ask(police, "GET", f"/api/exchange/batches/{things['batch']}/held").status == 200
    Batch.objects.update(dataset="hrss_employment")
    assert knocker.ask(police, "GET", path + "report.xlsx").status != 200
    assert knocker.ask(police, "GET", f"/api/exchange/batches/{things['batch']}/held").status == 404


def test_a_restriction_follows_the_person(world: World) -> None:
    """Ordered under a former code and in another district, it holds for today's code and here."""
    code, former = world.here[0], world.there[0]
    erasure_actions.restrict(former, THERE, "objected", by=BY, at=AT, purpose="rights_request")
    found = {d.name: d for d in doors(world)}
    knocker, worker = Knocker(world), found["station_worker:schooling"]
    assert knocker.ask(worker, "GET", f"/staff/people/{code}/").status == 200
    Person.objects.filter(code=former).update(merged_into=code)
    assert knocker.ask(worker, "GET", f"/staff/people/{code}/").status == 403
    assert knocker.ask(worker, "POST", f"/staff/people/{former}/reveal/phone/").status == 403


def test_what_concerns_all_is_not_for_one_place(world: World) -> None:
    full = Circumstance(second_factor=True, approved=True)
    for role in rules().roles.values():
        for action in (a for a in role.may if rules().actions[a].reach == "system"):
            assert not decide(Actor("account:1", role.name, "990102"), action, circumstance=full).allowed
            assert decide(Actor("account:1", role.name, "*"), action, circumstance=full).allowed

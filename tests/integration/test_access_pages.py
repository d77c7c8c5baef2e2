"""Doors in use: each role at each door, what a no says and leaves in the log, purposes, second persons, glass."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path
from pytest_django import Settings

from anju.kernel.refusal import Refusal
from anju.trust.access import Actor, rules, system
from anju.trust.store import access_actions, access_queries, account_actions, ledger, log_queries
from anju.trust.store.models import Account, Approval, Glass
from anju.trust.store.trip import Statement
from anju.web import subjects
from anju.web.guard import guard, public

BY = system("test")
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HERE, THERE = "990102001001", "990103001001"
WHERE = {"0000000000001": HERE, "0000000000002": THERE}
PASSWORD = "a river runs by the old station"


@guard("person.read", subject="person:code")
def person(request: HttpRequest, code: str) -> HttpResponse:
    return HttpResponse(f"file {request.access.opens('stay')} {request.access.opens('tax')}")  # type: ignore[attr-defined]


@guard("person.search", unsafe="person.correct")
def people(request: HttpRequest) -> HttpResponse:
    request.access.detail["shown"] = 3  # type: ignore[attr-defined]
    return HttpResponse("people")


@guard("person.export")
def export(request: HttpRequest) -> HttpResponse:
    return HttpResponse("everyone")


@guard("own.read")
def own(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.access.actor.person_code)  # type: ignore[attr-defined]


@guard("quality.read")
def failing(request: HttpRequest) -> HttpResponse:
    raise Refusal("trust.not_sealed")


@public
def front(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


urlpatterns = [
    path("person/<str:code>/", person),
    path("api/person/<str:code>/", person),
    path("people/", people),
    path("export/", export),
    path("own/", own),
    path("failing/", failing),
    path("", front),
    path("account/", include("anju.web.account.urls")),
    path("account/", include("anju.web.account.door")),
    path("trust/log/", include("anju.web.account.log_urls")),
    path("", include("anju.web.shell.urls")),
]
handler403 = "anju.web.shell.errors.forbidden"


@pytest.fixture
def pages(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Our own few pages; people known by code alone."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setattr(
        subjects,
        "PLACES",
        {"person": lambda code: Statement("SELECT %s::text AS region", (WHERE.get(code),))},
    )
    settings.ROOT_URLCONF = __name__
    settings.DEMO = True


def login(
    role: str, region: str = "990102", department: str = "", person_code: str = "", name: str = ""
) -> Client:
    name = name or f"{role}-{region}-{department}"
    account, _ = Account.objects.get_or_create(username=name, defaults={"is_demo": True})
    if role:
        place = region if rules().roles[role].place == "region" else ""
        access_actions.grant_role(
            name, role, place, by=BY, at=AT, department=department, person_code=person_code
        )  # fmt: skip
    client = Client()
    client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def choose(client: Client, purpose: str) -> None:
    page = client.get("/account/purpose/").content.decode()
    assignment = re.search(r'name="assignment" value="(\d+)"', page)
    assert assignment
    done = client.post("/account/purpose/", {"assignment": assignment[1], "purpose": purpose, "next": "/"})
    assert done.status_code == 302


def entries() -> list[tuple[str, str, str, str]]:
    ledger.sequence_all()
    return [
        (e.entry.action, e.entry.purpose, e.entry.subject, e.entry.result) for e in log_queries.entries(500)
    ]


def test_a_person_is_read_for_a_purpose_in_place_and_logged(pages: None) -> None:
    client = login("station_worker")
    asked = client.get("/person/0000000000001/")
    assert asked.status_code == 302
    assert asked.headers["Location"].startswith(
        "/account/purpose/?next=%2Fperson%2F0000000000001%2F&action=person.read"
    )
    choose(client, "schooling")
    assert client.get("/person/0000000000001/").content == b"file True False"
    assert entries()[0] == ("person.read", "schooling", "person:0000000000001", "done")


@pytest.mark.parametrize("code", ["0000000000002", "9999999999999", "x", "990101199001011234", "李华"])
def test_another_district_and_an_unknown_person_look_the_same(pages: None, code: str) -> None:
    client = login("station_worker")
    choose(client, "schooling")
    for url in (f"/person/{code}/", f"/api/person/{code}/"):
        answer = client.get(url)
        assert answer.status_code == 403
        assert "access.out_of_place" in answer.content.decode() or "不在您的辖区内" in answer.content.decode()
        kept = code if len(code) == 13 else "?"
        assert entries()[0] == ("person.read", "schooling", f"person:{kept}", "refused")
    told = client.get(f"/api/person/{code}/").json()
    assert told["code"] == "access.out_of_place"
    assert told["reasons"][0]["told"]


def test_the_purpose_ends_after_half_an_hour_and_belongs_to_one_role(pages: None) -> None:
    client = login("station_worker", name="two-hats")
    choose(client, "schooling")
    session = client.session
    session["acting"] = session["acting"] | {"until": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
    session.save()
    assert client.get("/person/0000000000001/").status_code == 302
    other = access_actions.grant_role("two-hats", "data_steward", "9901", by=BY, at=AT)
    assert client.post("/account/purpose/", {"assignment": other, "purpose": "schooling"}).status_code == 422
    assert client.post("/account/purpose/", {"assignment": 1, "purpose": "schooling"}).status_code in (
        302,
        422,
    )
    assert (
        client.post("/account/purpose/", {"assignment": other, "purpose": "data_quality"}).status_code == 302
    )
    assert client.get("/person/0000000000002/").status_code == 200
    access_actions.end_role(other, by=BY, at=datetime.now(UTC))
    assert client.get("/person/0000000000002/").status_code != 200


def test_nobody_passes_without_login_role_or_second_factor(pages: None, settings: Settings) -> None:
    assert Client().get("/person/0000000000001/").headers["Location"].startswith("/account/login/")
    assert Client().get("/api/person/0000000000001/").status_code == 401
    assert login("", name="nobody").get("/own/").status_code == 403
    client = login("station_worker")
    account = Account.objects.get(username="station_worker-990102-")
    account.is_demo = False
    account.save()
    for url in ("/person/0000000000001/", "/people/"):
        assert client.get(url).headers["Location"].startswith("/account/second-factor/")
    account.is_demo = True
    account.save()
    settings.DEMO = False
    assert client.get("/people/").headers["Location"].startswith("/account/login/")


def test_a_writing_request_needs_the_writing_right(pages: None) -> None:
    client = login("grid_worker")
    choose(client, "residence_registration")
    assert client.get("/people/").status_code == 200
    assert client.post("/people/").status_code == 403
    assert [e[0::3] for e in entries()[:2]] == [("person.correct", "refused"), ("person.search", "done")]


def test_a_refusal_inside_is_logged_as_failed(pages: None) -> None:
    client = login("planner")
    assert client.get("/failing/").status_code == 422
    ledger.sequence_all()
    newest = log_queries.entries(1)[0].entry
    assert (newest.action, newest.result, newest.detail["code"]) == (
        "quality.read",
        "failed",
        "trust.not_sealed",
    )


def test_residents_see_their_own_file_alone(pages: None) -> None:
    client = login("resident", "", person_code="0000000000001")
    assert client.get("/own/").content == b"0000000000001"
    assert client.get("/person/0000000000001/").status_code == 403
    assert login("resident", "", name="codeless").get("/own/").status_code == 403


# --- every role at every door of the product ---------------------------------------------------------------------

SAMPLES = {
    "int": "1",
    "str": "0000000000001",
    "slug": "none",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "path": "x",
}
ROLES = {role: ("police" if told.department else "") for role, told in rules().roles.items()}


def addresses() -> list[tuple[str, tuple[str, ...]]]:
    """Every guarded address with its rules, its arguments filled in."""
    found = []

    def walk(resolver: URLResolver, prefix: str) -> None:
        for one in resolver.url_patterns:
            where = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one, where)
            elif isinstance(one, URLPattern) and getattr(one.callback, "rules", ()):
                filled = re.sub(r"<(?:(\w+):)?\w+>", lambda m: SAMPLES.get(m[1] or "str", "x"), where)
                if not re.search(r"[\\^(]", filled):
                    found.append(("/" + filled, one.callback.rules))

    walk(get_resolver("anju.config.urls"), "")
    return found


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_at_every_door(db: None, settings: Settings, role: str) -> None:
    """Who may not, gets a 403 or is sent to log in; who may, never gets a 500. Nobody gets in by the back door."""
    settings.DEMO = True
    client = login(role, "990102", ROLES[role], person_code="0000000000001" if role == "resident" else "")
    client.raise_request_exception = False
    book = rules()
    purposes = [p.name for p in book.purposes.values() if role in p.roles]
    if purposes and access_queries.account_of(f"{role}-990102-{ROLES[role]}"):
        session = client.session
        held = access_queries.assignments(int(session["_auth_user_id"]), datetime.now(UTC))[0]
        until = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
        session["acting"] = {"assignment": held.id, "purpose": purposes[0], "until": until}
        session.save()
    wrong = []
    for (url, asked), method in itertools.product(addresses(), ("get", "post")):
        if "logout" in url or (method == "post" and "sessions" in url):
            continue
        reach = {book.actions[a].reach for a in asked}
        answer = getattr(client, method)(url)
        may = any(a in book.roles[role].may for a in asked) or bool(reach & {"login", "open"})
        if answer.status_code >= 500 or (not may and answer.status_code not in (403, 405)):
            wrong.append((method, url, asked, answer.status_code))
    assert not wrong


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_navigation_leads_nowhere_that_is_shut(db: None, settings: Settings, role: str) -> None:
    """Nobody is led to a page that says no; who has no page at all is told so on the front page."""
    settings.DEMO = True
    client = login(role, "990102", ROLES[role], person_code="0000000000001" if role == "resident" else "")
    client.raise_request_exception = False
    drawn = client.get("/account/").content.decode()
    navigation = "".join(re.findall(r"<nav.*?</nav>", drawn, re.DOTALL))
    links = re.findall(r'href="(/[^"]+)"', navigation)
    assert [link for link in links if client.get(link).status_code == 403] == []
    is_nowhere = "您已登录" in client.get("/").content.decode()
    assert is_nowhere == (role in {"landlord", "employer"})


# --- second persons ---------------------------------------------------------------------------------------------


def test_an_export_needs_a_second_person_once_and_for_exactly_this(pages: None) -> None:
    officer = login("department_officer", "990102", "police", name="asks")
    choose(officer, "data_quality")
    sent = officer.get("/export/?kind=all").headers["Location"]
    assert sent.startswith("/account/approval/")
    assert officer.get(sent).status_code == 200
    scope = re.search(r"scope=(\w{64})", sent)
    assert scope
    form = {
        "action": "person.export",
        "scope": scope[1],
        "next": "/export/?kind=all",
        "why": "季度核对，须全量比对",
    }
    assert officer.post("/account/approval/", form | {"why": "short"}).status_code == 422
    assert officer.post("/account/approval/", form).status_code == 302
    approval = Approval.objects.get()
    assert officer.post(f"/account/approvals/{approval.id}/", {"do": "grant"}).status_code == 422
    other_place = login("department_officer", "990103", "police", name="elsewhere")
    assert other_place.post(f"/account/approvals/{approval.id}/", {"do": "grant"}).status_code == 422
    other_department = login("department_officer", "990102", "tax", name="tax")
    assert other_department.post(f"/account/approvals/{approval.id}/", {"do": "grant"}).status_code == 422
    assert officer.get("/export/?kind=all").status_code == 302
    colleague = login("department_officer", "9901", "police", name="agrees")
    assert "季度核对" in colleague.get("/account/approvals/").content.decode()
    assert colleague.post(f"/account/approvals/{approval.id}/", {"do": "grant"}).status_code == 302
    assert officer.get("/export/?kind=more").status_code == 302
    assert officer.get("/export/?kind=all").content == b"everyone"
    assert officer.get("/export/?kind=all").status_code == 302
    done = [action for action, _, _, result in entries() if result == "done"]
    assert [a for a in done if a.startswith(("approval.g", "approval.ask", "person.export"))][:3] == [
        "person.export", "approval.give", "approval.ask"
    ]  # fmt: skip


def test_an_approval_expires_and_can_be_refused(pages: None) -> None:
    asker = Actor("account:1", "data_steward", "9901")
    giver = Actor("account:2", "data_steward", "9901")
    number = access_actions.ask_approval(
        "person.export", "data_quality", "s" * 64, "reason enough", by=asker, at=AT
    )
    with pytest.raises(Refusal, match="approval_closed"):
        access_actions.answer_approval(number, is_granted=True, by=giver, at=AT + timedelta(hours=25))
    access_actions.answer_approval(number, is_granted=False, by=giver, at=AT)
    assert access_queries.granted(asker, "person.export", "data_quality", "s" * 64, AT) is None
    with pytest.raises(Refusal, match="role_may_not"):
        access_actions.ask_approval(
            "person.export",
            "data_quality",
            "s" * 64,
            "reason enough",
            by=Actor("a", "planner", "9901"),
            at=AT,
        )


def test_glass_is_loud_short_and_reviewed(
    pages: None, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    login("dpo", "9902")
    Account.objects.filter(username="dpo-9902-").update(email="dpo@example.org")
    worker = login("station_worker")
    choose(worker, "emergency")
    assert worker.get("/person/0000000000002/").status_code == 403
    assert worker.post("/account/glass/", {"why": "short"}).status_code == 422
    with django_capture_on_commit_callbacks(execute=True):
        assert worker.post("/account/glass/", {"why": "洪水转移，须联系邻区住户"}).status_code == 302
    assert [m.to for m in mail.outbox] == [["dpo@example.org"]]
    assert "紧急越权中" in worker.get("/account/approvals/").content.decode()
    assert worker.get("/person/0000000000002/").status_code == 200
    assert ("glass.break", "", f"glass:{Glass.objects.get().id}", "done") in entries()
    officer = login("dpo", "9901")
    assert "洪水转移" in officer.get("/account/glass/review/").content.decode()
    assert (
        officer.post(f"/account/glass/review/{Glass.objects.get().id}/", {"do": "wrong"}).status_code == 302
    )
    Glass.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1), opened_at=AT)
    assert worker.get("/person/0000000000002/").status_code == 403
    grid = login("grid_worker")
    assert grid.post("/account/glass/", {"why": "洪水转移，须联系邻区住户"}).status_code == 403


def test_roles_are_given_by_others_within_their_place(pages: None) -> None:
    account_actions.make_account("newcomer", PASSWORD, by=BY, at=AT)
    operator = Actor("account:999", "operator", "990102")
    access_actions.grant_role("newcomer", "station_worker", "990102001", by=operator, at=AT)
    for region, code in (("990103", "out_of_place"), ("nowhere", "no_place")):
        with pytest.raises(Refusal, match=code):
            access_actions.grant_role("newcomer", "station_worker", region, by=operator, at=AT)
    own = Actor(f"account:{Account.objects.get(username='newcomer').pk}", "operator", "990102")
    with pytest.raises(Refusal, match="own_role"):
        access_actions.grant_role("newcomer", "operator", "990102", by=own, at=AT)
    with pytest.raises(Refusal, match="weak_password"):
        account_actions.make_account("weak", "12345678", by=BY, at=AT)
    account_actions.close_account("newcomer", by=BY, at=AT)
    assert not access_queries.assignments(Account.objects.get(username="newcomer").pk, datetime.now(UTC))


# --- the log's pages ----------------------------------------------------------------------------------------------


def test_the_log_is_open_to_check_and_closed_to_read(pages: None) -> None:
    worker = login("station_worker")
    choose(worker, "schooling")
    worker.get("/person/0000000000001/")
    ledger.sequence_all()
    ledger.checkpoint(AT)
    anyone = Client()
    assert anyone.get("/trust/log/?seq=0").status_code == 200
    assert anyone.get("/trust/log/checkpoint").content.decode().startswith("anju.invalid/")
    assert anyone.get("/trust/log/keys.txt").content.count(b"\n") == 2
    told = anyone.get("/trust/log/inclusion.json?seq=0").json()
    assert told["seq"] == 0
    assert anyone.get("/trust/log/inclusion.json?seq=999999").status_code == 422
    assert anyone.get("/trust/log/consistency.json?from=1").json()["to"] == told["size"]
    assert anyone.get("/trust/log/entries/").status_code == 302
    assert worker.get("/trust/log/entries/").status_code == 403
    auditor = login("auditor", "9901")
    page = auditor.get("/trust/log/entries/?action=person.read").content.decode()
    assert "person:0000000000001" in page
    assert auditor.get(f"/trust/log/entries/{told['size'] - 1}/").status_code == 200
    elsewhere = login("auditor", "1101", name="far")
    assert "person:0000000000001" not in elsewhere.get("/trust/log/entries/").content.decode()

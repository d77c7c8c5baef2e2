"""Requests nobody would think of, from every role and system: never a bug, never a word about another place.

``ANJU_FUZZ=100000`` makes as many; by default there are a few hundred.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from pytest_django import Settings

from anju.kernel.identifiers import citizen_check
from anju.register.store import actions
from anju.register.store.models import Identity, Run
from anju.trust.access import rules, system
from anju.trust.store import access_actions, access_queries
from anju.trust.store.models import Account
from anju.web.api.urls import api

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import PURPOSE, made
from intake_files import as_csv, people

pytestmark = pytest.mark.django_db
TOTAL = int(os.environ.get("ANJU_FUZZ", "300"))
HERE, THERE = "990102001001", "990103001001"
BORN = date(1990, 1, 1)
NUMBERS = [b + citizen_check(b) for b in ("99010219900101123", "99010319900101456")]
HIDDEN = "欧阳远在邻区"
BY, AT = system("test"), datetime(2026, 7, 1, tzinfo=UTC)
NOT_OURS = (
    "host",
    "cookie",
    "authorization",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
)


class Door:
    """One who knocks: a browser with a session, a system with a token, or nobody."""

    def __init__(self, name: str, client: Client, headers: dict[str, str]) -> None:
        self.name, self.client, self.headers = name, client, headers
        client.raise_request_exception = False


@pytest.fixture
def hidden(settings: Settings) -> str:
    """A register with one person here and one elsewhere; the code of the one elsewhere."""
    settings.DEMO = True
    codes = [
        str(
            actions.register_person(
                {"name": name, "citizen_no": number, "born_on": BORN.isoformat(), "sex": "1"},
                region=region, observed_on=AT.date(), by=BY, at=AT, purpose=PURPOSE,
            )
        )
        for name, number, region in (("李小华", NUMBERS[0], HERE), (HIDDEN, NUMBERS[1], THERE))
    ]  # fmt: skip
    Identity.objects.update(is_live=False)
    Run.objects.create(state="finished", started_at=AT, known_at=AT, people=2)
    return codes[1]


def doors() -> list[Door]:
    """Every role by session, two systems, and nobody."""
    found = [Door("nobody", Client(), {})]
    for name, scope in (("wide", {}), ("narrow", {"bulk": False, "datasets": (), "purposes": ()})):
        token = made(f"fuzz-{name}", **scope)
        found.append(Door(name, Client(), {"Authorization": f"Bearer {token}"}))
    for role, told in rules().roles.items():
        account = Account.objects.create(username=f"fuzz-{role}", is_demo=True)
        region = "990102" if told.place == "region" else ""
        department = "police" if told.department else ""
        number = access_actions.grant_role(
            account.username, role, region, by=BY, at=AT, department=department,
            person_code="0000000000001" if role == "resident" else "",
        )  # fmt: skip
        client = Client()
        client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
        purposes = [p.name for p in rules().purposes.values() if role in p.roles]
        held = access_queries.assignments(account.pk, datetime.now(UTC))[0]
        session = client.session
        session["acting"] = {
            "assignment": held.id, "purpose": purposes[0] if purposes else "",
            "until": (datetime.now(UTC) + timedelta(hours=8)).isoformat(),
        }  # fmt: skip
        session.save()
        assert number
        found.append(Door(role, client, {}))
    return found


SENSIBLE: dict[str, list[Any]] = {
    "cursor": ["", "c0", "c1", "c1.0.0", "c2.1.3", "s1.0.0", "s1.13.9", "c99999"],
    "dataset": ["police_residence", "hrss_employment", "no_such_dataset"],
    "Anju-Purpose": [PURPOSE, "data_quality", "points_settlement"],
    "Idempotency-Key": ["abcdefgh", "12345678"],
    "citizen_no": [*NUMBERS, ""],
    "name": [HIDDEN, "李小华", ""],
    "born_on": [BORN.isoformat(), None],
    "aspects": [["person", "stay", "tax"], []],
    "offset": [0, 1, 5],
    "limit": [1, 1000],
}


def sensible(dice: random.Random, told: Any) -> Any:
    """The same, with some values replaced by ones that get past the first check."""
    if isinstance(told, dict):
        return {
            k: dice.choice(SENSIBLE[k]) if k in SENSIBLE and dice.random() < 0.6 else sensible(dice, v)
            for k, v in told.items()
        }
    return [sensible(dice, v) for v in told[:5]] if isinstance(told, list) else told


def content(dice: random.Random, case: Any) -> tuple[bytes, str]:
    """The body of a request and its kind; now and then a real file."""
    kind = case.media_type or "application/json"
    if kind not in ("application/json",) and dice.random() < 0.5:
        return as_csv(people(dice.randint(1, 4))), "text/csv"
    body = sensible(dice, case.body) if not isinstance(case.body, bytes) else case.body
    if isinstance(body, bytes):
        return body, kind
    try:
        return json.dumps(body).encode(), kind
    except (TypeError, ValueError):
        return b"", kind


def ask(door: Door, case: Any, dice: random.Random) -> Any:
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    query = sensible(dice, dict(case.query or {}))
    headers = {
        k: str(v) for k, v in sensible(dice, dict(case.headers or {})).items() if k.lower() not in NOT_OURS
    }
    headers = {
        k: v for k, v in headers.items() if re.fullmatch(r"[\x20-\x7e]*", v) and re.fullmatch(r"[\w-]+", k)
    }
    if dice.random() < 0.7:
        headers["Anju-Purpose"] = dice.choice(SENSIBLE["Anju-Purpose"])
    body, kind = (b"", "") if case.method.upper() == "GET" else content(dice, case)
    flat = {
        k: v if isinstance(v, str | int | list) else json.dumps(v) for k, v in query.items() if v is not None
    }
    return door.client.generic(
        case.method.upper(), path, body, content_type=kind or "application/octet-stream", query_params=flat,
        headers=headers | door.headers,
    )  # fmt: skip


def test_no_request_breaks_it_and_none_shows_another_place(
    hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anju.web.api import door as at_door

    monkeypatch.setattr(at_door.client_queries, "is_within_rate", lambda *_: True)
    knockers = doors()
    schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
    operations = [found.ok() for found in schema.get_all_operations()]
    each = max(1, TOTAL // len(operations))
    seen: Counter[int] = Counter()
    wrong: list[tuple[str, str, str, int, bytes]] = []

    def fuzz(operation: Any) -> None:
        @seed(random.SystemRandom().getrandbits(32) if TOTAL > 1000 else 1)
        @settings(
            max_examples=each, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), print_blob=False,
        )  # fmt: skip
        @given(case=operation.as_strategy(), dice=st.randoms(use_true_random=True))
        def knock(case: Any, dice: random.Random) -> None:
            door = (
                knockers[1] if dice.random() < 0.4 else dice.choice(knockers)
            )  # 1: the system that may most
            answer = ask(door, case, dice)
            told = answer.getvalue() if answer.streaming else answer.content
            seen[answer.status_code] += 1
            is_told = answer.status_code < 400 or answer.status_code in (404, 405) or b'"code"' in told
            shows = hidden.encode() in told or HIDDEN.encode() in told or NUMBERS[1].encode() in told
            if answer.status_code >= 500 or shows or not is_told:
                wrong.append((door.name, case.method, case.path, answer.status_code, told[:300]))

        knock()

    for operation in operations:
        fuzz(operation)
    if TOTAL > 1000:
        sys.stderr.write(f"{sum(seen.values())} requests: {dict(sorted(seen.items()))}\n")
    assert not wrong, wrong[:5]
    assert sum(seen.values()) >= TOTAL // 2
    assert seen[200] > sum(seen.values()) // 50

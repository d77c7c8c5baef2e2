"""Requests nobody would think of, from every role and system: never a bug, never a word about another place.

``ANJU_FUZZ=100000`` makes as many, half at the API and half at the pages; by default there are a few hundred. With
``-n 2 --dist load`` both halves run side by side.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from pytest_django import Settings

from anju.web.api.urls import api

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import PURPOSE
from intake_files import as_csv, people
from knocking import Door, Knocker, World, build, doors, file_of, garbage

pytestmark = pytest.mark.django_db
TOTAL = int(os.environ.get("ANJU_FUZZ", "600"))
IS_LONG = TOTAL > 1000
SEED = int(os.environ.get("ANJU_FUZZ_SEED") or (random.SystemRandom().getrandbits(32) if IS_LONG else 1))
NOT_OURS = frozenset(
    {"host", "cookie", "authorization", "content-length", "content-type", "transfer-encoding", "connection"}
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def knocker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Knocker:
    from anju.web.api import door as at_door

    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setattr(at_door.client_queries, "is_within_rate", lambda *_: True)
    settings.DEMO = True
    settings.ACCOUNT_RATE_LIMITS = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.LOGGING_CONFIG = None
    return Knocker(build())


def finish(knocker: Knocker, least: int) -> None:
    if IS_LONG:
        sys.stderr.write(f"seed {SEED}: {knocker.told()}\n")
    assert not knocker.wrong, "\n".join(knocker.wrong[:8])
    total = sum(knocker.seen.values())
    assert total >= least
    assert knocker.seen[200] > total // 50


# The API, from its own description


def sensible(world: World, dice: random.Random, told: Any) -> Any:
    """The same, with some values replaced by ones that get past the first check."""
    values: dict[str, list[Any]] = {
        "cursor": ["", "c0", "c1", "c1.0.0", "c2.1.3", "s1.0.0", "s1.13.9", "c99999"],
        "dataset": ["police_residence", "hrss_employment", "no_such_dataset"],
        "Anju-Purpose": [PURPOSE, "data_quality", "points_settlement"],
        "Idempotency-Key": ["abcdefgh", "12345678"],
        "citizen_no": [*world.numbers, ""],
        "name": ["欧阳远邻", "李小华", ""],
        "born_on": ["1990-01-01", None],
        "aspects": [["person", "stay", "tax"], []],
        "offset": [0, 1, 5],
        "limit": [1, 1000],
    }
    if isinstance(told, dict):
        return {
            k: dice.choice(values[k]) if k in values and dice.random() < 0.6 else sensible(world, dice, v)
            for k, v in told.items()
        }
    return [sensible(world, dice, v) for v in told[:5]] if isinstance(told, list) else told


def content(world: World, dice: random.Random, case: Any) -> tuple[bytes, str]:
    """The body of a request and its kind; now and then a real file."""
    kind = case.media_type or "application/json"
    if kind != "application/json" and dice.random() < 0.5:
        return as_csv(people(dice.randint(1, 4))), "text/csv"
    body = sensible(world, dice, case.body) if not isinstance(case.body, bytes) else case.body
    if isinstance(body, bytes):
        return body, kind
    try:
        return json.dumps(body).encode(), kind
    except (TypeError, ValueError):
        return b"", kind


def knock(knocker: Knocker, door: Door, case: Any, dice: random.Random) -> None:
    """One of schemathesis' cases at one door."""
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    query = sensible(knocker.world, dice, dict(case.query or {}))
    told = sensible(knocker.world, dice, dict(case.headers or {}))
    headers = {
        k: str(v)
        for k, v in told.items()
        if k.lower() not in NOT_OURS and re.fullmatch(r"[\x20-\x7e]*", str(v)) and re.fullmatch(r"[\w-]+", k)
    }
    if dice.random() < 0.7:
        headers["Anju-Purpose"] = dice.choice([PURPOSE, "data_quality", "points_settlement"])
    body, kind = (b"", "") if case.method.upper() == "GET" else content(knocker.world, dice, case)
    flat = {
        k: v if isinstance(v, str | int | list) else json.dumps(v) for k, v in query.items() if v is not None
    }
    answer = knocker.ask(
        door,
        case.method.upper(),
        path,
        query=flat,
        body=body,
        kind=kind or "application/octet-stream",
        headers=headers,
    )
    if not (answer.status < 400 or answer.status in (404, 405) or b'"code"' in answer.body):
        knocker.wrong.append(f"no reason told: {case.method} {path} {answer.status} {answer.body[:200]!r}")


def test_no_request_breaks_the_api_and_none_shows_another_place(knocker: Knocker) -> None:
    knockers = doors(knocker.world)
    schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
    operations = [found.ok() for found in schema.get_all_operations()]
    each = max(1, TOTAL // 2 // len(operations))
    numbers = knocker.many(each * len(operations))

    def fuzz(operation: Any) -> None:
        @seed(SEED)
        @settings(
            max_examples=each, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), print_blob=False,
        )  # fmt: skip
        @given(case=operation.as_strategy(), dice=st.randoms(use_true_random=True))
        def knocked(case: Any, dice: random.Random) -> None:
            if next(numbers, None) is None:
                return
            door = (
                knockers[1] if dice.random() < 0.4 else dice.choice(knockers)
            )  # 1: the system that may most
            knock(knocker, door, case, dice)

        knocked()

    for operation in operations:
        fuzz(operation)
    for _ in numbers:  # where there are fewer cases than asked for; the last chunk must end
        pass
    finish(knocker, TOTAL // 4)


# The pages, from their addresses, links and forms


def addresses(resolver: Any = None, prefix: str = "/") -> list[str]:
    """Every page's address with its places, such as /staff/people/<str:code>/."""
    found = []
    for pattern in (resolver or get_resolver()).url_patterns:
        told = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            found.append(told)
        else:
            found += addresses(pattern, told)
    return [a for a in found if not a.startswith("/api/") and "^" not in a]


def names_of_fields() -> list[str]:
    """Whatever a view asks for and a form offers."""
    found = {"page", "csrfmiddlewaretoken", "sort", "file"}
    for path in (ROOT / "src/anju/web").rglob("*"):
        if path.suffix == ".py":
            found |= set(re.findall(r'(?:GET|POST)(?:\.get|\.getlist)?[\[(]"([\w-]+)"', path.read_text()))
        elif path.suffix == ".html":
            found |= set(re.findall(r'name="([\w-]+)"', path.read_text()))
    return sorted(found)


class Walker:
    """Makes up requests at pages: from addresses, and from links and forms seen before."""

    def __init__(self, knocker: Knocker, dice: random.Random) -> None:
        self.knocker, self.dice, self.world = knocker, dice, knocker.world
        self.addresses, self.fields = addresses(), names_of_fields()
        self.words = [
            *knocker.world.here, *knocker.world.there, *knocker.world.numbers, *knocker.world.requests,
            "D000000000000001", "D000000000000002", "91990101000000001A", "91990102000000001A", "citizen_no", "phone", "name",
            "police_residence", "police", "residence_permit", "schooling", PURPOSE, "demo", "cn", "points_settlement",
            "points_schooling", "2026", "2026-01-01", "delete", "correct", "copy", "object", "human", "notices_by_message",
            "give", "withdraw", "ask", "approve", "save", "unlawful", "term_over", "990102", "990103", "990102001001",
            "duplicates", "missing", "leak", "en", "zh-hans", "dark",
        ]  # fmt: skip

    def value(self) -> str:
        return self.dice.choice(self.words) if self.dice.random() < 0.6 else garbage(self.dice)

    def path(self) -> str:
        def fill(found: re.Match[str]) -> str:
            if found[1] == "int":
                return self.dice.choice(("0", "1", "2", "3", "17", "2147483648", "99999999999999999999"))
            return quote(self.value()[:300], safe="") or "x"

        return re.sub(r"<(?:(\w+):)?\w+>", fill, self.dice.choice(self.addresses))

    def parameters(self, known: dict[str, str]) -> dict[str, str]:
        told = dict(known)
        for name in list(told):
            if self.dice.random() < 0.25:
                told[name] = self.value()
        for _ in range(self.dice.choice((0, 0, 1, 2, 4))):
            told[self.dice.choice(self.fields)] = self.value()
        return told

    def step(self, door: Door) -> None:
        """One request, and what its answer leads to is remembered."""
        dice = self.dice
        headers = {"HX-Request": "true"} if dice.random() < 0.1 else {}
        if dice.random() < 0.2:
            headers["Accept-Language"] = dice.choice(("en", "zh", "*", "xx;q=9"))
        if dice.random() < 0.4:
            path, known = dice.choice(door.forms) if door.forms and dice.random() < 0.6 else (self.path(), {})
            fields: dict[str, Any] = self.parameters(known)
            if dice.random() < 0.1:
                fields["file"] = file_of(dice)
            body, kind = encode_multipart(BOUNDARY, fields), MULTIPART_CONTENT
            if dice.random() < 0.05:
                body, kind = (
                    dice.randbytes(80),
                    dice.choice(("application/json", "text/plain", MULTIPART_CONTENT)),
                )
            method = dice.choice(("POST",) * 12 + ("PUT", "DELETE", "PATCH"))
            answer = self.knocker.ask(door, method, path, body=body, kind=kind, headers=headers)
        else:
            path = dice.choice(door.links) if door.links and dice.random() < 0.5 else self.path()
            told = urlsplit(path)
            known = dict(p.partition("=")[::2] for p in told.query.split("&") if p) if told.query else {}
            method = dice.choice(("GET",) * 20 + ("HEAD", "OPTIONS"))
            answer = self.knocker.ask(door, method, told.path, query=self.parameters(known), headers=headers)
        self.remember(door, path, answer.body, answer.kind, answer.location)

    def remember(self, door: Door, at: str, body: bytes, kind: str, location: str) -> None:
        """Links and forms of a page, a few hundred of them."""
        if location.startswith("/") and not location.startswith("//"):
            door.links.append(location)
        if kind.startswith("text/html"):
            page = body.decode("utf-8", "replace")
            door.links += [
                a
                for a in re.findall(r'href="(/[^"#]*)"', page)
                if not a.startswith(("//", "/static", "/api"))
            ][:40]
            for tag, inside in re.findall(r"<form([^>]*)>(.*?)</form>", page, re.S)[:8]:
                action = re.search(r'action="([^"]*)"', tag)
                where = action[1] if action and action[1].startswith("/") else urlsplit(at).path
                fields = dict(re.findall(r'name="([\w-]+)"[^>]*?value="([^"]*)"', inside))
                door.forms.append((where, fields))
        for kept in (door.links, door.forms):
            if len(kept) > 400:
                self.dice.shuffle(kept)
                del kept[200:]


def test_no_request_breaks_a_page_and_none_shows_another_place(knocker: Knocker) -> None:
    dice = random.Random(SEED)
    walker = Walker(knocker, dice)
    knockers = [d for d in doors(knocker.world) if d.name not in ("wide", "narrow")]
    for _ in knocker.many(TOTAL // 2):
        walker.step(dice.choice(knockers))
    if IS_LONG and os.environ.get("ANJU_FUZZ_TOLD"):
        Path(os.environ["ANJU_FUZZ_TOLD"]).write_text(
            json.dumps(dict(knocker.by_view.most_common()), indent=1)
        )
    finish(knocker, TOTAL // 4)
    assert django_settings.DEMO

"""Who knocks at the doors when they are fuzzed: every role by session, two systems by token, and nobody.

Requests go straight into Django's handler, with every middleware; nothing is kept of templates and contexts as Django's
test client does, so that a hundred thousand fit into minutes.
"""

from __future__ import annotations

import io
import random
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlencode

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.base import BaseHandler
from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory

from anju.kernel.identifiers import citizen_check
from anju.register.store import actions
from anju.register.store.models import Dwelling, Employer, Run
from anju.trust.access import rules, system
from anju.trust.masking import mask_name
from anju.trust.store import access_actions, rights_actions
from anju.trust.store.models import Account

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import PURPOSE, made

HERE, THERE = "990102001001", "990103001001"
BY, AT = system("test"), datetime(2026, 7, 1, tzinfo=UTC)
CHUNK = 250
"""Requests after which the database is as it was at first: locks go, and what was ended stands again."""


def number(serial: int, district: str) -> str:
    first17 = f"{district}1990{serial % 12 + 1:02d}01{serial:03d}"
    return first17 + citizen_check(first17)


@dataclass(frozen=True)
class World:
    """Codes of people here; and of those elsewhere everything that nobody here may be told."""

    here: tuple[str, ...]
    there: tuple[str, ...]
    secrets: tuple[str, ...]
    numbers: tuple[str, ...]
    requests: tuple[str, ...]


def build() -> World:
    """A register of two districts, the same kinds of things in both."""
    codes: dict[str, list[str]] = {HERE: [], THERE: []}
    secrets, numbers, asked = [], [], []
    who: dict[str, Any] = {"by": BY, "at": AT, "purpose": PURPOSE}
    for place, mark, street, names in (
        (HERE, "1", "槐树路", ("李小华", "王秀英", "陈思远", "赵敏")),
        (THERE, "2", "远邻秘密路", ("欧阳远邻", "司马远邻", "诸葛远邻")),
    ):
        Dwelling.objects.create(
            dwelling_code=f"D00000000000000{mark}", region=place, street=street, number="7"
        )
        Employer.objects.create(
            employer_code=f"9199010{mark}000000001A", region=place, name=f"{street}测试有限公司"
        )
        for serial, name in enumerate(names, 123):
            told = {
                "name": name, "citizen_no": number(serial, place[:6]), "sex": "1", "born_on": "1990-01-01",
                "phone": f"1200000{mark}{serial}",
            }  # fmt: skip
            code = str(actions.register_person(told, region=place, observed_on=AT.date(), **who))
            actions.register_stay(
                code, dwelling_code=f"D00000000000000{mark}", begin_on=date(2026, 6, 1), **who
            )
            actions.register_job(
                code, employer_code=f"9199010{mark}000000001A", begin_on=date(2026, 6, 1), **who
            )
            codes[place].append(code)
            numbers.append(told["citizen_no"])
            of = {"person_code": code, "region": place, "by": system(f"own {code}"), "at": AT}
            asked.append(rights_actions.ask("delete", text="请删除", **of))
            if place == THERE:
                secrets += [code, name, mask_name(name) or name, told["citizen_no"], told["phone"]]
        if place == THERE:
            secrets += [street, "D000000000000002", "91990102000000001A"]
    rights_actions.write_incident("disclosure", "一份名单发错了人", 3, AT.date(), by=BY, at=AT)
    Run.objects.create(state="finished", started_at=AT, known_at=AT, as_of=AT.date(), people=7, records=7)
    return World(tuple(codes[HERE]), tuple(codes[THERE]), tuple(secrets), tuple(numbers), tuple(asked))


@dataclass
class Door:
    """One who knocks, with what has been seen through this door: links, and forms with their fields."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def doors(world: World) -> list[Door]:
    """Every role in every purpose it has, two systems, and nobody. The second may most of all systems."""
    found = [Door("nobody")]
    for name, scope in (("wide", {}), ("narrow", {"bulk": False, "datasets": (), "purposes": ()})):
        found.append(Door(name, {"Authorization": f"Bearer {made(f'fuzz-{name}', **scope)}"}))
    for role, told in rules().roles.items():
        account = Account.objects.create(username=f"fuzz-{role}", is_demo=True)
        held = access_actions.grant_role(
            account.username, role, "990102" if told.place == "region" else "", by=BY, at=AT,
            department="police" if told.department else "",
            person_code=world.here[0] if role == "resident" else "",
        )  # fmt: skip
        for purpose in [p.name for p in rules().purposes.values() if role in p.roles] or [""]:
            session = SessionStore()
            session.update({
                "_auth_user_id": str(account.pk), "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
                "_auth_user_hash": account.get_session_auth_hash(),
                "acting": {"assignment": held, "purpose": purpose,
                           "until": (datetime.now(UTC) + timedelta(hours=8)).isoformat()},
            })  # fmt: skip
            session.save()
            found.append(
                Door(f"{role}:{purpose}", {}, {settings.SESSION_COOKIE_NAME: str(session.session_key)})
            )
    return found


@dataclass
class Told:
    """One answer."""

    status: int
    kind: str
    body: bytes
    location: str
    bug: str


class Knocker:
    """Asks, and keeps count of what came back and of what never may."""

    def __init__(self, world: World) -> None:
        self.world, self.seen, self.wrong = world, Counter[int](), list[str]()
        self.by_view: Counter[str] = Counter()
        self.handler = BaseHandler()
        self.handler.load_middleware()
        self._bug = ""

    def ask(
        self, door: Door, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: bytes = b"",
        kind: str = "application/octet-stream", headers: Mapping[str, str] | None = None,
    ) -> Told:  # fmt: skip
        """One request through the whole stack."""
        factory = RequestFactory(headers=dict(headers or {}) | door.headers)
        factory.cookies.load(door.cookies)
        told = urlencode(query or {}, doseq=True)
        request = factory.generic(method, path, body, content_type=kind, QUERY_STRING=told)
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        self._bug = ""
        answer = self.handler.get_response(request)
        answer.close = lambda: None  # type: ignore[method-assign] - would close the test's connection
        content = answer.getvalue() if answer.streaming else answer.content
        told_ = Told(
            answer.status_code, answer.headers.get("Content-Type", ""), content, answer.headers.get("Location", ""),
            self._bug,
        )  # fmt: skip
        self.seen[answer.status_code] += 1
        match = request.resolver_match
        self.by_view[f"{match.view_name if match else '-'} {answer.status_code}"] += 1
        sent = unquote_plus(f"{path} {told} {body.decode('utf-8', 'replace')} {dict(headers or {})}")
        self._judge(door, f"{method} {path}?{told} {body[:300]!r}", sent, answer, told_)
        return told_

    def _judge(self, door: Door, asked: str, sent: str, answer: HttpResponse, told: Told) -> None:
        text = told.body.decode("utf-8", "replace")
        # What the one who asks has typed may be shown to them again; anything else of the other place may not.
        leaks = [s for s in self.world.secrets if s in text and s not in sent]
        is_broken = answer.status_code >= 500 and (answer.status_code != 503 or bool(told.bug))
        if (is_broken or leaks) and len(self.wrong) < 200:
            self.wrong.append(f"{door.name} {asked} -> {told.status} {leaks} {told.bug or text[:200]}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Bugs are kept with their last lines while this goes on."""

        def hear(**_ignored: Any) -> None:
            lines = [line for line in traceback.format_exc().splitlines() if line.strip(" ^~")]
            self._bug = "\n".join(lines[-8:])

        got_request_exception.connect(hear)
        try:
            yield
        finally:
            got_request_exception.disconnect(hear)

    def many(self, total: int) -> Iterator[int]:
        """Numbers of requests; after each chunk the database is as it was."""
        with self.listening():
            for begin in range(0, total, CHUNK):
                with transaction.atomic():
                    yield from range(begin, min(begin + CHUNK, total))
                    connection.needs_rollback = False
                    transaction.set_rollback(True)

    def told(self) -> str:
        """One line about all of it."""
        return f"{sum(self.seen.values()):,} requests: {dict(sorted(self.seen.items()))}"


def garbage(dice: random.Random) -> str:
    """Something nobody would type."""
    return (
        dice.choice(GARBAGE)
        if dice.random() < 0.7
        else "".join(
            chr(
                dice.choice(
                    (dice.randrange(1, 128), dice.randrange(0x4E00, 0x9FA5), dice.randrange(1, 0xD7FF))
                )
            )
            for _ in range(dice.randrange(1, 30))
        )
    )


GARBAGE = (
    "", " ", "0", "-1", "1", "2", "7", "999999999999999999999", "9223372036854775808", "2147483648", "1e400", "NaN", "inf",
    "\x00", "a\x00b", "\r\nSet-Cookie: a=b", "' OR 1=1 --", "\\", "%", "%%s", "_", "{{7*7}}", "<script>alert(1)</script>",
    "../../etc/passwd", "//evil.example/", "https://evil.example/", "javascript:alert(1)", "2026-07-01", "2026-13-45",
    "0000-00-00", "9999-12-31", "0001-01-01", "２０２６-０７-０１", "٣", "null", "[]", "{}", "true", "=1+1", "张三", "𠮷野家",
    "\u202eabc", "\ud7ff", "a" * 5000, "李" * 400, "=cmd|' /C calc'!A0", "1,2,3", "a:b", ":", "-", ".", "..", "*", "~",
)  # fmt: skip


def file_of(dice: random.Random) -> io.BytesIO:
    """A file with a name and a content that need not fit."""
    content = dice.choice((b"", b"PK\x03\x04" + dice.randbytes(40), "姓名,证件号码\n李小华,1\n".encode("gb18030"), dice.randbytes(300),
                           b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"))  # fmt: skip
    made_ = io.BytesIO(content)
    made_.name = dice.choice(
        ("a.csv", "police_residence_20260701.csv", "b.xlsx", "../c.csv", "d.exe", "居住登记_20260701.csv")
    )
    return made_

"""Pages under load: a logged-in worker's search, person file and live check, over HTTP, at 1 and 16 connections.

Measures the library of this home (``ANJU_HOME``), which must be published; ``anju serve`` is started on a free port with
demo accounts. One process asks, on the same cores; what it spends itself is told beside what the server spends.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import psutil

from anju.jobs.bench import Figure, asking, percentile
from anju.jobs.cli import setup_django
from anju.kernel.refusal import Refusal

CONNECTIONS = 16
SECONDS = 15.0
START_SECONDS = 180
SAMPLE = 2_000
ANJU = [sys.executable, "-c", "from anju.jobs.cli import main; main()"]
ACCOUNT = "demo-station"
TOKEN = "a" * 32
"""A browser that has seen a form carries one."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one page answered: seconds of every request, how many a second, CPU seconds of each by server and database
    and, beside them, by the one who asks."""

    name: str
    seconds: list[float]
    rate: float
    cpu: float
    asking: float


def run(people: int) -> list[Figure]:
    """Figures of the pages at 1 and at ``CONNECTIONS`` connections; ``people`` is what the home holds already."""
    os.environ["ANJU_DEMO"] = "1"
    setup_django()
    from anju.register.store import queries as register

    if register.latest_run() is None:
        raise Refusal("register.no_library")
    subprocess.run([*ANJU, "trust", "demo-accounts"], check=True, stdout=subprocess.DEVNULL)
    files, words = _asked()
    figures: list[Figure] = []
    with _served() as (port, server):
        cookie = f"{_session()}; csrftoken={TOKEN}"
        paths = {"person file": files, "search": _searches(port, cookie, words)}
        _measure("login page", port, "", ["/account/login/"], 4, server, 3.0)
        ask_floor = _measure("login page", port, "", ["/account/login/"], CONNECTIONS, server, SECONDS / 3)
        for name, listed in paths.items():
            _measure(name, port, cookie, listed, 4, server, 3.0)  # warm
            for connections in (1, CONNECTIONS):
                told = _measure(name, port, cookie, listed, connections, server, SECONDS)
                aim = "< 50" if name == "live check" else "< 100"
                figures += [
                    Figure(f"{name}, p50 at {connections} connections", percentile(told.seconds, 0.5) * 1000, "ms"),
                    Figure(f"{name}, p95 at {connections} connections", percentile(told.seconds, 0.95) * 1000, "ms",
                           aim if connections == CONNECTIONS else ""),
                ]  # fmt: skip
            figures += [
                Figure(f"{name}, requests a second", told.rate, "/s", "",
                       f"login page {ask_floor.rate:,.0f}/s", told.rate / ask_floor.rate),
                Figure(f"{name}, CPU of server and database", told.cpu * 1000, "ms a request", "",
                       f"who asks {told.asking * 1000:.2f} ms"),
            ]  # fmt: skip
    return figures


def _measure(
    name: str,
    port: int,
    cookie: str,
    paths: list[str],
    connections: int,
    server: psutil.Process,
    seconds: float,
) -> Load:
    questions = [asking.question(path, port, cookie) for path in paths]
    before, own, begin = _cpu(server), time.process_time(), time.perf_counter()
    took = asking.ask(port, questions, connections, seconds)
    number = max(len(took), 1)
    return Load(
        name,
        took,
        len(took) / (time.perf_counter() - begin),
        (_cpu(server) - before) / number,
        (time.process_time() - own) / number,
    )


def _together(work: Callable[[int], None], number: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _cpu(server: psutil.Process) -> float:
    """CPU seconds so far of the server's and the database's processes, those that have ended meanwhile included."""
    total = 0.0
    for process in [server, *server.children(recursive=True), *_database()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            spent = process.cpu_times()
            total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def _database() -> list[psutil.Process]:
    from anju.kernel.home import home

    pid_file = home() / "postgres" / "postmaster.pid"
    if not pid_file.exists():
        return []
    postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


@contextlib.contextmanager
def _served() -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [*ANJU, "serve", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > until or server.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.2)
        time.sleep(2)
        yield port, psutil.Process(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _session() -> str:
    """The cookies of a station worker's session, with a purpose."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    from anju.trust.store import access_queries

    number = access_queries.account_of(ACCOUNT)
    user = get_user_model()._default_manager.get(pk=number)
    held = access_queries.assignments(user.pk, datetime.now(UTC))[0]
    session = SessionStore()
    session.update(
        {
            "_auth_user_id": str(user.pk),
            "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
            "_auth_user_hash": user.get_session_auth_hash(),
            "acting": {
                "assignment": held.id,
                "purpose": "residence_permit",
                "until": (datetime.now(UTC) + timedelta(hours=2)).isoformat(),
            },
        }
    )
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _asked() -> tuple[list[str], list[str]]:
    """What to ask for: addresses of people's files, and words of every kind to search for."""
    from anju.register.store import queries as register
    from anju.trust.store import access_queries

    number = access_queries.account_of(ACCOUNT)
    region = access_queries.assignments(number or 0, datetime.now(UTC))[0].actor.region
    people, after = [], None
    while len(people) < SAMPLE:
        page = register.find_people("", scope=(region,), after=after, limit=500, masked=False)
        people += page.rows
        after = page.next_after
        if after is None:
            break
    words: list[str] = ["wangwei", "lj", "zhang", "5678"]
    for line in random.Random(1).sample(people, min(200, len(people))):
        words += [
            line.name,
            line.name[:1],
            line.name[1:],
            line.citizen_no,
            line.phone[-4:],
            line.phone,
            line.address,
        ]
    return [f"/staff/people/{line.code}/" for line in people], [w for w in words if w]


def _searches(port: int, cookie: str, words: list[str]) -> list[str]:
    """The addresses that searches lead to: what was typed is sealed there by the pages themselves."""
    head = {
        "Cookie": cookie,
        "X-CSRFToken": TOKEN,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    found = ["/staff/people/", "/staff/people/?sort=-name"]
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for word in words:
        link.request("POST", "/staff/people/find/", urlencode({"text": word}), head)
        answer = link.getresponse()
        answer.read()
        if answer.status != 302:
            raise RuntimeError(f"search: status {answer.status}")
        found.append(answer.headers["Location"])
    link.close()
    return found

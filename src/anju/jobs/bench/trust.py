"""What trust costs: a guarded read beside the same read without, requests at a million people's load, the log, its proofs.

Measures the published library of this home. What is written for the measurement is rolled back, but for the requests
asked over HTTP: those are looks like any other and stay in the log.
"""

from __future__ import annotations

import http.client
import os
import random
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from anju.jobs.bench import Figure, guarded, percentile, timed
from anju.jobs.bench import requests as load
from anju.jobs.cli import setup_django
from anju.kernel.refusal import Refusal

RATE = 47
"""Requests a second that a million residents make, by a published municipal sizing (see docs/benchmarks.md)."""
SECONDS = 30
WRITES = 10
"""One request in so many is a write."""
ENTRIES = 200_000
LEAVES = 10_000_000
BESIDE = 100_000
PROOFS = 300


def run(people: int, entries: int = ENTRIES) -> list[Figure]:
    """Figures of trust; ``people`` is what the home holds already, ``entries`` how many are placed in the log.

    Proofs are measured in a tree of ``LEAVES``, or of fifty times the entries when fewer than usual are asked for.
    """
    os.environ["ANJU_DEMO"] = "1"
    setup_django()
    from anju.register.store import queries as register

    if register.latest_run() is None:
        raise Refusal("register.no_library")
    subprocess.run([*load.ANJU, "trust", "demo-accounts"], check=True, stdout=subprocess.DEVNULL)
    leaves = LEAVES if entries >= ENTRIES else entries * 50
    return [*guarded.read(), *_log(entries), *_proofs(leaves), *_beside(min(entries, BESIDE)), *_requests()]


def _log(count: int) -> list[Figure]:
    """Entries written and sequenced in batches; rolled back."""
    from django.db import transaction

    from anju.trust.access import Actor
    from anju.trust.store import ledger, log

    by = Actor("account:0", "station_worker", "990102001001", "police")
    at = datetime.now(UTC)
    entries = [
        log.Entry.of(by, "person.read", at, purpose="residence_registration", subject=f"person:{n:013d}")
        for n in range(count)
    ]
    best: dict[str, float] = {}
    for _ in range(3):
        with transaction.atomic():
            with timed() as written, guarded.cpu_spent() as written_cpu:
                log.record_many(entries)
            with timed() as placed, guarded.cpu_spent() as placed_cpu:
                ledger.sequence_all()
            transaction.set_rollback(True)
        laps = {"written": written.seconds, "placed": placed.seconds, "written cpu": written_cpu[0],
                "placed cpu": placed_cpu[0]}  # fmt: skip
        best = {name: min(best.get(name, seconds), seconds) for name, seconds in laps.items()}
    return [
        Figure("log, entries written by their acts", count / best["written"], "/s", "",
               f"by CPU of program and database {count / best['written cpu']:,.0f}/s"),
        Figure("log, entries placed in the tree, batched", count / best["placed"], "/s", "50,000",
               f"by CPU of program and database {count / best['placed cpu']:,.0f}/s"),
    ]  # fmt: skip


def _proofs(leaves: int) -> list[Figure]:
    """Proofs in a tree of ten million leaves, or as many as asked for: its tiles are written for the measurement and rolled back."""
    from django.db import connection, transaction

    from anju.trust.log import grow
    from anju.trust.store import ledger

    dice = random.Random(1)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM trust_logtile")
            with cursor.copy("COPY trust_logtile (level, index, hashes) FROM STDIN") as copy:
                for (level, index), hashes in grow(0, _hashes(leaves), {}).items():
                    copy.write(f"{level}\t{index}\t\\\\x{hashes.hex()}\n")
            cursor.execute("ANALYZE trust_logtile")
        laps: dict[str, list[float]] = {"inclusion": [], "consistency": []}
        spent: dict[str, float] = {}
        for name, one in laps.items():
            with guarded.cpu_spent() as cpu:
                for _ in range(PROOFS):
                    with timed() as lap:
                        place = dice.randrange(1, leaves)
                        tree = ledger.tree(leaves)
                        tree.inclusion(place) if name == "inclusion" else tree.consistency(place)
                    one.append(lap.seconds)
            spent[name] = cpu[0] / PROOFS
        transaction.set_rollback(True)
    return [
        Figure(f"log, {name} proof at {leaves:,} entries, median", percentile(one, 0.5) * 1000, "ms", "< 5",
               f"CPU of program and database {spent[name] * 1000:.2f} ms")
        for name, one in laps.items()
    ]  # fmt: skip


def _hashes(count: int) -> list[bytes]:
    """Leaf hashes; a hash is as good as another for the work of a proof."""
    block = secrets.token_bytes(32 * 4096)
    pieces = [block[i : i + 32] for i in range(0, len(block), 32)]
    return pieces * (count // len(pieces)) + pieces[: count % len(pieces)]


def _beside(count: int) -> list[Figure]:
    """pymerkle's own tree in SQLite: the same entries, far fewer of them, in the same run."""
    from pymerkle import SqliteTree

    entry = b'{"account":"account:0","action":"person.read"}' * 6
    with tempfile.TemporaryDirectory() as folder, SqliteTree(str(Path(folder) / "tree.db")) as tree:
        with timed() as lap:
            tree.append_entries([entry + str(n).encode() for n in range(count)], 1024)
        proofs = []
        for _ in range(20):
            with timed() as proof:
                tree.prove_inclusion(random.randrange(1, count))
            proofs.append(proof.seconds)
    return [
        Figure(f"beside: pymerkle in SQLite, entries appended ({count:,})", count / lap.seconds, "/s"),
        Figure(f"beside: pymerkle in SQLite, inclusion proof at {count:,} entries", percentile(proofs, 0.5) * 1000, "ms"),
    ]  # fmt: skip


def _requests() -> list[Figure]:
    """Requests at a steady rate over HTTP: nine reads of person files to one write with its log entry."""
    reads: list[float] = []
    writes: list[float] = []
    with load._served() as (port, _server):
        paths = guarded.people()
        asks = _reader(load._session(), paths), _writer(_session_of("demo-resident"), port)
        _steady(port, *asks, 3.0, [], [])
        with timed() as lap:
            _steady(port, *asks, SECONDS, reads, writes)
    return [
        Figure("requests answered, asked at a steady rate", (len(reads) + len(writes)) / lap.seconds, "/s", str(RATE)),
        Figure("  reads of a person file, p95", percentile(reads, 0.95) * 1000, "ms", "< 30",
               f"median {percentile(reads, 0.5) * 1000:.1f} ms"),
        Figure("  writes (a consent given or withdrawn), p95", percentile(writes, 0.95) * 1000, "ms", "< 100",
               f"median {percentile(writes, 0.5) * 1000:.1f} ms"),
    ]  # fmt: skip


Ask = Callable[[http.client.HTTPConnection, int], None]


def _reader(cookie: str, paths: list[str]) -> Ask:
    def ask(link: http.client.HTTPConnection, number: int) -> None:
        _answered(link, 200, "GET", paths[number * 7919 % len(paths)], None, {"Cookie": cookie})

    return ask


def _writer(cookie: str, port: int) -> Ask:
    token = secrets.token_hex(16)
    headers = {
        "Cookie": f"{cookie}; csrftoken={token}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://127.0.0.1:{port}",
    }

    def ask(link: http.client.HTTPConnection, number: int) -> None:
        body = f"do={'give' if number // WRITES % 2 else 'withdraw'}&csrfmiddlewaretoken={token}"
        _answered(link, 302, "POST", "/me/consents/notices_by_message/", body, headers)

    return ask


def _answered(
    link: http.client.HTTPConnection,
    status: int,
    verb: str,
    path: str,
    body: str | None,
    headers: dict[str, str],
) -> None:
    link.request(verb, path, body, headers)
    answer = link.getresponse()
    answer.read()
    if answer.status != status:
        raise RuntimeError(f"{verb}: status {answer.status}")


def _steady(
    port: int, read: Ask, write: Ask, seconds: float, reads: list[float], writes: list[float]
) -> None:
    """Ask at the steady rate; a slow answer holds up nobody else's question."""
    begin, numbers, taking = time.perf_counter(), iter(range(int(seconds * RATE))), threading.Lock()

    def work(_: int) -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with taking:
                number = next(numbers, None)
            if number is None:
                break
            due = begin + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            is_write = number % WRITES == 0
            (write if is_write else read)(link, number)
            # From the moment it was due: waiting for a free connection counts.
            (writes if is_write else reads).append(time.perf_counter() - due)
        link.close()

    load._together(work, load.CONNECTIONS)


def _session_of(account: str) -> str:
    """The cookie of a session of one of the demo's accounts, in its first role."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    from anju.trust.store import access_queries

    user = get_user_model()._default_manager.get(pk=access_queries.account_of(account))
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session["acting"] = {
        "assignment": access_queries.assignments(user.pk, datetime.now(UTC))[0].id,
        "purpose": "",
        "until": "",
    }
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"

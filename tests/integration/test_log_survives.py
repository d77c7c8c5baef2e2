"""The log survives: killed at any moment, several sequencers at once, and a copy of the database elsewhere."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import OperationalError, close_old_connections, connection

from anju.jobs.pipeline import log as keeping
from anju.trust.access import Actor
from anju.trust.store import ledger, log, log_queries, log_verifying

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORKER = Actor("account:7", "station_worker", "990102")


@pytest.fixture(autouse=True)
def own(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setattr(ledger, "ROWS", 5)
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE trust_logpending, trust_logentry, trust_logtile, trust_logcheckpoint")


def record(count: int) -> None:
    for number in range(count):
        at = [log.Entry.of(WORKER, "batch.accept", AT, detail={"n": number * 10 + k}) for k in range(10)]
        log.record_many(at)


def numbers() -> list[int]:
    return [json.loads(line)["detail"]["n"] for _, line in log_queries.lines(0, 10**6)]


def _sequence_for_ever() -> None:
    """In a child: its own connection, never the parent's."""
    connection.connection = None
    while True:
        ledger.sequence()
        ledger.checkpoint(datetime.now(UTC))


def test_killed_at_any_moment_nothing_is_lost_or_repeated() -> None:
    record(150)
    chance = random.Random(7)
    kills = 0
    while ledger.size() < 1500 and kills < 60:
        child = os.fork()
        if child == 0:
            try:
                _sequence_for_ever()
            finally:
                os._exit(1)
        time.sleep(chance.uniform(0.01, 0.12))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
    while ledger.sequence():  # a killed one's lock goes with its connection
        pass
    deadline = time.monotonic() + 5
    while ledger.size() < 1500 and time.monotonic() < deadline:
        ledger.sequence_all()
    assert kills > 3
    assert sorted(numbers()) == list(range(1500))
    ledger.checkpoint(datetime.now(UTC))
    assert log_verifying.verify().findings == ()


def test_several_sequencers_and_writers_at_once() -> None:
    stop = threading.Event()
    keepers = [threading.Thread(target=keeping.keep, args=(stop, 0.01)) for _ in range(3)]

    def write(first: int) -> None:
        for number in range(first, first + 40):
            log.record(WORKER, "batch.accept", AT, detail={"n": number})
        close_old_connections()
        connection.close()

    writers = [threading.Thread(target=write, args=(n,)) for n in (0, 40, 80)]
    for thread in (*keepers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    deadline = time.monotonic() + 20
    while ledger.size() < 120 and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for thread in keepers:
        thread.join()
    assert sorted(numbers()) == list(range(120))
    ledger.checkpoint(datetime.now(UTC))
    report = log_verifying.verify()
    assert report.findings == ()
    assert report.checkpoints >= 1


def test_the_keeper_starts_a_killed_database_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedded one; a real one is its operator's."""
    stop, asked = threading.Event(), []

    def away() -> int:
        raise OperationalError("connection refused")

    def started() -> str:
        asked.append(1)
        stop.set()
        return ""

    monkeypatch.setattr(keeping, "_sequence_all", away)
    monkeypatch.setattr(keeping, "AWAY_SECONDS", 0.01)
    for thread in ((keeping, "_erase"), (keeping.notices, "keep")):
        monkeypatch.setattr(*thread, lambda stop: None)
    monkeypatch.setattr(keeping.database, "embedded_url", started)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    keeping.keep(stop, 0.01)
    monkeypatch.setenv("DATABASE_URL", "postgresql://a@b/c")
    keeping.database.revive()
    assert asked == [1]


def test_the_keeper_signs_at_least_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeping.CHECKPOINT_SECONDS <= keeping.QUIET_SECONDS <= 60
    monkeypatch.setattr(keeping, "CHECKPOINT_SECONDS", 0.05)
    monkeypatch.setattr(keeping, "QUIET_SECONDS", 0.05)
    record(1)
    stop = threading.Event()
    keeper = threading.Thread(target=keeping.keep, args=(stop, 0.01))
    keeper.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (point := log_queries.latest()) is None:
        time.sleep(0.02)
    first = log_queries.latest()
    while time.monotonic() < deadline and (point := log_queries.latest()) and first and point.at == first.at:
        time.sleep(0.02)
    stop.set()
    keeper.join()
    again = log_queries.latest()
    assert first
    assert again
    assert again.at > first.at  # a quiet log is signed anew as well

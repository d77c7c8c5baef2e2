"""What is wrong, in words an operator understands: each check does the real operation and says what to do.

``findings()`` runs every check and never raises: a check that breaks is itself a finding. ``anju doctor`` prints
them; the health endpoint answers with the worst.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anju.kernel.home import home, keys
from anju.kernel.refusal import Refusal
from anju.kernel.wording import explain, say

GOOD, WARN, BAD = "good", "warn", "bad"
ORDER = (GOOD, WARN, BAD)
DISK_WARN, DISK_BAD = 10 * 2**30, 2**30
CLOCK_SLACK = timedelta(seconds=30)
OLDEST_CHECKPOINT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: how it went, the sentence in Chinese and English, seconds it took."""

    check: str
    state: str
    zh: str
    en: str
    seconds: float = 0.0

    def told(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


def _finding(check: str, state: str, outcome: str, **facts: object) -> Finding:
    code = f"health.{check}.{outcome}"
    return Finding(check, state, say(code, "zh", **facts), say(code, "en", **facts))


def disk() -> Finding:
    """The home can be written, and there is room."""
    try:
        with tempfile.NamedTemporaryFile(dir=home()) as probe:
            probe.write(b"anju" * 1024)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as failed:
        if failed.errno != errno.ENOSPC:
            raise
    free = shutil.disk_usage(home()).free
    state = BAD if free < DISK_BAD else WARN if free < DISK_WARN else GOOD
    return _finding(
        "disk", state, "room" if state == GOOD else "full", path=home(), gb=round(free / 2**30, 1)
    )


def database() -> Finding:
    """The database answers, can write, and is new enough."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE health_probe (n int) ON COMMIT DROP")
        cursor.execute("INSERT INTO health_probe VALUES (1) RETURNING n")
        cursor.execute("SHOW server_version_num")
        version = int(cursor.fetchone()[0])
    return _finding("database", GOOD if version >= 150000 else BAD, "answers" if version >= 150000 else "old",
                    version=f"{version // 10000}.{version % 10000}")  # fmt: skip


def schema() -> Finding:
    """Every migration is applied."""
    from anju.jobs.database import waiting

    left = waiting()
    return _finding("schema", BAD if left else GOOD, "behind" if left else "current", count=left)


def clock() -> Finding:
    """This machine's clock and the database's agree, and neither lies before what was already written."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp(), (SELECT max(at) FROM trust_logcheckpoint)")
        theirs, newest = cursor.fetchone()
    ours = datetime.now(UTC)
    if newest is not None and newest > ours + CLOCK_SLACK:
        return _finding("clock", BAD, "jumped", newest=f"{newest:%Y-%m-%d %H:%M}")
    apart = abs(theirs - ours)
    return _finding("clock", WARN if apart > CLOCK_SLACK else GOOD, "apart" if apart > CLOCK_SLACK else "agrees",
                    seconds=round(apart.total_seconds(), 1))  # fmt: skip


def key_ring() -> Finding:
    """The keys open what they sealed, and nobody else can read them."""
    from anju.trust.sealing import sealer

    ring = sealer()
    if ring.open(ring.seal("安居")) != "安居":
        return _finding("keys", BAD, "broken")
    loose = [p.name for p in keys().iterdir() if p.is_file() and p.stat().st_mode & 0o077]
    return _finding(
        "keys", BAD if loose else GOOD, "loose" if loose else "work", files=", ".join(loose), path=keys()
    )


def log() -> Finding:
    """The log moves: what is pending gets its place, and checkpoints are fresh while there is something to sign."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(at) FROM trust_logpending")
        pending, oldest = cursor.fetchone()
        cursor.execute("SELECT max(at), coalesce(max(size), 0) FROM trust_logcheckpoint")
        _, size = cursor.fetchone()
    waited = datetime.now(UTC) - oldest if oldest else timedelta()
    late = waited > OLDEST_CHECKPOINT
    return _finding("log", WARN if late else GOOD, "late" if late else "moves", pending=pending, size=size,
                    minutes=round(waited.total_seconds() / 60))  # fmt: skip


def lake() -> Finding:
    """Every batch the database lists lies in the lake."""
    from anju.exchange.store import queries

    missing = [path for path in queries.batch_paths() if not Path(path).is_file()]
    return _finding("lake", BAD if missing else GOOD, "missing" if missing else "whole", count=len(missing),
                    first=Path(missing[0]).name if missing else "")  # fmt: skip


def library() -> Finding:
    """A library is published and its files are there."""
    from anju.register.store import queries

    try:
        files = [path for paths in queries.library_files().values() for path in paths]
    except Refusal:
        return _finding("library", WARN, "none")
    missing = [path for path in files if not path.is_file()]
    return _finding(
        "library", BAD if missing else GOOD, "missing" if missing else "whole", count=len(missing or files)
    )


def assets() -> Finding:
    """The pages' style and scripts are installed."""
    from django.contrib.staticfiles import finders

    found = finders.find("shell/anju.css") or finders.find("shell/tokens.css")
    return _finding("assets", GOOD if found else WARN, "there" if found else "missing")


CHECKS: dict[str, Callable[[], Finding]] = {
    "disk": disk,
    "database": database,
    "schema": schema,
    "clock": clock,
    "keys": key_ring,
    "log": log,
    "lake": lake,
    "library": library,
    "assets": assets,
}


def findings(only: tuple[str, ...] = ()) -> list[Finding]:
    """Run the checks in order. One that breaks is a finding of its own, without the error's inner words."""
    found = []
    for name, check in CHECKS.items():
        if only and name not in only:
            continue
        begin = time.perf_counter()
        try:
            finding = check()
        except Refusal as refusal:
            finding = Finding(name, BAD, explain(refusal, "zh"), explain(refusal, "en"))
        except Exception as broken:
            finding = Finding(
                name, BAD,
                say("health.failed", "zh", check=name, kind=type(broken).__name__),
                say("health.failed", "en", check=name, kind=type(broken).__name__),
            )  # fmt: skip
        found.append(
            Finding(
                finding.check, finding.state, finding.zh, finding.en, round(time.perf_counter() - begin, 3)
            )
        )
    return found


def without_database(refusal: Refusal) -> list[Finding]:
    """What can be said when the database does not start: the disk, and why."""
    broken = Finding("database", BAD, explain(refusal, "zh"), explain(refusal, "en"))
    return [*findings(only=("disk",)), broken]


def worst(found: list[Finding]) -> str:
    """The worst state among the findings."""
    return max((f.state for f in found), key=ORDER.index, default=GOOD)

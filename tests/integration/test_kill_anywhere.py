"""Kill any process at any moment, run again, and the result is as if it had not died.

Two days of a small city are taken in, linked and published twice: undisturbed, and with commands (now and then the
embedded PostgreSQL too) killed at random moments and simply run again. In the end the two libraries are the same, row
for row, and nothing lies about; person codes are random, so that a person is named by the smallest of their records. ``ANJU_KILLS=100`` for a
long run, ``ANJU_KILLS_SEED`` to repeat one.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from anju.exchange.library.catalogue import TABLES
from anju.exchange.library.standing import Standing
from anju.jobs.engine import DuckEngine

KILLS = int(os.environ.get("ANJU_KILLS", "6"))
SEED = int(os.environ.get("ANJU_KILLS_SEED") or time.time_ns() % 10**6)
PEOPLE = 300
ANJU = [sys.executable, "-c", "from anju.jobs.cli import main; main()"]
STEPS = [("ingest", 0), ("link", 0), ("publish", 0), ("ingest", 1), ("link", 1), ("publish", 1)]
DUMP = """
import json, sys
from anju.jobs.cli import setup_django
setup_django()
from django.db import connection
from anju.register.store import loading
for t in loading.TARGETS:
    told = [f.column for f in t.plain]
    with connection.cursor() as c:
        c.execute(f"SELECT known_to IS NULL, {', '.join(told)} FROM {t.table}")
        print(json.dumps([t.source, ["is_current", *told], c.fetchall()], default=str))
"""


class Home:
    """One installation: its folder, and commands that may be killed."""

    def __init__(self, folder: Path, days: list[Path]) -> None:
        self.folder, self.days = folder, days
        left_out = ("DATABASE_URL", "ANJU_TEST_HOME", "DJANGO_SETTINGS_MODULE", "ANJU_KEYS", "ANJU_KMS")
        self.environment = {k: v for k, v in os.environ.items() if k not in left_out}
        self.environment["ANJU_HOME"] = str(folder)
        self.seconds: dict[tuple[str, int], float] = {}

    def words(self, step: tuple[str, int]) -> list[str]:
        name, day = step
        return ["exchange", name, *([str(self.days[day])] if name == "ingest" else [])]

    def run(self, *words: str, program: list[str] | None = None) -> str:
        """A command to its end; it must succeed."""
        done = subprocess.run(
            [*(program or ANJU), *words], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words} (seed {SEED}): {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def step(self, step: tuple[str, int]) -> None:
        begun = time.monotonic()
        self.run(*self.words(step))
        self.seconds[step] = time.monotonic() - begun

    def killed(self, step: tuple[str, int], after: float, with_database: bool) -> None:
        """A command killed ``after`` seconds, or its database under it; then what is left of the command."""
        child = subprocess.Popen(
            [*ANJU, *self.words(step)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(after)
        if with_database:
            self.kill_database()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(after)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def kill_database(self) -> None:
        with contextlib.suppress(FileNotFoundError, IndexError, psutil.NoSuchProcess):
            number = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
            server = psutil.Process(number)
            children = server.children(recursive=True)
            server.kill()
            psutil.wait_procs([server, *children], timeout=30)

    def newest(self) -> Path:
        return max((self.folder / "lake" / "library").glob("run-*"))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of the first day and of the next."""
    folder = tmp_path_factory.mktemp("city")
    words = [
        "--people",
        str(PEOPLE),
        "--seed",
        "5",
        "--errors",
        "real",
        "--days",
        "1",
        "--out",
        str(folder / "c"),
    ]
    Home(folder / "home", []).run("city", "make", *words)
    return sorted(p for p in (folder / "c").iterdir() if p.name[:2] == "20")


@pytest.fixture
def homes(tmp_path: Path, city: list[Path]) -> Iterator[tuple[Home, Home]]:
    made = Home(tmp_path / "quiet", city), Home(tmp_path / "struck", city)
    yield made
    for home in made:
        home.kill_database()


def test_killed_at_random_moments_the_library_is_the_same(homes: tuple[Home, Home]) -> None:
    """Row for row, figure for figure, in the Parquet files and in PostgreSQL; and the log still proves itself."""
    quiet, struck = homes
    for home in homes:
        home.run("db", "upgrade")
    for step in STEPS:
        quiet.step(step)
    chance = random.Random(SEED)
    plan: dict[tuple[str, int], list[bool]] = {step: [] for step in STEPS}
    for number in range(KILLS):
        plan[chance.choice(STEPS)].append(number % 4 == 3)
    for step in STEPS:
        for with_database in plan[step]:
            struck.killed(step, chance.uniform(0.3, 1.0) * quiet.seconds[step], with_database)
        struck.step(step)
    told = f"ANJU_KILLS_SEED={SEED}"
    assert library(struck) == library(quiet), told
    assert tables(struck) == tables(quiet), told
    assert struck.run("exchange", "publish", "--json") != "", told
    struck.run("log", "verify")
    assert lying(struck) == lying(quiet), told


def lying(home: Home) -> set[str]:
    """What lies in the folders that runs write into, runs by whatever number: what was killed has left nothing."""
    lake = home.folder / "lake"
    seen = [
        *(home.folder / "spill").iterdir(),
        *(home.folder / "linkage").iterdir(),
        *(lake / "library").iterdir(),
        *(lake / "library" / "own").iterdir(),
        *(lake / "batches").rglob("*"),
        *(lake / "held").iterdir(),
    ]
    return {re.sub(r"run-\d+", "run", p.relative_to(home.folder).as_posix()) for p in seen}


def names(home: Home) -> dict[str, str]:
    """Person code -> the smallest record of that person: what is the same however codes fall."""
    snippet = (
        "import json; from anju.jobs.cli import setup_django; setup_django()\n"
        "from anju.jobs.pipeline import linkage\n"
        "with linkage.opened('1GB') as engine:\n"
        "    linkage.scan(engine, 'a', linkage.get_current())\n"
        "    print(json.dumps(engine.rows('SELECT person_code, CAST(min(record_id) AS VARCHAR) FROM a GROUP BY person_code')))"
    )
    return dict(json.loads(home.run(program=[sys.executable, "-c", snippet])))


def library(home: Home) -> dict[str, list[str]]:
    """Every row of the newest run's tables, as text, in order."""
    called, found = names(home), {}
    engine = DuckEngine(home.folder / "compared", memory="1GB")
    standing = Standing(engine, home.newest())
    for table in TABLES:
        standing.scan(table)
        rows = engine.connection.sql(f"SELECT * FROM {table}").to_arrow_table().to_pylist()
        found[table] = sorted(repr(_row(row, called)) for row in rows)
    engine.close()
    assert len(found["person"]) > PEOPLE * 0.9
    return found


def _row(row: dict[str, Any], called: dict[str, str]) -> list[Any]:
    told = {k: called.get(v, v) if k.endswith("_code") else v for k, v in row.items()}
    if "records" in told:
        told["records"] = sorted(told["records"].split("\x1e"))
    return [(k, round(v, 6) if isinstance(v, float) else v) for k, v in sorted(told.items())]


def tables(home: Home) -> dict[str, list[str]]:
    """Every row of the published tables in PostgreSQL, current or ended, as text, in order."""
    called, found = names(home), {}
    for line in home.run(program=[sys.executable, "-c", DUMP]).splitlines():
        name, columns, rows = json.loads(line)
        found[name] = sorted(repr(_row(dict(zip(columns, row, strict=True)), called)) for row in rows)
    return found

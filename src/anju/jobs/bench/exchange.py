"""The spine end to end, as the commands a user types, beside a bare DuckDB copy of the same files.

Makes a city of ``people`` (profile ``real``) in a folder of its own, takes it in, links, publishes, evaluates; then
asks the register for people and files over 16 connections. Everything is removed afterwards.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import duckdb

from anju.jobs.bench import Figure, percentile, timed

CONNECTIONS = 16
ASKS = 40
ANJU = [sys.executable, "-c", "from anju.jobs.cli import main; main()"]


def run(people: int) -> list[Figure]:
    """Figures of one run at ``people``. Needs about 5 GB of disk per million people."""
    folder = Path(tempfile.mkdtemp(prefix="anju-bench-"))
    try:
        return _measure(people, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(people: int, folder: Path) -> list[Figure]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_URL", "ANJU_HOME"))}
    environment["ANJU_HOME"] = str(folder / "home")

    def anju(*words: str) -> Any:
        done = subprocess.run(
            [*ANJU, *words, "--json"], env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout.strip().splitlines()[-1])

    subprocess.run([*ANJU, "db", "upgrade"], env=environment, capture_output=True, check=True)
    with timed() as making:
        city = anju(
            "city", "make", "--people", str(people), "--errors", "real", "--out", str(folder / "city")
        )
    day = next(p for p in (folder / "city").iterdir() if p.name != "truth")
    with timed() as floor:
        _bare_copy(day, folder / "floor")
    laps = {}
    for step in ("ingest", "link", "publish"):
        with timed() as laps[step]:
            anju("exchange", step, *([str(day)] if step == "ingest" else []))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    truth = anju("exchange", "evaluate", "--truth", str(folder / "city" / "truth"))
    seconds = sum(lap.seconds for lap in laps.values())
    records = city["records"]
    figures = [
        Figure("city made", making.seconds, "s", "5 min per million people"),
        *(Figure(step, records / lap.seconds, "records/s") for step, lap in laps.items()),
        Figure("end to end", records / seconds, "records/s", ">= 100,000",
               f"bare DuckDB copy {records / floor.seconds:,.0f}", seconds / floor.seconds),
        Figure("peak memory of a step", peak, "GB", "< 8"),
        Figure("pair precision", truth["all"]["precision"], "", ">= 0.999"),
        Figure("pair recall", truth["all"]["recall"], "", ">= 0.97"),
    ]  # fmt: skip
    told = subprocess.run(
        [sys.executable, "-c", "from anju.jobs.bench.exchange import ask; ask()"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, p95 in json.loads(told.stdout).items():
        figures.append(Figure(f"{name}, p95 at {CONNECTIONS} connections", p95 * 1000, "ms", "< 100"))
    return figures


def _bare_copy(day: Path, out: Path) -> None:
    """The floor: the same files copied to Parquet by DuckDB without a look at them (XLSX left out)."""
    out.mkdir()
    connection = duckdb.connect()
    for path in sorted(day.iterdir()):
        target = out / f"{path.stem}.parquet"
        if path.suffix == ".csv":
            plain = out / "plain.csv"
            raw = path.read_bytes()
            try:
                raw.decode("utf-8")
                plain = path
            except UnicodeDecodeError:
                plain.write_text(raw.decode("gb18030"), encoding="utf-8")
            source = f"read_csv('{plain}', all_varchar=true, header=true)"
        elif path.suffix == ".ndjson":
            source = f"read_json('{path}', format='newline_delimited')"
        elif path.suffix == ".parquet":
            source = f"read_parquet('{path}')"
        else:
            continue
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    connection.close()


def ask() -> None:
    """In a process of its own: 16 connections search and open files at once; prints p95 in seconds as JSON."""
    from anju.jobs.cli import setup_django

    setup_django()
    from django.db import connection

    from anju.register.store import queries as register

    codes = [line.code for line in register.find_people("", scope=("",), limit=400).rows]
    words = ["wangwei", "lj", "张", "李娜", "5678", "zhang"]
    found: dict[str, list[float]] = {"search": [], "person file": []}
    lock = threading.Lock()

    def work(number: int) -> None:
        mine: dict[str, list[float]] = {"search": [], "person file": []}
        for i in range(ASKS):
            with timed() as lap:
                register.find_people(words[(number + i) % len(words)], scope=("",))
            mine["search"].append(lap.seconds)
            with timed() as lap:
                register.get_person_file(codes[(number * ASKS + i) % len(codes)])
            mine["person file"].append(lap.seconds)
        connection.close()
        with lock:
            for name, laps in mine.items():
                found[name] += laps

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({name: percentile(laps, 0.95) for name, laps in found.items()}))

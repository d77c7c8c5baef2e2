"""The HTTP doors under load: batches pushed by several connections, people looked up one by one and by the thousand.

Batches are the residence records of an invented city, sent as a department would; beside them the same records as one
file taken in by the command line's own way. Lookups need a published library in this home.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import tempfile
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psutil

from anju.jobs.bench import Figure, percentile, timed
from anju.jobs.bench.requests import ANJU, _cpu, _served, _together
from anju.jobs.cli import setup_django

ROWS = 10_000
PUSHING = 4
LOOKING = 16
SECONDS = 10.0
DATASET = "police_residence"
PURPOSE = "residence_registration"
AIM = 11_574
"""A billion interactions a day, in a second."""


def run(people: int) -> list[Figure]:
    """Push the records of a city of ``people``, then look up people of this home's library."""
    os.environ["ANJU_DEMO"] = "1"
    setup_django()
    figures: list[Figure] = []
    token = _token()
    with tempfile.TemporaryDirectory(prefix="anju-bench-") as place:
        lines, header = _records(Path(place), people)
        reference = _one_file(lines[: len(lines) // 2], header, Path(place))
        batches = [lines[i : i + ROWS] for i in range(len(lines) // 2, len(lines), ROWS)]
        with _served() as (port, server):
            _push(
                port, token, header, [batches[0][n * 300 : n * 300 + 300] for n in range(4 * PUSHING)], "warm"
            )
            before, begin = _cpu(server), time.perf_counter()
            laps = _push(port, token, header, batches, "batch")
            wall, cpu = time.perf_counter() - begin, _cpu(server) - before
            count = sum(len(b) for b in batches)
            figures += [
                Figure("push, sustained", count / wall, "records/s", f"> {AIM:,}",
                       f"one file in process {reference:,.0f} records/s", count / wall / reference),
                Figure(f"push, one batch of {ROWS:,}, p95", percentile(laps, 0.95) * 1000, "ms"),
                Figure("push, CPU of server and database", cpu / count * 1e6, "s a million records"),
                Figure("push, on two cores of their own by that CPU", 2 * count / cpu, "records/s", f"> {AIM:,}"),
            ]  # fmt: skip
            figures += _look(port, token, server)
    return figures


def _token() -> str:
    from anju.exchange.store import client_actions
    from anju.exchange.store.client_actions import Scope
    from anju.trust.access import system

    now = datetime.now(UTC)
    name = f"bench-{now:%Y%m%d%H%M%S}"
    scope = Scope((DATASET,), (PURPOSE,), bulk=True, per_minute=client_actions.MOST_PER_MINUTE)
    client_actions.make_client(name, name, "police", "9901", scope, by=system("bench"), at=now)
    client_actions.approve_client(name, by=system("bench-second"), at=now)
    return client_actions.add_secret(name, by=system("bench"), at=now)


def _records(place: Path, people: int) -> tuple[list[bytes], bytes]:
    """Lines of the city's residence file, each made unlike any sent before, and the header."""
    from anju.exchange.contracts import get_contract

    subprocess.run(
        [*ANJU, "city", "make", "--out", str(place / "city"), "--people", str(people)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wanted = get_contract(DATASET).match
    [path] = [p for p in sorted((place / "city").rglob("*.csv")) if any(p.match(m) for m in wanted)][:1]
    header, *lines = path.read_bytes().splitlines(keepends=True)
    mark = f"B{int(time.time()) % 10**8}".encode()
    return [mark + line for line in lines], header


def _one_file(lines: list[bytes], header: bytes, place: Path) -> float:
    """Records a second of the same records as one file, taken in without the web."""
    from anju.jobs.pipeline import intake
    from anju.trust.access import system

    path = place / f"{DATASET}.csv"
    path.write_bytes(header + b"".join(lines))
    with timed() as lap:
        list(intake.ingest([path], by=system("bench"), at=lambda: datetime.now(UTC), dataset=DATASET))
    return len(lines) / lap.seconds


def _push(port: int, token: str, header: bytes, batches: list[list[bytes]], name: str) -> list[float]:
    laps: list[float] = []
    waiting, lock = list(enumerate(batches)), threading.Lock()

    def work(_number: int) -> None:
        while True:
            with lock:
                if not waiting:
                    return
                number, batch = waiting.pop()
            with timed() as lap:
                _post(port, token, header + b"".join(batch), f"{name}-{number}")
            laps.append(lap.seconds)

    _together(work, PUSHING)
    return laps


def _post(port: int, token: str, body: bytes, key: str) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {
        "Authorization": f"Bearer {token}", "Content-Type": "text/csv",
        "Idempotency-Key": f"{token[6:14]}-{key}", "Content-Length": str(len(body)),
    }  # fmt: skip
    link.request("POST", f"/api/exchange/batches?dataset={DATASET}", body, headers)
    answer = link.getresponse()
    told = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"push: {answer.status} {told[:300]!r}")
    link.close()


def _look(port: int, token: str, server: psutil.Process) -> list[Figure]:
    """Single lookups at one and many connections, and a thousand at once."""
    people = _people()
    if not people:
        return []
    figures = []
    for connections in (1, LOOKING):
        before = _cpu(server)
        laps = _asked(port, token, "/api/population/lookup", people, connections)
        cpu = (_cpu(server) - before) / len(laps) * 1000
        figures.append(Figure(f"lookup, CPU at {connections} connections", cpu, "ms a request"))
        aim = "< 50" if connections == 1 else ""
        name = f"lookup, p95 at {connections} connections"
        figures.append(Figure(name, percentile(laps, 0.95) * 1000, "ms", aim))
    many = [{"people": random.Random(n).choices(people, k=1000)} for n in range(20)]
    laps = _asked(port, token, "/api/population/lookups", many, 1)
    figures.append(Figure("lookup of 1,000 at once, p50", percentile(laps, 0.5) * 1000, "ms"))
    return figures


def _people() -> list[dict[str, Any]]:
    """People to ask for: half by number, half by name and birthday."""
    from anju.register.store import queries as register

    page, found = register.find_people("", scope=("9901",), limit=500, masked=False), []
    for place, line in enumerate(page.rows):
        if line.citizen_no and place % 2:
            found.append({"citizen_no": line.citizen_no})
        elif line.citizen_no:
            born = date(*(int(line.citizen_no[a:b]) for a, b in ((6, 10), (10, 12), (12, 14))))
            found.append({"name": line.name, "born_on": born.isoformat()})
    return found


def _asked(port: int, token: str, path: str, bodies: list[dict[str, Any]], connections: int) -> list[float]:
    laps: list[list[float]] = [[] for _ in range(connections)]
    headers = {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Anju-Purpose": PURPOSE,
    }  # fmt: skip
    begin = time.perf_counter()

    def work(number: int) -> None:
        order = random.Random(number)
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() - begin < SECONDS:
            body = json.dumps(order.choice(bodies)).encode()
            with timed() as lap:
                link.request("POST", path, body, headers)
                answer = link.getresponse()
                told = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {told[:300]!r}")
            laps[number].append(lap.seconds)
        link.close()

    _together(work, connections)
    return [s for mine in laps for s in mine]

"""The spine end to end, as the commands a user types, beside a bare DuckDB copy of the same files.

Makes a city of ``people`` (profile ``real``) in a folder of its own, takes it in, links, publishes; then what departments
send on the next day, by the same commands; evaluates; asks the pages for people and files (``anju bench requests``). ``times`` runs the same again with so many times the people
and prints the ratio. Beside wall seconds stand CPU seconds, of the commands and of PostgreSQL together: on a machine
that others use they say more. Everything is removed afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil

from anju.jobs.bench import Figure

STEPS = ("ingest", "link", "publish")
NEXT = " of the next day"
ANJU = [sys.executable, "-c", "from anju.jobs.cli import main; main()"]
KEEP = "import sys; from anju.jobs import database; print(database.url(), flush=True); sys.stdin.read()"
FLOOR = "import sys; from pathlib import Path; from anju.jobs.bench.exchange import bare_copy; bare_copy(Path(sys.argv[1]), Path(sys.argv[2]))"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step took: seconds by the wall, CPU seconds of the command and of PostgreSQL."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class City:
    """One city from files to library: how many records came on the first day, what each step cost, how right it is."""

    first: int
    costs: dict[str, Cost]
    peak_gb: float
    truth: dict[str, Any]
    pages: tuple[Figure, ...] = ()

    def total(self, day: str = "") -> Cost:
        """Ingest, link and publish together; of the next ``day``, if told."""
        costs = [self.costs[f"{s}{day}"] for s in STEPS]
        return Cost(sum(c.wall for c in costs), sum(c.cpu for c in costs))


def run(people: int, times: int = 0) -> list[Figure]:
    """Figures of one run at ``people``, with ``times`` also at ``times * people``. 5 GB of disk per million people."""
    city = _measured(people, pages=not times)
    figures = _figures(city)
    if times:
        larger = _measured(people * times, pages=True)
        small, large = city.total(), larger.total()
        figures += [
            Figure(f"{times} x: {f.name}", f.value, f.unit, f.aim, f.beside, f.ratio)
            for f in _figures(larger)
        ]
        for name, a, b in (("wall", small.wall, large.wall), ("CPU", small.cpu, large.cpu)):
            beside = f"{a:,.0f} s and {b:,.0f} s"
            figures.append(
                Figure(f"{times} times the people, {name}", b / a, "times", f"<= {times * 1.1:.0f}", beside)
            )
    return figures


def _figures(city: City) -> list[Figure]:
    floor, total, later, records = city.costs["floor"], city.total(), city.total(NEXT), city.first
    return [
        Figure("city made", city.costs["city"].wall, "s", "5 min per million people"),
        *(
            Figure(step, records / city.costs[step].wall, "records/s", "", f"{city.costs[step].cpu:,.1f} CPU s")
            for step in STEPS
        ),
        Figure("end to end", records / total.wall, "records/s", ">= 100,000",
               f"bare DuckDB copy {records / floor.wall:,.0f}", total.wall / floor.wall),
        Figure("end to end, CPU", total.cpu, "s", "", f"bare DuckDB copy {floor.cpu:,.1f}", total.cpu / floor.cpu),
        Figure("the next day's files, end to end, CPU", later.cpu, "s", "<= 5 % of the first day's",
               ", ".join(f"{s} {city.costs[s + NEXT].cpu:.1f}" for s in STEPS), later.cpu / total.cpu),
        Figure("the same by the wall", later.wall, "s", "", f"the first day's {total.wall:,.0f} s", later.wall / total.wall),
        Figure("peak memory of a step", city.peak_gb, "GB", "< 8"),
        Figure("pair precision", city.truth["all"]["precision"], "", ">= 0.999"),
        Figure("pair recall", city.truth["all"]["recall"], "", ">= 0.97"),
        *city.pages,
    ]  # fmt: skip


def _measured(people: int, *, pages: bool) -> City:
    folder = Path(tempfile.mkdtemp(prefix="anju-bench-"))
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "ANJU_HOME"}}
    environment["ANJU_HOME"] = str(folder / "home")
    try:
        with _database(environment) as server:
            return _steps(people, folder, environment, server, pages)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _steps(
    people: int, folder: Path, environment: dict[str, str], server: psutil.Process, pages: bool
) -> City:
    costs: dict[str, Cost] = {}
    out = folder / "city"

    def anju(name: str, *words: str, program: list[str] | None = None) -> Any:
        begun, before = time.perf_counter(), _cpu(server)
        done = subprocess.run(
            [*(program or ANJU), *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}{done.stdout[-500:]}")
        costs[name] = Cost(time.perf_counter() - begun, _cpu(server) - before)
        return json.loads(done.stdout.strip().splitlines()[-1]) if words[-1] == "--json" else None

    anju("upgrade", "db", "upgrade")
    anju(
        "city", "city", "make", "--people", str(people), "--errors", "real", "--days", "1",
        "--out", str(out), "--json"
    )  # fmt: skip
    day, following = sorted(p for p in out.iterdir() if p.name != "truth")
    anju("floor", str(day), str(folder / "floor"), program=[sys.executable, "-c", FLOOR])
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    first = 0
    for files, name in ((day, ""), (following, NEXT)):
        for step in STEPS:
            told = anju(step + name, "exchange", step, *([str(files)] if step == "ingest" else []), "--json")
            first = first or sum(f["rows"] + f["held"] for f in told)
    peak = max(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, before) / 2**20
    truth = anju("truth", "exchange", "evaluate", "--truth", str(out / "truth"), "--json")
    told = anju("pages", "bench", "requests", "--people", str(people), "--json") if pages else []
    asked = tuple(Figure(**f) for f in told if "p95" in f["name"])
    return City(first, costs, peak, truth, asked)


@contextlib.contextmanager
def _database(environment: dict[str, str]) -> Iterator[psutil.Process]:
    """The home's own server, held open so that what it spends can be told from its first to its last second."""
    holder = subprocess.Popen(
        [sys.executable, "-c", KEEP],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        if not holder.stdout.readline():
            raise RuntimeError("the database did not start")
        number = (Path(environment["ANJU_HOME"]) / "postgres" / "postmaster.pid").read_text().split()[0]
        yield psutil.Process(int(number))
    finally:
        holder.communicate("")


def _cpu(server: psutil.Process) -> float:
    """CPU seconds so far of every command run from here, and of the server with all it has started."""
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = mine.ru_utime + mine.ru_stime
    for process in [server, *server.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            told = process.cpu_times()
            spent += told.user + told.system
            if process == server:
                spent += told.children_user + told.children_system
    return spent


def bare_copy(day: Path, out: Path) -> None:
    """The floor: the same files copied to Parquet by DuckDB without a look at them; workbooks read by calamine."""
    out.mkdir()
    connection = duckdb.connect()
    for path in sorted(day.iterdir()):
        target = out / f"{path.stem}.parquet"
        if path.suffix == ".csv":
            source = f"read_csv('{_plain(path, out)}', all_varchar=true, header=true)"
        elif path.suffix == ".ndjson":
            source = f"read_json('{path}', format='newline_delimited')"
        elif path.suffix == ".parquet":
            source = f"read_parquet('{path}')"
        else:
            connection.register("workbook", _workbook(path))
            source = "workbook"
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    connection.close()


def _plain(path: Path, out: Path) -> Path:
    """The file itself, or a copy in UTF-8 of one in GB18030."""
    raw = path.read_bytes()
    try:
        raw.decode("utf-8")
        return path
    except UnicodeDecodeError:
        plain = out / "plain.csv"
        plain.write_text(raw.decode("gb18030"), encoding="utf-8")
        return plain


def _workbook(path: Path) -> Any:
    import pyarrow as pa
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    width = max((len(row) for row in rows), default=0)
    columns = [[str(row[n]) if n < len(row) else None for row in rows] for n in range(width)]
    return pa.table({f"c{n}": pa.array(column, pa.string()) for n, column in enumerate(columns)})

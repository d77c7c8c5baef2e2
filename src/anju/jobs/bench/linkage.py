"""Linkage measured: quality and speed on the invented city, beside Splink with its stock comparisons in the same run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anju.exchange.linkage import parameters
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.evaluate import compare
from anju.exchange.linkage.link import link, link_delta
from anju.exchange.linkage.mentions import Batch, mentions
from anju.jobs.bench import Figure
from anju.jobs.engine import DuckEngine

ANJU = [sys.executable, "-c", "from anju.jobs.cli import main; main()"]
STOCK_RULES = (
    ("person.citizen_no",),
    ("person.name", "person.born_on"),
    ("person.name", "person.phone"),
    ("person.born_on", "person.phone"),
    ("person.name", "person.hukou_region"),
)


def run(people: int) -> list[Figure]:
    """Figures of a city of ``people`` (profile ``real``) and of a fifth of them (``harsh``), made, taken in and removed here."""
    folder = Path(tempfile.mkdtemp(prefix="anju-bench-"))
    try:
        real, harsh = _city(folder, people, "real"), _city(folder, max(people // 5, 1000), "harsh")
        return [*_beside_stock(folder, *real), *_harsh(folder, *harsh)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _city(folder: Path, people: int, errors: str) -> tuple[list[Batch], Path]:
    """A city's accepted batches and its truth, by the commands a user types, in a home of its own."""
    home, out = folder / f"home-{errors}", folder / f"city-{errors}"
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | {"ANJU_HOME": str(home)}

    def anju(*words: str) -> None:
        done = subprocess.run([*ANJU, *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")

    anju("db", "upgrade")
    anju("city", "make", "--people", str(people), "--errors", errors, "--out", str(out))
    anju("exchange", "ingest", str(next(p for p in out.iterdir() if p.name != "truth")), "--json")
    files = sorted((home / "lake" / "batches").glob("*/*.parquet"))
    return [Batch(p.stem, p.parent.name, p, place) for place, p in enumerate(files)], out / "truth"


@dataclass(slots=True)
class Lap:
    """Seconds of one stretch: by the wall, and of every processor of this process."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def _timed() -> Iterator[Lap]:
    lap, wall, cpu = Lap(), time.perf_counter(), time.process_time()
    yield lap
    lap.wall, lap.cpu = time.perf_counter() - wall, time.process_time() - cpu


def _beside_stock(folder: Path, batches: list[Batch], truth: Path) -> list[Figure]:
    weights = parameters.read("han", HAN_COMPARISONS)
    outs = {name: folder / name for name in ("ours", "base", "delta", "stock", "odd")}
    for out in outs.values():
        out.mkdir()
    engine = DuckEngine(folder / "spill")
    mentions(engine, batches)
    with _timed() as whole:
        summary = link(engine, "mentions", None, [], weights, outs["ours"])
    quality = compare(engine, outs["ours"], truth)
    engine.run("CREATE OR REPLACE VIEW older AS SELECT * FROM mentions WHERE record_id % 100 <> 7")
    engine.save("SELECT * FROM mentions WHERE record_id % 100 = 7", folder / "newer.parquet")
    engine.scan("newer", [folder / "newer.parquet"])
    link(engine, "older", None, [], weights, outs["base"])
    delta = _delta(
        engine, "newer", "SELECT record_id FROM newer WHERE FALSE", outs["base"], weights, outs["delta"]
    )
    later = compare(engine, outs["delta"], truth)["all"]
    odd = _odd_days(engine, outs["base"], weights, outs["odd"])
    with _timed() as plain:
        stock(engine, outs["stock"] / "assignment.parquet")
    other = compare(engine, outs["stock"], truth)
    engine.close()
    every, without, records = quality["all"], quality["without_number"], summary.records
    said = f"stock {other['all'].f1:.5f}"
    return [
        Figure("pair precision", every.precision, "share", ">= 0.999", f"stock {other['all'].precision:.5f}"),
        Figure("pair recall", every.recall, "share", ">= 0.99", f"stock {other['all'].recall:.5f}"),
        Figure("F1", every.f1, "share", "> stock", said, every.f1 / other["all"].f1),
        Figure("precision without a number", without.precision, "share", ">= 0.995",
               f"stock {other['without_number'].precision:.5f}"),
        Figure("recall without a number", without.recall, "share", ">= 0.93",
               f"stock {other['without_number'].recall:.5f}"),
        Figure("whole run, wall", whole.wall, "s", "", f"stock {plain.wall:.1f} s", whole.wall / plain.wall),
        Figure("whole run, CPU", whole.cpu, "s", "<= stock", f"stock {plain.cpu:.1f} s", whole.cpu / plain.cpu),
        Figure("records linked", records / whole.wall, "records/s", "", f"stock {records / plain.wall:,.0f}"),
        Figure("a delta of 1 %, CPU", delta.cpu, "s", "<= 5 % of the whole run", f"whole {whole.cpu:.1f} s",
               delta.cpu / whole.cpu),
        Figure("F1 after the delta", later.f1, "share", "as the whole run", f"whole {every.f1:.5f}"),
        *(Figure(f"a delta: {name}, CPU", lap.cpu, "s", "", f"whole {whole.cpu:.1f} s", lap.cpu / whole.cpu)
          for name, lap in odd.items()),
    ]  # fmt: skip


def _delta(
    engine: DuckEngine, arrived: str, gone: str, base: Path, weights: parameters.Parameters, out: Path
) -> Lap:
    """The median of three runs of one delta in this process; like a day's records it is read from a file of its own."""
    laps = []
    for _ in range(3):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        with _timed() as lap:
            link_delta(engine, arrived, gone, base, [], weights, out)
        laps.append(lap)
    return sorted(laps, key=lambda lap: lap.cpu)[1]


def _odd_days(engine: DuckEngine, base: Path, weights: parameters.Parameters, out: Path) -> dict[str, Lap]:
    """Days unlike others: nothing new, one record, 1 % withdrawn and nothing new, a tenth of the 1 %."""
    nobody = "SELECT record_id FROM newer WHERE FALSE"
    days = {
        "nothing": "FALSE",
        "one record": "record_id = (SELECT min(record_id) FROM newer)",
        "0.1 %": "record_id % 1000 = 7",
    }
    laps = {}
    for name, condition in days.items():
        engine.run(f"CREATE OR REPLACE VIEW odd AS SELECT * FROM newer WHERE {condition}")
        laps[name] = _delta(engine, "odd", nobody, base, weights, out)
    engine.run("CREATE OR REPLACE VIEW odd AS SELECT * FROM newer WHERE FALSE")
    withdrawn = "SELECT record_id FROM older WHERE record_id % 100 = 9"
    laps["1 % withdrawn"] = _delta(engine, "odd", withdrawn, base, weights, out)
    return laps


def _harsh(folder: Path, batches: list[Batch], truth: Path) -> list[Figure]:
    out = folder / "harsh"
    out.mkdir()
    engine = DuckEngine(folder / "spill")
    mentions(engine, batches)
    link(engine, "mentions", None, [], parameters.read("han", HAN_COMPARISONS), out)
    found = compare(engine, out, truth)["all"]
    engine.close()
    return [
        Figure("pair precision, harsh", found.precision, "share", ">= 0.969"),
        Figure("pair recall, harsh", found.recall, "share", ">= 0.96"),
    ]


def stock(engine: DuckEngine, out: Path) -> None:
    """The same records through Splink's own comparisons: exact number, Jaro-Winkler name, dates, phone."""
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on

    engine.run(
        """CREATE OR REPLACE TABLE stock AS
        SELECT CAST(record_id AS VARCHAR) AS unique_id, "person.name" AS name, "person.citizen_no" AS number,
               CAST("person.born_on" AS VARCHAR) AS born, "person.phone" AS phone, "person.hukou_region" AS county,
               "person.sex" AS sex FROM mentions"""
    )
    names = {
        "person.citizen_no": "number",
        "person.name": "name",
        "person.born_on": "born",
        "person.phone": "phone",
    }
    names["person.hukou_region"] = "county"
    rules: list[Any] = [block_on(*(names[c] for c in rule)) for rule in STOCK_RULES]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("name", [0.9]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("number", [1, 2]),
            cl.LevenshteinAtThresholds("born", [1, 2]),
            cl.ExactMatch("phone"),
            cl.ExactMatch("county"),
            cl.ExactMatch("sex"),
        ],
        blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
    )
    api = engine.splink()
    linker = Linker(api.register("stock"), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match([block_on("number")], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("number"), block_on("name", "phone")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0.5, warning_mode="never")
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(found, 0.9)
    engine.save(
        f"SELECT CAST(unique_id AS UBIGINT) AS record_id, cluster_id AS person_code FROM {clusters.physical_name}",
        out,
    )

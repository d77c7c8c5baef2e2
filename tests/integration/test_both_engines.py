"""The pipeline on Spark and on DuckDB, from accepted batches to policies: a small city comes out the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anju.city.make import make_city
from anju.city.order import FIRST_DAY, Order
from anju.exchange.library import resolve, rules
from anju.exchange.linkage import parameters, state
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.link import link, link_delta, may_link_delta
from anju.exchange.linkage.mentions import Batch, mentions
from anju.jobs import engines
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import facts, intake, library
from anju.policy import loading
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.sql import compile_sql
from anju.register import dossier
from anju.register.facts import facts_sql
from anju.trust.access import system

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("java") is None, reason="NO JAVA HERE: SPARK IS NOT TESTED"),
]
PEOPLE = 300
TODAY = date(2026, 7, 2)


@pytest.fixture
def batches(transactional_db: None, tmp_path: Path) -> list[Batch]:
    """Two days of a small city, taken in; intake runs on one machine whatever the engine."""
    make_city(Order(PEOPLE, tmp_path / "city", 7, "real", 1, FIRST_DAY, ""))
    days = sorted(p for p in (tmp_path / "city").iterdir() if p.name != "truth")
    taken = [
        done for day in days for done in intake.ingest([day], by=system("test"), at=lambda: datetime.now(UTC))
    ]
    assert all(isinstance(done, intake.Accepted) for done in taken)
    from anju.jobs.pipeline import linkage

    return linkage.accepted()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    found = DuckEngine(tmp_path / "duck"), engines.opened_spark(tmp_path / "spark", partitions=1)
    yield found
    for engine in found:
        engine.close()


def people_of(folder: Path) -> dict[int, str]:
    found: dict[int, str | None] = {}
    for path in state.parts(folder, "assignment"):
        told = pq.read_table(path).to_pydict()
        found.update({int(r): c for r, c in zip(told["record_id"], told["person_code"], strict=True)})
    return {r: c for r, c in found.items() if c is not None}


def linked(engine: Any, batches: list[Batch], out: Path) -> tuple[Path, Path]:
    """The first day linked whole, the second as a delta."""
    weights = parameters.read("han", HAN_COMPARISONS)
    first = min(pq.read_table(b.path, columns=["sent_on"])["sent_on"][0].as_py() for b in batches)
    begun = [b for b in batches if pq.read_table(b.path, columns=["sent_on"])["sent_on"][0].as_py() == first]
    whole, delta = out / "whole", out / "delta"
    for folder in (whole, delta):
        folder.mkdir(parents=True)
    mentions(engine, begun)
    link(engine, "mentions", None, [], weights, whole)
    assert may_link_delta(engine, whole)
    mentions(engine, [b for b in batches if b not in begun], "arrived")
    gone = "SELECT record_id FROM arrived_gone"
    assert link_delta(engine, "arrived", gone, whole, [], weights, delta)
    return whole, delta


def test_a_small_city_comes_out_the_same_on_spark(
    batches: list[Batch], both: tuple[Any, Any], tmp_path: Path
) -> None:
    duck, spark = both
    runs = [linked(engine, batches, tmp_path / engine.dialect) for engine in both]
    for ours, theirs in zip(*runs, strict=True):
        here, there = people_of(ours), people_of(theirs)
        assert here.keys() == there.keys()
        pairs = {(here[r], there[r]) for r in here}
        assert len(pairs) == len(set(here.values())) == len(set(there.values()))

    listed = tuple(library.BatchFile(str(b.id), b.dataset, b.path, b.order) for b in batches)
    given = library.inputs(listed, tuple(state.parts(runs[0][1], "assignment")), TODAY)
    made = [tmp_path / f"library-{engine.dialect}" for engine in both]
    counts = [resolve.resolve(e, given, rules.load(), out) for e, out in zip(both, made, strict=True)]
    assert counts[0] == counts[1]
    assert counts[0]["person"] > PEOPLE * 0.9
    for name in counts[0]:
        assert rows(made[0], name) == rows(made[1], name), name

    for engine in both:
        resolve.forget(engine)
        for name in counts[0]:
            engine.scan(name, [made[0] / f"{name}.parquet"])
    for name in ("demo/settlement@2026", "guangzhou/settlement@2025"):
        programme = loading.get(name)
        bound = bind(programme, default_day(programme, TODAY))
        asked = facts._question(programme, TODAY)
        told = []
        for engine in both:
            engine.run(f"CREATE OR REPLACE TABLE facts AS {facts_sql(asked)}")
            query = compile_sql(
                bound, want=("scores", "outcome"), keep=["person_code"], dialect=engine.dialect
            )
            found = (
                engine.connection.execute(query.sql).fetchall()
                if engine is duck
                else spark.session.sql(query.sql).collect()
            )
            told.append(sorted(tuple(r) for r in found))
            told[-1] += engine.rows("SELECT * FROM facts ORDER BY person_code")
        assert len(told[0]) == 2 * counts[0]["person"]
        assert told[0] == told[1], name


def rows(folder: Path, name: str) -> list[Any]:
    """A table's rows in one order. A dossier is a set of records, and its mark is the engine's own."""
    table = pq.read_table(folder / f"{name}.parquet")
    if name == "dossier":
        packed = zip(table["person_code"].to_pylist(), table["records"].to_pylist(), strict=True)
        return sorted((code, sorted(map(repr, dossier.unpack(text, {})))) for code, text in packed)
    return sorted(map(repr, table.to_pylist()))

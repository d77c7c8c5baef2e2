"""The pipeline on Spark and on DuckDB, from the senders' files to policies: a small city comes out the same."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection

from anju.city.make import make_city
from anju.city.order import FIRST_DAY, Order
from anju.exchange.library import resolve, rules
from anju.exchange.linkage import parameters, state
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.link import link, link_delta, may_link_delta
from anju.exchange.linkage.mentions import Batch, mentions
from anju.jobs import engines, scratch
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import facts, intake, library
from anju.jobs.pipeline.reading import pieces as intake_pieces
from anju.policy import loading
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.sql import compile_sql
from anju.register import dossier
from anju.register.facts import facts_sql
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import HOSTILE, Row, as_csv, as_ndjson, people, person, put

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("java") is None, reason="NO JAVA HERE: SPARK IS NOT TESTED"),
]
PEOPLE = 300
TODAY = date(2026, 7, 2)


AT = datetime(2026, 7, 2, 3, tzinfo=UTC)
CATALOGUE = {
    "exchange_batch": "id, dataset, sha256, file_name, format, encoding, sent_on, accepted_at, accepted_by, "
    "contract_version, path, headers::text, rows_read, rows_accepted, rows_held, fields::text",
    "exchange_heldrow": "batch_id, dataset, row_no, record_id, faults::text, state, since, ended_by, reason",
}


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home of its own, a Spark that starts quickly, and pieces of which a small file has several."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANJU_SPARK_PARTITIONS", "1")
    monkeypatch.setenv("ANJU_SPARK_MEMORY", "2g")
    monkeypatch.setattr(intake_pieces, "PIECE", 20_000)


def taken_in(engine: str, folder: Path) -> dict[str, Any]:
    """Everything that intake leaves of a folder's files, on an engine."""
    outcomes = [
        intake.told(done) | {"seconds": 0}
        for done in intake.ingest([folder], by=system("test"), at=lambda: AT, engine_name=engine)
    ]
    left: dict[str, Any] = {"outcomes": outcomes}
    with connection.cursor() as cursor:
        for table, columns in CATALOGUE.items():
            cursor.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3")
            left[table] = cursor.fetchall()
    lake = lake_folder()
    for path in sorted(p for p in lake.rglob("*") if p.is_file()):
        found = sorted(map(repr, pq.read_table(path).to_pylist()))
        left[path.relative_to(lake).as_posix()] = (path.stat().st_mode, pq.read_schema(path), found)
    left["passing"] = [
        p.name for p in (lake.parent / "spill").iterdir() if not p.name.startswith((scratch.TURN, "process-"))
    ]
    return left


def lake_folder() -> Path:
    from anju.kernel.home import lake

    return lake()


def taken_in_by_both(folder: Path) -> dict[str, Any]:
    """What both engines leave, the same; Spark's stays."""
    ours = taken_in("duckdb", folder)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE exchange_batch, exchange_heldrow CASCADE")
    shutil.rmtree(lake_folder())
    theirs = taken_in("spark", folder)
    assert ours.keys() == theirs.keys()
    for name, found in ours.items():
        assert theirs[name] == found, name
    return theirs


@pytest.fixture
def batches(transactional_db: None, tmp_path: Path) -> list[Batch]:
    """Two days of a small city, taken in by both engines."""
    make_city(Order(PEOPLE, tmp_path / "city", 7, "real", 1, FIRST_DAY, ""))
    left = taken_in_by_both(tmp_path / "city")
    assert {batch[4] for batch in left["exchange_batch"]} == {"csv", "ndjson", "xlsx", "parquet"}
    assert {batch[5] for batch in left["exchange_batch"]} == {"utf-8", "utf-8-sig", "gb18030", ""}
    assert left["exchange_heldrow"]
    from anju.jobs.pipeline import linkage

    return linkage.accepted()


def odd_files() -> Iterator[tuple[str, bytes]]:
    """Files that are cut into pieces, and everything that may stand where they are cut."""
    many = people(400)
    faulty: list[Row] = [person(n, 登记日期="某天") if n % 50 == 7 else person(n) for n in range(400)]
    yield "gb.csv", as_csv(faulty, "gb18030")
    yield "sent twice.csv", as_csv(faulty, "gb18030")
    yield "marked and titled.csv", as_csv(faulty, "utf-8-sig", title="和安市居住登记表\n\n")
    yield "keys twice.csv", as_csv([*many[:200], *faulty[5:30], *many[200:], *many[:3]])
    lines = as_csv(many[::-1]).splitlines(keepends=True)
    lines[150:150] = [b"one,two\r\n", b"\r\n", b",,,,,,,,\r\n"]
    yield "rows that are none.csv", b"".join([*lines, b"too,few"])
    yield "an old Mac's line.csv", as_csv(many[3:]).replace(b"J000300", b"J000300\r")
    yield "quoted.csv", as_csv(many[2:]).replace(b"J000300", b'"J000300"')
    yield "lines.ndjson", as_ndjson(faulty[:200]) + b"\n[1]\n{no\n" + as_ndjson(faulty[200:])
    yield (
        "mixed.ndjson",
        as_ndjson([person(n, 联系电话=12_000_000_000 + n) if n % 9 else person(n) for n in range(400)]),
    )
    yield "a formula late.csv", as_csv([*many, person(401, 姓名="=1+1")])
    yield "bad bytes late.csv", as_csv(many) + b"\xff\xfe,\xff"
    yield "most rows bad.csv", as_csv([person(n, 登记日期="某天") for n in range(300)])
    yield "cut off.ndjson", as_ndjson(many)[:-30]


@pytest.mark.usefixtures("transactional_db")
def test_odd_and_hostile_files_are_taken_or_refused_alike(tmp_path: Path) -> None:
    """In pieces as whole: the same batches, the same rows held for the same reasons, the same refusals, nothing left."""
    for name, body in odd_files():
        put(tmp_path / "in", name, body)
    for number, (name, body, _code) in enumerate(HOSTILE.values()):
        put(tmp_path / "in" / f"{number:02d}", name, body())
    left = taken_in_by_both(tmp_path / "in")
    assert sum("refused" in outcome for outcome in left["outcomes"]) == 4 + len(HOSTILE)
    assert len(left["exchange_batch"]) == 8
    assert left["passing"] == []
    assert [o["file"] if "refused" in o else o["new"] for o in left["outcomes"]].count(False) == 1


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
    """The first day linked whole, then nothing new, then the second day: a delta after a delta in which nobody was met."""
    weights = parameters.read("han", HAN_COMPARISONS)
    first = min(pq.read_table(b.path, columns=["sent_on"])["sent_on"][0].as_py() for b in batches)
    begun = [b for b in batches if pq.read_table(b.path, columns=["sent_on"])["sent_on"][0].as_py() == first]
    whole, idle, delta = out / "whole", out / "idle", out / "delta"
    for folder in (whole, idle, delta):
        folder.mkdir(parents=True)
    mentions(engine, begun)
    link(engine, "mentions", None, [], weights, whole)
    gone = "SELECT record_id FROM arrived_gone"
    for former, folder, arrived in (
        (whole, idle, []),
        (idle, delta, [b for b in batches if b not in begun]),
    ):
        assert may_link_delta(engine, former)
        mentions(engine, arrived, "arrived")
        assert link_delta(engine, "arrived", gone, former, [], weights, folder)
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

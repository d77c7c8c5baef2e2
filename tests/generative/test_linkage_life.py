"""Codes are for life: whatever arrives, in whatever order, nobody is renamed, and every code ever given resolves."""

from __future__ import annotations

import itertools
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anju.exchange.linkage import parameters
from anju.exchange.linkage.codes import mint_codes
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.link import link, link_delta
from anju.jobs.engine import DuckEngine
from anju.kernel.identifiers import is_person_code

sys.path.insert(0, str(Path(__file__).parent))
from linkage_people import mentions, people

WEIGHTS = parameters.read("han", HAN_COMPARISONS)
OUTS = itertools.count()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckEngine:
    return DuckEngine(tmp_path_factory.mktemp("spill"), memory="1GB", threads=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def run(
    engine: DuckEngine, place: Path, rows: pa.Table, before: Path | None, said: tuple[Decision, ...] = ()
) -> Path:
    out = place / f"run{next(OUTS)}"
    out.mkdir()
    engine.load("mentions", rows)
    link(engine, "mentions", before, said, WEIGHTS, out)
    return out


def codes(out: Path) -> dict[int, str]:
    table = pq.read_table(out / "assignment.parquet", columns=["record_id", "person_code"]).to_pydict()
    return dict(zip(table["record_id"], table["person_code"], strict=True))


def resolved(out: Path) -> dict[str, str]:
    table = pq.read_table(out / "codes.parquet").to_pydict()
    return dict(zip(table["person_code"], table["current_code"], strict=True))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), parts=st.integers(2, 4), back=st.booleans())
def test_new_data_never_renames_a_person(
    engine: DuckEngine, place: Path, seed: int, parts: int, back: bool
) -> None:
    whole, _ = mentions(people(25, seed), seed, 4)
    order = list(range(whole.num_rows))
    random.Random(seed).shuffle(order)
    sizes = [whole.num_rows * i // parts for i in range(1, parts + 1)]
    before, known = None, {}
    for size in (*sizes, sizes[0]) if back else sizes:
        out = run(engine, place, whole.take(sorted(order[:size])), before)
        now, ever = codes(out), resolved(out)
        assert set(known.values()) <= set(ever)
        assert set(ever.values()) <= set(ever)
        holders = defaultdict(set)
        for record in known.keys() & now.keys():
            holders[ever[known[record]]].add(now[record])
        for code, held in holders.items():
            assert code in held or not held, "a person who is still here lost their code"
        assert all(is_person_code(c) for c in now.values())
        before, known = out, now


def test_a_delta_gives_what_a_full_run_gives(engine: DuckEngine, place: Path) -> None:
    rows, truth = mentions(people(300, 5), 5)
    late = pa.array([i % 10 == 3 for i in range(rows.num_rows)])
    first = run(engine, place, rows.filter(pa.compute.invert(late)), None)
    engine.load("mentions", rows)
    engine.load("arrived", rows.filter(late).select(["record_id"]))
    by_delta = place / f"run{next(OUTS)}"
    by_delta.mkdir()
    summary = link_delta(engine, "mentions", "SELECT record_id FROM arrived", first, (), WEIGHTS, by_delta)
    full = run(engine, place, rows, first)
    delta, whole, old = codes(by_delta), codes(full), codes(first)
    assert summary.records == rows.num_rows == len(delta)
    moved = [r for r, c in old.items() if delta[r] != c and resolved(by_delta)[c] != delta[r]]
    assert len(moved) <= 2
    different = sum(
        _pairs(Counter(delta.values())) - _pairs(Counter((delta[r], whole[r]) for r in delta)) for _ in (0,)
    )
    assert different <= 0.002 * _pairs(Counter(whole.values()))
    assert _quality(delta, truth)[1] > 0.97


def test_decisions_join_part_and_come_back(engine: DuckEngine, place: Path) -> None:
    rows, _ = mentions(people(60, 9), 9)
    first = run(engine, place, rows, None)
    start = codes(first)
    by_person = defaultdict(list)
    for record, code in start.items():
        by_person[code].append(record)
    (one, two), many = list(by_person)[:2], next(c for c, r in by_person.items() if len(r) > 3)
    joined = Decision(by_person[one][0], by_person[two][0], is_same=True)
    apart = Decision(by_person[many][0], by_person[many][1], is_same=False)
    second = run(engine, place, rows, first, (joined,) if many in (one, two) else (joined, apart))
    now = codes(second)
    assert now[joined.record_a] == now[joined.record_b] in (one, two)
    assert resolved(second)[one] == resolved(second)[two] == now[joined.record_a]
    if many not in (one, two):
        assert now[apart.record_a] != now[apart.record_b]
        assert many in (now[apart.record_a], now[apart.record_b])
    third = run(engine, place, rows, second)
    undone = codes(third)
    assert undone[joined.record_a] != undone[joined.record_b]
    assert undone[apart.record_a] == undone[apart.record_b]
    assert set(resolved(second)) <= set(resolved(third))


def test_codes_are_minted_like_the_kernel_mints_them() -> None:
    minted = mint_codes(2000).to_pylist()
    assert len(set(minted)) == 2000
    assert all(is_person_code(code) for code in minted)


def test_quality_on_a_small_town(engine: DuckEngine, place: Path) -> None:
    rows, truth = mentions(people(1500, 3), 3)
    precision, recall = _quality(codes(run(engine, place, rows, None)), truth)
    assert precision > 0.999
    assert recall > 0.98


def _pairs(groups: Counter) -> int:  # type: ignore[type-arg]
    return sum(n * (n - 1) // 2 for n in groups.values())


def _quality(found: dict[int, str], truth: dict[int, int]) -> tuple[float, float]:
    right = _pairs(Counter((found[r], truth[r]) for r in found))
    return right / _pairs(Counter(found.values())), right / _pairs(Counter(truth[r] for r in found))

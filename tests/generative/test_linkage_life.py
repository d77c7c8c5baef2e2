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

from anju.exchange.linkage import parameters, shelf, state
from anju.exchange.linkage.codes import mint_codes
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.link import link, link_delta, may_link_delta
from anju.exchange.linkage.shelf import Shelf
from anju.exchange.linkage.written import LinkSummary
from anju.jobs.engine import DuckEngine
from anju.kernel.identifiers import is_person_code

sys.path.insert(0, str(Path(__file__).parent))
from linkage_people import mentions, people

WEIGHTS = parameters.read("han", HAN_COMPARISONS)
OUTS = itertools.count()
NOBODY = "SELECT CAST(0 AS UBIGINT) AS record_id WHERE FALSE"


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


def delta(
    engine: DuckEngine,
    place: Path,
    rows: pa.Table,
    before: Path,
    said: tuple[Decision, ...] = (),
    gone: str = NOBODY,
) -> tuple[Path, LinkSummary]:
    out = place / f"run{next(OUTS)}"
    out.mkdir()
    engine.load("arrived", rows)
    summary = link_delta(engine, "arrived", gone, before, said, WEIGHTS, out)
    assert summary is not None
    return out, summary


def codes(out: Path) -> dict[int, str]:
    """Every record's code; of several parts the last counts."""
    found: dict[int, str] = {}
    for path in state.parts(out, "assignment"):
        table = pq.read_table(path, columns=["record_id", "person_code"]).to_pydict()
        found.update(zip(table["record_id"], table["person_code"], strict=True))
    return {record: code for record, code in found.items() if code is not None}


def resolved(out: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in state.parts(out, "codes"):
        table = pq.read_table(path).to_pydict()
        found.update(zip(table["person_code"], table["current_code"], strict=True))
    return found


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
    by_delta, summary = delta(engine, place, rows.filter(late), first)
    full = run(engine, place, rows, first)
    found, whole, old = codes(by_delta), codes(full), codes(first)
    assert summary.records == rows.num_rows == len(found)
    assert summary.people == len(set(found.values()))
    moved = [r for r, c in old.items() if found[r] != c and resolved(by_delta)[c] != found[r]]
    assert len(moved) <= 2
    different = _pairs(Counter(found.values())) - _pairs(Counter((found[r], whole[r]) for r in found))
    assert different <= 0.002 * _pairs(Counter(whole.values()))
    assert _quality(found, truth)[1] > 0.97


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_deltas_one_after_the_other_never_rename(engine: DuckEngine, place: Path, seed: int) -> None:
    """Days in any order, with records sent again and withdrawn: codes stay, quality stays."""
    rows, truth = mentions(people(120, seed), seed, 5)
    dice = random.Random(seed)
    day = [dice.randrange(6) for _ in range(rows.num_rows)]
    before = run(engine, place, rows.filter(pa.array([d < 3 for d in day])), None)
    for today in (3, 4, 5):
        known = codes(before)
        again = set(dice.sample(sorted(known), 5))
        gone = dice.sample(sorted(set(known) - again), 2)
        arrived = rows.filter(
            pa.array(
                [d == today or r in again for d, r in zip(day, rows["record_id"].to_pylist(), strict=True)]
            )
        )
        withdrawn = ", ".join(f"({r})" for r in gone)
        out, summary = delta(
            engine,
            place,
            arrived,
            before,
            (),
            f"SELECT CAST(r AS UBIGINT) AS record_id FROM (VALUES {withdrawn}) AS g(r)",
        )
        now, ever = codes(out), resolved(out)
        assert not set(gone) & set(now)
        assert summary.records == len(now)
        holders = defaultdict(set)
        for record in known.keys() & now.keys():
            holders[ever[known[record]]].add(now[record])
        for code, held in holders.items():
            assert code in held, "a person who is still here lost their code"
        before = out
    found, whole = codes(before), codes(run(engine, place, rows, None))
    present = {r: c for r, c in whole.items() if r in found}
    for by_day, at_once in zip(_quality(found, truth), _quality(present, truth), strict=True):
        assert by_day >= at_once - 0.02


def test_a_delta_hears_decisions(engine: DuckEngine, place: Path) -> None:
    """Two people are joined by a delta; one is parted when reopened, and needs a whole run when not."""
    rows, _ = mentions(people(60, 9), 9)
    first = run(engine, place, rows.slice(0, rows.num_rows - 3), None)
    by_person = defaultdict(list)
    for record, code in codes(first).items():
        by_person[code].append(record)
    one, two = list(by_person)[:2]
    many = next(c for c, r in by_person.items() if len(r) > 3 and c not in (one, two))
    joined = Decision(by_person[one][0], by_person[two][0], is_same=True)
    apart = Decision(by_person[many][0], by_person[many][1], is_same=False)
    second, summary = delta(engine, place, rows.slice(rows.num_rows - 3), first, (joined,))
    now = codes(second)
    assert {now[r] for r in (*by_person[one], *by_person[two])} == {now[joined.record_a]}
    assert resolved(second)[one] == resolved(second)[two] == now[joined.record_a]
    assert summary.merged >= 1
    third = place / f"run{next(OUTS)}"
    third.mkdir()
    assert link_delta(engine, "arrived", NOBODY, second, (joined, apart), WEIGHTS, third) is None
    reopened = ", ".join(f"({r})" for r in by_person[many])
    engine.load(
        "arrived", rows.filter(pa.compute.is_in(rows["record_id"], pa.array(by_person[many], pa.uint64())))
    )
    query = f"SELECT CAST(r AS UBIGINT) AS record_id FROM (VALUES {reopened}) AS w(r)"
    assert link_delta(engine, "arrived", NOBODY, second, (joined, apart), WEIGHTS, third, query) is not None
    parted = codes(third)
    assert parted[apart.record_a] != parted[apart.record_b]
    assert many in (parted[apart.record_a], parted[apart.record_b])
    assert may_link_delta(engine, second)


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


def test_the_shelves_show_all_that_matters(
    engine: DuckEngine, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delta that is shown only what it asks for finds what one finds that is shown everyone."""
    rows, _ = mentions(people(200, 11), 11)
    day = [random.Random(11 * i).randrange(4) for i in range(rows.num_rows)]
    first = run(engine, place, rows.filter(pa.array([d < 2 for d in day])), None)
    second, _ = delta(
        engine, place, rows.filter(pa.array([d in (0, 2) for d in day])), first
    )  # sent again, too
    late = rows.filter(pa.array([d == 3 for d in day]))
    shown, _ = delta(engine, place, late, second)

    def everyone(engine: DuckEngine, kind: Shelf, folder: Path, name: str, asked: object, columns: tuple[str, ...]) -> None:  # fmt: skip
        with pa.memory_map(str(kind.place(folder) / shelf.ROWS)) as source:
            engine.load(name, pa.ipc.open_file(source).read_all().select(list(columns)))

    monkeypatch.setattr(shelf, "take", everyone)
    among_all, _ = delta(engine, place, late, second)
    assert together(shown) == together(among_all)
    assert len(together(shown)) > 150
    state.forget(second)
    assert not may_link_delta(engine, second)
    assert not list(second.glob("*.shelf"))


def together(out: Path) -> set[frozenset[int]]:
    """Which records are one person."""
    held: dict[str, set[int]] = defaultdict(set)
    for record, code in codes(out).items():
        held[code].add(record)
    return {frozenset(records) for records in held.values()}

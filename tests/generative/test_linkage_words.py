"""A person's word in the engine: a split parts exactly the records it names, a merge taken back gives the code back."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from linkage_people import mentions, people
from test_linkage_life import WEIGHTS, codes, resolved

from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.link import link
from anju.jobs.engine import DuckEngine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckEngine:
    return DuckEngine(tmp_path_factory.mktemp("spill"), memory="1GB", threads=1)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return mentions(people(40, 5), 5)[0]


def run(
    engine: DuckEngine,
    rows: pa.Table,
    out: Path,
    before: Path | None,
    *said: Decision,
    back: tuple[tuple[int, str], ...] = (),
) -> Path:
    out.mkdir()
    engine.load("mentions", rows)
    link(engine, "mentions", before, said, WEIGHTS, out, back=back)
    return out


def word(a: int, b: int, is_same: bool) -> Decision:
    return Decision(min(a, b), max(a, b), is_same)


def test_a_split_parts_what_it_names_and_no_more(engine: DuckEngine, rows: pa.Table, tmp_path: Path) -> None:
    first = run(engine, rows, tmp_path / "1", None)
    before = codes(first)
    by: dict[str, list[int]] = defaultdict(list)
    for record, code in sorted(before.items()):
        by[code].append(record)
    whose = max(by, key=lambda c: len(by[c]))
    moved, kept = by[whose][:2], by[whose][2:]
    assert len(kept) >= 2
    said = [
        word(moved[0], moved[1], True), *(word(kept[0], k, True) for k in kept[1:]), word(moved[0], kept[0], False)
    ]  # fmt: skip
    after = codes(run(engine, rows, tmp_path / "2", first, *said))
    assert len({after[r] for r in moved}) == 1
    assert {after[r] for r in kept} == ({whose} if len(kept) >= len(moved) else {after[kept[0]]})
    assert {after[r] for r in moved}.isdisjoint({after[r] for r in kept})
    others = [r for r in before if before[r] != whose]
    assert [after[r] for r in others] == [before[r] for r in others], "nobody else is touched"
    again = codes(run(engine, rows, tmp_path / "3", tmp_path / "2"))
    assert {again[r] for r in by[whose]} == {whose}, "taken back, they are one person under the old code"


@pytest.mark.parametrize("survivor_is_larger", [True, False])
def test_a_merge_taken_back_gives_the_code_back(
    engine: DuckEngine, rows: pa.Table, tmp_path: Path, survivor_is_larger: bool
) -> None:
    first = run(engine, rows, tmp_path / "1", None)
    before = codes(first)
    size = Counter(before.values())
    one, other = next(  # of two codes given in one run the smaller one answers for both
        (x, y)
        for x, y in combinations(sorted(size), 2)
        if size[x] != size[y] and (size[x] > size[y]) == survivor_is_larger
    )
    a, b = (min(r for r, c in before.items() if c == code) for code in (one, other))
    merged = run(engine, rows, tmp_path / "2", first, word(a, b, True))
    assert {codes(merged)[a], codes(merged)[b]} == {resolved(merged)[one]}
    assert resolved(merged)[one] == resolved(merged)[other]
    parted = run(engine, rows, tmp_path / "3", merged, back=((a, one), (b, other)))
    assert codes(parted) == before
    told = resolved(parted)
    assert (told[one], told[other]) == (one, other)

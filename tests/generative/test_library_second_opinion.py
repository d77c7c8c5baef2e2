"""A slow plain-Python resolver must agree with the SQL on generated records: values, contradictions, stays, months."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anju.exchange.library import resolve, rules
from anju.exchange.library.inputs import BatchFile, Inputs
from anju.jobs.engine import DuckEngine
from anju.register import canon

AS_OF = date(2026, 11, 1)
# name -> (folded, pinyin); traditional and pinyin forms agree with 张伟, the homophone 章伟 does not.
NAMES = {
    "张伟": ("张伟", "zhangwei", False),
    "張偉": ("张伟", "zhangwei", False),
    "章伟": ("章伟", "zhangwei", False),
    "Zhang Wei": ("zhangwei", "zhangwei", True),
    "单雄": ("单雄", "shanxiong", False),
    "买买提·吐尔逊": ("买买提吐尔逊", "maimaititu", False),
}
DAYS = [date(2024, 1, 1), date(2024, 1, 2), date(2025, 6, 1), date(2026, 5, 5)]
BIRTHS = [date(1990, 2, 3), date(1990, 3, 1), date(1991, 1, 1)]
DATASETS = ("police_residence", "community_visit", "hrss_employment", "civil_marriage", "health_record")
ROOMS = ["501", "502"]
FIELDS = ("name", "citizen_no", "sex", "born_on", "phone", "hukou_region", "education", "marital")


@dataclass(frozen=True)
class Record:
    """One generated record of one person."""

    person: int
    dataset: str
    seen: date
    values: dict[str, Any]
    stay: tuple[str, date | None, date | None] | None = None
    months: tuple[date, date] | None = None
    place: int = field(default=0)


def _maybe(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.sampled_from(values))


def _records() -> st.SearchStrategy[Record]:
    values = st.fixed_dictionaries(
        {
            "name": st.sampled_from(list(NAMES)),
            "citizen_no": _maybe(["990102199002030015", "990102199103010021"]),
            "sex": _maybe(["1", "2"]),
            "born_on": _maybe(BIRTHS),
            "born_lunar_on": _maybe(BIRTHS),
            "phone": _maybe(["12000000001", "12000000002", "12000000003"]),
            "hukou_region": _maybe(["510525", "510502"]),
            "education": _maybe(["20", "21", "60"]),
            "marital": _maybe(["10", "20"]),
        }
    )
    begin = _maybe([date(2020, 1, 1), date(2021, 1, 1), date(2021, 12, 15), date(2023, 1, 1)])
    end = _maybe([date(2021, 12, 1), date(2022, 6, 1), date(2024, 2, 1)])
    return st.builds(
        Record,
        st.integers(0, 11),
        st.sampled_from(DATASETS),
        st.sampled_from(DAYS),
        values,
        st.one_of(st.none(), st.tuples(st.sampled_from(ROOMS), begin, end)),
        st.one_of(st.none(), st.tuples(st.integers(0, 8), st.integers(1, 6)).map(_months)),
    )


def _months(told: tuple[int, int]) -> tuple[date, date]:
    first, count = told
    return date(2024, 1 + first % 9, 1), _month(24300 + first % 9 + count)


def _month(number: int) -> date:
    number = 2024 * 12 + (number - 24300)
    return date(number // 12, number % 12 + 1, 1)


@pytest.fixture(scope="module", params=["exact", "birthday"])
def said(request: pytest.FixtureRequest) -> rules.Rules:
    """The demo place's rules; a place may also let a lunar birthday stand beside a solar one."""
    stated = rules.load("demo")
    return replace(stated, comparisons={**stated.comparisons, "born_on": request.param})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckEngine]:
    made = DuckEngine(tmp_path_factory.mktemp("spill"), memory="1GB", threads=2)
    yield made
    made.close()


@given(st.lists(_records(), min_size=30, max_size=90))
@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_sql_and_plain_python_agree(
    tmp_path_factory: pytest.TempPathFactory, engine: DuckEngine, said: rules.Rules, records: list[Record]
) -> None:
    """Shown values, contradictions, stays and contribution months are the same both ways."""
    folder = tmp_path_factory.mktemp("library")
    records = [_Placed.at(place, r) for place, r in enumerate(records)]
    out = folder / "out"
    resolve.resolve(engine, _write(folder, records), said, out)
    people: dict[int, list[Record]] = defaultdict(list)
    for r in records:
        people[r.person].append(r)
    shown = {r["person_code"]: r for r in pq.read_table(out / "person.parquet").to_pylist()}
    against = defaultdict(set)
    for r in pq.read_table(out / "discrepancy.parquet").to_pylist():
        against[r["person_code"]].add((r["field"], r["against"]))
    stays = defaultdict(list)
    for r in pq.read_table(out / "stay.parquet").to_pylist():
        stays[r["person_code"]].append(r)
    for person, mine in people.items():
        code = f"P{person:02d}"
        expected = {f: _chosen(said, mine, f) for f in FIELDS}
        assert {f: shown[code][f] for f in FIELDS} == {f: e and e[0] for f, e in expected.items()}
        assert against[code] == _contradictions(said, mine, expected)
        assert _as_told(stays[code]) == _stays(said, mine)
        assert shown[code]["record_count"] == len(mine)
    _months_agree(out, records)


class _Placed:
    """Records numbered by their place, so that each has a key."""

    @staticmethod
    def at(place: int, r: Record) -> Record:
        return Record(r.person, r.dataset, r.seen, r.values, r.stay, r.months, place)


def _write(folder: Path, records: list[Record]) -> Inputs:
    batches, columns = [], {}
    for order, dataset in enumerate(sorted({r.dataset for r in records})):
        mine = [r for r in records if r.dataset == dataset]
        table = {
            "record_id": pa.array([r.place + 1 for r in mine], pa.uint64()),
            "dataset": pa.array([dataset] * len(mine)),
            "record_key": pa.array([str(r.place) for r in mine]),
            "batch": pa.array([dataset] * len(mine)),
            "row_no": pa.array(range(len(mine)), pa.uint32()),
            "sent_on": pa.array([AS_OF] * len(mine)),
            "observed_on": pa.array([r.seen for r in mine]),
            "is_deleted": pa.array([False] * len(mine)),
        }
        for name in (*FIELDS, "born_lunar_on"):
            kind = pa.date32() if canon.column(f"person.{name}").type == "DATE" else pa.string()
            table[f"person.{name}"] = pa.array([r.values[name] for r in mine], kind)
        at = [r.stay or (None, None, None) for r in mine]
        for name, part in (("region", "990102001001"), ("street", "长安路"), ("number", "1")):
            table[f"stay.{name}"] = pa.array([part if a[0] else None for a in at], pa.string())
        table["stay.room"] = pa.array([a[0] for a in at], pa.string())
        table["stay.begin_on"] = pa.array([a[1] for a in at], pa.date32())
        table["stay.end_on"] = pa.array([a[2] for a in at], pa.date32())
        runs = [r.months or (None, None) for r in mine]
        table["contribution.scheme"] = pa.array(["pension" if m[0] else None for m in runs], pa.string())
        table["contribution.from_month"] = pa.array([m[0] for m in runs], pa.date32())
        table["contribution.to_month"] = pa.array([m[1] for m in runs], pa.date32())
        path = folder / f"{dataset}.parquet"
        pq.write_table(pa.table(table), path)
        batches.append(BatchFile(dataset, dataset, path, order))
        columns[dataset] = frozenset(table)
    assignment = folder / "assignment.parquet"
    pq.write_table(
        pa.table(
            {
                "record_id": pa.array([r.place + 1 for r in records], pa.uint64()),
                "person_code": pa.array([f"P{r.person:02d}" for r in records]),
            }
        ),
        assignment,
    )
    return Inputs(tuple(batches), columns, (assignment,), AS_OF)


def _chosen(said: rules.Rules, mine: list[Record], name: str) -> tuple[Any, int, date] | None:
    """(value, rank, day): stated by enough departments, authority, the newest day, frequency, the smaller value."""
    stating: dict[Any, list[Record]] = defaultdict(list)
    for r in mine:
        if r.values[name] is not None:
            stating[r.values[name]].append(r)

    def rank(r: Record) -> int:
        return said.datasets[r.dataset].rank(f"person.{name}")

    def key(value: Any) -> tuple[int, int, int, int]:
        told = stating[value]
        voices = {said.datasets[r.dataset].department for r in told}
        voices |= {"the number" for r in told if _number_says(name, value, r.values["citizen_no"])}
        best = min(rank(r) for r in told)
        day = max(r.seen for r in told if rank(r) == best)
        enough = len(voices) >= said.confirmed.get(name, 99)
        return len(voices) if enough else 0, -best, day.toordinal(), len(told)

    if not stating:
        return None
    top = max(key(v) for v in stating)
    value = min((v for v in stating if key(v) == top), key=str)
    return value, -top[1], date.fromordinal(top[2])


def _number_says(name: str, value: Any, number: str | None) -> bool:
    if number is None:
        return False
    if name == "born_on":
        return bool(value.strftime("%Y%m%d") == number[6:14])
    return name == "sex" and (int(number[16]) % 2 == 1) == (value == "1")


def _contradictions(
    said: rules.Rules, mine: list[Record], expected: dict[str, tuple[Any, int, date] | None]
) -> set[tuple[str, str]]:
    found = set()
    for name, chosen in expected.items():
        if chosen is None or name == "phone":
            continue
        value = chosen[0]

        def ranked(r: Record, name: str = name) -> int:
            return said.datasets[r.dataset].rank(f"person.{name}")

        supporters = [r for r in mine if r.values[name] == value]
        homes = {said.datasets[r.dataset].department for r in supporters}
        lunar = {r.values["born_lunar_on"] for r in supporters if r.values["born_lunar_on"]}
        standing = [r for r in mine if r.values[name] is not None]
        if name not in said.lasting:
            newest: dict[str, Record] = {}
            for r in sorted(
                standing, key=lambda r: (-r.seen.toordinal(), ranked(r), str(r.values[name]), r.dataset)
            ):
                newest.setdefault(said.datasets[r.dataset].department, r)
            standing = list(newest.values())
        against = sorted(
            {
                r.dataset
                for r in standing
                if homes - {said.datasets[r.dataset].department}
                and _differs(
                    said.comparisons[name],
                    r.values[name],
                    value,
                    r.values["born_lunar_on"],
                    max(lunar, default=None),
                )
            }
        )
        if against:
            found.add((name, ";".join(against)))
    return found


def _differs(way: str, theirs: Any, ours: Any, their_lunar: date | None, our_lunar: date | None) -> bool:
    if way == "name":
        mine, yours = NAMES[ours], NAMES[theirs]
        if mine[0] == yours[0]:
            return False
        return not (mine[2] != yours[2] and mine[1] == yours[1])
    if way == "birthday":
        return bool(theirs != ours and their_lunar != ours and our_lunar != theirs)
    if way == "level":
        return bool(theirs[0] != ours[0])
    return bool(theirs != ours)


def _stays(said: rules.Rules, mine: list[Record]) -> list[tuple[Any, ...]]:
    merged: list[dict[str, Any]] = []
    for room in ROOMS:
        spells = []
        for r in mine:
            if r.stay and r.stay[0] == room:
                begin = r.stay[1] or r.seen
                end = r.stay[2]
                if end is not None and end <= begin:
                    end = begin + timedelta(days=1)
                spells.append((begin, end, r))
        island: list[Any] = []
        reach = None
        for spell in sorted(spells, key=lambda s: (s[0], s[1] or date.max)):
            if reach is not None and (spell[0] - reach).days > said.gap_days:
                merged.append(_one_stay(room, island))
                island, reach = [], None
            island.append(spell)
            reach = max(reach or date.min, spell[1] or date.max)
        if island:
            merged.append(_one_stay(room, island))
    merged.sort(key=lambda s: (s["begin"], _code(s["room"])))
    for stay, following in pairwise(merged):
        if (
            stay["end"] is None
            and following["begin"] > stay["begin"]
            and following["confirmed"] >= stay["confirmed"]
        ):
            stay["presumed"] = following["begin"]
    told = ("begin", "end", "presumed", "confirmed", "registered", "sources")
    return sorted((tuple(s[t] for t in told) for s in merged), key=str)


def _one_stay(room: str, spells: list[tuple[date, date | None, Record]]) -> dict[str, Any]:
    ends = [e for _, e, _ in spells if e is not None]
    open_on = [r.seen for _, e, r in spells if e is None]
    last = max(ends, default=None)
    still = bool(open_on) and (last is None or max(open_on) >= last)
    police = [r.seen for _, _, r in spells if r.dataset == "police_residence"]
    return {
        "room": room,
        "begin": min(b for b, _, _ in spells),
        "end": None if still else last,
        "presumed": None,
        "confirmed": max(r.seen for _, _, r in spells),
        "registered": min(police, default=None),
        "sources": ";".join(sorted({f"{r.dataset}@{r.seen}" for _, _, r in spells})),
    }


def _code(room: str) -> str:
    import hashlib

    told = "|".join(["990102", "长安路", "1", "", "", room])
    return "D" + hashlib.md5(told.encode()).hexdigest()[:15].upper()


def _as_told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    told = ("begin_on", "end_on", "presumed_end_on", "confirmed_on", "registered_on", "sources")
    return sorted((tuple(r[t] for t in told) for r in rows), key=str)


def _months_agree(out: Path, records: list[Record]) -> None:
    """Every month told is in exactly one run, no other month is."""
    told: dict[str, set[int]] = defaultdict(set)
    for r in records:
        if r.months:
            told[f"P{r.person:02d}"] |= set(range(_number(r.months[0]), _number(r.months[1])))
    counted: dict[str, list[int]] = defaultdict(list)
    for row in pq.read_table(out / "contribution.parquet").to_pylist():
        first, last = _number(row["from_month"]), _number(row["to_month"])
        assert row["months"] == last - first
        counted[row["person_code"]] += range(first, last)
    assert {p: sorted(m) for p, m in counted.items()} == {p: sorted(m) for p, m in told.items()}


def _number(month: date) -> int:
    return month.year * 12 + month.month

"""A small library through PostgreSQL: published, found, changed, known as of a day, merged, rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import models

from anju.exchange.library import measures, partial, resolve, rules
from anju.exchange.library.inputs import BatchFile
from anju.exchange.library.standing import Standing
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import exports, library, own_records
from anju.jobs.pipeline.publishing import PublishSummary, Work, entered, publish
from anju.kernel.identifiers import citizen_check, mint_person_code
from anju.kernel.refusal import Refusal
from anju.register import canon
from anju.register.store import actions, loading, queries, runs, settling
from anju.register.store.models import Discrepancy, Identity, Run
from anju.register.store.queries import spells, ties
from anju.register.store.queries.entries import own_records as entries
from anju.trust.access import Actor
from anju.trust.store import rows

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 11, 1)
ZHANG, LI, PUPIL, OTHER = (mint_person_code() for _ in range(4))
EVERYWHERE = ("",)


def number(first17: str) -> str:
    return first17 + citizen_check(first17)


ZHANG_NO, LI_NO = number("99010219900203001"), number("99010219911005002")
HOME = {"stay.region": "990102001001", "stay.street": "长安路", "stay.number": "12", "stay.room": "501"}
AWAY = {"stay.region": "990103002002", "stay.street": "人民路", "stay.number": "3", "stay.room": "201"}
FIRST: list[tuple[str, str, str, date, dict[str, Any]]] = [
    (
        "police_residence",
        "J1",
        ZHANG,
        date(2026, 3, 1),
        HOME
        | {
            "person.name": "张伟",
            "person.citizen_no": ZHANG_NO,
            "person.sex": "1",
            "person.born_on": date(1990, 2, 3),
            "person.hukou_region": "510525",
            "stay.begin_on": date(2024, 1, 1),
            "permit.permit_no": "P1",
            "permit.valid_until": date(2027, 1, 1),
        },
    ),
    (
        "community_visit",
        "V1",
        ZHANG,
        date(2026, 6, 1),
        HOME
        | {
            "person.name": "張偉",
            "person.phone": "12011112222",
            "person.sex": "2",
            "stay.begin_on": date(2024, 1, 9),
            "kin.household_no": "H1",
        },
    ),
    (
        "community_visit",
        "V2",
        LI,
        date(2026, 6, 1),
        HOME
        | {
            "person.name": "李静",
            "person.phone": "12033334444",
            "stay.begin_on": date(2024, 1, 9),
            "kin.household_no": "H1",
        },
    ),
    (
        "hrss_employment",
        "E1",
        ZHANG,
        date(2026, 5, 1),
        {
            "person.name": "章伟",
            "person.citizen_no": ZHANG_NO,
            "person.phone": "12055556666",
            "job.employer_code": "91990100MA0000001X",
            "job.employer_name": "和安建筑公司",
            "job.begin_on": date(2025, 1, 1),
        },
    ),
    (
        "education_enrolment",
        "S1",
        PUPIL,
        date(2026, 9, 1),
        {
            "person.name": "张小雨",
            "person.citizen_no": number("99010220190301001"),
            "enrolment.school_code": "3199000001",
            "enrolment.school_name": "和安一小",
            "enrolment.stage": "primary",
            "enrolment.begin_on": date(2025, 9, 1),
            "kin.name": "张伟",
            "kin.relation": "51",
            "kin.citizen_no": ZHANG_NO,
        },
    ),
    (
        "hrss_employment",
        "E2",
        OTHER,
        date(2026, 5, 1),
        {"person.name": "李静", "job.employer_name": "和安建筑公司", "job.begin_on": date(2025, 1, 1)},
    ),
]
LATER: list[tuple[str, str, str, date, dict[str, Any]]] = [
    (
        "community_visit",
        "V1",
        ZHANG,
        date(2026, 10, 20),
        AWAY | {"person.name": "张伟", "person.phone": "12077778888", "stay.begin_on": date(2026, 10, 1)},
    ),
]
_ARROW = {"DATE": pa.date32(), "VARCHAR": pa.string()}


def _batch(folder: Path, name: str, dataset: str, order: int, told: list[Any]) -> BatchFile:
    held = sorted({c for *_, values in told for c in values})
    table: dict[str, Any] = {
        "record_id": pa.array([_id(dataset, key) for _, key, *_ in told], pa.uint64()),
        "dataset": pa.array([dataset] * len(told)),
        "record_key": pa.array([key for _, key, *_ in told]),
        "batch": pa.array([name] * len(told)),
        "row_no": pa.array(range(2, len(told) + 2), pa.uint32()),
        "sent_on": pa.array([DAY] * len(told)),
        "observed_on": pa.array([seen for *_, seen, _ in told]),
        "is_deleted": pa.array([False] * len(told)),
    }
    for column in held:
        kind = _ARROW[canon.column(column).type]
        table[column] = pa.array([values.get(column) for *_, values in told], kind)
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table(table), path)
    return BatchFile(name, dataset, path, order)


def _id(dataset: str, key: str) -> int:
    import hashlib

    return int(hashlib.md5(f"{dataset}|{key}".encode()).hexdigest()[:16], 16)


class World:
    """Batches of two days, and a way to publish them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.batches, self.runs = folder, [], 0
        self.who: dict[int, str] = {}
        self.add("first", FIRST)

    def add(self, name: str, told: list[Any]) -> None:
        for dataset in sorted({d for d, *_ in told}):
            mine = [t for t in told if t[0] == dataset]
            self.batches.append(_batch(self.folder, f"{name}-{dataset}", dataset, len(self.batches), mine))
            self.who |= {_id(dataset, key): code for _, key, code, *_ in mine}

    def publish(self) -> PublishSummary:
        self.runs += 1
        assignment = self.folder / f"assignment-{self.runs}.parquet"
        ids, codes = list(self.who), list(self.who.values())
        pq.write_table(
            pa.table({"record_id": pa.array(ids, pa.uint64()), "person_code": pa.array(codes)}), assignment
        )
        own, fixed = own_records.write(entries(), self.folder / "own", len(self.batches))
        decided = own_records.write_decided(spells.standing(), self.folder / "own")
        tied = own_records.write_decided_kin(ties.standing(), self.folder / "own")
        who = (assignment, *([fixed] if fixed else []))
        given = library.inputs((*self.batches, *own), who, DAY, decided, tied)
        with runs.only_one():
            library.clean()
            former = runs.newest()
            begun = runs.begin("test", DAY, runs.clock())
            work = Work(
                begun,
                given,
                rules.load("demo"),
                {"name": (100, 97)},
                lambda _: None,
                library.part(begun),
                entered(),
            )
            summary = publish(work, "1GB")
            assert bool(queries.library_files()["person"][1:]) == (partial.MOST > 0 and former is not None)
            return summary


@pytest.fixture(params=["everybody each time", "those who can have changed"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(partial, "MOST", -1 if request.param.startswith("everybody") else 2)
    monkeypatch.setattr(partial, "MOST_PARTS", 99)
    return World(tmp_path)


def disagreeing() -> dict[str, list[str]]:
    """Rows that stand in the database and not in the library's files, or the other way round; those entered here apart."""
    found = {}
    engine = DuckEngine(library.folder().parent / "compared", memory="1GB")
    standing = Standing(engine, queries.library_files()["person"][0].parent)
    for target in loading.TARGETS:
        columns = [
            f for f in target.plain if f.name not in exports.LAST_FOUR and not (f.name == "region" and target.of_person)
        ]  # fmt: skip
        there = ", ".join(
            f"coalesce({target.there(f.name)}, '')" if isinstance(f, models.CharField) and not f.null else target.there(f.name)
            for f in columns
        )  # fmt: skip
        theirs = engine.rows(f"SELECT {there} FROM {standing.scan(target.source)}")
        with loading.connection.cursor() as cursor:
            told = ", ".join(f.column for f in columns)
            ours = "" if target.source in {"dwelling", "employer", "school"} else "AND NOT is_live"
            cursor.execute(f"SELECT {told} FROM {target.table} WHERE known_to IS NULL {ours}")
            mine = cursor.fetchall()
        found[target.source] = sorted(set(map(repr, mine)) ^ set(map(repr, theirs)))
    engine.close()
    return {name: rows for name, rows in found.items() if rows}


def test_published_found_and_explained(world: World) -> None:
    """One person, one file: the value with authority, the others kept, contradictions named, people linked both ways."""
    summary = world.publish()
    assert summary.people == 4
    assert summary.figures["contradiction_rate"]["numerator"] == 1
    assert summary.figures["standardisation_rate"]["value"] == 0.97
    file = queries.get_person_file(ZHANG, masked=False)
    shown = {f.field: f for f in file.fields}
    assert shown["name"].value == "张伟"
    assert {(o.value, o.is_contradiction) for o in shown["name"].others} == {("張偉", False), ("章伟", True)}
    assert {(o.value, o.is_contradiction) for o in shown["sex"].others} == {("2", True)}
    assert shown["phone"].value == "12011112222"
    assert [s.record_key for s in shown["phone"].sources] == ["V1"]
    assert {d.field for d in file.discrepancies} == {"name", "sex"}
    (stay,) = file.stays
    assert (stay.begin_on, stay.end_on, stay.registered_on) == (date(2024, 1, 1), None, date(2026, 3, 1))
    assert [s.dataset for s in stay.sources] == ["community_visit", "police_residence"]
    assert {(k.relation, k.relative_code, k.is_inverse) for k in file.family} == {
        ("", LI, False),
        ("20", PUPIL, True),
    }
    assert file.line.region == "990102001001"
    dwelling = queries.get_dwelling(stay.dwelling_code)
    assert {o.person.code for o in dwelling.residents} == {ZHANG, LI}
    assert dwelling.residents[0].person.citizen_no in {"", "*" * 14 + ZHANG_NO[-4:]}
    employer = queries.get_employer("91990100MA0000001X")
    assert {w.person.code for w in employer.workers} == {ZHANG, OTHER}
    masked = queries.get_person_file(ZHANG)
    assert ZHANG_NO not in repr(masked)
    assert "12011112222" not in repr(masked)


def test_search(world: World) -> None:
    """Exact, ending, partial, traditional, by sound, by address; within the scope alone."""
    world.publish()

    def codes(text: str, scope: tuple[str, ...] = EVERYWHERE) -> list[tuple[str, str]]:
        return [(p.code, p.matched_by) for p in queries.find_people(text, scope=scope).rows]

    assert codes(ZHANG_NO) == [(ZHANG, "citizen_no")]
    assert codes("120 1111 2222") == [(ZHANG, "phone")]
    assert codes("2222") == [(ZHANG, "phone_tail")]
    assert codes("112222") == [(ZHANG, "phone_tail")]
    assert codes(ZHANG_NO[-4:]) == [(ZHANG, "citizen_no_tail")]
    assert codes("１２０１１１１２２２２") == codes("+86 120-1111-2222") == [(ZHANG, "phone")]
    assert codes("張偉") == [(ZHANG, "name")]
    assert codes("章围") == [(ZHANG, "name_sound")]
    assert codes("Wei Zhang") == [(ZHANG, "pinyin")]
    assert (
        codes("张伟 2222")
        == codes(f"张 {ZHANG_NO[-4:]}")
        == codes(f"张伟 {ZHANG_NO[6:10]}")
        == [(ZHANG, "name")]
    )
    assert codes("张伟 0000") == []
    born = date(int(ZHANG_NO[6:10]), int(ZHANG_NO[10:12]), int(ZHANG_NO[12:14]))
    for birthday in (
        f" {born}",
        f" {born:%Y%m%d}",
        f"{born:%Y%m%d}",
        f" {born:%Y}年{born.month}月{born.day}日",
    ):
        assert codes(f"张伟{birthday}") == [(ZHANG, "name")], birthday
    assert codes(f"zhangwei {born}") == [(ZHANG, "pinyin")]
    assert codes("张伟 1900-01-01") == codes("张伟 1990-13-01") == []
    assert codes("张伟 长安路12号") == codes("长安路 张伟") == codes("姓名：张伟") == [(ZHANG, "name")]
    assert codes("张伟 长安路13号") == codes("李伟 长安路12号") == []
    assert codes("“张伟”，") == codes("张伟2222") == [(ZHANG, "name")]
    assert codes("zhāng wěi") == [(ZHANG, "pinyin")]
    assert codes("小雨") == [(PUPIL, "name_part")]
    assert {c for c, _ in codes("张")} == {ZHANG, PUPIL}
    assert codes("zhang wei") == [(ZHANG, "pinyin")]
    assert codes("zxy") == [(PUPIL, "initials")]
    for address in (
        "长安路12号501室",
        "长安路１２号５０１",
        "和安市云津区津门街道长安路12号501室",
        "长安路 12",
    ):
        assert {c for c, _ in codes(address)} == {ZHANG, LI}
    assert codes(ZHANG) == [(ZHANG, "code")]
    assert codes("张伟", ("990103",)) == []
    assert codes("张伟", ("990102000000",)) == [(ZHANG, "name")]
    assert codes("张伟", ()) == []
    paged, after = [], None
    while True:
        page = queries.find_people("", scope=EVERYWHERE, after=after, limit=1)
        paged += [p.code for p in page.rows]
        if (after := page.next_after) is None:
            break
    assert sorted(paged) == sorted([ZHANG, LI, PUPIL, OTHER])
    with pytest.raises(Refusal, match="register.bad_cursor"):
        queries.find_people("", scope=EVERYWHERE, after="x")


def test_history_merge_and_nothing_overwritten(world: World) -> None:
    """A second run closes and opens only what changed; the past answers as it was known; a merged code leads on."""
    world.publish()
    before = datetime.now(UTC)
    untouched = queries.get_person_file(PUPIL, masked=False)
    world.add("later", LATER)
    world.who[_id("hrss_employment", "E2")] = LI
    world.publish()
    with loading.connection.cursor() as cursor:
        cursor.execute("UPDATE register_person SET merged_into = %s WHERE code = %s", [LI, OTHER])
    now, then = (
        queries.get_person_file(ZHANG, masked=False),
        queries.get_person_file(ZHANG, known_on=before, masked=False),
    )
    assert (now.line.phone, then.line.phone) == ("12077778888", "12011112222")
    assert [s.region for s in now.stays] == ["990103002002", "990102001001"]
    assert now.stays[1].until == date(2026, 10, 1)
    assert [s.region for s in then.stays] == ["990102001001"]
    assert [s.region for s in queries.get_person_file(ZHANG, valid_on=date(2025, 1, 1)).stays] == [
        "990102001001"
    ]
    assert queries.resolve_code(OTHER) == LI
    assert queries.get_person_file(OTHER).code == LI
    assert queries.get_person_file(LI).former_codes == (OTHER,)
    assert queries.get_person_file(PUPIL, masked=False) == untouched
    with loading.connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM register_permit WHERE known_to IS NOT NULL")
        assert cursor.fetchone()[0] == 0
        cursor.execute("SELECT DISTINCT region FROM register_permit")
        assert cursor.fetchall() == [("990103002002",)]
    assert disagreeing() == {}
    third = world.publish()
    with loading.connection.cursor() as cursor:
        for target in loading.TARGETS:
            cursor.execute(
                f"SELECT count(*) FROM {target.table} WHERE known_from >= (SELECT known_at FROM register_run WHERE id = %s)",
                [third.run],
            )
            assert cursor.fetchone()[0] == 0, target.table


def test_a_broken_load_leaves_the_former_library(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops a load, readers see the run before; the next one is as if nothing had happened."""
    world.publish()
    world.add("later", LATER)
    real = loading.copy

    def breaks(target: loading.Target, *told: Any, **more: Any) -> int:
        if target.source == "job":
            raise RuntimeError("stopped")
        return real(target, *told, **more)

    monkeypatch.setattr(loading, "copy", breaks)
    with pytest.raises(RuntimeError, match="stopped"):
        world.publish()
    assert queries.get_person_file(ZHANG, masked=False).line.phone == "12011112222"
    monkeypatch.setattr(loading, "copy", real)
    world.publish()
    assert queries.get_person_file(ZHANG, masked=False).line.phone == "12077778888"
    assert [r.state for r in queries.list_runs()] == ["finished", "failed", "finished"]
    assert set(queries.library_files()) >= {"person", "stay", "discrepancy"}


@pytest.mark.parametrize(
    ("module", "name"), [(loading, "copy"), (resolve, "_persons"), (measures, "measure")]
)
def test_a_broken_first_load_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """It breaks in the thread that loads or in the one that resolves: who publishes is told, and nothing stays."""

    def breaks(*_told: Any, **_more: Any) -> None:
        raise RuntimeError("stopped")

    with monkeypatch.context() as broken:
        broken.setattr(module, name, breaks)
        with pytest.raises(RuntimeError, match="stopped"):
            world.publish()
    assert not Identity.objects.exists()
    assert not Run.objects.filter(state="finished").exists()
    world.publish()
    assert queries.get_person_file(ZHANG, masked=False).line.phone == "12011112222"


def test_the_first_load_opens_the_cases(world: World) -> None:
    """Contradictions have their cases as soon as they are published; following them again changes nothing."""
    told = world.publish().cases
    found = Discrepancy.objects.count()
    assert found
    assert told == {"opened": found, "ended": 0, "moved": 0}
    assert settling.follow(datetime.now(UTC)) == {"opened": 0, "ended": 0, "moved": 0}


def test_counter_entry_and_settled_value(world: World) -> None:
    """A stay registered at a counter is there at once and a source of the next run; a settled value outranks all."""
    world.publish()
    home = queries.list_dwellings("长安路", scope=EVERYWHERE).rows[0].code
    clerk, at = Actor("w1", "station_worker", "990102"), datetime(2026, 11, 22, 9, tzinfo=UTC)
    actions.register_stay(
        PUPIL, dwelling_code=home, begin_on=date(2026, 11, 1), by=clerk, at=at, purpose="residence"
    )
    assert [s.is_live for s in queries.get_person_file(PUPIL).stays] == [True]
    assert PUPIL in {o.person.code for o in queries.get_dwelling(home).residents}
    settling.settle(ZHANG, "sex", "2", why="见身份证", by=clerk, at=at, purpose="correction")
    assert queries.get_person_file(ZHANG).line.sex == "2", "at once"
    world.publish()
    assert disagreeing() == {}
    (stay,) = queries.get_person_file(PUPIL).stays
    assert (stay.is_live, [s.dataset for s in stay.sources]) == (False, ["counter_entry"])
    file = queries.get_person_file(ZHANG)
    assert file.line.sex == "2"
    assert {d.field for d in file.discrepancies} == {"name"}


def test_entered_while_a_run_reads_or_taken_back_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is entered while a run is under way stands until the next one; what was taken back leaves nobody without a file."""
    world.publish()
    home = queries.list_dwellings("长安路", scope=EVERYWHERE).rows[0].code
    clerk = Actor("w1", "station_worker", "990102")

    def enter() -> str:
        told = {"dwelling_code": home, "begin_on": date(2026, 11, 1), "by": clerk, "purpose": "residence"}
        return str(actions.register_stay(PUPIL, at=datetime.now(UTC), **told))

    key = enter()
    actions.withdraw_entry(key, by=clerk, at=datetime.now(UTC), purpose="correction")
    world.add("later", LATER)
    world.publish()
    assert queries.get_person_file(PUPIL).stays == ()
    module, name = (partial, "resolve_some") if partial.MOST > 0 else (resolve, "resolve")
    real = getattr(module, name)

    def meanwhile(*told: Any) -> Any:
        enter()
        return real(*told)

    with monkeypatch.context() as entering:
        entering.setattr(module, name, meanwhile)
        world.publish()
    assert [s.is_live for s in queries.get_person_file(PUPIL).stays] == [True]
    world.publish()
    assert disagreeing() == {}
    assert [s.is_live for s in queries.get_person_file(PUPIL).stays] == [False]
    assert (
        Identity.objects.filter(known_to=None).count()
        == Identity.objects.values("person_code").distinct().count()
    )
    assert Run.objects.filter(known_at=Identity.objects.latest("known_from").known_from).exists()


def test_row_security(world: World) -> None:
    """The web's role reads the people of its place alone, whatever it asks."""
    world.publish()
    with rows.acting(Actor("w1", "station_worker", "990102")):
        assert {p.code for p in queries.find_people("", scope=EVERYWHERE).rows} == {ZHANG, LI}
    with rows.acting(Actor("w2", "station_worker", "990103")):
        assert queries.find_people("", scope=EVERYWHERE).rows == ()
        assert queries.person_region(ZHANG) == "990102001001"
        with pytest.raises(Refusal, match="register.no_person"):
            queries.get_person_file(ZHANG)

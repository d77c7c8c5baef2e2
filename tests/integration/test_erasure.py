"""Deletion on a real PostgreSQL and a real lake: gone everywhere, kept where the law keeps it, and never back."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from anju.exchange.store.models import Batch, HeldRow
from anju.jobs.pipeline import facts, library, retention
from anju.kernel.identifiers import citizen_check, mint_person_code
from anju.kernel.refusal import Refusal
from anju.policy import loading
from anju.register import canon
from anju.register.store import queries as register
from anju.register.store.models import Dwelling
from anju.trust.access import Actor
from anju.trust.store import erasing, erasure_actions, erasure_queries
from anju.trust.store.models import LogPending, Restriction, Tombstone

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
DPO, SECOND = Actor("account:1", "dpo", "*"), Actor("account:2", "dpo", "*")
HER, HIM, GONE = (mint_person_code() for _ in range(3))
TYPES = {"UBIGINT": pa.uint64(), "UINTEGER": pa.uint32(), "VARCHAR": pa.string(), "DATE": pa.date32(),
         "BOOLEAN": pa.bool_(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "DOUBLE": pa.float64()}  # fmt: skip


def person(name: str, n: int) -> dict[str, Any]:
    first17 = f"9901021990010{n}10{n}"
    return {
        "person.name": name,
        "person.citizen_no": first17 + citizen_check(first17),
        "person.phone": f"1200000000{n}",
    }


def stay(begin: date, end: date | None) -> dict[str, Any]:
    return {"stay.region": "990102001001", "stay.street": "长安路", "stay.number": "12", "stay.room": "501",
            "stay.begin_on": begin, "stay.end_on": end}  # fmt: skip


def job(begin: date, end: date | None) -> dict[str, Any]:
    return {"job.employer_name": "光明纺织厂", "job.begin_on": begin, "job.end_on": end}


ROWS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("police_residence", "J1", HER, person("张小雨", 1) | stay(date(2024, 1, 1), None)),
    ("hrss_employment", "E1", HER, person("张小雨", 1) | job(date(2015, 1, 1), date(2019, 1, 1))),
    ("hrss_employment", "E2", HER, person("张小雨", 1) | job(date(2024, 2, 1), None)),
    ("police_residence", "J2", HIM, person("李远山", 2) | stay(date(2023, 1, 1), None)),
    ("civil_marriage", "M1", HIM, person("李远山", 2) | {"kin.relation": "10", "kin.name": "张小雨",
                                                      "kin.citizen_no": person("", 1)["person.citizen_no"]}),
    ("police_residence", "J3", GONE, person("欧阳千里", 3) | stay(date(2014, 1, 1), date(2019, 6, 1))),
    ("hrss_employment", "E3", GONE, person("欧阳千里", 3) | job(date(2014, 2, 1), date(2019, 5, 1))),
]  # fmt: skip


def record_id(dataset: str, key: str) -> int:
    return int(hashlib.md5(f"{dataset}|{key}".encode()).hexdigest()[:16], 16)


class World:
    """A home with accepted batches and a linkage, as intake and linking leave them."""

    def __init__(self, home: Path) -> None:
        self.home, self.sent = home, 0
        self.send(ROWS)

    def send(self, rows: list[tuple[str, str, str, dict[str, Any]]]) -> None:
        """One batch per dataset, and who each record is."""
        self.sent += 1
        for dataset in sorted({r[0] for r in rows}):
            name = f"{dataset}-{self.sent}"
            path = self.home / "lake" / "batches" / dataset / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            mine = [r for r in rows if r[0] == dataset]
            pq.write_table(self._table(mine, name), path)
            Batch.objects.create(
                id=name, dataset=dataset, sha256=name, file_name=name, format="csv", sent_on=TODAY,
                accepted_at=AT + timedelta(hours=self.sent), accepted_by="test", contract_version="1",
                path=path.relative_to(self.home).as_posix(), headers=[], rows_read=len(mine),
                rows_accepted=len(mine), rows_held=0, fields={},
            )  # fmt: skip

    def _table(self, rows: list[tuple[str, str, str, dict[str, Any]]], batch: str) -> pa.Table:
        fields = sorted({f for r in rows for f in r[3]})
        made = {
            "record_id": pa.array([record_id(r[0], r[1]) for r in rows], pa.uint64()),
            "dataset": pa.array([r[0] for r in rows]),
            "record_key": pa.array([r[1] for r in rows]),
            "batch": pa.array([batch] * len(rows)),
            "row_no": pa.array(range(1, len(rows) + 1), pa.uint32()),
            "sent_on": pa.array([TODAY] * len(rows), pa.date32()),
            "observed_on": pa.array([TODAY] * len(rows), pa.date32()),
            "is_deleted": pa.array([False] * len(rows)),
        }
        for f in fields:
            made[f] = pa.array([r[3].get(f) for r in rows], TYPES[canon.column(f).type])
        return pa.table(made)

    def link(self) -> None:
        """Who is who is given: every record in the lake belongs to the person it was written for."""
        retention.sweep()
        here = {n for (n,) in self.rows("SELECT record_id FROM read_parquet('{}/lake/batches/*/*.parquet')")}
        who = {i: r[2] for r in ROWS if (i := record_id(r[0], r[1])) in here}
        run = self.home / "linkage" / f"run-{self.sent:06d}"
        run.mkdir(parents=True, exist_ok=True)
        told = {"record_id": pa.array(list(who), pa.uint64()), "person_code": pa.array(list(who.values()))}
        pq.write_table(pa.table(told), run / "assignment.parquet")
        (run / "summary.json").write_text("{}")
        current = self.home / "linkage" / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(run.name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return duckdb.connect().execute(sql.format(self.home)).fetchall()

    def holds(self, text: str) -> list[str]:
        """Files of the home that hold a text in any column."""
        return [
            path.name
            for path in self.home.rglob("*.parquet")
            if path.parent.name != "current" and text in repr(pq.read_table(path).to_pylist())
        ]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    made = World(tmp_path)
    made.link()
    library.run()
    return made


def codes(path: Path) -> list[str]:
    found: list[str] = pq.read_table(path)["person_code"].to_pylist()
    return found


def told_in_the_log() -> str:
    return "\n".join(p.lines for p in LogPending.objects.all())


def test_unlawfully_held_everything_goes_and_does_not_come_back(world: World) -> None:
    assert register.get_person_file(HER, masked=False).line.name == "张小雨"
    number = erasure_actions.order_erasure(
        HER, "990102001001", "unlawful", by=DPO, at=AT, purpose="rights_request"
    )
    assert HER in erasure_queries.restricted([HER])  # at once, before anything is erased
    facts.of_everyone(loading.get("cn/residence_permit"), TODAY)
    assert HER in {row for path in (world.home / "cache").rglob("*.parquet") for row in codes(path)}
    assert retention.work(TODAY) == 1
    (done,) = erasure_queries.erasures_of(HER)
    assert (done.number, done.is_whole) == (number, True)
    assert done.counts["records.hrss_employment"] == 2
    assert HER not in erasure_queries.restricted([HER])
    with pytest.raises(Refusal, match="no_person"):
        register.get_person_file(HER)
    assert world.holds(HER) == []
    assert set(world.holds("张小雨")) == {
        "civil_marriage-1.parquet",
        "kin.parquet",
    }  # his word about his wife is his
    (kin,) = register.get_person_file(HIM, masked=False).family
    assert not kin.relative_code
    world.send(ROWS)  # every department sends its whole file again
    world.link()
    library.run()
    with pytest.raises(Refusal, match="no_person"):
        register.get_person_file(HER)
    assert world.holds(HER) == []
    assert register.get_person_file(HIM, masked=False).line.name == "李远山"
    assert "张小雨" not in told_in_the_log()


def let(name: str, n: int, key: str, region: str = "990102001001") -> tuple[str, str, str, dict[str, Any]]:
    """A dwelling in the housing department's list, with its landlord; 0: no phone of theirs is stated."""
    told = {"dwelling.dwelling_code": f"D00000000000000{key}", "dwelling.region": region, "dwelling.street": "槐树路",
            "dwelling.number": key, "dwelling.landlord_name": name, "dwelling.landlord_phone": f"1200000000{n}" if n else None}  # fmt: skip
    return "housing_dwelling", key, "", told


def test_an_erased_landlord_leaves_the_dwellings_and_does_not_come_back(world: World) -> None:
    """Hers is blotted, in the lake, the library and the pages, also where no phone is stated in her community; his, a
    namesake's with another phone, and a namesake's elsewhere stay."""
    dwellings = [
        let("张小雨", 1, "7"),
        let("李远山", 2, "8"),
        let("张小雨", 9, "9"),
        let("张小雨", 0, "6"),
        let("张小雨", 0, "5", "990103001001"),
    ]

    def landlords() -> set[tuple[str, str]]:
        return {(d.number, d.landlord_name) for d in Dwelling.objects.filter(street="槐树路", known_to=None)}

    def in_the_lake() -> list[tuple[Any, ...]]:
        told = '"dwelling.number", "dwelling.landlord_name", "dwelling.landlord_phone"'
        return sorted(
            set(
                world.rows(f"SELECT {told} FROM read_parquet('{{}}/lake/batches/housing_dwelling/*.parquet')")
            )
        )

    world.send(dwellings)
    world.link()
    library.run()
    assert landlords() == {(number, "李远山" if number == "8" else "张小雨") for number in "56789"}
    erasure_actions.order_erasure(HER, "990102001001", "unlawful", by=DPO, at=AT, purpose="rights_request")
    retention.work(TODAY)
    left = [("5", "张小雨", None), ("6", None, None), ("7", None, None), ("8", "李远山", "12000000002"),
            ("9", "张小雨", "12000000009")]  # fmt: skip
    for _ in range(2):
        assert landlords() == {("5", "张小雨"), ("6", ""), ("7", ""), ("8", "李远山"), ("9", "张小雨")}
        assert in_the_lake() == left
        assert not [name for name in world.holds("12000000001") if "dwelling" in name]
        world.send(dwellings)  # the department sends its whole file again
        world.link()
        library.run()
    assert "12000000001" not in told_in_the_log()


@pytest.mark.parametrize("clock", [TODAY, date(2040, 1, 1)], ids=["right", "ahead"])
def test_what_a_law_keeps_stays_restricted_and_the_rest_goes(world: World, clock: date) -> None:
    erasure_actions.order_erasure(
        HER, "990102001001", "term_over", by=DPO, at=AT, purpose="rights_request", request="Q1"
    )
    retention.work(clock)
    (done,) = erasure_queries.erasures_of(HER)
    assert (done.is_whole, done.counts) == (False, {"records.hrss_employment": 1})
    assert erasure_queries.restricted([HER, HIM]) == {HER}
    world.link()
    library.run()
    assert [j.begin_on for j in register.get_person_file(HER).jobs] == [date(2024, 2, 1)]
    assert world.rows("SELECT count(*) FROM read_parquet('{}/lake/batches/hrss_employment/*.parquet')") == [
        (2,)
    ]
    retention.work(TODAY)
    assert erasing.count_facts(TODAY) == {
        "register_job": 1
    }  # the history of what is no longer stated: a run's
    order = functools.partial(
        erasure_actions.order_erasure, HER, None, "term_over", by=DPO, at=AT, purpose="rights_request"
    )
    order()
    with pytest.raises(Refusal, match="already_ordered"):
        order()


def test_a_retention_run_is_counted_first_and_needs_two_people(world: World) -> None:
    Batch.objects.filter(id="hrss_employment-1").update(rows_read=4, rows_held=1)
    held = world.home / "lake" / "held" / "hrss_employment-1.parquet"
    held.parent.mkdir()
    pq.write_table(pa.table({"c0": ["欧阳千里", "赵一"], "row_no": pa.array([9, 10], pa.uint32())}), held)
    for row_no, state in ((9, "waived"), (10, "open")):
        HeldRow.objects.create(
            batch_id="hrss_employment-1", dataset="hrss_employment", row_no=row_no, faults=[], state=state,
            since=AT - timedelta(days=300), reason="x" if state == "waived" else "",
            ended_at=AT - timedelta(days=200) if state == "waived" else None, ended_by="t" if state == "waived" else "",
        )  # fmt: skip
    number = retention.plan(TODAY)
    (plan,) = erasure_queries.list_runs()
    assert plan.counts == {
        "records.hrss_employment": 2, "records.police_residence": 1, "people": 1, "house.quarantine_rows": 1,
    }  # fmt: skip
    assert Tombstone.objects.count() == 0
    assert retention.work(TODAY) == 0  # a plan alone erases nothing
    erasure_actions.decide_run(number, "ask", by=DPO, at=AT)
    with pytest.raises(Refusal, match="own_answer"):
        erasure_actions.decide_run(number, "approve", by=DPO, at=AT)
    assert retention.work(TODAY) == 0
    erasure_actions.decide_run(number, "approve", by=SECOND, at=AT)
    assert retention.work(TODAY) == 1
    done = erasure_queries.find_run(number)
    assert done is not None
    assert done.state == "done"
    assert {k: done.erased[k] for k in plan.counts} == plan.counts  # what was shown is what went
    assert done.erased["facts.register_identity"] == 1
    assert world.holds("欧阳千里") == []
    assert world.holds("赵一") == ["hrss_employment-1.parquet"]
    assert retention.work(TODAY) == 0
    assert not set(retention.count(TODAY)) & set(plan.counts)
    log = told_in_the_log()
    assert '"action":"retention.run"' in log
    assert not any(name in log for name in ("欧阳", "张小雨", GONE))


def test_killed_after_postgresql_the_next_run_finishes_the_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure_actions.order_erasure(HER, None, "unlawful", by=DPO, at=AT, purpose="rights_request")
    with monkeypatch.context() as patched:
        patched.setattr("anju.jobs.pipeline.erasure.purge_files", _killed)
        with pytest.raises(KeyboardInterrupt):
            retention.work(TODAY)
    assert world.holds(HER) != []
    assert retention.work(TODAY) == 1
    assert world.holds(HER) == []
    assert [e.is_whole for e in erasure_queries.erasures_of(HER)] == [True]


def _killed(*_: object) -> int:
    raise KeyboardInterrupt


def test_the_schedule_counts_and_never_erases(world: World) -> None:
    assert retention.plan_if_due(TODAY) is not None
    assert retention.plan_if_due(TODAY + timedelta(days=3)) is None
    assert retention.plan_if_due(TODAY + timedelta(days=7)) is not None
    assert [r.state for r in erasure_queries.list_runs()] == ["planned", "dropped"]
    # The clock is set back: a plan of a day to come holds nothing up.
    assert retention.plan_if_due(TODAY - timedelta(days=30)) is not None
    assert retention.plan_if_due(TODAY - timedelta(days=29)) is None
    assert Tombstone.objects.count() == 0


def test_tables_that_stay_have_a_reason_and_exist() -> None:
    with transaction.atomic():
        from django.db import connection

        assert set(erasing.KEPT) <= set(connection.introspection.table_names())
    assert {"register_identity", "register_dossier", "register_stay"} <= set(erasing.person_tables())


def test_the_database_itself_wants_the_second_person() -> None:
    from anju.trust.store.models import RetentionRun

    with pytest.raises(IntegrityError), transaction.atomic():
        RetentionRun.objects.create(
            number="R1", as_of=TODAY, state="approved", planned_at=AT, planned_by="s", asked_by="a", approved_by="a"
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Restriction.objects.create(person_code=HER, ground="because", since=timezone.now(), ordered_by="a")

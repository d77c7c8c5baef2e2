"""Bundles across networks and pulls from a database: once, in order, whole, and nothing after a kill."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from django.db import connection

from anju.exchange.doors import bundles, receipts, sources
from anju.exchange.store import bundle_actions
from anju.exchange.store.models import Batch, Bundle, HeldRow, Pull
from anju.jobs import scratch
from anju.jobs.pipeline import bundling, intake, pulling
from anju.kernel.home import home
from anju.kernel.identifiers import citizen_check
from anju.kernel.refusal import Refusal
from anju.register.store import actions
from anju.register.store.models import Dwelling
from anju.trust.access import system
from anju.trust.sealing import sealer

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import as_csv, people, person

BY, AT = system("test"), datetime(2026, 7, 1, 8, tzinfo=UTC)
HERE = "990102001001"


@pytest.fixture
def two(db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two names of one deployment that trust each other: ``act`` changes which one we are."""

    def act(name: str) -> None:
        monkeypatch.setenv("ANJU_NAME", name)

    keys = receipts.public_keys(sealer().ring)
    for name in ("outside", "inside"):
        seal = bundles.public_of(bundling.own_key())
        bundle_actions.keep_peer(name, "9901", keys, seal, by=BY, at=AT)
    act("outside")
    return act


def take(tmp_path: Path, count: int, *more: Any) -> str:
    path = tmp_path / f"police_residence_{count}.csv"
    path.write_bytes(as_csv([*people(count), *more]))
    [done] = intake.ingest([path], by=BY, at=lambda: AT)
    assert isinstance(done, intake.Accepted)
    return done.batch


def forget() -> None:
    """What came in so far is gone, as on the other side of the gap."""
    for batch in Batch.objects.all():
        (home() / batch.path).unlink(missing_ok=True)
    HeldRow.objects.all().delete()
    Batch.objects.all().delete()


def test_batches_cross_the_gap_once_and_in_order_with_a_receipt_back(two: Any, tmp_path: Path) -> None:
    first = take(tmp_path, 30, person(99, 出生日期="x"))
    original = pq.read_table(home() / Batch.objects.get(id=first).path)
    one, second = tmp_path / "1.anjubundle", tmp_path / "2.anjubundle"
    made = bundling.write("inside", one, by=BY, at=AT)
    assert (made.number, made.batches) == (1, 1)
    take(tmp_path, 40)
    assert bundling.write("inside", second, by=BY, at=AT).batches == 1
    with pytest.raises(Refusal, match="bundle_nothing"):
        bundling.write("inside", tmp_path / "3.anjubundle", by=BY, at=AT)
    assert "张" not in one.read_bytes().decode("latin-1")
    with pytest.raises(Refusal, match="not_for_us"):
        bundling.apply(one, by=BY, at=AT)
    two("inside")
    forget()
    assert bundling.verify(one).number == 1
    with pytest.raises(Refusal, match="bundle_gap"):
        bundling.apply(second, by=BY, at=AT)
    applied, receipt = bundling.apply(one, by=BY, at=AT)
    assert applied.batches == 1
    here = Batch.objects.get(id=first)
    assert (here.rows_accepted, here.rows_held, here.accepted_by) == (30, 1, "bundle:outside")
    assert pq.read_table(home() / here.path).equals(original)
    with pytest.raises(Refusal, match="bundle_applied"):
        bundling.apply(one, by=BY, at=AT)
    assert bundling.receipt_again(one) == receipt  # the first was lost
    assert bundling.receipt_again(second) == ""
    bundling.apply(second, by=BY, at=AT)
    two("outside")
    told = receipts.verified(receipt, receipts.public_keys(sealer().ring))
    bundling.copy("inside", 1, tmp_path / "again.anjubundle")
    assert bundling.take_receipt("inside", receipt, by=BY, at=AT) == 1
    with pytest.raises(Refusal, match="bundle_arrived"):
        bundling.copy("inside", 1, tmp_path / "again.anjubundle")
    bundling.copy("inside", 2, tmp_path / "again.anjubundle")
    assert Bundle.objects.get(direction="out", number=1).receipt
    with pytest.raises(Refusal, match="receipt_wrong_bundle"):
        bundle_actions.keep_receipt("inside", {**told, "number": 2}, receipt, by=BY, at=AT)


def test_what_counters_entered_crosses_the_gap(two: Any, tmp_path: Path) -> None:
    Dwelling.objects.create(dwelling_code="D000000000000001", region=HERE, street="槐树路", number="1")
    told = {"by": BY, "at": AT, "purpose": "residence_registration"}
    here = {"region": HERE, "observed_on": date(2026, 6, 30), **told}
    number = "99010219900203001" + citizen_check("99010219900203001")
    known = str(actions.register_person({"name": "测试甲", "citizen_no": number, "sex": "1"}, **here))
    nameless = {"name": "测试乙", "born_on": "1988-01-05", "phone": "12000000002", "sex": "2"}
    plain = str(actions.register_person(nameless, **here))
    stay = actions.register_stay(plain, dwelling_code="D000000000000001", begin_on=date(2026, 6, 30), **told)
    actions.register_person(
        {"name": "测试丙"}, **here | {"region": "990201001001"}
    )  # not in the peer's place
    first, second = tmp_path / "1.anjubundle", tmp_path / "2.anjubundle"
    made = bundling.write("inside", first, by=BY, at=AT)
    assert (made.batches, made.entries) == (1, 3)
    with pytest.raises(Refusal, match="bundle_nothing"):
        bundling.write("inside", second, by=BY, at=AT)
    two("inside")
    Bundle.objects.filter(direction="out").delete()  # the other side's
    assert bundling.apply(first, by=BY, at=AT)[0].batches == 1
    [batch] = Batch.objects.filter(dataset="counter_report")
    rows = {r["record_key"]: r for r in pq.read_table(home() / batch.path).to_pylist()}
    assert rows[f"{known}-1"]["person.citizen_no"] == number
    moved = rows[stay]
    assert (moved["person.name"], moved["person.phone"]) == ("测试乙", "12000000002"), (
        "who it is, to be linked"
    )
    assert (moved["stay.street"], moved["stay.begin_on"]) == ("槐树路", date(2026, 6, 30))
    assert {r["batch"] for r in rows.values()} == {batch.id}
    assert not any(r["is_deleted"] for r in rows.values())


def test_an_entry_taken_back_is_told_as_withdrawn_and_none_comes_home(two: Any, tmp_path: Path) -> None:
    told = {"by": BY, "at": AT, "purpose": "residence_registration"}
    code = str(
        actions.register_person({"name": "测试甲"}, region=HERE, observed_on=date(2026, 6, 30), **told)
    )
    first, second = tmp_path / "1.anjubundle", tmp_path / "2.anjubundle"
    bundling.write("inside", first, by=BY, at=AT)
    actions.withdraw_entry(f"{code}-1", **told)
    assert bundling.write("inside", second, by=BY, at=AT).entries == 1
    two("inside")
    assert bundling.apply(first, by=BY, at=AT)[0].batches == 0, "made here: no news here"
    Bundle.objects.filter(direction="out").update(cursor="{}")
    bundling.apply(second, by=BY, at=AT)
    [row] = pq.read_table(home() / Batch.objects.get(dataset="counter_report").path).to_pylist()
    assert (row["record_key"], row["is_deleted"]) == (f"{code}-1", True)


def test_a_dataset_without_a_contract_here_is_named(two: Any, tmp_path: Path) -> None:
    file = home() / Batch.objects.get(id=take(tmp_path, 5)).path
    part = bundles.part_of(
        file, "batch", {"id": "navy-0123456789abcdef", "dataset": "navy", "rows_accepted": 5}
    )
    head = {
        "sender": "outside",
        "receiver": "inside",
        "number": 1,
        "previous": bundles.FIRST,
        "made_at": "now",
    }
    with (tmp_path / "x.anjubundle").open("wb") as stream:
        bundles.write(stream, head, [(part, file)], sealer().ring)
    two("inside")
    with pytest.raises(Refusal, match="bundle_dataset"):
        bundling.apply(tmp_path / "x.anjubundle", by=BY, at=AT)


def test_whatever_is_changed_in_a_bundle_is_found(two: Any, tmp_path: Path) -> None:
    take(tmp_path, 20)
    path = tmp_path / "1.anjubundle"
    bundling.write("inside", path, by=BY, at=AT)
    two("inside")
    forget()
    good = path.read_bytes()
    (length,) = struct.unpack(">Q", good[8:16])
    spots = [
        0,
        9,
        20,
        16 + length // 2,
        16 + length - 30,
        16 + length + 3,
        (16 + length + len(good)) // 2,
        len(good) - 1,
    ]
    for spot in spots:
        path.write_bytes(good[:spot] + bytes([good[spot] ^ 1]) + good[spot + 1 :])
        with pytest.raises(Refusal, match=r"doors\.(bundle_|not_a_bundle|no_peer|unknown_signer)"):
            bundling.apply(path, by=BY, at=AT)
    for cut in (good[: len(good) - 40], good + b"x", b"", good[:16]):
        path.write_bytes(cut)
        with pytest.raises(Refusal, match=r"doors\.(bundle_|not_a_bundle|no_peer|unknown_signer)"):
            bundling.apply(path, by=BY, at=AT)
    assert not Batch.objects.exists()
    assert not list((home() / "lake" / "batches").rglob("*.p*"))
    path.write_bytes(good)
    assert bundling.apply(path, by=BY, at=AT)[0].batches == 1


def test_a_bundle_of_another_chain_is_refused(two: Any, tmp_path: Path) -> None:
    take(tmp_path, 10)
    path = tmp_path / "1.anjubundle"
    bundling.write("inside", path, by=BY, at=AT)
    forged = tmp_path / "forged.anjubundle"
    file = tmp_path / "x.parquet"
    file.write_bytes(b"PAR1")
    part = bundles.part_of(file, "batch", {"id": "../../x", "dataset": "police_residence"})
    head = {"sender": "outside", "receiver": "inside", "number": 2, "previous": "1" * 64, "made_at": "now"}
    with forged.open("wb") as stream:
        bundles.write(stream, head, [(part, file)], sealer().ring)
    two("inside")
    bundling.apply(path, by=BY, at=AT)
    with pytest.raises(Refusal, match="bundle_chain"):
        bundling.apply(forged, by=BY, at=AT)
    with forged.open("wb") as stream:
        hashed = Bundle.objects.get(direction="in").sha256
        bundles.write(stream, {**head, "previous": hashed}, [(part, file)], sealer().ring)
    with pytest.raises(Refusal, match="bundle_changed"):
        bundling.apply(forged, by=BY, at=AT)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path

import django

django.setup()
from anju.exchange.store import bundle_actions
from anju.jobs.pipeline import bundling
from anju.trust.access import system

def dies_after(owner, name):
    real = getattr(owner, name)
    def done(*given, **told):
        real(*given, **told)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, done)

what, moment, path = sys.argv[1:]
owner, name = {
    "written": (bundling, "_written"), "sent": (bundle_actions, "sent"), "unpacked": (bundling, "_unpack"),
    "placed": (bundling, "_move"), "accepted": (bundle_actions, "accept"), "received": (bundle_actions, "received"),
}[moment]
dies_after(owner, name)
told = {"by": system("x"), "at": datetime(2026, 7, 1, 8, tzinfo=UTC)}
bundling.write("inside", Path(path), **told) if what == "write" else bundling.apply(Path(path), **told)
"""


def killed(what: str, moment: str, path: Path) -> None:
    told = connection.settings_dict
    options = {"host": told["HOST"], **told["OPTIONS"]}
    query = "&".join(f"{k}={v}" for k, v in options.items() if isinstance(v, str) and v)
    host = "" if told["HOST"].startswith("/") else told["HOST"]
    url = f"postgresql://{told['USER']}:{told['PASSWORD']}@{host}/{told['NAME']}?{query}"
    died = subprocess.run(
        [sys.executable, "-c", KILLED, what, moment, str(path)], env=os.environ | {"DATABASE_URL": url},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]


def test_killed_while_writing_or_applying_a_bundle_counts_once_and_whole(
    transactional_db: None, two: Any, tmp_path: Path
) -> None:
    batch = take(tmp_path, 30)
    path = tmp_path / "1.anjubundle"
    for moment in ("written", "sent"):
        killed("write", moment, path)
        assert not Bundle.objects.exists()
    assert bundling.write("inside", path, by=BY, at=AT).number == 1
    original = (home() / Batch.objects.get().path).read_bytes()
    two("inside")
    forget()
    for moment in ("unpacked", "placed", "accepted", "received"):
        killed("apply", moment, path)
        assert not Batch.objects.exists()
        assert not Bundle.objects.filter(direction="in").exists()
    intake.sweep()
    assert not list((home() / "lake" / "batches").rglob("*.parquet")), "what a killed one placed is swept"
    applied, _ = bundling.apply(path, by=BY, at=AT)
    assert (applied.number, applied.batches) == (1, 1)
    assert (home() / Batch.objects.get(id=batch).path).read_bytes() == original


# --- pulls


@pytest.fixture
def department(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Any:
    """A department's table in the same server, and a source that reads it."""
    columns = list(people(1)[0])
    with connection.cursor() as cursor:
        listed = ", ".join(f'"{c}" text' for c in columns)
        cursor.execute(f"CREATE TABLE dept_residence (changed bigint, {listed})")
    told = connection.settings_dict
    monkeypatch.setenv(
        "DEPT_URL",
        f"host={told['HOST'] or told['OPTIONS'].get('host')} dbname={told['NAME']} user={told['USER']}",
    )

    def add(changed: int | None, *rows: dict[str, Any]) -> None:
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * (len(columns) + 1))
            cursor.executemany(
                f"INSERT INTO dept_residence VALUES ({marks})",
                [[changed, *(r[c] for c in columns)] for r in rows],
            )

    yield add
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE dept_residence")


def source(tmp_path: Path, **changed: Any) -> sources.Source:
    told = {
        "id": "police-db", "dataset": "police_residence", "database": "DEPT_URL", "query": "SELECT * FROM dept_residence",
        "cursor": {"column": "changed", "type": "integer"}, "rows": 10,
    } | changed  # fmt: skip
    path = tmp_path / "source.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    return sources.read(path)


def test_a_pull_moves_batch_and_cursor_together(
    department: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = source(tmp_path)
    assert pulling.pull(told, by=BY, at=AT).rows == 0
    for changed in range(8):
        department(changed, person(changed))
    department(8, *(person(n) for n in range(8, 14)))  # six rows of one value: they stay together
    department(9, person(14))
    department(None, person(99))
    first = pulling.pull(told, by=BY, at=AT)
    assert (first.rows, first.cursor, first.has_more, first.without_cursor) == (14, "8", True, 1)
    second = pulling.pull(told, by=BY, at=AT)
    assert (second.rows, second.cursor, second.has_more, second.without_cursor) == (1, "9", False, 1)
    assert pulling.pull(told, by=BY, at=AT).accepted is None
    department(10, person(15))

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pulling.pull_actions, "move", dies)
        with pytest.raises(KeyboardInterrupt):
            pulling.pull(told, by=BY, at=AT)
    assert (Pull.objects.get().cursor, Batch.objects.count()) == ("9", 2)
    left = home() / "spill" / "pull-killed"
    left.mkdir(parents=True)
    (left / scratch.ALIVE).touch()
    (left / "police_residence.parquet").write_bytes(b"rows of a pull that was killed")
    assert pulling.pull(told, by=BY, at=AT).rows == 1
    assert not left.exists()
    assert sum(Batch.objects.values_list("rows_read", flat=True)) == 16
    intake.sweep()
    lying = {p.stem for p in (home() / "lake" / "batches").rglob("*.parquet")}
    assert set(Batch.objects.values_list("id", flat=True)) <= lying


def test_a_faulty_source_tells_every_fault_at_once(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        source(
            tmp_path,
            id="X",
            dataset="none",
            database="postgresql://x",
            cursor={"column": "a", "type": "odd"},
            more=1,
        )
    told = str(refused.value.facts["faults"])
    assert all(
        word in told
        for word in ("unknown key more", "id:", "no contract", "never the address", "cursor.type")
    )


def test_a_source_that_is_away_is_told_without_its_address(
    tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPT_URL", "host=/nowhere/at/all dbname=x password=secret")
    with pytest.raises(Refusal) as refused:
        pulling.pull(source(tmp_path), by=BY, at=AT)
    assert refused.value.code == "doors.source_unreachable"
    assert "secret" not in json.dumps(dict(refused.value.facts))

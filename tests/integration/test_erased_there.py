"""A person erased on one side of a gap is erased on the other, as far as the other side has them from there alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anju.exchange.doors import bundles, receipts
from anju.exchange.store import bundle_actions
from anju.exchange.store.models import Batch, Bundle, HeldRow
from anju.jobs.pipeline import bundling, intake, library, linkage
from anju.kernel.home import home
from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.register.store.models import Settlement
from anju.trust.access import system
from anju.trust.sealing import sealer
from anju.trust.store import erasing
from anju.trust.store.models import Erasure, Restriction, Tombstone

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import as_csv, person

pytestmark = pytest.mark.django_db(transaction=True)
BY, AT = system("test"), datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture
def side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Two deployments that trust each other, one after the other in one database: whose turn it is."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    keys = receipts.public_keys(sealer().ring)
    for name in ("outside", "inside"):
        bundle_actions.keep_peer(name, "9901", keys, bundles.public_of(bundling.own_key()), by=BY, at=AT)
    monkeypatch.setenv("ANJU_NAME", "outside")
    return lambda name: monkeypatch.setenv("ANJU_NAME", name)


def take(folder: Path, *numbers: int) -> list[int]:
    """People of a file taken in; their records' numbers, in its order."""
    path = folder / f"police_residence_{'_'.join(map(str, numbers))}.csv"
    path.write_bytes(as_csv([person(n) for n in numbers]))
    [done] = intake.ingest([path], by=BY, at=lambda: AT)
    assert isinstance(done, intake.Accepted)
    table = pq.read_table(home() / Batch.objects.get(id=done.batch).path).sort_by("row_no")
    return [int(n) for n in table["record_id"].to_pylist()]


def bury(*records: int) -> None:
    told = {"record_id": [str(n) for n in records], "dataset": ["police_residence"] * len(records)}
    erasing.bury(pa.table(told), AT)


def other_side() -> None:
    """What lies here is the other side's."""
    for batch in Batch.objects.all():
        (home() / batch.path).unlink(missing_ok=True)
    for model in (HeldRow, Batch, Tombstone):
        model.objects.all().delete()


def files_with(record: int) -> list[str]:
    found = []
    for path in home().rglob("*.parquet"):
        table = pq.read_table(path)
        if "record_id" in table.column_names and record in map(int, table["record_id"].to_pylist()):
            found.append(path.name)
    return found


def test_an_erasure_crosses_the_gap_and_leaves_what_others_sent(
    side: Callable[[str], None], tmp_path: Path
) -> None:
    one, two = tmp_path / "1.anjubundle", tmp_path / "2.anjubundle"
    gone, both, stays = take(tmp_path, 1, 2, 3)
    bundling.write("inside", one, by=BY, at=AT)
    fresh = take(tmp_path, 7, 8)
    bury(gone, both, fresh[0], 4711)
    made = bundling.write("inside", two, by=BY, at=AT)
    assert (made.batches, made.erased) == (1, 4)
    with pytest.raises(Refusal, match="bundle_nothing"):
        bundling.write("inside", tmp_path / "3.anjubundle", by=BY, at=AT)
    bury(4712)
    assert bundling.write("inside", tmp_path / "3.anjubundle", by=BY, at=AT).erased == 1, (
        "the clock stood still"
    )
    Bundle.objects.all().delete()

    other_side()
    side("inside")
    assert take(tmp_path, 2) == [both], "our own police have sent this one too"
    bundling.apply(one, by=BY, at=AT)
    linkage.run()
    library.run()
    codes = people()
    Settlement.objects.create(person_code=codes[gone], field="phone", opened_at=AT)
    assert register.get_person_file(codes[gone], masked=False).line.name
    applied, receipt = bundling.apply(two, by=BY, at=AT)
    told = receipts.verified(receipt, receipts.public_keys(sealer().ring))
    assert (told["erased"], told["kept"], applied.erased) == (1, 1, 1)
    with pytest.raises(Refusal, match="no_person"):
        register.get_person_file(codes[gone])
    assert files_with(gone) == []
    order = Erasure.objects.get()
    assert (order.person_code, order.ground, order.is_whole) == (codes[gone], "sender", True)
    assert order.counts["records.police_residence"] == 1
    assert not Restriction.objects.filter(lifted_at__isnull=True).exists()
    linkage.run()
    library.run()
    after = people()
    assert after.keys() == {both, stays, fresh[1]}
    assert all(after[r] == codes[r] for r in (both, stays)), "nobody else is touched"
    side("outside")
    assert "4711" not in json.dumps(told)


def people() -> dict[int, str]:
    with linkage.opened("256MB") as engine:
        linkage.scan(engine, "a", linkage.get_current())
        return {int(r): str(c) for r, c in engine.rows("SELECT record_id, person_code FROM a")}


def test_who_is_known_here_otherwise_keeps_what_is_ours(side: Callable[[str], None], tmp_path: Path) -> None:
    """A record of ours about somebody of whom the peer erased another: the person stays, the peer's record goes."""
    from anju.register.store import actions

    one, two = tmp_path / "1.anjubundle", tmp_path / "2.anjubundle"
    gone, _other = take(tmp_path, 1, 2)
    bundling.write("inside", one, by=BY, at=AT)
    bury(gone)
    bundling.write("inside", two, by=BY, at=AT)
    Bundle.objects.all().delete()
    other_side()
    side("inside")
    bundling.apply(one, by=BY, at=AT)
    linkage.run()
    library.run()
    code = people()[gone]
    actions.register_stay(
        code, dwelling_code=dwelling(), begin_on=AT.date(), by=BY, at=AT, purpose="residence_registration"
    )
    bundling.apply(two, by=BY, at=AT)
    assert not Erasure.objects.exists()
    assert files_with(gone) == []
    linkage.run()
    library.run()
    assert register.get_person_file(code).line.name


def dwelling() -> str:
    from anju.register.store.models import Dwelling

    Dwelling.objects.create(
        dwelling_code="D000000000000001", region="990102001001", street="槐树路", number="1"
    )
    return "D000000000000001"

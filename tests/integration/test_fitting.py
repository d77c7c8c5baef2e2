"""Batches taken in before intake looked at lengths are published, without the values there is no room for."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anju.exchange.store import queries as exchange
from anju.jobs.cli import exchange_publish
from anju.jobs.pipeline import fitting, intake, library, linkage
from anju.register.store.models import Identity, Permit, Stay
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import as_csv, people, put

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
LONG = {
    "permit.permit_no": {3: "9" * 61},
    "stay.address": {4: "和" * 301, 6: "安" * 300},
    "person.name": {5: "庄" * 27},
}
"""By column, and the number of the row."""


@pytest.fixture
def old_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch as an earlier version left it: with texts of any length, and without a mark."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    rows = [row | {"居住证号": f"Z{n}"} for n, row in enumerate(people(30))]
    list(intake.ingest([put(tmp_path, "居住登记.csv", as_csv(rows))], by=system("test"), at=lambda: AT))
    (batch,) = exchange.accepted_batches()
    assert pq.read_metadata(batch.path).metadata[fitting.MARK.encode()].decode() == fitting.mark()
    table = pq.read_table(batch.path)
    numbers = table["row_no"].to_pylist()
    for name, long in LONG.items():
        texts = [long.get(n, text) for n, text in zip(numbers, table[name].to_pylist(), strict=True)]
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(texts, pa.string()))
    pq.write_table(table.replace_schema_metadata(), batch.path)
    return batch.path


def test_a_batch_with_texts_that_are_too_long_is_published_without_them(
    old_batch: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old_batch.read_bytes()
    linkage.run()
    assert library.run().people == 30
    assert Identity.objects.filter(known_to=None).count() == Stay.objects.filter(known_to=None).count() == 30
    assert Permit.objects.filter(known_to=None).count() == 29
    assert old_batch.read_bytes() == before
    left_out = fitting.left_out(library.folder() / "own")
    assert [(v.batch, v.row, v.field, v.length, v.most) for v in left_out] == [
        (old_batch.stem, 3, "permit.permit_no", 61, 60),
        (old_batch.stem, 4, "stay.address", 301, 300),
        (old_batch.stem, 5, "person.name", 27, 26),
    ]
    monkeypatch.setenv("COLUMNS", "40")
    exchange_publish._show_left_out(left_out)
    said = capsys.readouterr().out
    assert (
        f'Batch {old_batch.stem}, row 3, "permit number" has 61 characters, and the register has room for 60'
        in said
    )
    assert not any(text in said for text in ("99999", "和和", "庄庄"))
    assert not library.run().is_new


def test_a_batch_that_was_looked_at_is_read_where_it_is(
    old_batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = library.folder() / "own"
    copy = fitting.fitted(old_batch.stem, old_batch, own)
    assert copy.parent == own
    assert pq.read_table(copy)["permit.permit_no"].null_count == 1
    monkeypatch.setattr(fitting, "_too_long", lambda *_: pytest.fail("looked at again"))
    assert fitting.fitted(old_batch.stem, old_batch, own) == copy
    assert len(fitting.left_out(own)) == 3

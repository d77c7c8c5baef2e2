"""A run moves into place whole: killed half-way the former stays; an explanation follows codes that were merged away."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anju.exchange.linkage.mentions import Batch
from anju.jobs.pipeline import linkage
from anju.kernel.refusal import Refusal

sys.path.insert(0, str(Path(__file__).parents[1] / "generative"))
from linkage_people import mentions, people


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Three accepted batches; the last one repeats a record of the first and withdraws another."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    rows, _ = mentions(people(60, 2), 2)
    third = rows.num_rows // 3
    kept: list[Batch] = []
    for place, part in enumerate((rows.slice(0, third), rows.slice(third, third), rows.slice(2 * third))):
        listed = part.to_pylist()
        if place == 2:
            listed += [
                rows.slice(0, 1).to_pylist()[0],
                {**rows.slice(1, 1).to_pylist()[0], "is_deleted": True},
            ]
        path = tmp_path / f"b{place}.parquet"
        schema = rows.schema
        for name, kind in (("batch", pa.string()), ("row_no", pa.uint32()), ("is_deleted", pa.bool_())):
            schema = schema.append(pa.field(name, kind))
        told = [
            {**r, "batch": f"b{place}", "row_no": i, "is_deleted": r.get("is_deleted", False)}
            for i, r in enumerate(listed)
        ]
        pq.write_table(pa.Table.from_pylist(told, schema), path)
        kept.append(Batch(f"b{place}", "office", path, place))
    return kept


@pytest.mark.django_db
def test_runs_follow_one_another(batches: list[Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal, match=r"linkage\.never_run"):
        linkage.get_current()
    monkeypatch.setattr(linkage, "accepted", lambda: batches[:2])
    first = linkage.run()
    assert first.run == 1
    monkeypatch.setattr(linkage, "accepted", lambda: batches)

    def killed(part: Path, name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(linkage, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            linkage.run()
    assert json.loads((linkage.get_current() / "summary.json").read_text())["run"] == 1
    with linkage._alone(), pytest.raises(Refusal, match=r"linkage\.already_linking"):
        linkage.run()
    second = linkage.run()  # whoever held the lock is gone
    whole = sum(pq.read_metadata(b.path).num_rows for b in batches) - 3
    assert (second.run, second.records) == (2, whole)
    with linkage.opened(memory="1GB") as engine:
        linkage.scan(engine, "assigned", linkage.get_current())
        rows = engine.rows("SELECT record_id, person_code FROM assigned ORDER BY record_id")
    assigned = dict(zip(("record_id", "person_code"), zip(*rows, strict=True), strict=True))
    assert len(rows) == whole
    assert len(set(assigned["record_id"])) == whole
    told = linkage.explain(assigned["person_code"][0].lower())
    assert assigned["record_id"][0] in [r["record_id"] for r in told["records"]]
    assert told["events"][0]["kind"] == "minted"
    told = [linkage.explain(c)["evidence"] for c in sorted(set(assigned["person_code"]))]
    whose = dict(zip(assigned["record_id"], assigned["person_code"], strict=True))
    weighed = [(e[f"record_{s}"], e[f"person_{s}"]) for one in told for e in one for s in "ab"]
    assert weighed
    assert all(whose[record] == person for record, person in weighed), "each record with its person"
    with pytest.raises(Refusal, match=r"linkage\.unknown_code"):
        linkage.explain("0000000000000")


def withdrawn(batch: Batch, ids: set[int], place: int) -> Batch:
    """A further batch that withdraws some records of one."""
    rows = pq.read_table(batch.path).to_pylist()
    told = [r | {"is_deleted": True, "batch": f"w{place}"} for r in rows if r["record_id"] in ids]
    path = batch.path.with_name(f"w{place}.parquet")
    pq.write_table(pa.Table.from_pylist(told, pq.read_schema(batch.path)), path)
    return Batch(f"w{place}", batch.dataset, path, place)


@pytest.mark.django_db
@pytest.mark.parametrize("whole", [True, False], ids=["whole runs", "deltas"])
def test_people_withdrawn_and_sent_again_are_who_they_were(
    batches: list[Batch], monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    monkeypatch.setattr(linkage, "MUCH", 0)  # nothing is too much for a delta
    sent = list(batches[:2])
    monkeypatch.setattr(linkage, "accepted", lambda: sent)

    def codes(full: bool) -> dict[int, str]:
        linkage.run(full=full)
        with linkage.opened(memory="1GB") as engine:
            linkage.scan(engine, "assigned", linkage.get_current())
            return dict(engine.rows("SELECT record_id, person_code FROM assigned"))

    first = codes(True)
    gone = set(sorted(set(first.values()))[:9])
    records = {r for r, code in first.items() if code in gone}
    for place, batch in enumerate(batches[:2]):
        sent.append(withdrawn(batch, records, 10 + place))
    left = codes(whole)
    assert not records & set(left)
    assert {r: c for r, c in first.items() if r not in records} == left
    assert codes(True) == left
    again = [Batch(f"a{n}", b.dataset, renamed(b, f"a{n}"), 20 + n) for n, b in enumerate(batches[:2])]
    sent += again
    assert codes(whole) == first
    assert codes(True) == first


def renamed(batch: Batch, name: str) -> Path:
    """The rows of a batch as those of another."""
    rows = [r | {"batch": name} for r in pq.read_table(batch.path).to_pylist()]
    path = batch.path.with_name(f"{name}.parquet")
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(batch.path)), path)
    return path

"""Our own records as batches: what was entered at counters or settled by people, person code fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anju.exchange.library.inputs import BatchFile
from anju.exchange.library.settled import OVERRULED
from anju.register import canon
from anju.register.store.queries.entries import OwnRecord
from anju.register.store.queries.spells import Standing
from anju.register.store.queries.ties import Standing as Tie

CARRIED = "counter_report"
"""The dataset under which what was entered at counters here counts elsewhere."""
_ARROW = {
    "UBIGINT": pa.uint64(),
    "UINTEGER": pa.uint32(),
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
}


def write(
    records: Sequence[OwnRecord], folder: Path, first_order: int
) -> tuple[tuple[BatchFile, ...], Path | None]:
    """One batch per dataset and an assignment of every record; nothing when there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    batches = []
    for order, dataset in enumerate(sorted({r.dataset for r in records}), start=first_order):
        mine = [r for r in records if r.dataset == dataset]
        path = folder / f"{dataset}.parquet"
        pq.write_table(table_of(mine, dataset, f"own-{dataset}"), path)
        batches.append(BatchFile(f"own-{dataset}", dataset, path, order))
    if not batches:
        return (), None
    assignment = folder / "assignment.parquet"
    pq.write_table(
        pa.table(
            {
                "record_id": pa.array([ids(r.dataset, [r.record_key])[0] for r in records], pa.uint64()),
                "person_code": pa.array([r.person_code for r in records], pa.string()),
            }
        ),
        assignment,
    )
    return tuple(batches), assignment


def write_overruled(told: Sequence[tuple[str, str, str]], folder: Path) -> None:
    """What sources said against decisions that stand (person code, field, value), for ``library.settled``."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = zip(*told, strict=True) if told else ((), (), ())
    names = ("person_code", "field", "value")
    table = pa.table({n: pa.array(list(c), pa.string()) for n, c in zip(names, columns, strict=True)})
    pq.write_table(table, folder / OVERRULED)


_DECIDED = {
    "id": pa.int64(),
    "person_code": pa.string(),
    "aspect": pa.string(),
    "place": pa.string(),
    "told": pa.string(),
    "stated_begin_on": pa.date32(),
    "stated_end_on": pa.date32(),
    "begin_on": pa.date32(),
    "end_on": pa.date32(),
    "is_taken_out": pa.bool_(),
    "to_place": pa.string(),
    "decided_on": pa.date32(),
}


def write_decided(decisions: Sequence[Standing], folder: Path) -> Path | None:
    """What was decided about single stays and jobs, for ``library.corrected``; nothing when there is none."""
    if not decisions:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        asdict(s.decision) | {"id": s.id, "person_code": s.person_code, "decided_on": s.decided_on}
        for s in decisions
    ]
    path = folder / "decided.parquet"
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(_DECIDED.items()))), path)
    return path


_DECIDED_KIN = {
    "id": pa.int64(),
    "person_code": pa.string(),
    "relative_code": pa.string(),
    "name": pa.string(),
    "relation": pa.string(),
    "stated": pa.string(),
    "decided_on": pa.date32(),
}


def write_decided_kin(decisions: Sequence[Tie], folder: Path) -> Path | None:
    """What was decided about single family ties, for ``library.ties``; nothing when there is none."""
    if not decisions:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": t.id,
            "person_code": t.person_code,
            "relative_code": t.relative_code,
            "name": t.decision.name,
            "relation": t.decision.relation,
            "stated": ";".join(t.decision.stated),
            "decided_on": t.decided_on,
        }
        for t in decisions
    ]
    path = folder / "decided_kin.parquet"
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(_DECIDED_KIN.items()))), path)
    return path


def ids(dataset: str, keys: Sequence[str]) -> list[int]:
    """Record numbers of these keys in a dataset."""
    told = (f"{dataset}|{key}".encode() for key in keys)
    return [int(hashlib.md5(text, usedforsecurity=False).hexdigest()[:16], 16) for text in told]


def table_of(records: Sequence[OwnRecord], dataset: str, batch: str) -> pa.Table:
    """Our own records as the rows of one batch."""
    held = sorted({name for r in records for name in r.values})
    columns: dict[str, Any] = {
        "record_id": pa.array(ids(dataset, [r.record_key for r in records]), pa.uint64()),
        "dataset": pa.array([dataset] * len(records), pa.string()),
        "record_key": pa.array([r.record_key for r in records], pa.string()),
        "batch": pa.array([batch] * len(records), pa.string()),
        "row_no": pa.array(range(1, len(records) + 1), pa.uint32()),
        "sent_on": pa.array([r.observed_on for r in records], pa.date32()),
        "observed_on": pa.array([r.observed_on for r in records], pa.date32()),
        "is_deleted": pa.array([r.is_withdrawn for r in records], pa.bool_()),
    }
    for name in held:
        told = pa.array([r.values.get(name) for r in records], pa.string())
        columns[name] = told.cast(_ARROW[canon.column(name).type])
    return pa.table(columns)

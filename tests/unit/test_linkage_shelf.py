"""Shelves: what is asked for is found, whatever batch it lies in; what has no key is not."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from anju.exchange.linkage import shelf
from anju.exchange.linkage.shelf import Shelf
from anju.jobs.engine import DuckEngine

KIND = Shelf("things", ("name", "size"), {"size": ("hash(size)", "hash(other)"), "name": ("hash(name)",)})


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_rows_are_found_by_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(shelf, "BATCH", 2048)
    engine, dice = DuckEngine(tmp_path / "spill", memory="200MB", threads=2), random.Random(rows)
    sizes = [dice.choice([None, *range(40)]) for _ in range(rows)]
    others = [dice.choice([None, *range(30, 60)]) for _ in range(rows)]
    told = {"name": [f"n{i}" for i in range(rows)], "size": sizes, "other": others}
    schema = pa.schema({"name": pa.string(), "size": pa.int64(), "other": pa.int64()})
    engine.load("source", pa.table(told, schema))
    keyed = "SELECT name, CASE WHEN size IS NOT NULL THEN size END AS size, other FROM source"
    shelf.put(engine, KIND, keyed, tmp_path)
    for wanted in ({31}, {3, 35, 58}, {99}, set()):
        listed = ", ".join(f"({n})" for n in wanted) or "(NULL)"
        asked = f"SELECT hash(CAST(n AS BIGINT)) FROM (VALUES {listed}) AS w(n) WHERE n IS NOT NULL"
        shelf.take(engine, KIND, tmp_path, "found", {"size": asked, "name": "SELECT hash('n7')"}, ("name",))
        found = {str(name) for (name,) in engine.rows("SELECT name FROM found")}
        expected = {f"n{i}" for i in range(rows) if i == 7 or sizes[i] in wanted or others[i] in wanted}
        assert found == expected
    engine.close()

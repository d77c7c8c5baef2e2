"""What linkage reads: a view of every current record that speaks of a person, with the columns it may compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from anju.exchange.linkage.steps import LinkEngine
from anju.register import canon

COLUMNS = (
    "person.name",
    "person.citizen_no",
    "person.citizen_no_stated",
    "person.sex",
    "person.born_on",
    "person.born_lunar_on",
    "person.phone",
    "person.hukou_region",
    "kin.name",
    "kin.citizen_no",
    "kin.phone",
    "kin.household_no",
    "stay.street",
    "stay.number",
    "stay.building",
    "stay.unit",
    "stay.room",
    "job.employer_code",
)
"""Everything about a person that linkage compares; education, marital status and the like are left out on purpose."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One accepted batch: its id, Parquet file, place in the order of acceptance, and dataset."""

    id: str
    dataset: str
    path: Path
    order: int


def mentions(engine: LinkEngine, batches: Sequence[Batch], name: str = "mentions") -> None:
    """Make the view ``name``: one row per record that is current, not withdrawn, and names a person.

    A record sent again counts as last sent. Columns that no batch holds are null. The view
    ``<name>_gone`` holds the ids of records that are withdrawn or name nobody any more.
    """
    people = [b for b in batches if "person.name" in pq.read_schema(b.path).names]
    if not people:
        engine.run(f"CREATE OR REPLACE VIEW {name} AS {_nobody()}")
        engine.run(f"CREATE OR REPLACE VIEW {name}_gone AS SELECT record_id FROM ({_nobody()}) AS n")
        return
    engine.scan("lk_batch", [b.path for b in people])
    held = _view_columns(engine, "lk_batch")
    kept = ", ".join(_column(c, held) for c in COLUMNS)
    engine.run(
        "CREATE OR REPLACE TABLE lk_twice AS SELECT record_id FROM lk_batch GROUP BY record_id HAVING count(*) > 1"
    )
    current = "SELECT * FROM lk_batch AS r"
    if engine.rows("SELECT 1 FROM lk_twice LIMIT 1"):
        listed = ", ".join(f"('{b.id}', {b.order})" for b in people)
        engine.run(
            f"CREATE OR REPLACE TABLE lk_batch_order AS SELECT * FROM (VALUES {listed}) AS b(batch, place)"
        )
        engine.run(
            """CREATE OR REPLACE TABLE lk_repeated AS
            SELECT r.record_id, max(b.place * 4294967296 + r.row_no) AS newest
            FROM lk_batch AS r SEMI JOIN lk_twice AS t ON t.record_id = r.record_id
            JOIN lk_batch_order AS b ON b.batch = r.batch GROUP BY r.record_id"""
        )
        current = """SELECT r.* FROM lk_batch AS r JOIN lk_batch_order AS b ON b.batch = r.batch
            LEFT JOIN lk_repeated AS p ON p.record_id = r.record_id
            WHERE p.newest IS NULL OR p.newest = b.place * 4294967296 + r.row_no"""
    speaks = 'NOT coalesce(is_deleted, FALSE) AND "person.name" IS NOT NULL'
    engine.run(
        f"CREATE OR REPLACE VIEW {name} AS SELECT record_id, dataset, {kept} FROM ({current}) AS c WHERE {speaks}"
    )
    engine.run(
        f"CREATE OR REPLACE VIEW {name}_gone AS SELECT record_id FROM ({current}) AS c WHERE NOT ({speaks})"
    )


def _view_columns(engine: LinkEngine, view: str) -> set[str]:
    return {str(row[0]) for row in engine.rows(f"DESCRIBE {view}")}


def _column(name: str, held: set[str]) -> str:
    return f'"{name}"' if name in held else f'CAST(NULL AS {canon.column(name).type}) AS "{name}"'


def _nobody() -> str:
    empty = ", ".join(_column(c, set()) for c in COLUMNS)
    return f"SELECT CAST(0 AS UBIGINT) AS record_id, '' AS dataset, {empty} WHERE FALSE"

"""The records of all batches, read by their number: what a run that resolves only some people works on.

Grain: ``row_<dataset>`` one row per version of each record taken, ``state`` 1 where only the former run read it, 2 where
only this one does, 3 both; ``newest`` one row per record of several versions, with the one that counts.
Raises: nothing. Source: the accepted batches and our own records. DuckDB only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow.parquet as pq

from anju.exchange.library.inputs import BatchFile, Inputs
from anju.exchange.library.kept import FOLDER, GROWING, OWN, Before
from anju.exchange.library.standing import Standing
from anju.kernel.engine import Engine, literal

THEN, NOW, BOTH = 1, 2, 3
BESIDE = frozenset({"assignment", "overruled", "decided", "decided_kin"})
"""Files among our own that hold no records."""


@dataclass(frozen=True, slots=True)
class Records:
    """All records of a run and of the one before. ``files``: dataset -> state -> files; ``fresh``: batches since."""

    engine: Engine
    inputs: Inputs
    files: Mapping[str, Mapping[int, tuple[Path, ...]]]
    fresh: tuple[BatchFile, ...]
    wide: set[str] = field(default_factory=set)
    """Groups of files that lack a column which others of their dataset have."""

    def views(self) -> Iterator[tuple[str, int, str]]:
        """Dataset, state and view of each group of files."""
        for dataset, groups in self.files.items():
            for state in groups:
                name = f"{dataset}_{state}"
                yield dataset, state, f"wide_{name}" if name in self.wide else f"all_{name}"

    def held(self, dataset: str, column: str) -> bool:
        """Whether records of a dataset have a column."""
        return column in self.inputs.columns[dataset]

    def take(self, wanted: str) -> None:
        """Add every version of the records of the query ``wanted`` (record_id) to ``row_<dataset>``."""
        run = self.engine.run
        run(
            f"CREATE OR REPLACE TEMP TABLE taking AS SELECT DISTINCT record_id FROM ({wanted}) AS w "
            "WHERE record_id NOT IN (SELECT record_id FROM taken)"
        )
        groups = " UNION ALL ".join(
            f"SELECT {place} AS place, record_id FROM {view}" for place, (*_, view) in enumerate(self.views())
        )
        there = self.engine.rows(
            f"SELECT DISTINCT place FROM ({groups}) AS g SEMI JOIN taking AS t ON t.record_id = g.record_id"
        )
        named = list(self.views())
        for dataset, state, view in (named[place] for (place,) in sorted(there)):
            run(
                f"INSERT INTO row_{dataset} BY NAME SELECT r.*, CAST({state} AS UTINYINT) AS state FROM {view} AS r "
                "SEMI JOIN taking AS t ON t.record_id = r.record_id"
            )
        run("INSERT INTO taken SELECT record_id FROM taking")

    def dated(self) -> dict[str, str]:
        """Of each dataset what tells when its records were observed and sent, of all that this run reads."""
        found: dict[str, list[str]] = {}
        for dataset, state, view in self.views():
            if state & NOW:
                found.setdefault(dataset, []).append(f"SELECT observed_on, sent_on FROM {view}")
        return {dataset: f"({' UNION ALL '.join(parts)})" for dataset, parts in found.items()}

    def newest(self) -> None:
        """Make ``newest`` (of every record) and ``newest_then`` (of changed records, as they stood before)."""
        every = " UNION ALL ".join(f"SELECT record_id, batch, row_no, state FROM row_{d}" for d in self.files)
        for name, state in (("newest_changed", NOW), ("newest_then", THEN)):
            place = "b.seq * 4294967296 + r.row_no"
            self.engine.run(
                f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT r.record_id, arg_max(r.batch, {place}) AS batch, "
                f"arg_max(r.row_no, {place}) AS row_no FROM ({every}) AS r JOIN batch_order AS b ON b.batch = r.batch "
                f"SEMI JOIN changed AS c ON c.record_id = r.record_id WHERE r.state & {state} > 0 GROUP BY r.record_id"
            )
        self.engine.run(
            "CREATE OR REPLACE TEMP TABLE newest AS SELECT record_id, batch, row_no FROM newest_changed UNION ALL "
            "SELECT r.record_id, r.batch, r.row_no FROM stood_repeated AS r ANTI JOIN changed AS c ON c.record_id = r.record_id"
        )

    def show(self, state: int, only: str = "") -> None:
        """Views ``live_<dataset>`` as the run of ``state`` sees them, of records of the table ``only``; of all of them
        ``raw_<dataset>`` as well, every version."""
        newest = "newest" if state == NOW else "newest_then"
        some = f"AND r.record_id IN (SELECT record_id FROM {only})" if only else ""
        for dataset in self.files:
            rows = f"SELECT r.* EXCLUDE (state) FROM row_{dataset} AS r"
            there = f"r.state & {state} > 0 {some}"
            if not only:
                self.engine.run(f"CREATE OR REPLACE TEMP VIEW raw_{dataset} AS {rows} WHERE {there}")
            self.engine.run(
                f"CREATE OR REPLACE TEMP VIEW live_{dataset} AS {rows} LEFT JOIN {newest} AS n ON n.record_id = r.record_id "
                f"WHERE {there} AND NOT coalesce(r.is_deleted, FALSE) "
                "AND (n.record_id IS NULL OR n.batch = r.batch AND n.row_no = r.row_no)"
            )


def opened(engine: Engine, inputs: Inputs, before: Before) -> Records:
    """Everything both runs read, as views; nothing taken yet. ``inputs`` of it know the datasets of both."""
    files: dict[str, dict[int, tuple[Path, ...]]] = {}
    columns = dict(inputs.columns)

    def add(dataset: str, state: int, path: Path) -> None:
        groups = files.setdefault(dataset, {})
        groups[state] = (*groups.get(state, ()), path)

    stood, fresh = set(before.batches), []
    for batch in inputs.batches:
        is_own = batch.id.startswith("own-")
        add(batch.dataset, BOTH if batch.id in stood else NOW, batch.path)
        if not is_own and batch.id not in stood:
            fresh.append(batch)
    extra = []
    for path in sorted((before.kept / OWN).glob("*.parquet")):
        if path.stem not in BESIDE:
            add(path.stem, THEN, path)
            columns[path.stem] = columns.get(path.stem, frozenset()) | frozenset(pq.read_schema(path).names)
            if path.stem not in inputs.columns:
                extra.append(BatchFile(f"own-{path.stem}", path.stem, path, len(inputs.batches)))
    both = replace(inputs, batches=(*inputs.batches, *extra), columns=columns)
    found = Records(engine, both, files, tuple(fresh))
    _prepare(found, before)
    return found


def _widen(records: Records) -> None:
    """Give a group of files that lacks a column of others of its dataset that column, empty."""
    held: dict[str, set[str]] = {}
    for table, column in records.engine.rows("SELECT table_name, column_name FROM duckdb_columns()"):
        held.setdefault(table, set()).add(column)
    for dataset, groups in records.files.items():
        for state in groups:
            name = f"{dataset}_{state}"
            if held[f"row_{dataset}"] - held[f"all_{name}"] - {"state"}:
                records.engine.run(
                    f"CREATE OR REPLACE TEMP VIEW wide_{name} AS SELECT * EXCLUDE (state) FROM row_{dataset} WHERE FALSE "
                    f"UNION ALL BY NAME SELECT * FROM all_{name}"
                )
                records.wide.add(name)


def _prepare(records: Records, before: Before) -> None:
    """Views of the files, empty ``row_<dataset>``, ``taken``, ``batch_order``, ``stood_repeated``."""
    engine = records.engine
    for dataset, state, view in records.views():
        engine.scan(view, list(records.files[dataset][state]))
    for dataset, groups in records.files.items():
        shapes = " UNION ALL BY NAME ".join(
            f"SELECT *, CAST(0 AS UTINYINT) AS state FROM all_{dataset}_{s} WHERE FALSE" for s in groups
        )
        engine.run(f"CREATE OR REPLACE TEMP TABLE row_{dataset} AS {shapes}")
    _widen(records)
    engine.run("CREATE OR REPLACE TEMP TABLE taken AS SELECT CAST(0 AS UBIGINT) AS record_id WHERE FALSE")
    listed = ", ".join(f"({literal(b.id)}, {b.order})" for b in records.inputs.batches)
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE batch_order AS SELECT * FROM (VALUES {listed}) AS b(batch, seq)"
    )
    standing = Standing(engine, before.folder, "kept_")
    view = standing.scan("repeated", *GROWING["repeated"], within=FOLDER)
    engine.run(f"CREATE OR REPLACE TEMP TABLE stood_repeated AS SELECT record_id, batch, row_no FROM {view}")

"""What resolution reads: accepted batches by dataset, who each record is about, and the day of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.exchange.linkage.state import scan_assignment
from anju.kernel.engine import Engine, literal
from anju.register import canon


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One accepted batch: its id, dataset, Parquet file, and its place in the order of acceptance."""

    id: str
    dataset: str
    path: Path
    order: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything one run reads. ``columns`` are the columns found in each dataset's batches."""

    batches: tuple[BatchFile, ...]
    columns: Mapping[str, frozenset[str]]
    # Files of record_id and person_code: the linkage's, and that of our own records; the last word on a record counts.
    assignment: tuple[Path, ...]
    as_of: date
    # What people decided about single stays and jobs (see ``corrected``), where anything was.
    decided: Path | None = None
    # What they decided about single family ties (see ``ties``).
    decided_kin: Path | None = None
    # Tables that everybody's records decide and that stand ready as ``known_<name>``, where only some people are resolved.
    known: frozenset[str] = frozenset()
    # The table of the people whose rows are written: everybody, or some of those who are read.
    wanted: str = "person_no"

    @property
    def datasets(self) -> tuple[str, ...]:
        """Datasets with at least one batch, in alphabetical order."""
        return tuple(sorted({b.dataset for b in self.batches}))

    def with_aspect(self, aspect: str) -> tuple[str, ...]:
        """Datasets whose batches hold a column of ``aspect``."""
        return tuple(d for d in self.datasets if any(c.startswith(f"{aspect}.") for c in self.columns[d]))


def known(inputs: Inputs, name: str, query: str) -> str:
    """The query of a table that everybody's records decide, or of what is known of it already."""
    return f"SELECT * FROM known_{name}" if name in inputs.known else query


def numbers(inputs: Inputs) -> Mapping[str, int]:
    """A small number for each dataset, in alphabetical order, from 0."""
    return {name: number for number, name in enumerate(inputs.datasets)}


def prepare(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make the tables every later step reads: ``live_<dataset>`` views, ``person_no``, ``who``, ``dataset_rule``.

    Grain: ``live_<dataset>`` one row per record, its newest version, withdrawn ones left out; ``who`` one row
    per record with the person's number; ``person_no`` one row per person, numbered by code.
    """
    for dataset in inputs.datasets:
        engine.scan(f"raw_{dataset}", [b.path for b in inputs.batches if b.dataset == dataset])
    listed = ", ".join(f"({literal(b.id)}, {b.order})" for b in inputs.batches)
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE batch_order AS SELECT * FROM (VALUES {listed}) AS b(batch, seq)"
    )
    scan_assignment(engine, "assignment", inputs.assignment)
    some = _some_repeated(engine, inputs)
    for dataset in inputs.datasets:
        engine.run(f"CREATE OR REPLACE TEMP VIEW live_{dataset} AS {_live(dataset, some)}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE person_no AS SELECT person_code, "
        "CAST(row_number() OVER (ORDER BY person_code) AS INTEGER) AS pid "
        "FROM (SELECT DISTINCT person_code FROM assignment) AS p"
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE who AS SELECT a.record_id, p.pid "
        "FROM assignment AS a JOIN person_no AS p ON a.person_code = p.person_code"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE dataset_rule AS {dataset_rule(inputs, rules)}")


def _some_repeated(engine: Engine, inputs: Inputs) -> bool:
    """Make ``repeated``; whether it holds any record.

    The assignment holds each current record about a person once, and each of our own: when it is as long as their
    batches together, nothing was sent twice, and the costly look at every record can be left out.
    """
    own = {b.dataset for b in inputs.batches if b.id.startswith("own-")}
    people = tuple(sorted({*inputs.with_aspect("person"), *own}))
    counted = " + ".join(f"(SELECT count(*) FROM raw_{d})" for d in people) or "0"
    ((sent, assigned),) = engine.rows(f"SELECT {counted}, (SELECT count(*) FROM assignment)")
    looked_at = inputs.datasets if sent != assigned else tuple(d for d in inputs.datasets if d not in people)
    engine.run(f"CREATE OR REPLACE TEMP TABLE repeated AS {_repeated(looked_at)}")
    return bool(engine.rows("SELECT 1 FROM repeated LIMIT 1"))


def _repeated(datasets: tuple[str, ...]) -> str:
    """Records sent more than once, with the place of their newest version."""
    nothing = "SELECT CAST(0 AS UBIGINT) AS record_id, '' AS batch, CAST(0 AS UINTEGER) AS row_no WHERE 1 = 0"
    every = " UNION ALL ".join(f"SELECT record_id, batch, row_no FROM raw_{d}" for d in datasets) or nothing
    return (
        "SELECT record_id, max(b.seq * 4294967296 + r.row_no) AS newest "
        f"FROM ({every}) AS r JOIN batch_order AS b ON r.batch = b.batch GROUP BY record_id HAVING count(*) > 1"
    )


def _live(dataset: str, some_repeated: bool) -> str:
    if not some_repeated:
        return f"SELECT * FROM raw_{dataset} WHERE NOT coalesce(is_deleted, FALSE)"
    return (
        f"SELECT r.* FROM raw_{dataset} AS r JOIN batch_order AS b ON r.batch = b.batch "
        "LEFT JOIN repeated AS p ON r.record_id = p.record_id "
        "WHERE NOT coalesce(r.is_deleted, FALSE) "
        "AND (p.newest IS NULL OR p.newest = b.seq * 4294967296 + r.row_no)"
    )


def dataset_rule(inputs: Inputs, rules: Rules) -> str:
    """One row per dataset and person field: rank and department."""
    departments = rules.departments
    rows = [
        f"({number}, {literal(name)}, {place}, {rule.rank(f'person.{field}')}, "
        f"{departments.index(rule.department)}, {1 << departments.index(rule.department)}, "
        f"{literal(rule.department)})"
        for name, number in numbers(inputs).items()
        for rule in (rules.datasets[name],)
        for place, field in enumerate(PERSON_FIELDS)
    ]
    return (
        f"SELECT * FROM (VALUES {', '.join(rows)}) AS d(ds, dataset, field, rank, dept, dept_bit, department)"
    )


def aspect_rows(inputs: Inputs, aspect: str, wanted: tuple[str, ...], also: tuple[str, ...] = ()) -> str:
    """A query over every record with ``aspect``: pid, ds, dataset, seen, the wanted columns, and ``also``.

    A column no batch of a dataset holds is null. ``also`` are qualified columns of other aspects, named with
    ``_`` in place of the dot. Records whose wanted columns are all null are left out.
    """
    parts = []
    for name, number in numbers(inputs).items():
        if name not in inputs.with_aspect(aspect):
            continue
        held = inputs.columns[name]
        columns = [_column(f"{aspect}.{c}", c, held) for c in wanted]
        columns += [_column(c, c.replace(".", "_"), held) for c in also]
        there = [f'r."{aspect}.{c}" IS NOT NULL' for c in wanted if f"{aspect}.{c}" in held]
        parts.append(
            f"SELECT r.record_id, {number} AS ds, {literal(name)} AS dataset, "
            f"coalesce(r.observed_on, r.sent_on) AS seen, {', '.join(columns)} "
            f"FROM live_{name} AS r WHERE {' OR '.join(there)}"
        )
    if not parts:
        return _nothing(aspect, wanted, also)
    listed = ", ".join(str(n) for d, n in numbers(inputs).items() if d in inputs.with_aspect(aspect))
    names = ", ".join(f"a.{c}" for c in (*wanted, *(c.replace(".", "_") for c in also)))
    return (
        f"SELECT m.pid, a.ds, a.dataset, a.seen, {names} FROM ({' UNION ALL '.join(parts)}) AS a "
        f"JOIN (SELECT record_id, pid FROM mention WHERE ds IN ({listed})) AS m ON a.record_id = m.record_id"
    )


def _column(qualified: str, name: str, held: frozenset[str]) -> str:
    kind = canon.column(qualified).type
    return f'r."{qualified}" AS {name}' if qualified in held else f"CAST(NULL AS {kind}) AS {name}"


def _nothing(aspect: str, wanted: tuple[str, ...], also: tuple[str, ...]) -> str:
    names = [(f"{aspect}.{c}", c) for c in wanted] + [(c, c.replace(".", "_")) for c in also]
    columns = ", ".join(f"CAST(NULL AS {canon.column(q).type}) AS {n}" for q, n in names)
    return (
        "SELECT CAST(NULL AS INTEGER) AS pid, 0 AS ds, '' AS dataset, CAST(NULL AS DATE) AS seen, "
        f"{columns} WHERE 1 = 0"
    )


def rank_case(inputs: Inputs, rules: Rules, column: str) -> str:
    """SQL for the rank of ``ds`` over ``aspect.column``."""
    cases = " ".join(
        f"WHEN {number} THEN {rules.datasets[name].rank(column)}" for name, number in numbers(inputs).items()
    )
    return f"CASE ds {cases} ELSE 9 END"


def weight(inputs: Inputs, rules: Rules, column: str) -> str:
    """SQL for the weight of a row's word on ``aspect.column``: a text that sorts by authority, then by day."""
    return f"concat(CAST(9 - {rank_case(inputs, rules, column)} AS VARCHAR), CAST(seen AS VARCHAR))"


WEIGHT_LENGTH = 11


def best(value: str, weighted: str, length: int = WEIGHT_LENGTH) -> str:
    """SQL aggregate: the text of ``value`` in the row with the greatest weight; ties go to the greatest text."""
    return (
        f"substr(max(CASE WHEN {value} IS NOT NULL THEN concat({weighted}, CAST({value} AS VARCHAR)) END), "
        f"{length + 1})"
    )


SOURCES = "array_to_string(list_sort(array_agg(DISTINCT concat(dataset, '@', CAST(seen AS VARCHAR)))), ';')"
"""SQL aggregate: every dataset and day behind a row."""

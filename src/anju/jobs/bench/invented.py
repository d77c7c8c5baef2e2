"""Invented facts of any number of people for any programme, drawn by hash: the same rows every time, no city needed."""

from __future__ import annotations

from pathlib import Path

from anju.jobs.engine import DuckEngine
from anju.policy.model import Programme
from anju.policy.sql.facts_table import sql_type
from anju.policy.sql.terms import quoted, text
from anju.policy.values import Type

UNKNOWN_PERCENT = 4
_SPANS = {
    "months": 240,
    "days": 4000,
    "years": 40,
    "count": 6,
    "money": 9_000_000,
    "area": 150,
    "percent": 101,
}


def people_sql(programme: Programme, people: int) -> str:
    """One row per invented person: a column for every fact (a few per cent of each unknown) and two groups."""
    made = []
    for use in programme.uses:
        column = use.fact.column
        drawn = f"hash(n, {text(column)})"
        value = _value(use.fact.type, drawn)
        made.append(
            f"CASE WHEN ({drawn} >> 40) % 100 >= {UNKNOWN_PERCENT} THEN {value} END AS {quoted(column)}"
        )
    groups = [
        "CAST(1 + hash(n, 'sex') % 2 AS VARCHAR) AS group_sex",
        "CAST(hash(n, 'age') % 5 AS VARCHAR) AS group_age_band",
    ]
    return f"SELECT {', '.join([*made, *groups])} FROM range({people}) AS r(n)"


def _value(kind: Type, drawn: str) -> str:
    if kind.kind == "boolean":
        return f"({drawn} % 10 < 7)"
    if kind.kind == "code":
        listed = ", ".join(text(o) for o in kind.options)
        return f"(list_value({listed}))[1 + ({drawn} % {len(kind.options)})::INTEGER]"
    if kind.kind == "date":
        return f"(DATE '1958-01-01' + ({drawn} % 17000)::INTEGER)"
    if kind.kind == "list":
        inner = ", ".join(
            f"'{name}': {_entry(name, t, f'hash({drawn}, i, {text(name)})')}" for name, t in kind.fields
        )
        return (
            f"CAST(list_transform(range(({drawn} % 3)::BIGINT), lambda i: {{{inner}}}) AS {sql_type(kind)})"
        )
    return f"CAST({drawn} % {_SPANS.get(kind.kind, 100)} AS {sql_type(kind)})"


def _entry(name: str, kind: Type, drawn: str) -> str:
    if name == "year":
        return f"2018 + ({drawn} % 8)::BIGINT"
    return _value(kind, drawn)


def write(engine: DuckEngine, programme: Programme, people: int, path: Path) -> Path:
    """The invented people as one Parquet file."""
    engine.save(people_sql(programme, people), path)
    return path

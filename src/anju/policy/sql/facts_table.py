"""The table of facts a programme reads: its columns, and people read from facts files as Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from anju.policy.model import Programme
from anju.policy.values import Type

_PLAIN = {"boolean": "BOOLEAN", "code": "VARCHAR", "date": "DATE"}
_ARROW = {"boolean": pa.bool_(), "code": pa.string(), "date": pa.date32()}


def sql_type(kind: Type) -> str:
    """The DuckDB type of a fact's column."""
    if kind.kind == "list":
        return "STRUCT(" + ", ".join(f'"{n}" {sql_type(t)}' for n, t in kind.fields) + ")[]"
    return _PLAIN.get(kind.kind) or (f"DECIMAL(18, {kind.places})" if kind.places else "BIGINT")


def arrow_type(kind: Type) -> pa.DataType:
    """The Arrow type of a fact's column."""
    if kind.kind == "list":
        return pa.list_(pa.struct([(n, arrow_type(t)) for n, t in kind.fields]))
    return _ARROW.get(kind.kind) or (pa.decimal128(18, kind.places) if kind.places else pa.int64())


def columns(programme: Programme) -> dict[str, str]:
    """Column -> DuckDB type of everything the programme reads."""
    return {u.fact.column: sql_type(u.fact.type) for u in programme.uses}


def arrow_table(programme: Programme, people: Iterable[Mapping[str, Any]]) -> pa.Table:
    """People (values by fact key, as ``read_facts`` gives them) as a table; what is absent is NULL."""
    rows = list(people)
    return pa.table(
        {
            u.fact.column: pa.array([_cell(r.get(u.key), u.fact.type) for r in rows], arrow_type(u.fact.type))
            for u in programme.uses
        }
    )


def _cell(value: Any, kind: Type) -> Any:
    if value is None:
        return None
    if kind.kind == "list":
        fields = dict(kind.fields)
        return [{n: _cell(entry.get(n), t) for n, t in fields.items()} for entry in value]
    return Decimal(value).scaleb(-kind.places) if kind.places else value


def row_values(programme: Programme, cells: Iterable[Any]) -> dict[str, Any]:
    """A row of the facts table (columns in the order of ``uses``) as values by fact key; what is NULL is left out."""
    found = {}
    for use, cell in zip(programme.uses, cells, strict=True):
        if cell is not None:
            found[use.key] = int(cell.scaleb(use.fact.type.places)) if isinstance(cell, Decimal) else cell
    return found

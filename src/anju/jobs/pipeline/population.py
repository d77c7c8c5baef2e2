"""A population for a what-if: a Parquet or CSV file, or the library, as one view with the columns programmes read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import facts
from anju.kernel.refusal import Refusal
from anju.policy.model import Programme
from anju.policy.sql.facts_table import columns
from anju.policy.sql.terms import quoted, text

VIEW = "anju_population"
_NUMBERS = ("BIGINT", "DECIMAL")


@dataclass(frozen=True, slots=True)
class Population:
    """The view to read, all its columns, and the facts no column gives (unknown for everybody)."""

    source: str
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    people: int


def open_population(engine: DuckEngine, asked: str, programmes: Sequence[Programme], on: date) -> Population:
    """Open ``library`` or a file. Refuses a file that cannot be read, a wrong column type, and numbers below 0."""
    if asked == "library":
        paths = [p for programme in programmes[:1] for p in facts.of_everyone(programme, on)]
        reader = f"read_parquet([{', '.join(text(str(p)) for p in paths)}], union_by_name=true)"
        name = "library"
    else:
        path = Path(asked)
        name = path.name
        if not path.is_file():
            raise Refusal("policy.no_such_file", file=name)
        reader = (
            f"read_csv({text(str(path))}, all_varchar=true)"
            if path.suffix == ".csv"
            else f"read_parquet({text(str(path))})"
        )
    wanted: dict[str, str] = {}
    for programme in programmes:
        wanted |= columns(programme)
    return _view(engine, reader, wanted, name)


def _view(engine: DuckEngine, reader: str, wanted: dict[str, str], name: str) -> Population:
    import duckdb

    try:
        there = {str(r[0]): str(r[1]) for r in engine.rows(f"DESCRIBE SELECT * FROM {reader}")}
    except duckdb.Error as error:
        raise Refusal("policy.population_unreadable", file=name, problem=_short(error)) from None
    made, absent = [], []
    for column, kind in wanted.items():
        yuan = column.removesuffix("_fen") + "_yuan"
        if column in there:
            cast = quoted(column) if there[column] == kind else f"CAST({quoted(column)} AS {kind})"
        elif column.endswith("_fen") and yuan in there:
            cast = f"CAST(ROUND(CAST({quoted(yuan)} AS DECIMAL(18, 2)) * 100) AS BIGINT)"
        else:
            cast = f"CAST(NULL AS {kind})"
            absent.append(column)
        made.append(f"{cast} AS {quoted(column)}")
    others = [c for c in there if c not in wanted]
    head = ", ".join([*made, *(quoted(c) for c in others)])
    engine.run(f"CREATE OR REPLACE TEMP VIEW {VIEW} AS SELECT {head} FROM {reader}")
    numbers = [c for c, k in wanted.items() if k.startswith(_NUMBERS) and c not in absent]
    least = ", ".join(["count(*)", *(f"min({quoted(c)})" for c in numbers)])
    try:
        found = engine.rows(f"SELECT {least} FROM {VIEW}")[0]
    except duckdb.Error as error:
        raise Refusal("policy.population_unreadable", file=name, problem=_short(error)) from None
    below = [c for c, low in zip(numbers, found[1:], strict=True) if low is not None and low < 0]
    if below:
        raise Refusal("policy.population_unreadable", file=name, problem=f"{', '.join(below)} < 0")
    return Population(VIEW, (*wanted, *others), tuple(absent), int(found[0]))


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:160]

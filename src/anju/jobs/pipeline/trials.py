"""Rules tried from a page: everyone's facts in an engine that ends with the request; one person's facts from their row."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.jobs import scratch
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import facts
from anju.jobs.pipeline.population import open_population
from anju.kernel.identifiers import is_person_code
from anju.kernel.refusal import Refusal
from anju.policy.facts_file import PersonFacts
from anju.policy.library import People
from anju.policy.model import Programme
from anju.policy.sql.facts_table import row_values

_making = threading.Lock()
_under_way: dict[Path, list[DuckEngine]] = {}
"""Tables being made by this process, each with the engine at work once it is."""
AT_ONCE = 100_000
"""So many people's facts are worked out while the page waits; those of more are made behind a page that says how far."""


@contextmanager
def everyone(programmes: Sequence[Programme], on: date) -> Iterator[People]:
    """The library's people, with the facts of ``programmes``, in an engine with a spill folder of its own."""
    with scratch.place("trial") as spill:
        engine = DuckEngine(spill)
        try:
            found = open_population(engine, "library", programmes, on)
            yield People(engine, found.source, found.columns, found.absent, found.people)
        finally:
            engine.close()


def preparing(programme: Programme, on: date) -> int | None:
    """How far the facts table of everyone is, in percent; None once it is there, or where it is made in no time.

    The first question after a new library starts the making; whoever asks meanwhile hears how far it is.
    """
    path, _ = facts.table_of_everyone(programme, on)
    if path.is_file() or facts.people_known() <= AT_ONCE:
        return None
    at_work = _under_way.get(path)
    if at_work is None:
        _under_way[path] = at_work = []
        threading.Thread(target=_make, args=(programme, on, path), daemon=True).start()
    return at_work[0].percent if at_work else 0


def person(code: str, programme: Programme, on: date) -> PersonFacts:
    """One person's facts: their row of the facts table of everyone, or worked out for them alone.

    Where that table is not made yet, or is of an older library, it is made behind the answer, for whoever asks next.
    Refuses an unknown code.
    """
    if not is_person_code(code):
        raise Refusal("register.unknown_code")
    path, _ = facts.table_of_everyone(programme, on)
    if not path.is_file():
        if path not in _under_way:
            _under_way[path] = []
            threading.Thread(target=_make, args=(programme, on, path), daemon=True).start()
        return facts.of_person(code, programme, on)
    row = _row(path, code)
    return facts.of_person(code, programme, on) if row is None else _facts(programme, row)


def _make(programme: Programme, on: date, path: Path) -> None:
    """Make the table of everyone, one at a time: a second one who waited finds it made."""
    from django.db import connection

    try:
        with _making:
            facts.of_everyone(programme, on, watch=_under_way[path].append)
    except Refusal:
        pass  # the library went away meanwhile; the next question says so
    finally:
        _under_way.pop(path, None)
        connection.close()


@lru_cache(maxsize=64)
def _groups(path: Path) -> tuple[Any, tuple[tuple[str, str], ...]]:
    """A file's metadata, and the first and last code of each row group."""
    told = pq.read_metadata(path)
    at = told.schema.names.index("person_code") if "person_code" in told.schema.names else 0
    spans = [told.row_group(g).column(at).statistics for g in range(told.num_row_groups)]
    return told, tuple((s.min, s.max) for s in spans)


def _row(path: Path, code: str) -> dict[str, Any] | None:
    """One person's row of a table sorted by code: one row group is read."""
    told, spans = _groups(path)
    at = next((i for i, (first, last) in enumerate(spans) if first <= code <= last), None)
    if at is None:
        return None
    with pq.ParquetFile(path, metadata=told) as opened:
        codes = opened.read_row_group(at, columns=["person_code"], use_threads=False).column(0)
        place = pc.index(codes, pa.scalar(code)).as_py()
        if place < 0:
            return None
        found: dict[str, Any] = opened.read_row_group(at, use_threads=False).slice(place, 1).to_pylist()[0]
    return found


def _facts(programme: Programme, row: dict[str, Any]) -> PersonFacts:
    values = row_values(programme, (row.get(u.fact.column) for u in programme.uses))
    sources = {u.key: u.fact.dataset for u in programme.uses if u.key in values and u.fact.dataset}
    return PersonFacts(values, sources)

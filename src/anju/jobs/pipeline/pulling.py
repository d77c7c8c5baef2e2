"""Pulling: rows of a department's database since the last time become one batch; cursor and batch move together.

Rows are read in the order of the cursor's column. All rows of the last value are taken, so that the next pull begins
strictly after it. A kill at any moment leaves batch and cursor both as they were, or both moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from django.db import connection, transaction
from psycopg import sql

from anju.exchange.doors.sources import CURSORS, Source
from anju.exchange.store import pull_actions
from anju.exchange.store.actions import Accepted
from anju.jobs import scratch
from anju.jobs.pipeline import intake
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor

FETCHED = COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: rows read, the batch (None: nothing new), how far the source is read now.

    ``has_more``: the measure was reached, pull again. ``without_cursor``: rows no pull will ever bring, because the cursor's
    column is empty (counted up to ``COUNTED``).
    """

    rows: int
    accepted: Accepted | None
    cursor: str
    has_more: bool = False
    without_cursor: int = 0


def pull(source: Source, *, by: Actor, at: datetime) -> Pulled:
    """Take in what the source has after the cursor; nothing new changes nothing."""
    intake.sweep()
    with intake.opened() as engine, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [intake.SWEEPING])
        since = pull_actions.claim(source.id, source.start)
        with scratch.place("pull") as place:
            path = place / f"{source.dataset}.parquet"
            count, until, lost = _fetch(source, since, path)
            if count == 0:
                return Pulled(0, None, since, without_cursor=lost)
            accepted = intake.take(engine, path, name=path.name, dataset=source.dataset, by=by, at=at)
        pull_actions.move(source.id, until, batch=accepted.batch, rows=count, by=by, at=at)
    return Pulled(count, accepted, until, count >= source.rows, lost)


def _fetch(source: Source, since: str, path: Path) -> tuple[int, str, int]:
    """Write the rows after ``since`` as Parquet of text; how many, the last value of the cursor's column, rows without one."""
    count, until = 0, since
    writer: pq.ParquetWriter | None = None
    try:
        with psycopg.connect(source.url(), connect_timeout=15) as there:
            there.read_only = True
            for names, rows, last in _pages(there, source, since):
                table = pa.table(
                    {n: pa.array([_text(r[i]) for r in rows], pa.string()) for i, n in enumerate(names)}
                )
                writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                writer.write_table(table)
                count, until = count + len(rows), last
            lost = _without_cursor(there, source)
    except psycopg.Error as broken:
        raise Refusal("doors.source_unreachable", source=source.id, kind=type(broken).__name__) from broken
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.close()
    return count, until, lost


def _without_cursor(there: psycopg.Connection[Any], source: Source) -> int:
    """Rows that stand at no place of the cursor."""
    asked = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM ({}) AS q WHERE q.{} IS NULL LIMIT {}) AS n").format(
        sql.SQL(source.query),  # type: ignore[arg-type]
        sql.Identifier(source.column),
        sql.Literal(COUNTED),
    )
    found = there.execute(asked).fetchone()
    return int(found[0]) if found else 0


def _pages(
    there: psycopg.Connection[Any], source: Source, since: str
) -> Iterator[tuple[list[str], list[tuple[Any, ...]], str]]:
    """Pages of rows in order, up to ``source.rows`` and on to the end of the last value."""
    column, kind = sql.Identifier(source.column), sql.SQL(CURSORS[source.kind])
    conditions = [sql.SQL("TRUE")]
    if since:
        conditions.append(sql.SQL("q.{} > {}::{}").format(column, sql.Literal(since), kind))
    if source.settled_seconds:
        conditions.append(
            sql.SQL("q.{} < now() - make_interval(secs => {})").format(
                column, sql.Literal(source.settled_seconds)
            )
        )
    asked = sql.SQL(
        "SELECT q.{}::text AS anju_cursor, q.* FROM ({}) AS q WHERE {} AND q.{} IS NOT NULL ORDER BY q.{}"
    ).format(
        column,
        sql.SQL(source.query),
        sql.SQL(" AND ").join(conditions),
        column,
        column,  # type: ignore[arg-type]
    )
    with there.cursor(name="anju_pull") as cursor:
        cursor.execute(asked)
        taken, last = 0, since
        while rows := cursor.fetchmany(FETCHED):
            room = source.rows - taken
            # Rows beyond the measure still belong to this pull while they share the last value within it.
            border = rows[room - 1][0] if 0 < room <= len(rows) else last
            kept = [r for place, r in enumerate(rows) if place < room or r[0] == border]
            if kept:
                last = kept[-1][0]
                names = [c.name for c in cursor.description or ()][1:]
                yield names, [r[1:] for r in kept], last
            taken += len(rows)
            if len(kept) < len(rows):
                return


def _text(value: Any) -> str | None:
    """A value as a clerk would type it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return str(value)

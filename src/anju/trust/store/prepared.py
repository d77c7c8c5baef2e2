"""Statements that every request asks in the same words: planned once per connection, not once per request.

Only for those whose best plan does not depend on the values: whatever is found by a key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


def rows(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a prepared statement as dictionaries. Values are bound by the server, never written into the text."""
    with _executed(sql, values) as cursor:
        names = [c.name for c in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def run(sql: str, *values: Any) -> None:
    """A prepared statement for its effect."""
    with _executed(sql, values):
        pass


@contextmanager
def _executed(sql: str, values: tuple[Any, ...]) -> Iterator[psycopg.Cursor[Any]]:
    connection.ensure_connection()
    if connection.needs_rollback:
        connection.validate_no_broken_transaction()
    link = connection.connection
    link.prepare_threshold = (
        link.prepare_threshold or 1
    )  # Django switches it off; its own cursors never prepare
    if connection.queries_logged:  # tests count queries
        connection.queries_log.append({"sql": sql, "time": "0"})
    with connection.wrap_database_errors, psycopg.Cursor(link) as cursor:
        cursor.execute(sql, values or None, prepare=True)
        yield cursor

"""Statements that every request asks in the same words: planned once per connection, not once per request.

Only for those whose best plan does not depend on the values: whatever is found by a key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

FRESH_SECONDS = 1.0
"""A connection that answered so lately is not asked first whether it still does."""


def rows(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a prepared statement as dictionaries. Values are bound by the server, never written into the text."""
    with _executed(sql, values) as cursor:
        names = column_names(cursor)
        return [dict(zip(names, row, strict=True)) for row in (cursor.fetchall() if names else ())]


def run(sql: str, *values: Any) -> None:
    """A prepared statement for its effect."""
    with _executed(sql, values):
        pass


def column_names(cursor: Any) -> list[str]:
    """The names of a result's columns. A cursor's own ``description`` costs more than many a query."""
    result = cursor.pgresult
    return [result.fname(n).decode() for n in range(result.nfields)]


def _ready(wrapper: Any) -> None:
    """See to it that there is a connection, and that it lives: the server may have been started anew meanwhile."""
    if time.monotonic() - getattr(wrapper, "answered_at", 0.0) < FRESH_SECONDS:
        wrapper.health_check_done = True
    elif not wrapper.in_atomic_block:
        wrapper.close_if_health_check_failed()
    wrapper.ensure_connection()
    if wrapper.needs_rollback:
        wrapper.validate_no_broken_transaction()


@contextmanager
def _executed(sql: str, values: tuple[Any, ...]) -> Iterator[psycopg.Cursor[Any]]:
    wrapper: Any = connections[DEFAULT_DB_ALIAS]  # looked up once: Django's proxy looks it up for every word
    _ready(wrapper)
    link = wrapper.connection
    link.prepare_threshold = (
        link.prepare_threshold or 1
    )  # Django switches it off; its own cursors never prepare
    if wrapper.queries_logged:  # tests count queries
        wrapper.queries_log.append({"sql": sql, "time": "0"})
    with wrapper.wrap_database_errors, psycopg.Cursor(link) as cursor:
        cursor.execute(sql, values or None, prepare=True)
        wrapper.answered_at = time.monotonic()
        yield cursor

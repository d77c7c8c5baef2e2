"""Several statements in one trip to the database: what a guarded request says before and after its read.

Written on libpq's pipeline, under psycopg: waiting for the answer of each statement, and wrapping each in a cursor, cost
more than the statements. Values are bound by the server here too. One statement failing undoes the rest, and raises.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.pq import ExecStatus

from anju.trust.store import prepared

Row = dict[str, str | None]
BEGIN, COMMIT = b"BEGIN", b"COMMIT"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with ``%s`` for each value, and the values as text or bytes; answered as text."""

    sql: str
    values: tuple[str | bytes | None, ...] = ()


_numbers = count()
_KEPT = "_anju_prepared"
"""Where a connection keeps the names of the statements it has prepared: SQL -> name."""


def begin(first: Sequence[Statement], later: Sequence[str] = ()) -> list[list[Row]]:
    """Begin the transaction that Django has announced, and ask ``first`` in it; the rows of each.

    ``later``: statements (their SQL) that this transaction will send with its end. They are known to be prepared when
    this returns: a connection forgets either all of its statements or none.
    """
    wrapper = _wrapper()
    told = wrapper.connection.__dict__.setdefault(_KEPT, {})
    wanted = [*(s.sql for s in first), *later]
    with wrapper.wrap_database_errors:
        _prepare(wrapper, told, wanted)
        try:
            return _sent(wrapper, told, [BEGIN, *first])[1:]
        except psycopg.errors.InvalidSqlStatementName:
            # A rollback has made psycopg drop every statement. Nothing has been done yet: begin again.
            wrapper.connection.rollback()
            told.clear()
            _prepare(wrapper, told, wanted)
            return _sent(wrapper, told, [BEGIN, *first])[1:]


class Commit:
    """``last`` and the commit, sent and under way. Until ``wait`` is over nothing else may be asked on this connection, and
    nobody may be told that it holds."""

    def __init__(self, last: Sequence[Statement]) -> None:
        self.wrapper, self.steps = _wrapper(), [*last, COMMIT]
        self.wrapper.validate_no_broken_transaction()
        with self.wrapper.wrap_database_errors:
            _post(self.wrapper, self.wrapper.connection.__dict__[_KEPT], self.steps)

    def wait(self) -> None:
        """See it through. Raises, and nothing is committed, when one of the statements or the commit fails."""
        with self.wrapper.wrap_database_errors:
            _collect(self.wrapper, self.steps)


def one(statement: Statement) -> Row | None:
    """One statement on a trip of its own, inside a transaction of any kind; its first row, as text."""
    found = prepared.rows(statement.sql, *statement.values)
    return {k: None if v is None else _as_text(v) for k, v in found[0].items()} if found else None


def _as_text(value: Any) -> str:
    return ("t" if value else "f") if isinstance(value, bool) else str(value)


def forget() -> None:
    """After a rollback, which drops every prepared statement: prepare anew next time, rather than be told."""
    link = _wrapper().connection
    if link is not None:
        link.__dict__.pop(_KEPT, None)


def _wrapper() -> Any:
    return connections[DEFAULT_DB_ALIAS]


def _prepare(wrapper: Any, told: dict[str, bytes], wanted: Sequence[str]) -> None:
    """Prepare what this connection has not prepared yet - all of it, for what was there may be forgotten meanwhile."""
    if all(sql in told for sql in wanted):
        return
    link = wrapper.connection
    for sql in wanted:
        name = f"anju_{next(_numbers)}".encode()
        _checked(link, link.pgconn.prepare(name, _numbered(sql)))
        told[sql] = name


@lru_cache(maxsize=64)
def _numbered(sql: str) -> bytes:
    """The SQL with ``$1``, ``$2`` … for its values."""
    head, *pieces = sql.split("%s")
    return (head + "".join(f"${n}{piece}" for n, piece in enumerate(pieces, 1))).encode()


def _sent(wrapper: Any, told: dict[str, bytes], steps: Sequence[Statement | bytes]) -> list[list[Row]]:
    """Send the steps together, wait for all answers, give each one's rows."""
    _post(wrapper, told, steps)
    return _collect(wrapper, steps)


def _post(wrapper: Any, told: dict[str, bytes], steps: Sequence[Statement | bytes]) -> None:
    pg = wrapper.connection.pgconn
    if wrapper.queries_logged:  # tests count queries
        wrapper.queries_log.append({"sql": "; ".join(_text(step) for step in steps), "time": "0"})
    try:
        pg.enter_pipeline_mode()
        for step in steps:
            _send(pg, told, step)
        pg.pipeline_sync()
        _flush(pg)
    except BaseException:
        pg.finish()  # nobody knows what is still under way on it
        raise


def _collect(wrapper: Any, steps: Sequence[Statement | bytes]) -> list[list[Row]]:
    link = wrapper.connection
    try:
        answers = _answers(link.pgconn)
        link.pgconn.exit_pipeline_mode()
    except BaseException:
        link.pgconn.finish()
        raise
    wrapper.answered_at = time.monotonic()
    for answer in answers:  # the first fault is the cause; what follows it was not tried
        _checked(link, answer)
    if steps[-1] is COMMIT and answers[-1].command_status != COMMIT:
        raise psycopg.errors.InFailedSqlTransaction("the transaction was rolled back")
    return [_rows(answer) for answer in answers]


def _send(pg: Any, told: dict[str, bytes], step: Statement | bytes) -> None:
    if isinstance(step, bytes):
        pg.send_query_params(step, None)
    else:
        values = [v.encode() if isinstance(v, str) else v for v in step.values]
        formats = [1 if isinstance(v, bytes) else 0 for v in step.values]  # bytes as they are
        pg.send_query_prepared(told[step.sql], values, formats)


def _text(step: Statement | bytes) -> str:
    return step.decode() if isinstance(step, bytes) else step.sql


def _flush(pg: Any) -> None:
    while pg.flush():
        _waiting(pg, select.POLLIN | select.POLLOUT).poll()
        pg.consume_input()


def _waiting(pg: Any, what: int) -> select.poll:
    socket = select.poll()
    socket.register(pg.socket, what)
    return socket


def _answers(pg: Any) -> list[Any]:
    """Every statement's result, up to the end of the trip. While waiting, other threads work."""
    socket = _waiting(pg, select.POLLIN)
    answers: list[Any] = []
    while True:
        while pg.is_busy():
            socket.poll()
            pg.consume_input()
        answer = pg.get_result()
        if answer is None:  # stands after each statement's result
            continue
        if answer.status == ExecStatus.PIPELINE_SYNC:
            return answers
        answers.append(answer)


def _checked(link: Any, answer: Any) -> None:
    if answer.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(answer, encoding=link.info.encoding)


def _rows(answer: Any) -> list[Row]:
    names = [answer.fname(n).decode() for n in range(answer.nfields)]
    return [
        {name: _told(answer.get_value(row, n)) for n, name in enumerate(names)}
        for row in range(answer.ntuples)
    ]


def _told(value: bytes | None) -> str | None:
    return None if value is None else value.decode()

"""Sources to pull from: a department's PostgreSQL, a query, and the column that says how far it was read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anju.exchange.contracts import find_contract
from anju.kernel.refusal import Refusal

KNOWN = {"id", "dataset", "database", "query", "cursor", "rows"}
NAME = re.compile(r"[a-z][a-z0-9_-]{2,59}")
CURSORS = {"integer": "bigint", "instant": "timestamptz", "text": "text"}
ROWS, MOST = 50_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """``variable``: the environment variable with the database's URL. ``column`` of type ``kind`` orders the query's rows.

    ``settled_seconds``: rows younger than this are left for the next pull, so that a transaction that commits late is not
    passed over (only for cursors that are instants).
    """

    id: str
    dataset: str
    variable: str
    query: str
    column: str
    kind: str
    start: str
    settled_seconds: int
    rows: int

    def url(self) -> str:
        """The database's URL; refuses when the variable is not set."""
        found = os.environ.get(self.variable)
        if not found:
            raise Refusal("doors.source_variable", variable=self.variable, source=self.id)
        return found


def read(path: Path) -> Source:
    """A source's file, checked whole: every fault is told at once."""
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        body = None
    faults = list(_faults(body)) if isinstance(body, dict) else ["not a mapping"]
    if faults:
        raise Refusal("doors.broken_source", file=path.name, faults="; ".join(faults))
    cursor: Mapping[str, Any] = body["cursor"]
    return Source(
        body["id"], body["dataset"], body["database"], body["query"].strip().rstrip(";"), cursor["column"], cursor["type"],
        str(cursor.get("start", "")), int(cursor.get("settled_seconds", 0)), int(body.get("rows", ROWS)),
    )  # fmt: skip


def _faults(body: Mapping[str, Any]) -> Iterable[str]:
    yield from (f"unknown key {k}" for k in body if k not in KNOWN)
    missing = [k for k in sorted(KNOWN - {"rows"}) if not body.get(k)]
    yield from (f"missing {k}" for k in missing)
    if missing:
        return
    if not NAME.fullmatch(str(body["id"])):
        yield "id: small letters, digits, hyphens"
    if find_contract(str(body["dataset"])) is None:
        yield f"dataset: no contract {body['dataset']}"
    if "://" in str(body["database"]):
        yield "database: the name of an environment variable, never the address itself"
    cursor = body["cursor"]
    if not isinstance(cursor, dict) or not {"column", "type"} <= set(cursor):
        yield "cursor: needs column and type"
        return
    if cursor["type"] not in CURSORS:
        yield f"cursor.type: one of {', '.join(CURSORS)}"
    if cursor.get("settled_seconds") and cursor["type"] != "instant":
        yield "cursor.settled_seconds: only for instants"
    if not 1 <= int(body.get("rows", ROWS)) <= MOST:
        yield f"rows: 1 to {MOST}"

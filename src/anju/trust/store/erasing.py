"""Deleting rows about people, set-based, in every room's tables - also in those that did not exist when this was written.

Whatever has a ``person_code`` goes unless it stands in ``KEPT`` with its reason: forgetting to list a table erases it.
Runs as the owner of the tables, never in a web request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from django.db import connection, transaction

from anju.trust.retaining import keepings
from anju.trust.rights import catalogue

KEPT = {
    "trust_logentry": "the log proves who looked, also afterwards; it holds codes and no values",
    "trust_assignment": "who may log in; ended by the account's own action",
    "trust_personrequest": "the request and its answer, for three years (PIPL art. 56), then by retention",
    "trust_consent": "what was agreed to and when it was withdrawn: proof of lawfulness, codes only",
    "trust_restriction": "that the person is to be left alone",
    "trust_erasure": "that the erasure was done, codes and counts only",
}
"""Tables that keep their rows, and why. A room above adds its own when it is made ready (``apps.py``)."""
ENDS: dict[str, tuple[str, str]] = {}
"""Tables of dated facts: the aspect whose term holds, and the day (SQL) its time runs from. Rooms above add theirs."""
CUT: dict[str, str] = {}
"""Tables about others that speak of the erased person: what of them is changed (SQL after SET; ``%(codes)s``) before the
person's own rows go. Rooms above add theirs."""
CHUNK = 20_000


def person_tables() -> list[str]:
    """Every table with a ``person_code`` that an erasure clears."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
            " AND a.attname = 'person_code' AND NOT a.attisdropped ORDER BY c.relname"
        )
        return [name for (name,) in cursor.fetchall() if name not in KEPT]


@transaction.atomic
def bury(records: pa.Table, at: datetime) -> int:
    """Set a tombstone for every record (record_id as text, dataset); return how many are new.

    Their moment lies after that of all before them, whatever the clock says: whoever was told those (``told_since``) misses none.
    """
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE trust_tombstone IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "CREATE TEMP TABLE burying (record_id numeric(20), dataset varchar(40)) ON COMMIT DROP"
        )
        with cursor.copy("COPY burying FROM STDIN") as copy:
            for batch in records.to_batches():
                for number, dataset in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    copy.write_row((number, dataset))
        cursor.execute(
            "INSERT INTO trust_tombstone (record_id, dataset, since) SELECT DISTINCT record_id, dataset, greatest(%s::timestamptz,"
            " (SELECT max(since) + interval '1 microsecond' FROM trust_tombstone)) FROM burying ON CONFLICT DO NOTHING",
            [at],
        )
        added = cursor.rowcount
        cursor.execute("DROP TABLE burying")
    return int(added)


def tombstones() -> Iterator[list[int]]:
    """Every buried record's number, in chunks."""
    with connection.cursor() as cursor:
        last = -1
        while True:
            cursor.execute(
                "SELECT record_id FROM trust_tombstone WHERE record_id > %s ORDER BY record_id LIMIT %s",
                [last, CHUNK],
            )
            found = [int(number) for (number,) in cursor.fetchall()]
            if not found:
                return
            yield found
            last = found[-1]


def told_since(since: str) -> tuple[list[tuple[int, str]], str]:
    """Buried records (number, dataset) since a moment that an earlier answer gave (empty: all), and the moment reached."""
    after = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_id, dataset, since FROM trust_tombstone WHERE since > %s ORDER BY since, record_id",
            [after],
        )
        found = cursor.fetchall()
    until = found[-1][2].isoformat() if found else since
    return [(int(number), str(dataset)) for number, dataset, _since in found], until


@transaction.atomic
def erase_people(codes: Sequence[str]) -> dict[str, int]:
    """Delete every row about these people, in every room, with its history; table -> rows."""
    counts = {}
    with connection.cursor() as cursor:
        for table, change in CUT.items():
            cursor.execute(f"UPDATE {table} SET {change}", {"codes": list(codes)})
        for table in person_tables():
            cursor.execute(f'DELETE FROM "{table}" WHERE person_code = ANY(%s)', [list(codes)])
            if cursor.rowcount:
                counts[table] = cursor.rowcount
    return counts


@transaction.atomic
def erase_facts(as_of: date, person_code: str = "") -> dict[str, int]:
    """Delete the history of dated facts past their term, of everyone or one person; table -> rows.

    Only what the newest library no longer states: a fact that a record still states is true until its record goes.
    """
    return _facts("DELETE FROM", as_of, person_code)


def count_facts(as_of: date, person_code: str = "") -> dict[str, int]:
    """What ``erase_facts`` would delete; table -> rows."""
    return _facts("SELECT count(*) FROM", as_of, person_code)


def _facts(verb: str, as_of: date, person_code: str) -> dict[str, int]:
    terms, counts = keepings(), {}
    with connection.cursor() as cursor:
        for table, (aspect, day) in ENDS.items():
            days = terms[aspect].days
            if days is None:
                continue
            last = as_of - timedelta(days=days)
            values: list[object] = [last, *([person_code] if person_code else [])]
            whose = " AND person_code = %s" if person_code else ""
            cursor.execute(f"{verb} {table} WHERE known_to IS NOT NULL AND {day} <= %s{whose}", values)
            found = cursor.fetchone()[0] if verb.startswith("SELECT") else cursor.rowcount
            if found:
                counts[table] = int(found)
    return counts


HOUSE = {
    "person_requests": "trust_personrequest WHERE state <> 'open' AND coalesce(answered_at, asked_at) <= %s",
    "assessments": (
        "trust_assessment AS a WHERE a.approved_at <= %s AND EXISTS (SELECT 1 FROM trust_assessment AS b"
        " WHERE b.subject = a.subject AND b.approved_at > a.approved_at)"
    ),
    "sessions": "django_session WHERE expire_date <= %s",
}
"""The house's own records: class of ``rights.yaml`` -> what is past its term at the moment given."""


@transaction.atomic
def erase_house(at: datetime) -> dict[str, int]:
    """Delete the house's own records that are past their term; class -> rows."""
    return _house("DELETE FROM", at)


def count_house(at: datetime) -> dict[str, int]:
    """What ``erase_house`` would delete; class -> rows."""
    return _house("SELECT count(*) FROM", at)


def _house(verb: str, at: datetime) -> dict[str, int]:
    counts = {}
    with connection.cursor() as cursor:
        for name, condition in HOUSE.items():
            days = catalogue()["retention"][name]["days"]
            # A session says itself when it ends.
            last = at if name == "sessions" else at - timedelta(days=days)
            cursor.execute(f"{verb} {condition}", [last])
            found = cursor.fetchone()[0] if verb.startswith("SELECT") else cursor.rowcount
            if found:
                counts[name] = int(found)
    return counts

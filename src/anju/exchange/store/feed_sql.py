"""The change feed's statements: rows of one table as they stood at a place in the order, or as one run opened them.

All run under row security, so that a follower's place decides what is there at all. Tables about no person are bounded
by their region here. A person who came into the follower's place after the position is left out: their arrival
(``came``) tells all of their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from anju.exchange.doors.columns import Source
from anju.trust import places
from anju.trust.store import prepared

CAME = """
    SELECT c.person_code, c.position FROM exchange_feedentry c WHERE c.kind = 'came' AND c.position > %s
    AND NOT EXISTS (SELECT 1 FROM exchange_feedentry l WHERE l.kind = 'left' AND l.person_code = c.person_code AND l.at = c.at)
    UNION ALL
    SELECT c.person_code, 9223372036854775807 FROM exchange_pendingchange c WHERE c.kind = 'came'
    AND NOT EXISTS (SELECT 1 FROM exchange_pendingchange l WHERE l.kind = 'left' AND l.person_code = c.person_code AND l.at = c.at)
"""
"""Who came into the follower's place after a position: both sides of a move within the place are no arrival."""
_NOT_ARRIVED = f"r.person_code NOT IN (SELECT m.person_code FROM ({CAME}) AS m)"
_STILL = """(r.known_to IS NULL
    OR EXISTS (SELECT 1 FROM exchange_feedentry e WHERE e.source = %s AND e.row_id = r.id AND e.kind = 'end' AND e.position > %s)
    OR EXISTS (SELECT 1 FROM exchange_pendingchange e WHERE e.source = %s AND e.row_id = r.id AND e.kind = 'end'))"""
_LIVE_BEFORE = """(r.is_live
    AND NOT EXISTS (SELECT 1 FROM exchange_feedentry e WHERE e.source = %s AND e.row_id = r.id AND e.kind = 'put' AND e.position > %s)
    AND NOT EXISTS (SELECT 1 FROM exchange_pendingchange e WHERE e.source = %s AND e.row_id = r.id AND e.kind = 'put'))"""


@dataclass(frozen=True, slots=True)
class Step:
    """One published run in the order: its position, the highest row of each table after it and before it."""

    position: int
    upto: dict[str, int]
    before: dict[str, int]


def rows(sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Rows of one query as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values) or None)
        names = [c.name for c in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def selected(source: Source) -> str:
    """What is read of a row."""
    code = "r.person_code" if source.of_person else "NULL AS person_code"
    return ", ".join(["r.id", code, *(f"r.{c}" for c in (*source.columns, *source.sealed))])


def _place(source: Source, region: str) -> tuple[str, list[Any]]:
    if source.of_person or region == places.WHOLE:
        return "TRUE", []
    return "(r.region >= %s AND r.region < %s)", list(places.bounds(region))


def state(
    source: Source, region: str, position: int, upto: int, after: int, limit: int, person: str = ""
) -> list[dict[str, Any]]:
    """Rows that stood at ``position`` (``upto``: the highest row of its newest run), in the order of their ids."""
    place, values = _place(source, region)
    was = "r.id <= %s"
    values.append(upto)
    if source.of_person:
        was = f"((NOT r.is_live AND {was}) OR {_LIVE_BEFORE})"
        values += [source.name, position, source.name]
    conditions = [place, was, _STILL]
    values += [source.name, position, source.name]
    if person:
        conditions.append("r.person_code = %s")
        values.append(person)
    elif source.of_person:
        conditions.append(_NOT_ARRIVED)
        values.append(position)
    return _in_order(source, conditions, values, after, limit)


def opened(source: Source, region: str, step: Step, after: int, limit: int) -> list[dict[str, Any]]:
    """Rows that a run opened and nothing before its place ended, in the order of their ids.

    Only runs write rows that are not live, one run after the other: theirs are those between two highest rows.
    """
    place, values = _place(source, region)
    conditions = [place, "r.id <= %s", _STILL]
    values += [step.upto.get(source.name, 0), source.name, step.position, source.name]
    if source.of_person:
        conditions += ["NOT r.is_live", _NOT_ARRIVED]
        values.append(step.position)
    return _in_order(source, conditions, values, max(after, step.before.get(source.name, 0)), limit)


def _in_order(
    source: Source, conditions: list[str], values: list[Any], after: int, limit: int
) -> list[dict[str, Any]]:
    return rows(
        f"SELECT {selected(source)} FROM {source.table} r WHERE {' AND '.join(conditions)} AND r.id > %s "
        "ORDER BY r.id LIMIT %s",
        [*values, after, limit],
    )


def by_id(source: Source, region: str, ids: Sequence[int]) -> list[dict[str, Any]]:
    """These rows, where the follower may see them."""
    if not ids:
        return []
    place, values = _place(source, region)
    return rows(
        f"SELECT {selected(source)} FROM {source.table} r WHERE r.id = ANY(%s) AND {place}",
        [list(ids), *values],
    )


def current(source: Source, people: Sequence[str]) -> list[dict[str, Any]]:
    """What is known now of these people in one table."""
    return prepared.rows(
        f"SELECT {selected(source)} FROM {source.table} r WHERE r.person_code = ANY(%s) AND r.known_to IS NULL "
        "ORDER BY r.id",
        list(people),
    )


def arrivals(position: int) -> dict[str, int]:
    """People who came into the follower's place after the position, and where in the order they last did."""
    found = rows(
        f"SELECT m.person_code, max(m.position) AS last FROM ({CAME}) AS m GROUP BY m.person_code", [position]
    )
    return {r["person_code"]: int(r["last"]) for r in found}


def has_pair(person: str, at: Any, kind: str) -> bool:
    """Whether the other side of a move lies in the follower's place too: then the person neither came nor left."""
    found = rows(
        "SELECT EXISTS (SELECT 1 FROM exchange_feedentry WHERE kind = %s AND person_code = %s AND at = %s) AS pair",
        [kind, person, at],
    )
    return bool(found[0]["pair"])


def merged(codes: Sequence[str]) -> dict[str, str]:
    """The code that answers for each of these today, where it is another."""
    found = rows(
        "SELECT code, merged_into FROM register_person WHERE code = ANY(%s) AND merged_into IS NOT NULL",
        [list(codes)],
    )
    return {r["code"]: r["merged_into"] for r in found}


def split(codes: Sequence[str]) -> dict[str, str]:
    """The code that each of these was split from, where a decision did so."""
    found = rows(
        "SELECT other_code, person_code FROM exchange_personchange "
        "WHERE kind = 'split' AND state = 'confirmed' AND other_code = ANY(%s)",
        [list(codes)],
    )
    return {r["other_code"]: r["person_code"] for r in found}

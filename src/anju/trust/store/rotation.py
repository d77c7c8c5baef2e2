"""Changing keys while everything runs: values are sealed anew in small batches, old and new readable side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

from anju.kernel.refusal import Refusal
from anju.trust.sealing import sealer
from anju.trust.store import second_factors
from anju.trust.store.fields import SealedField

BATCH = 2000
CODED = {"trust_logentry": "mac", "trust_logpending": "mac", "trust_nametombstone": "digest"}
"""Tables with codes that cannot be made anew, because what they were made of is not there: their keys stay."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One sealed column somewhere in the database, with its blind index (empty: none)."""

    table: str
    key: str
    column: str
    kind: str
    index: str


def sealed_columns() -> list[SealedColumn]:
    """Every sealed column of every room's tables."""
    return [column for model in apps.get_models() for column in _of(model)]


def _of(model: type[Model]) -> Iterator[SealedColumn]:
    for field in model._meta.concrete_fields:
        if isinstance(field, SealedField):
            key = model._meta.pk.column
            yield SealedColumn(model._meta.db_table, key, field.column, field.kind, field.index)


def _awaits(column: SealedColumn, head: bytes, index_head: bytes) -> tuple[str, list[bytes]]:
    stale = f"substr({column.column}, 1, {len(head)}) <> %s"
    if not column.index:
        return f"{column.column} IS NOT NULL AND {stale}", [head]
    stale += f" OR {column.index} IS NULL OR substr({column.index}, 1, {len(index_head)}) <> %s"
    return f"{column.column} IS NOT NULL AND ({stale})", [head, index_head]


def waiting() -> dict[str, int]:
    """How many values of each sealed column are under an older key."""
    current = sealer()
    found = {}
    with connection.cursor() as cursor:
        for column in sealed_columns():
            where, values = _awaits(column, current.head, current.index_head)
            cursor.execute(f"SELECT count(*) FROM {column.table} WHERE {where}", values)
            found[f"{column.table}.{column.column}"] = int(cursor.fetchone()[0])
    return found | {f"{second_factors.TABLE}.data": second_factors.waiting()}


def reseal(progress: Callable[[int], None] = lambda _: None) -> int:
    """Seal every older value with the newest key; return how many. May be stopped and run again at any moment.

    Rows that somebody is changing just now are passed over and taken in the next round.
    """
    total = second_factors.reseal()
    progress(total)
    for column in sealed_columns():
        while True:
            done = _batch(column)
            if done == 0 and not _left(column):
                break
            total += done
            progress(done)
    return total


def _left(column: SealedColumn) -> bool:
    current = sealer()
    where, values = _awaits(column, current.head, current.index_head)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {column.table} WHERE {where})", values)
        return bool(cursor.fetchone()[0])


def _batch(column: SealedColumn) -> int:
    current = sealer()
    where, values = _awaits(column, current.head, current.index_head)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column.key}, {column.column} FROM {column.table} WHERE {where}"
            f" LIMIT {BATCH} FOR UPDATE SKIP LOCKED",
            values,
        )
        rows = cursor.fetchall()
        opened = current.open_many([sealed for _, sealed in rows])
        sealed = current.seal_many(opened)
        if column.index:
            indexes = current.index_many(column.kind, opened)
            sets = f"{column.column} = %s, {column.index} = %s"
            told = [(s, i, key) for (key, _), s, i in zip(rows, sealed, indexes, strict=True)]
        else:
            sets, told = f"{column.column} = %s", [(s, key) for (key, _), s in zip(rows, sealed, strict=True)]
        cursor.executemany(f"UPDATE {column.table} SET {sets} WHERE {column.key} = %s", told)
    return len(rows)


def refuse_if_needed(key_id: str) -> None:
    """Refuse to let a key go while anything in the database still rests on it."""
    head = bytes.fromhex(key_id)
    if count := second_factors.count_of(key_id):
        raise Refusal("trust.key_still_seals", key=key_id, count=count)
    with connection.cursor() as cursor:
        for column in sealed_columns():
            indexed = f" OR substr({column.index}, 1, 2) = %s" if column.index else ""
            cursor.execute(
                f"SELECT count(*) FROM {column.table} WHERE substr({column.column}, 2, 4) = %s{indexed}",
                [head, head[:2]] if column.index else [head],
            )
            count = int(cursor.fetchone()[0])
            if count:
                raise Refusal("trust.key_still_seals", key=key_id, count=count)
        for table, code in CODED.items():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE substr({code}, 1, 2) = %s", [head[:2]])
            count = int(cursor.fetchone()[0])
            if count:
                raise Refusal("trust.key_still_seals", key=key_id, count=count)

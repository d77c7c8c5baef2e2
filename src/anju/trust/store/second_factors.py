"""Secrets of authenticators and recovery codes: sealed as hex inside the login library's JSON, so rotated apart."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from anju.kernel.refusal import Refusal
from anju.trust.sealing import key_id_of, sealer

TABLE = "mfa_authenticator"


def _rows(*, lock: bool = False) -> list[tuple[int, dict[str, Any]]]:
    if not apps.is_installed("allauth.mfa"):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, data FROM {TABLE} ORDER BY id" + (" FOR UPDATE" if lock else ""))
        return [
            (number, json.loads(data) if isinstance(data, str) else data)
            for number, data in cursor.fetchall()
        ]


def _key_of(value: Any) -> str | None:
    """The key that sealed a value, or None when it is not one of ours."""
    try:
        key = key_id_of(bytes.fromhex(value))
        sealer().ring.get(key)
    except (Refusal, ValueError, TypeError):
        return None
    return key


def _keys(data: Any) -> list[str]:
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    own = _key_of(data) if isinstance(data, str) else None
    return [key for value in values for key in _keys(value)] + ([own] if own else [])


def _anew(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _anew(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_anew(value) for value in data]
    if isinstance(data, str) and _key_of(data) is not None:
        return sealer().seal(sealer().open(bytes.fromhex(data))).hex()
    return data


def count_of(key: str) -> int:
    """How many values a key sealed here."""
    return sum(found == key for _, data in _rows() for found in _keys(data))


def waiting() -> int:
    """How many values are under an older key."""
    newest = sealer().ring.newest("seal").id
    return sum(found != newest for _, data in _rows() for found in _keys(data))


@transaction.atomic
def reseal() -> int:
    """Seal them anew; return how many."""
    newest, done = sealer().ring.newest("seal").id, 0
    for number, data in _rows(lock=True):
        stale = sum(found != newest for found in _keys(data))
        if stale:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {TABLE} SET data = %s WHERE id = %s", [json.dumps(_anew(data)), number]
                )
            done += stale
    return done

"""Codes of people: every code ever given leads somewhere, for ever."""

from __future__ import annotations

from anju.kernel.refusal import Refusal
from anju.register.store.queries import sql
from anju.trust.store import prepared

RESOLVED = """
WITH RECURSIVE led AS (
    SELECT code, merged_into, 0 AS depth FROM register_person WHERE code = %s
    UNION ALL
    SELECT p.code, p.merged_into, led.depth + 1 FROM register_person p JOIN led ON p.code = led.merged_into
    WHERE led.depth < 100
)
"""
_RESOLVE = f"{RESOLVED} SELECT code FROM led WHERE merged_into IS NULL"


def resolve_or_same(code: str) -> str:
    """The code that answers for ``code`` today; itself when nobody knows it."""
    found = sql.rows(_RESOLVE, code)
    return str(found[0]["code"]) if found else code


def resolve_code(code: str) -> str:
    """The code that answers for ``code`` today: every code ever given leads somewhere, for ever.

    Refuses ``register.unknown_code`` for one never given.
    """
    found = prepared.rows(_RESOLVE, code)
    if not found:
        raise Refusal("register.unknown_code")
    return str(found[0]["code"])


def former_codes(code: str) -> tuple[str, ...]:
    """Every code that leads to ``code``, directly or through others."""
    found = sql.rows(
        "WITH RECURSIVE back AS (SELECT code FROM register_person WHERE merged_into = %s UNION "
        "SELECT p.code FROM register_person p JOIN back ON p.merged_into = back.code) "
        "SELECT code FROM back ORDER BY code",
        code,
    )
    return tuple(r["code"] for r in found)

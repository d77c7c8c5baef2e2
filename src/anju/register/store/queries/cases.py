"""Reading contradictions as work: who must settle which, by when, what the sources say, what was decided."""

from __future__ import annotations

from collections.abc import Collection

from anju.register.store.queries import sql


def regions_of(codes: Collection[str]) -> dict[str, str | None]:
    """Where the register knows these people to live; those it does not know are missing."""
    if not codes:
        return {}
    found = sql.rows(
        "SELECT person_code, region FROM register_identity WHERE person_code = ANY(%s) AND known_to IS NULL",
        list(codes),
    )
    return {r["person_code"]: r["region"] for r in found}

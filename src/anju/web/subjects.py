"""Where the subject of a request lies, asked of the room that knows. Runs under row security."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register
from anju.trust.store import erasure_queries


def _person(code: str) -> str | None:
    try:
        return register.person_region(code)
    except Refusal:
        return None


REGIONS: Mapping[str, Callable[[str], str | None]] = {"person": _person}
PLACED = frozenset(REGIONS)
"""Kinds whose place is decided here; the others are bounded by row security and by their own rooms."""


def is_restricted(kind: str, code: str) -> bool:
    """Whether a person's data may only be kept: they objected, or a law alone holds them here."""
    return kind == "person" and erasure_queries.is_restricted(code)


def region(kind: str, code: str) -> str | None:
    """The division code of a subject, or None when it is unknown or not to be seen."""
    asked = REGIONS.get(kind)
    return asked(code) if asked else None

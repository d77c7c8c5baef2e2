"""Where the subject of a request lies, asked of the room that knows. Runs under row security."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register


def _person(code: str) -> tuple[str | None, bool]:
    try:
        return register.person_place(code)
    except Refusal:
        return None, False


PLACES: Mapping[str, Callable[[str], tuple[str | None, bool]]] = {"person": _person}
PLACED = frozenset(PLACES)
"""Kinds whose place is decided here; the others are bounded by row security and by their own rooms."""


def place(kind: str, code: str) -> tuple[str | None, bool]:
    """The division code of a subject (None: unknown, or not to be seen), and whether a person's data may only be kept:
    they objected, or a law alone holds them here."""
    asked = PLACES.get(kind)
    return asked(code) if asked else (None, False)

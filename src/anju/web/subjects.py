"""Where the subject of a request lies, asked of the room that knows. Runs under row security.

Every kind of subject a view may name in its address stands here; the guard refuses to be made for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anju.kernel.refusal import Refusal
from anju.register.store import queries as register


def _person(code: str) -> tuple[str | None, bool]:
    try:
        return register.person_place(code)
    except Refusal:
        return None, False


def _dwelling(code: str) -> tuple[str | None, bool]:
    return register.dwelling_place(code), False


def _employer(code: str) -> tuple[str | None, bool]:
    return register.employer_place(code), False


PLACES: Mapping[str, Callable[[str], tuple[str | None, bool]]] = {
    "person": _person,
    "dwelling": _dwelling,
    "employer": _employer,
}


def place(kind: str, code: str) -> tuple[str | None, bool]:
    """The division code of a subject (None: unknown, or not to be seen), and whether a person's data may only be kept:
    they objected, or a law alone holds them here. Raises KeyError for a kind that nobody can place."""
    return PLACES[kind](code)

"""Where the subject of a request lies: what to ask of the room that knows. Asked under row security.

Every kind of subject a view may name in its address stands here; the guard refuses to be made for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anju.register.store import queries as register
from anju.trust.store.trip import Row, Statement

PLACES: Mapping[str, Callable[[str], Statement]] = {
    "person": register.person_place,
    "dwelling": register.dwelling_place,
    "employer": register.employer_place,
}
"""Each answers ``region`` (null: unknown, or not to be seen) and, of people, ``is_restricted``."""


def place(answer: Row | None) -> tuple[str | None, bool]:
    """The division code of a subject, and whether a person's data may only be kept: they objected, or a law alone holds
    them here."""
    if answer is None:
        return None, False
    return answer["region"], answer.get("is_restricted") == "t"

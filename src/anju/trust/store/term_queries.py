"""What is held about one person and until when it must stay: the ground on which a wish for deletion is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection

from anju.trust.retaining import keepings
from anju.trust.store.erasing import ENDS

OTHERS = {
    "register_identity": "person",
    "register_contribution": "contribution",
    "register_kin": "kin",
    "register_skill": "skill",
    "register_landright": "land",
    "register_healthfile": "health",
}
"""Tables whose term runs from the day the person left."""


@dataclass(frozen=True, slots=True)
class Term:
    """One aspect of a file: rows held, how many are past their term, until when the rest stays, on which law.

    ``until`` None with rows left: as long as the event that starts the term has not come (the person lives here).
    """

    aspect: str
    rows: int
    over: int
    until: date | None
    basis: str

    @property
    def is_over(self) -> bool:
        """Whether nothing of it must stay."""
        return self.rows == self.over


def terms_of(person_code: str, as_of: date) -> tuple[Term, ...]:
    """Every aspect held about a person now, in the order of the catalogue. Row security keeps it to the reader's place."""
    found, left_on = {}, _left_on(person_code)
    rules = keepings()
    with connection.cursor() as cursor:
        for table, (aspect, day) in ENDS.items():
            cursor.execute(
                f"SELECT count(*), count(*) FILTER (WHERE {day} <= %s), max({day}), bool_or({day} IS NULL)"
                f" FROM {table} WHERE person_code = %s AND known_to IS NULL",
                [as_of - timedelta(days=rules[aspect].days or 0), person_code],
            )
            rows, over, last, is_open = cursor.fetchone()
            found[aspect] = (rows, over, None if is_open else last)
        for table, aspect in OTHERS.items():
            cursor.execute(
                f"SELECT count(*) FROM {table} WHERE person_code = %s AND known_to IS NULL", [person_code]
            )
            (rows,) = cursor.fetchone()
            is_over = left_on is not None and left_on + timedelta(days=rules[aspect].days or 0) <= as_of
            found[aspect] = (rows, rows if is_over else 0, left_on)
    return tuple(
        Term(aspect, rows, over, last + timedelta(days=rule.days) if last and rule.days else None, rule.basis)
        for aspect, rule in rules.items()
        if aspect in found
        for rows, over, last in [found[aspect]]
        if rows
    )


def _left_on(person_code: str) -> date | None:
    """The day the last stay ended; None while one is open or none is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(coalesce(end_on, presumed_end_on)), bool_or(coalesce(end_on, presumed_end_on) IS NULL)"
            " FROM register_stay WHERE person_code = %s AND known_to IS NULL",
            [person_code],
        )
        last, is_open = cursor.fetchone()
    return None if is_open else last


def last_term(terms: tuple[Term, ...]) -> date | None:
    """When the last of it may go; None while nobody can know, or when all of it may go now."""
    left = [t for t in terms if not t.is_over]
    return max(t.until for t in left if t.until) if left and all(t.until for t in left) else None

"""Employers, with the people who work there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from anju.kernel.identifiers import is_credit_code
from anju.kernel.width import TO_HALF
from anju.register.store.queries import dwellings, lines, places, sql
from anju.register.store.queries.places import Row
from anju.register.store.queries.values import DwellingLine, EmployerFile, EmployerLine, Page, Worker
from anju.trust.store.trip import Statement

ORDERS = {
    "name": ("e.name", "e.employer_code"),
    "workers": ("e.workers", "e.employer_code"),
    "opened_on": ("coalesce(e.opened_on, DATE '0001-01-01')", "e.employer_code"),
}


def list_employers(
    text: str = "", *, scope: Sequence[str], after: str | None = None, limit: int = 50, sort: str = ""
) -> Page[EmployerLine]:
    """Employers in the scope; ``text`` is a credit code or how the name begins.

    ``sort``: name, workers or opened_on, with a leading ``-`` descending.
    """
    wanted = "".join(text.translate(TO_HALF).split())
    place, values = sql.within(scope, "e.region")
    conditions = ["e.known_to IS NULL", place]
    if is_credit_code(wanted.upper()):
        conditions.append("e.employer_code = %s")
        values.append(wanted.upper())
    elif wanted:
        conditions.append("e.name >= %s AND e.name < %s")
        values += [wanted, sql.after(wanted)]
    found, following = places.page(
        "register_employer e", "e.*", conditions, values, sql.order(sort, ORDERS), after, limit
    )
    return Page(tuple(_employer(r) for r in found), following)


def get_employer(
    code: str,
    *,
    valid_on: date | None = None,
    known_on: datetime | None = None,
    masked: bool = True,
    limit: int = 200,
    today: date | None = None,
) -> EmployerFile:
    """One employer, who works there on ``valid_on`` (default: the day of the newest run), and their dormitories."""
    row = places.one("register_employer", "employer_code", code, known_on, "register.no_employer")
    day = valid_on or today or places.run_day()
    present = _jobs(code, day, known_on, limit, here=True)
    former = _jobs(code, day, known_on, places.FORMER_SHOWN, here=False) if valid_on is None else []
    who = lines.of_people([r["person_code"] for r in present + former], masked)
    return EmployerFile(
        line=_employer(row),
        address=row["address"],
        workers=tuple(_worker(r, who) for r in present if r["person_code"] in who),
        former=tuple(_worker(r, who) for r in former if r["person_code"] in who),
        more=max(row["workers"] - limit, 0) if len(present) == limit else 0,
        dormitories=_dormitories([p.dwelling_code for p in who.values() if p.dwelling_code]),
        datasets=tuple(filter(None, row["sources"].split(";"))),
    )


def employer_place(code: str) -> Statement:
    """What a guard asks about an employer: ``region``, the division it belongs to for the one who asks: that of somebody
    in sight who has worked there; else where it is. Null: no such employer."""
    return places.place_of("register_job", "register_employer", "employer_code", code)


def _jobs(code: str, day: date, known_on: datetime | None, limit: int, *, here: bool) -> list[dict[str, Any]]:
    when, values = sql.known("s", known_on)
    present = f"s.begin_on <= %s AND {places.OPEN}"
    return sql.rows(
        "SELECT s.person_code, s.occupation, s.has_contract, s.begin_on, coalesce(s.end_on, s.presumed_end_on) AS until, "
        f"s.sources FROM register_job s WHERE s.employer_code = %s AND {when} "
        f"AND {present if here else f'NOT ({present})'} ORDER BY s.begin_on DESC, s.person_code LIMIT %s",
        code,
        *values,
        day,
        day,
        day,
        limit,
    )


def _dormitories(codes: list[str]) -> tuple[DwellingLine, ...]:
    """Dormitories among the dwellings of an employer's people."""
    found = sql.rows(
        "SELECT d.* FROM register_dwelling d WHERE d.dwelling_code = ANY(%s) AND d.known_to IS NULL "
        "AND d.kind = 'dormitory' ORDER BY d.dwelling_code",
        codes,
    )
    return tuple(dwellings.line(r) for r in found)


def _worker(r: Row, who: Mapping[str, Any]) -> Worker:
    return Worker(
        who[r["person_code"]],
        r["occupation"],
        r["has_contract"],
        r["begin_on"],
        r["until"],
        sql.sources(r["sources"]),
    )


def _employer(r: Row) -> EmployerLine:
    return EmployerLine(
        r["employer_code"],
        r["name"],
        r["kind"],
        r["industry"],
        r["region"],
        r["workers"],
        r["opened_on"],
        r["closed_on"],
    )

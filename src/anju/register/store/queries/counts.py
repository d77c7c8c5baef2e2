"""Counting residents by a closed set of dimensions, in PostgreSQL, as the newest library shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import connection

AGES = ((0, "00-05"), (6, "06-14"), (15, "15-24"), (25, "25-34"), (35, "35-44"), (45, "45-59"), (60, "60+"))
"""Lower ends of the age bands: before school, compulsory school, youth, and so on; and their codes."""
_AGE = "extract(year FROM age(%(on)s::date, i.born_on))"
_BANDS = " ".join(f"WHEN {_AGE} >= {low} THEN '{code}'" for low, code in reversed(AGES))
DIMENSIONS = {
    "district": "substr(coalesce(i.region, ''), 1, 6)",
    "age": f"CASE {_BANDS} ELSE '' END",
    "sex": "CASE WHEN i.sex IN ('1', '2') THEN i.sex ELSE '' END",
    "origin": "substr(i.hukou_region, 1, 2)",
    "education": "i.education",
    "industry": "coalesce(e.industry, '')",
    "arrived_month": (
        "CASE WHEN i.arrived_on >= date_trunc('month', %(on)s::date) - interval '12 months'"
        " AND i.arrived_on < date_trunc('month', %(on)s::date) THEN to_char(i.arrived_on, 'YYYY-MM') END"
    ),
}
"""Dimension -> SQL over an identity ``i`` and the employer ``e``; empty text: nobody said. NULL: left out."""


def count_residents(dimensions: Sequence[str], on: date) -> dict[tuple[str, ...], int]:
    """Residents by the given dimensions, ages as of ``on``.

    Grain: one key per combination that has people. Units: people, each in one cell at most. Unknown: empty text.
    Raises: KeyError for a dimension that is not in ``DIMENSIONS``. Source: register_identity, current rows.
    """
    told = [DIMENSIONS[name] for name in dimensions]
    employer = (
        " LEFT JOIN register_employer AS e ON e.employer_code = i.employer_code AND e.known_to IS NULL"
        if "industry" in dimensions
        else ""
    )
    columns = ", ".join(f"({sql}) AS d{n}" for n, sql in enumerate(told))
    names = ", ".join(f"d{n}" for n in range(len(told)))
    stated = " AND ".join(f"d{n} IS NOT NULL" for n in range(len(told)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {names}, count(*) FROM (SELECT {columns} FROM register_identity AS i{employer}"
            f" WHERE i.known_to IS NULL AND i.is_resident) AS q WHERE {stated} GROUP BY {names}",
            {"on": on},
        )
        return {tuple(row[:-1]): int(row[-1]) for row in cursor.fetchall()}

"""Who takes part in a ranking."""

from __future__ import annotations

from datetime import date

from anju.policy import library
from anju.policy.bound import bind
from anju.policy.model import Programme
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import row_values
from anju.register.store.queries.lines import of_people
from anju.services.publishing import Applicant
from anju.trust import places as regions
from anju.trust.store import erasure_queries


def applicants(programme: Programme, service: str, on: date, region: str) -> list[Applicant]:
    """Everyone of the place who qualifies, with what the ranking needs; people to be left alone take no part."""
    bound = bind(programme, on)
    with library.everyone([programme], on) as people:
        columns = [u.fact.column for u in programme.uses]
        query = compile_sql(
            bound,
            source=people.source,
            service=service,
            want=("passes",),
            keep=["person_code", "region", *columns],
        )
        passes = query.passes[service]
        rows = people.engine.rows(
            f'SELECT person_code, region, {", ".join(f"{chr(34)}{c}{chr(34)}" for c in columns)} FROM ({query.sql}) WHERE "{passes}"'
        )
    inside = [r for r in rows if regions.within(r[1], region)]
    codes = [r[0] for r in inside]
    left_alone = erasure_queries.restricted(codes)
    names = of_people(codes, True)
    return [
        Applicant(r[0], r[1], names[r[0]].name if r[0] in names else "*", row_values(programme, r[2:]))
        for r in inside
        if r[0] not in left_alone
    ]

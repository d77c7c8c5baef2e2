"""The people of the city cases, all at once by SQL: the same outcomes, scores and points as one by one."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest

from anju.policy.bound import Bound, bind
from anju.policy.facts_file import read_facts
from anju.policy.interpret import Interpreter
from anju.policy.loading import get
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import arrow_table

_spec = importlib.util.spec_from_file_location("city_cases", Path(__file__).with_name("test_city_cases.py"))
assert _spec
assert _spec.loader
city_cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(city_cases)


def _rules_of(case: dict[str, Any]) -> tuple[str, str, str]:
    return case["programme"], str(case["filed"]), str(case["reading"] or {})


GROUPS = [list(cases) for _, cases in groupby(sorted(city_cases.CASES, key=_rules_of), key=_rules_of)]


def _by_sql(bound: Bound, service: str, people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    query = compile_sql(bound, service=service, want=("scores", "outcome", "items"))
    numbered = arrow_table(bound.programme, people)
    with duckdb.connect() as con:
        con.register("facts", numbered)
        found = con.execute(query.sql)
        names = [d[0] for d in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    columns = {**query.scores[service], **query.items[service]}
    return [
        {name: Fraction(row[column], query.scale) for name, column in columns.items()}
        | {"outcome": row[query.outcome[service]]}
        for row in rows
    ]


@pytest.mark.parametrize("cases", GROUPS, ids=[" ".join(_rules_of(g[0])) for g in GROUPS])
def test_both_engines_say_the_same(cases: list[dict[str, Any]]) -> None:
    programme = get(cases[0]["programme"])
    bound = bind(programme, city_cases.day_of(cases[0]), cases[0]["reading"])
    people = [dict(read_facts(programme, case["facts"]).values) for case in cases]
    for service in programme.services:
        one_by_one = [Interpreter(bound).verdict(person, service.id) for person in people]
        for verdict, row in zip(one_by_one, _by_sql(bound, service.id, people), strict=True):
            told = {**verdict.scores, **{name: given.counted for name, given in verdict.items.items()}}
            assert {k: v for k, v in row.items() if k != "outcome"} == {
                k: told[k] for k in row if k != "outcome"
            }
            assert row["outcome"] == verdict.outcome

"""The interpreter and the SQL agree to the digit on any policy and any person, whatever is unknown."""

from __future__ import annotations

import importlib.util
import os
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anju.kernel import packs, wording
from anju.policy.bound import Bound, bind
from anju.policy.interpret import Interpreter
from anju.policy.loading import build
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import arrow_table

_spec = importlib.util.spec_from_file_location("policies", Path(__file__).with_name("policies.py"))
assert _spec
assert _spec.loader
policies = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(policies)

PHASES = [Phase.explicit, Phase.generate] + ([Phase.shrink] if os.environ.get("ANJU_SHRINK") else [])
FILE = packs.root() / "cn" / "policies" / "example" / "generated.yaml"
WANT = ("scores", "passes", "outcome", "items", "unknown", "conditions")


def bound(made: dict[str, Any], on: date) -> Bound:
    text = yaml.safe_dump(made, allow_unicode=True, sort_keys=False)
    loaded = build(FILE, text)
    told = [(f.place, f.where, wording.say(f.code, "en", **dict(f.facts))) for f in loaded.faults]
    real = [
        t
        for t, f in zip(told, loaded.faults, strict=True)
        if not f.code.endswith(
            ("cap_never_free", "fact_not_used", "derived_not_used", "floor_over_cap", "too_fine")
        )
    ]
    assert not real, (real, text)
    if loaded.programme is None:
        from hypothesis import reject

        reject()
    return bind(loaded.programme, on)


def both_answers(rules: Bound, people: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    engine = Interpreter(rules)
    told = []
    for person in people:
        v = engine.verdict(person)
        told.append(
            {"outcome": v.outcome, "passes": v.outcome is True}
            | {"s_" + n: s for n, s in v.scores.items()}
            | {"i_" + n: g.counted for n, g in v.items.items()}
            | {"u_" + n: g.is_unknown for n, g in v.items.items()}
            | {"c_" + n: s for n, s in {**v.conditions, **v.vetoes}.items()}
        )
    query = compile_sql(rules, want=WANT)
    con = duckdb.connect()
    facts = arrow_table(rules.programme, people)
    con.register("facts", facts)
    found = con.execute(query.sql)
    names = [d[0] for d in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    con.close()
    return told, [
        {k: Fraction(v, query.scale) if k[:2] in ("s_", "i_") else v for k, v in r.items()} for r in rows
    ]


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("ANJU_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
)
@given(
    made=policies.policy(),
    people=st.lists(policies.person(), min_size=4, max_size=12),
    on=st.dates(date(2016, 1, 1), date(2026, 12, 31)),
)
def test_interpreter_and_sql_agree(made: dict[str, Any], people: list[dict[str, Any]], on: date) -> None:
    rules = bound(made, on)
    told, found = both_answers(rules, people)
    for one, other in zip(told, found, strict=True):
        assert {k: one[k] for k in other if k in one} == other

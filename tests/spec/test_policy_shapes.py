"""What each shape of the policy format gives, as small tables. This file is also the manual of the shapes."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import duckdb
import pytest
import yaml

from anju.kernel import packs
from anju.policy.bound import Bound, bind
from anju.policy.interpret import Interpreter
from anju.policy.loading import build
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import arrow_table

FILE = packs.root() / "cn" / "policies" / "example" / "spec.yaml"
ON = date(2025, 6, 15)
LINE = {"zh": "行", "en": "line", "article": "1"}


def policy(item: dict[str, Any], facts: list[str], **more: Any) -> Bound:
    made: dict[str, Any] = {
        "zh": "例", "en": "example", "document": "1", "authority": "1", "in_force": {"from": date(2000, 1, 1)},
        "cutoff": {"rule": "filing", "article": "1"}, "facts": {f: {} for f in facts},
        "items": [{**LINE, "id": "x", **item}], "scores": [{**LINE, "id": "total"}],
        "services": [{**LINE, "id": "one", "score": "total"}],
    } | more  # fmt: skip
    loaded = build(FILE, yaml.safe_dump(made, allow_unicode=True, sort_keys=False))
    assert loaded.programme, loaded.faults
    return bind(loaded.programme, ON)


def given(rules: Bound, facts: dict[str, Any]) -> Fraction:
    """The score by the interpreter; the SQL must say the same."""
    verdict = Interpreter(rules).verdict(facts)
    query = compile_sql(rules, want=("scores", "outcome"))
    with duckdb.connect() as con:
        con.register("facts", arrow_table(rules.programme, [facts]))
        score, outcome = con.execute(query.sql).fetchone() or (None, None)
    assert (Fraction(score, query.scale), outcome) == (verdict.score, verdict.outcome)
    assert verdict.score is not None
    return verdict.score


PER = [
    # rule                                                                         months  points
    ({"step": "1 year", "points": 3}, 23, 3),
    ({"step": "1 year", "points": 3}, 24, 6),
    ({"step": "1 year", "points": 3, "round": "exact"}, 30, Fraction(15, 2)),
    ({"step": "1 year", "points": 3, "round": "up"}, 25, 9),
    ({"step": "1 year", "points": 4, "active_from": "5 years"}, 59, 0),
    ({"step": "1 year", "points": 4, "active_from": "5 years"}, 60, 20),
    ({"step": "1 month", "points": "0.1", "beyond": "12 months"}, 12, 0),
    ({"step": "1 month", "points": "0.1", "beyond": "12 months"}, 15, Fraction(3, 10)),
    ({"step": "1 month", "points": "0.35", "start": 28, "active_from": "5 years", "beyond": "5 years"}, 61, Fraction(567, 20)),
    ({"step": "1 year", "points": 2, "below": "5 years", "start": 5}, 36, 9),
    ({"step": "1 year", "points": 3, "max_steps": 4}, 100, 12),
    ({"step": "1 year", "points": -2, "beyond": "40 months", "start": 30}, 64, 26),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "months", "points"), PER)
def test_per(rule: dict[str, Any], months: int, points: Fraction) -> None:
    assert (
        given(
            policy({"per": {"of": "pension_months", **rule}}, ["pension_months"]), {"pension_months": months}
        )
        == points
    )


ROWS = [{"from": "0 years", "below": "5 years", "points": 4}, {"from": "5 years", "points": 6}]
BANDS = [
    # mode                months  points
    ("lookup", 59, 4),
    ("lookup", 60, 6),
    ("whole_period", 59, 16),
    ("whole_period", 72, 36),
    ("progressive", 59, 16),
    ("progressive", 72, 26),
]


@pytest.mark.parametrize(("mode", "months", "points"), BANDS)
def test_bands(mode: str, months: int, points: int) -> None:
    step = {} if mode == "lookup" else {"step": "1 year"}
    rules = policy({"bands": {"of": "job_months", "mode": mode, "rows": ROWS, **step}}, ["job_months"])
    assert given(rules, {"job_months": months}) == points


def test_a_money_band_includes_its_lower_bound_only() -> None:
    rows = [{"from": "10000 yuan", "below": "30000 yuan", "points": 4}, {"from": "30000 yuan", "points": 8}]
    rules = policy({"bands": {"of": "income_tax_fen", "rows": rows}}, ["income_tax_fen"])
    answers = [given(rules, {"income_tax_fen": fen}) for fen in (999_999, 1_000_000, 2_999_999, 3_000_000)]
    assert answers == [0, 4, 4, 8]


def test_ladder_and_cases() -> None:
    ladder = policy(
        {"ladder": {"of": "education", "points": {"college": "10.5", "bachelor": 15}}}, ["education"]
    )
    assert [given(ladder, {"education": e}) for e in ("senior", "college", "bachelor", None)] == [
        0,
        Fraction(21, 2),
        15,
        0,
    ]
    cases = policy(
        {
            "cases": [
                {"when": "has_own_home", "points": 100},
                {"when": "has_permit", "points": 60},
                {"points": 5},
            ]
        },
        ["has_own_home", "has_permit"],
    )
    assert given(cases, {"has_own_home": True, "has_permit": None}) == 100
    assert given(cases, {"has_own_home": False, "has_permit": True}) == 60
    assert given(cases, {"has_own_home": False, "has_permit": False}) == 5
    assert given(cases, {"has_own_home": None, "has_permit": True}) == 60, (
        "at least this, where rows only fall"
    )
    assert given(cases, {"has_own_home": None, "has_permit": None}) == 5
    rows = [{"when": "has_own_home", "points": 1}, {"when": "has_permit", "points": 60}]
    rising = policy({"cases": rows}, ["has_own_home", "has_permit"])
    assert given(rising, {"has_own_home": None, "has_permit": True}) == 0, "the row above might give less"


def test_groups_add_up_or_take_the_best_and_caps_hold() -> None:
    inner = [
        {**LINE, "id": "a", "per": {"of": "pension_months", "step": "1 year", "points": 3}, "cap": 20},
        {**LINE, "id": "b", "when": "has_own_home", "points": 8},
    ]
    facts = {"pension_months": 120, "has_own_home": True}
    for mode, cap, points in (
        ("sum", None, 28),
        ("sum", 25, 25),
        ("best_of", None, 20),
        ("choose_one", 10, 10),
    ):
        limit = {} if cap is None else {"cap": cap}
        assert given(policy({mode: inner, **limit}, ["pension_months", "has_own_home"]), facts) == points


def test_lists_are_counted_entry_by_entry() -> None:
    shared = policy(
        {
            "for_each": {"of": "patents", "where": "kind is invention"},
            "points": 20,
            "divide_by": "holders",
            "cap": 40,
        },
        ["patents"],
    )
    patents = [
        {"kind": "invention", "holders": 3},
        {"kind": "utility", "holders": 1},
        {"kind": "invention", "holders": 1},
    ]
    assert given(shared, {"patents": patents}) == Fraction(80, 3)
    first = policy(
        {
            "for_each": {"of": "patents"},
            "points": 30,
            "times": [{"factor": 2, "when": "is_first"}],
            "divide_by": {"of": "holders", "plus": 1},
        },
        ["patents"],
    )
    assert (
        given(first, {"patents": [{"holders": 2, "is_first": True}, {"holders": 2, "is_first": False}]}) == 30
    )
    yearly = policy(
        {
            "for_each": {"of": "volunteer_by_year", "where": "year within 5 years", "cap": 2},
            "per": {"of": "hours", "step": 50, "points": 2},
            "cap": 10,
        },
        ["volunteer_by_year"],
    )
    years = [{"year": 2024, "hours": 500}, {"year": 2025, "hours": 49}, {"year": 2019, "hours": 500}]
    assert given(yearly, {"volunteer_by_year": years}) == 2
    best = policy(
        {
            "for_each": {"of": "awards", "take": 2},
            "ladder": {"of": "level", "points": {"city": 10, "national": 30}},
        },
        ["awards"],
    )
    assert given(best, {"awards": [{"level": "city"}, {"level": "city"}, {"level": "national"}]}) == 40


AGES = [
    # born         full  started  calendar
    (date(1985, 6, 15), 40, 40, 40),
    (date(1985, 6, 14), 40, 41, 40),
    (date(1985, 6, 16), 39, 40, 40),
    (date(1985, 12, 31), 39, 40, 40),
]


@pytest.mark.parametrize(("born", "full", "started", "calendar"), AGES)
def test_age_by_three_counts(born: date, full: int, started: int, calendar: int) -> None:
    for count, years in (("full_years", full), ("started_years", started), ("calendar_years", calendar)):
        derived = [{**LINE, "id": "age", "age": {"of": "born_on", "on": "filing", "count": count}}]
        rules = policy({"per": {"of": "age", "step": 1, "points": 1}}, ["born_on"], derived=derived)
        assert given(rules, {"born_on": born}) == years, count


def test_derived_values_and_the_study_overlap() -> None:
    derived = [
        {**LINE, "id": "home", "least_of": ["own_home_months", "pension_months"]},
        {**LINE, "id": "rent", "difference": ["pension_months", "home"]},
        {**LINE, "id": "overlap", "least_of": ["study_overlap_months", "36 months"]},
    ]
    items = [
        {**LINE, "id": "own", "per": {"of": "home", "step": "1 year", "points": 1, "round": "exact"}},
        {**LINE, "id": "rented", "per": {"of": "rent", "step": "1 year", "points": "0.5", "round": "exact"}},
    ]
    minus = [
        {**LINE, "id": "study", "per": {"of": "overlap", "step": "1 year", "points": "3.5", "round": "exact"}}
    ]
    facts = ["own_home_months", "pension_months", "study_overlap_months"]
    rules = policy({}, facts, derived=derived, items=items, deductions=minus)
    found = given(rules, {"own_home_months": 100, "pension_months": 84, "study_overlap_months": 40})
    assert found == 7 - Fraction(36 * 7, 24)


def test_a_score_is_multiplied_floored_and_rounded_once() -> None:
    score = [
        {
            **LINE,
            "id": "total",
            "times": [{"factor": "1.3", "when": "has_own_home"}],
            "floor": 0,
            "round": {"places": 2, "mode": "half_up"},
        }
    ]
    item = {"per": {"of": "pension_months", "step": "1 year", "points": 1, "round": "exact"}}
    rules = policy(item, ["pension_months", "has_own_home"], scores=score)
    assert given(rules, {"pension_months": 5, "has_own_home": True}) == Fraction(54, 100)
    assert given(rules, {"pension_months": 5, "has_own_home": None}) == Fraction(42, 100), (
        "unknown never raises"
    )
    half = policy(
        {"per": {"of": "pension_months", "step": "1 month", "points": "0.125"}},
        ["pension_months"],
        scores=[{**LINE, "id": "total", "round": {"places": 2}}],
    )
    assert given(half, {"pension_months": 1}) == Fraction(13, 100)


def test_deductions_add_up_where_a_bonus_counts_once() -> None:
    items = [{**LINE, "id": "honour", "when": "honours >= 1", "points": 20}]
    minus = [{**LINE, "id": "detained", "per": {"of": "detentions", "step": 1, "points": 30}}]
    score = [{**LINE, "id": "total", "floor": 0}]
    rules = policy({}, ["honours", "detentions"], items=items, deductions=minus, scores=score)
    assert given(rules, {"honours": 3, "detentions": 0}) == 20
    assert given(rules, {"honours": 3, "detentions": 2}) == 0


OPEN = [
    # facts                                        outcome  why
    ({"p": 60, "d": 0, "own": False}, False, "known and below"),
    ({"p": 120, "d": 0, "own": None}, True, "reached without what is unknown"),
    ({"p": 60, "d": 0, "own": None}, None, "the unknown might lift it"),
    ({"p": 120, "d": None, "own": True}, None, "an unknown deduction never passes"),
    ({"p": None, "d": 0, "own": True}, None, "nothing unknown scores"),
]


@pytest.mark.parametrize(("facts", "outcome", "why"), OPEN)
def test_unknown_never_scores_and_never_passes(facts: dict[str, Any], outcome: bool | None, why: str) -> None:
    items = [
        {**LINE, "id": "years", "per": {"of": "pension_months", "step": "1 year", "points": 3}},
        {**LINE, "id": "home", "when": "has_own_home", "points": 5},
    ]
    minus = [{**LINE, "id": "detained", "per": {"of": "detentions", "step": 1, "points": 30}}]
    services = [{**LINE, "id": "one", "score": "total", "line": 20}]
    rules = policy(
        {}, ["pension_months", "has_own_home", "detentions"], items=items, deductions=minus, services=services
    )
    told = {"pension_months": facts["p"], "detentions": facts["d"], "has_own_home": facts["own"]}
    given(rules, told)
    assert Interpreter(rules).verdict(told).outcome is outcome, why


def test_services_have_their_own_totals_and_readings_choose_lines() -> None:
    items = [
        {**LINE, "id": "all", "points": 10},
        {**LINE, "id": "bonus", "points": 5, "only_for": ["school"]},
        {**LINE, "id": "rate", "reading": {"r": "one"}, "points": 1},
        {**LINE, "id": "rate", "reading": {"r": "two"}, "points": 2},
    ]
    readings = [
        {**LINE, "id": "r", "default": "one", "options": {o: {"zh": o, "en": o} for o in ("one", "two")}}
    ]
    services = [{**LINE, "id": s, "score": "total"} for s in ("school", "house")]
    rules = policy({}, [], items=items, readings=readings, services=services)
    other = bind(rules.programme, ON, {"r": "two"})
    engine = Interpreter(rules)
    assert [engine.verdict({}, s).score for s in ("school", "house")] == [16, 11]
    assert [Interpreter(other).verdict({}, s).score for s in ("school", "house")] == [17, 12]

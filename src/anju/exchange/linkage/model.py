"""Splink's model with our comparisons, compiled into one statement for the pairs that blocking left.

A pair weighs the prior and, for every comparison, log2(m/u) of the first level that holds; a level whose value may be
rare is adjusted by its frequency. ``settings`` says the same to Splink itself; a test holds that both weigh every pair
alike. One statement keeps the work in one stream, where Splink writes every compared column of every pair down twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Any

from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.parameters import LEAST_FREQUENCY, Parameters, double_sql
from anju.exchange.linkage.steps import Steps


def settings(
    comparisons: Sequence[Comparison], parameters: Parameters, rules: Sequence[str] = ()
) -> dict[str, Any]:
    """The model as Splink's settings."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": parameters.prior,
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": r} for r in rules or ("l.unique_id = r.unique_id",)
        ],
        "comparisons": [_comparison(c, parameters) for c in comparisons],
    }


def _comparison(comparison: Comparison, parameters: Parameters) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": comparison.missing.sql(),
            "label_for_charts": "missing",
            "is_null_level": True,
        }
    ]
    for level in comparison.levels:
        chance = parameters.chances[comparison.name][level.name]
        said: dict[str, Any] = {
            "sql_condition": level.condition.sql(),
            "label_for_charts": level.name,
            "m_probability": chance.m,
            "u_probability": chance.u,
        }
        if level.frequency:
            said |= {
                "tf_adjustment_column": level.frequency,
                "tf_adjustment_weight": 1.0,
                "tf_minimum_u_value": LEAST_FREQUENCY,
            }
        levels.append(said)
    other = parameters.chances[comparison.name]["other"]
    levels.append(
        {
            "sql_condition": "ELSE",
            "label_for_charts": "other",
            "m_probability": other.m,
            "u_probability": other.u,
        }
    )
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def score(steps: Steps, comparisons: Sequence[Comparison], parameters: Parameters) -> None:
    """Table ``lk_scored``: every variant pair of ``lk_likely`` at or above ``ask_from``, with each level and weight.

    Columns: unique_id_l, unique_id_r, weight, <comparison>_level, <comparison>_weight.
    """
    steps.table(
        "lk_scored",
        scored_sql(comparisons, parameters, [str(c[0]) for c in steps.engine.rows("DESCRIBE lk_feature")]),
    )


def scored_sql(comparisons: Sequence[Comparison], parameters: Parameters, columns: Sequence[str]) -> str:
    """Query of what ``score`` tells, from ``lk_likely`` (l, r) and ``lk_feature`` with its ``columns``."""
    held = [c for c in columns if c not in ("grp", "is_anchor", "record")]
    sides = ", ".join(f"x.{c} AS {c}_l, y.{c} AS {c}_r" for c in held)
    levels = ", ".join(f"{c.case_sql()} AS {c.name}_level" for c in comparisons)
    rarities = "".join(f", tf_{c}_l, tf_{c}_r" for c in frequencies(comparisons))
    weights = ", ".join(f"{_weight(c, parameters)} AS {c.name}_weight" for c in comparisons)
    summed = " + ".join(f"{c.name}_weight" for c in comparisons)
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in comparisons)
    return f"""
        WITH met AS (
            SELECT {sides} FROM lk_likely AS p JOIN lk_feature AS x ON x.unique_id = p.l
            JOIN lk_feature AS y ON y.unique_id = p.r
        ),
        compared AS (SELECT unique_id_l, unique_id_r{rarities}, {levels} FROM met),
        weighed AS (SELECT *, {weights} FROM compared),
        summed AS (SELECT *, {double_sql(parameters.prior_weight)} + {summed} AS weight FROM weighed)
        SELECT unique_id_l, unique_id_r, weight, {told} FROM summed WHERE weight >= {double_sql(parameters.ask_from)}
    """


def frequencies(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Columns whose rarity adjusts a weight; ``lk_feature`` holds ``tf_<column>`` beside each."""
    return tuple(dict.fromkeys(v.frequency for c in comparisons for v in c.levels if v.frequency))


def _weight(comparison: Comparison, parameters: Parameters) -> str:
    """SQL for the weight of a comparison's level, rarity included; a missing value weighs nothing."""
    level, whens = f"{comparison.name}_level", []
    adjusted = {v.name: v.frequency for v in comparison.levels if v.frequency}
    for name in comparison.names():
        worth = double_sql(parameters.weight(comparison.name, name))
        if name in adjusted:
            usual = double_sql(log2(parameters.chances[comparison.name][name].u))
            worth = f"{worth} + {_rarity(adjusted[name], usual)}"
        whens.append(f"WHEN '{name}' THEN {worth}")
    return f"CASE {level} {' '.join(whens)} ELSE 0e0 END"


def _rarity(column: str, usual: str) -> str:
    one, two = f"tf_{column}_l", f"tf_{column}_r"
    known = f"greatest(coalesce({one}, {two}), coalesce({two}, {one}), {double_sql(LEAST_FREQUENCY)})"
    return f"CASE WHEN coalesce({one}, {two}) IS NULL THEN 0e0 ELSE {usual} - log2({known}) END"

"""Splink's model with our comparisons: settings from stored parameters, scoring of blocked pairs, training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.parameters import LEAST_FREQUENCY, Parameters
from anju.exchange.linkage.steps import Steps


def settings(
    comparisons: Sequence[Comparison], parameters: Parameters, render: Any = str, rules: Sequence[str] = ()
) -> dict[str, Any]:
    """Splink settings; ``render`` turns a condition from DuckDB's dialect into the engine's."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": parameters.prior,
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": r} for r in rules or ("l.unique_id = r.unique_id",)
        ],
        "comparisons": [_comparison(c, parameters, render) for c in comparisons],
    }


def _comparison(comparison: Comparison, parameters: Parameters, render: Any) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": render(comparison.missing.sql()),
            "label_for_charts": "missing",
            "is_null_level": True,
        }
    ]
    for level in comparison.levels:
        chance = parameters.chances[comparison.name][level.name]
        said: dict[str, Any] = {
            "sql_condition": render(level.condition.sql()),
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
    from splink import Linker

    engine = steps.engine
    steps.table(
        "lk_blocked",
        "SELECT '0' AS match_key, l AS join_key_l, r AS join_key_r FROM lk_likely",
    )
    api = engine.splink()
    stated = settings(comparisons, parameters, getattr(engine, "render", str))
    rarities = ", ".join(f"tf_{column}" for column in frequencies(comparisons))
    engine.run(
        "CREATE OR REPLACE VIEW lk_compared AS SELECT "
        + (f"* EXCLUDE ({rarities})" if rarities else "*")
        + " FROM lk_feature"
    )
    linker = Linker(api.register("lk_compared"), stated, log_level=None, validate_settings=False)
    for column in frequencies(comparisons):
        table = f"lk_tf_{column}"
        steps.table(
            table,
            f"SELECT {column}, max(tf_{column}) AS tf_{column} FROM lk_feature WHERE {column} IS NOT NULL GROUP BY {column}",
        )
        linker.table_management.register_term_frequency_lookup(api.register(table), column)
    linker.table_management.register_blocked_pairs_for_predict(api.register("lk_blocked"))
    predicted = steps.timed(
        "splink",
        lambda: linker.inference.predict(threshold_match_weight=parameters.ask_from, warning_mode="never"),
    )
    columns = ", ".join(_told(c) for c in comparisons)
    steps.table(
        "lk_scored",
        f"SELECT unique_id_l, unique_id_r, match_weight AS weight, {columns} FROM {predicted.physical_name}",
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    steps.drop("lk_blocked")


def frequencies(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Columns whose rarity adjusts a weight; ``lk_feature`` holds ``tf_<column>`` beside each."""
    return tuple(dict.fromkeys(v.frequency for c in comparisons for v in c.levels if v.frequency))


def _told(comparison: Comparison) -> str:
    """Splink numbers levels from 0 (the last) upwards, -1 is missing; tell them by name, with their whole weight."""
    count = len(comparison.levels)
    whens = " ".join(
        f"WHEN gamma_{comparison.name} = {count - i} THEN '{v.name}'" for i, v in enumerate(comparison.levels)
    )
    adjusted = any(v.frequency for v in comparison.levels)
    weight = f"mw_{comparison.name}" + (f" + mw_tf_adj_{comparison.name}" if adjusted else "")
    return f"""CASE {whens} WHEN gamma_{comparison.name} = 0 THEN 'other' ELSE 'missing' END AS {comparison.name}_level,
        {weight} AS {comparison.name}_weight"""

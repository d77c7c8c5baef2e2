"""Spells of one thing told by several sources become one period with its sources: stays, jobs, enrolments.

Grain: one row per person, key and unbroken period.
Units: days, half-open; a gap of at most ``gap_days`` is no break.
Unknown: no stated begin means the day the source confirmed it; no stated end means none ended it.
"""

from __future__ import annotations

from dataclasses import dataclass

from anju.exchange.library.inputs import SOURCES, Inputs, best, weight
from anju.exchange.library.rules import Rules
from anju.kernel.engine import Engine

FOREVER = "DATE '9999-12-31'"


@dataclass(frozen=True, slots=True)
class Spells:
    """A query of spells (pid, ds, dataset, seen, begin_on, end_on, key columns, told columns) and how to merge them.

    ``told`` maps a column to ``aspect.column`` (its authority) and its type; ``extra`` are further aggregates.
    """

    name: str
    query: str
    key: tuple[str, ...]
    told: tuple[tuple[str, str, str], ...]
    extra: str = ""


def merge(engine: Engine, inputs: Inputs, rules: Rules, spells: Spells) -> None:
    """Make the table ``spells.name``: key, begin_on, end_on, presumed_end_on, told columns, confirmed_on, sources."""
    key = ", ".join(spells.key)
    weights = {column: f"w_{column}" for column, _, _ in spells.told}
    weighed = "".join(f", {weight(inputs, rules, q)} AS {weights[c]}" for c, q, _ in spells.told)
    told = "".join(f", CAST({best(c, weights[c])} AS {t}) AS {c}" for c, _, t in spells.told)
    extra = f", {spells.extra}" if spells.extra else ""
    columns = ", ".join(("pid", "ds", "dataset", "seen", *spells.key, *(c for c, _, _ in spells.told)))
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {spells.name}_spell AS SELECT {columns}, "
        "coalesce(begin_on, seen) AS begin_on, CASE WHEN end_on <= coalesce(begin_on, seen) "
        f"THEN CAST(coalesce(begin_on, seen) + INTERVAL 1 DAY AS DATE) ELSE end_on END AS end_on FROM ({spells.query}) AS q"
    )
    order = f"PARTITION BY pid, {key} ORDER BY begin_on, coalesce(end_on, {FOREVER}), seen, ds"
    engine.run(f"""
CREATE OR REPLACE TEMP TABLE {spells.name} AS
WITH reached AS (
    SELECT *, max(coalesce(end_on, {FOREVER})) OVER (
        {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
    FROM {spells.name}_spell
),
numbered AS (
    SELECT *{weighed}, sum(CASE WHEN reach IS NULL OR date_diff('day', reach, begin_on) > {rules.gap_days}
        THEN 1 ELSE 0 END) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
    FROM reached
),
merged AS (
    SELECT pid, {key}, min(begin_on) AS begin_on,
        CASE WHEN max(CASE WHEN end_on IS NULL THEN seen END) >= coalesce(max(end_on), DATE '0001-01-01')
            THEN NULL ELSE max(end_on) END AS end_on,
        max(seen) AS confirmed_on, {SOURCES} AS sources{told}{extra}
    FROM numbered GROUP BY pid, {key}, island
),
followed AS (
    SELECT *, lead(begin_on) OVER (PARTITION BY pid ORDER BY begin_on, {key}) AS next_on,
        lead(confirmed_on) OVER (PARTITION BY pid ORDER BY begin_on, {key}) AS next_confirmed_on
    FROM merged
)
SELECT *, CASE WHEN end_on IS NULL AND next_on > begin_on AND next_confirmed_on >= confirmed_on
    THEN next_on END AS presumed_end_on
FROM followed""")


def current(table: str, as_of: str, columns: str) -> str:
    """A query: each person's one current row of a merged table on ``as_of`` (SQL date), with ``columns``."""
    return (
        f"SELECT pid, {columns} FROM {table} WHERE begin_on <= {as_of} "
        f"AND coalesce(end_on, presumed_end_on, {FOREVER}) > {as_of} "
        "QUALIFY row_number() OVER (PARTITION BY pid ORDER BY begin_on DESC, confirmed_on DESC, "
        f"{columns.partition(',')[0]}) = 1"
    )

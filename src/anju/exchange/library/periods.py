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
    """Make the table ``spells.name``: key, begin_on, end_on, presumed_end_on, told columns, confirmed_on, sources.

    Spells that all touch one another, nearly all there are, take a short way; the rest are put in order and walked.
    Only people with several periods are looked at for what ended what.
    """
    name, key = spells.name, ", ".join(spells.key)
    columns = ", ".join(("pid", "ds", "dataset", "seen", *spells.key))
    weighed = "".join(f", {c}, {weight(inputs, rules, q)} AS w_{c}" for c, q, _ in spells.told)
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name}_spell AS SELECT {columns}{weighed}, "
        "concat(dataset, '@', CAST(seen AS VARCHAR)) AS source, "
        "coalesce(begin_on, seen) AS begin_on, CASE WHEN end_on <= coalesce(begin_on, seen) "
        "THEN CAST(coalesce(begin_on, seen) + INTERVAL 1 DAY AS DATE) ELSE end_on END AS end_on "
        f"FROM ({spells.query}) AS q"
    )
    told = "".join(f", CAST({best(c, f'w_{c}')} AS {t}) AS {c}" for c, _, t in spells.told)
    told += f", {spells.extra}" if spells.extra else ""
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name}_short AS SELECT *, "
        f"date_diff('day', first_end, last_begin) > {rules.gap_days} AS is_far FROM ({_short(name, key, told)}) AS s"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE {name}_many AS {_many(name, spells.key)}")
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name}_several AS SELECT pid FROM {name}_short "
        "GROUP BY pid HAVING count(*) > 1 OR bool_or(is_far)"
    )
    walked = ", ".join(("begin_on", "end_on", "confirmed_on", "sources", *_told_names(spells)))
    short = walked.replace("sources", "coalesce(y.every, sources) AS sources")
    whole = f"LEFT JOIN {name}_many AS y ON {' AND '.join(f's.{k} = y.m_{k}' for k in ('pid', *spells.key))}"
    engine.run(f"""
CREATE OR REPLACE TEMP TABLE {name} AS
WITH merged AS (
    SELECT s.pid, {key}, {short} FROM {name}_short AS s JOIN {name}_several AS m ON s.pid = m.pid {whole} WHERE NOT is_far
    UNION ALL
    SELECT pid, {key}, {walked} FROM ({_walked(spells, key, told, rules.gap_days)}) AS w
),
followed AS (
    SELECT *, lead(begin_on) OVER (PARTITION BY pid ORDER BY begin_on, {key}) AS next_on,
        lead(confirmed_on) OVER (PARTITION BY pid ORDER BY begin_on, {key}) AS next_confirmed_on
    FROM merged
)
SELECT pid, {key}, {walked}, CASE WHEN end_on IS NULL AND next_on > begin_on
    AND next_confirmed_on >= confirmed_on THEN next_on END AS presumed_end_on
FROM followed
UNION ALL
SELECT s.pid, {key}, {short}, CAST(NULL AS DATE) AS presumed_end_on
FROM {name}_short AS s LEFT JOIN {name}_several AS m ON s.pid = m.pid {whole} WHERE m.pid IS NULL""")
    for table in ("short", "many", "several"):
        engine.run(f"DROP TABLE {name}_{table}")


def _told_names(spells: Spells) -> tuple[str, ...]:
    extra = (spells.extra.rpartition(" AS ")[2],) if spells.extra else ()
    return (*(c for c, _, _ in spells.told), *extra)


_END = """CASE WHEN max(CASE WHEN end_on IS NULL THEN seen END) >= coalesce(max(end_on), DATE '0001-01-01')
    THEN NULL ELSE max(end_on) END AS end_on"""


def _short(name: str, key: str, told: str) -> str:
    """One row per person and key, all spells together, with what tells whether that is right."""
    return f"""
SELECT pid, {key}, count(*) AS n, max(begin_on) AS last_begin, min(coalesce(end_on, {FOREVER})) AS first_end,
    min(begin_on) AS begin_on, {_END}, max(seen) AS confirmed_on,
    CASE WHEN min(source) = max(source) THEN min(source) ELSE concat(min(source), ';', max(source)) END AS sources{told}
FROM {name}_spell GROUP BY pid, {key}"""


def _many(name: str, keys: tuple[str, ...]) -> str:
    """The sources of periods told more than twice: of fewer the smallest and the greatest are all there are."""
    mine = ", ".join(f"s.{k} AS m_{k}" for k in ("pid", *keys))
    same = " AND ".join(f"s.{k} = f.{k}" for k in ("pid", *keys))
    return (
        f"SELECT {mine}, {SOURCES} AS every FROM {name}_spell AS s "
        f"JOIN (SELECT pid, {', '.join(keys)} FROM {name}_short WHERE n > 2 AND NOT is_far) AS f ON {same} "
        f"GROUP BY {', '.join(f's.{k}' for k in ('pid', *keys))}"
    )


def _walked(spells: Spells, key: str, told: str, gap_days: int) -> str:
    """Spells of the same key in order; a new period begins after a gap. ``place`` keeps equal spells in one order."""
    same = " AND ".join(f"s.{k} = f.{k}" for k in ("pid", *spells.key))
    order = (
        "PARTITION BY f.thing "  # stands for person and key: one number sorts faster than texts
        f"ORDER BY s.begin_on, coalesce(s.end_on, {FOREVER}), s.seen, s.ds ROWS BETWEEN UNBOUNDED PRECEDING AND"
    )
    return f"""
SELECT pid, {key}, min(begin_on) AS begin_on, {_END}, max(seen) AS confirmed_on, {SOURCES} AS sources{told}
FROM (
    SELECT *, sum(CASE WHEN reach IS NULL OR date_diff('day', reach, begin_on) > {gap_days} THEN 1 ELSE 0 END)
        OVER (PARTITION BY thing ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
    FROM (
        SELECT s.*, f.thing, max(coalesce(s.end_on, {FOREVER})) OVER ({order} 1 PRECEDING) AS reach,
            count(*) OVER ({order} CURRENT ROW) AS place
        FROM {spells.name}_spell AS s JOIN (
            SELECT pid, {key}, row_number() OVER () AS thing FROM {spells.name}_short WHERE is_far) AS f ON {same}
    ) AS reached
) AS numbered
GROUP BY pid, {key}, island"""


def current(table: str, as_of: str, columns: str) -> str:
    """A query: each person's one current row of a merged table on ``as_of`` (SQL date), with ``columns``."""
    return (
        f"SELECT pid, {columns} FROM {table} WHERE begin_on <= {as_of} "
        f"AND coalesce(end_on, presumed_end_on, {FOREVER}) > {as_of} "
        "QUALIFY row_number() OVER (PARTITION BY pid ORDER BY begin_on DESC, confirmed_on DESC, "
        f"{columns}) = 1"
    )

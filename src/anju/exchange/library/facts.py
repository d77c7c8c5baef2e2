"""Dated facts about people that need no merging of periods: contributions, permits, tax, skills, land, aid, health.

Grain: see ``catalogue``. Each function gives a query with ``pid`` in place of ``person_code``.
Units: months are first days of months, half-open; money in fen.
Unknown: null.
"""

from __future__ import annotations

from anju.exchange.library.inputs import SOURCES, Inputs, aspect_rows, best, weight
from anju.exchange.library.rules import Rules
from anju.kernel.engine import Engine


def contributions(engine: Engine, inputs: Inputs) -> None:
    """Make ``contribution``: runs of months; a month of one scheme and kind told twice is counted once.

    Of two runs that share months the one that began first keeps them. Runs without a rival, nearly all, take a
    short way that needs no sorting.
    """
    engine.run(f"CREATE OR REPLACE TEMP TABLE contribution_row AS {contribution_rows(inputs)}")
    engine.run("""
CREATE OR REPLACE TEMP TABLE rival AS
SELECT *, row_number() OVER () AS place
FROM (SELECT pid, scheme, kind FROM contribution_row GROUP BY pid, scheme, kind HAVING count(*) > 1) AS r""")
    engine.run(f"CREATE OR REPLACE TEMP TABLE contribution AS {_ALONE} UNION ALL {_RIVALS}")


def contribution_rows(inputs: Inputs) -> str:
    """A query: every run of months that a record states."""
    wanted = ("scheme", "kind", "region", "from_month", "to_month", "base_fen")
    return f"""
SELECT pid, ds, dataset, seen, scheme, coalesce(kind, 'normal') AS kind, coalesce(region, '') AS region,
    from_month, to_month, base_fen
FROM ({aspect_rows(inputs, "contribution", wanted)}) AS c
WHERE scheme IS NOT NULL AND from_month IS NOT NULL AND to_month > from_month"""


_MONTHS = "CAST(date_diff('month', {0}, {1}) AS INTEGER) AS months"
_ALONE = f"""
SELECT c.pid, c.scheme, c.kind, c.region, c.from_month, c.to_month, {_MONTHS.format("c.from_month", "c.to_month")},
    c.base_fen, concat(c.dataset, '@', CAST(c.seen AS VARCHAR)) AS sources
FROM contribution_row AS c
LEFT JOIN rival AS r ON c.pid = r.pid AND c.scheme = r.scheme AND c.kind = r.kind WHERE r.pid IS NULL
"""
# ``place`` stands for person, scheme and kind: one number sorts faster than a number and two texts.
_SAME = "PARTITION BY r.place ORDER BY from_month, to_month DESC, seen DESC, region, base_fen, ds"
_ORDER = "PARTITION BY place ORDER BY from_month"
_RIVALS = f"""
SELECT pid, scheme, kind, min(region) AS region, min(from_month) AS from_month, max(to_month) AS to_month,
    {_MONTHS.format("min(from_month)", "max(to_month)")}, min(base_fen) AS base_fen, {SOURCES} AS sources
FROM (
    SELECT *, sum(step) OVER ({_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
    FROM (
        SELECT *, CASE WHEN lag(to_month) OVER ({_ORDER}) = from_month
            AND coalesce(lag(base_fen) OVER ({_ORDER}), -1) = coalesce(base_fen, -1)
            AND lag(region) OVER ({_ORDER}) = region THEN 0 ELSE 1 END AS step
        FROM (
            SELECT place, pid, dataset, seen, scheme, kind, region, base_fen, to_month,
                CASE WHEN reach > from_month THEN reach ELSE from_month END AS from_month
            FROM (
                SELECT c.*, r.place, max(to_month) OVER (
                    {_SAME} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
                FROM contribution_row AS c
                JOIN rival AS r ON c.pid = r.pid AND c.scheme = r.scheme AND c.kind = r.kind
            ) AS reached
            WHERE reach IS NULL OR reach < to_month
        ) AS clipped
    ) AS stepped
) AS numbered
GROUP BY pid, scheme, kind, run
"""


def permits(inputs: Inputs) -> str:
    """One row per person and permit number; the latest validity stands."""
    wanted = ("permit_no", "issued_on", "valid_until")
    return (
        "SELECT pid, permit_no, max(issued_on) AS issued_on, max(valid_until) AS valid_until, "
        f"{SOURCES} AS sources FROM ({aspect_rows(inputs, 'permit', wanted)}) AS p "
        "WHERE permit_no IS NOT NULL GROUP BY pid, permit_no"
    )


def taxes(inputs: Inputs, rules: Rules) -> str:
    """One row per person and year: the newest amount of each employer, added up."""
    rows = aspect_rows(inputs, "tax", ("year", "paid_fen"), ("job.employer_code", "job.employer_name"))
    return f"""
WITH told AS (
    SELECT pid, year, coalesce(job_employer_code, job_employer_name, '') AS employer, dataset, seen,
        paid_fen, {weight(inputs, rules, "tax.paid_fen")} AS w
    FROM ({rows}) AS t WHERE year IS NOT NULL
),
by_employer AS (
    SELECT pid, year, employer, CAST({best("paid_fen", "w")} AS BIGINT) AS paid_fen FROM told
    GROUP BY pid, year, employer
),
added AS (SELECT pid, year, CAST(sum(paid_fen) AS BIGINT) AS paid_fen FROM by_employer GROUP BY pid, year),
sourced AS (SELECT pid, year, {SOURCES} AS sources FROM told GROUP BY pid, year)
SELECT a.pid, a.year, a.paid_fen, s.sources FROM added AS a JOIN sourced AS s ON a.pid = s.pid AND a.year = s.year
"""


def skills(inputs: Inputs) -> str:
    """One row per person, qualification and level, first issue."""
    return (
        "SELECT pid, coalesce(name, '') AS name, coalesce(level, '') AS level, min(issued_on) AS issued_on, "
        f"{SOURCES} AS sources FROM ({aspect_rows(inputs, 'skill', ('name', 'level', 'issued_on'))}) AS s "
        "GROUP BY pid, coalesce(name, ''), coalesce(level, '')"
    )


def lands(inputs: Inputs, rules: Rules) -> str:
    """One row per person and plot."""
    wanted = ("region", "area_m2", "begin_on", "is_leased_out")
    return f"""
SELECT pid, coalesce(region, '') AS region, area_m2, begin_on,
    CAST({best("is_leased_out", "w")} AS BOOLEAN) AS is_leased_out, {SOURCES} AS sources
FROM (SELECT *, {weight(inputs, rules, "land.is_leased_out")} AS w FROM ({aspect_rows(inputs, "land", wanted)}) AS l) AS k
GROUP BY pid, coalesce(region, ''), area_m2, begin_on
"""


def aids(inputs: Inputs) -> str:
    """One row per person, matter and opening day."""
    return (
        "SELECT pid, coalesce(kind, '') AS kind, opened_on, max(closed_on) AS closed_on, "
        f"{SOURCES} AS sources FROM ({aspect_rows(inputs, 'aid', ('kind', 'opened_on', 'closed_on'))}) AS a "
        "GROUP BY pid, coalesce(kind, ''), opened_on"
    )


def health_files(inputs: Inputs) -> str:
    """One row per person and health station."""
    return (
        "SELECT pid, coalesce(station_code, '') AS station_code, min(opened_on) AS opened_on, "
        f"{SOURCES} AS sources FROM ({aspect_rows(inputs, 'health', ('opened_on', 'station_code'))}) AS h "
        "GROUP BY pid, coalesce(station_code, '')"
    )

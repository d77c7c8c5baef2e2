"""Tables that standardising looks things up in: division codes through history, the lunar calendar.

Source: packs/cn/codes/divisions.parquet and the place's regions.csv; lunar months from ``lunardate``.
"""

from __future__ import annotations

from functools import lru_cache

from lunardate import LunarDate

from anju.exchange.intake.address import PLACES, regions
from anju.kernel import packs
from anju.kernel.engine import Engine, literal
from anju.kernel.refusal import Refusal

DIVISIONS = "division_forms"
"""Table: ``written`` code or name, ``code`` in force today (or the last one), ``in_force`` of what was written."""

LUNAR = "lunar_months"
"""Table: ``ym`` lunar year times 100 plus month, ``first_on`` solar day of its first day, ``days`` it has."""

LUNAR_YEARS = range(1900, 2099)

_FORMS = """
CREATE OR REPLACE TABLE {table} AS
WITH spell AS (
  SELECT * FROM read_parquet({path})
), resolved AS (
  SELECT code, bool_or(end_year IS NULL) AS in_force,
         CASE WHEN bool_or(end_year IS NULL) THEN code ELSE coalesce(max(successor), code) END AS today
  FROM spell GROUP BY code
), named AS (
  SELECT s.name, r.today, r.in_force, s.level, s.code, p.name AS province,
         CASE WHEN c.kind = 'division' THEN c.name ELSE '' END AS city
  FROM spell s JOIN resolved r USING (code)
  LEFT JOIN spell p ON p.code = left(s.code, 2) || '0000' AND p.end_year IS NULL
  LEFT JOIN spell c ON c.code = left(s.code, 4) || '00' AND c.end_year IS NULL AND s.level = 3
  WHERE s.kind = 'division'
), forms AS (
  SELECT code AS written, today AS code, in_force FROM resolved
  UNION SELECT province || coalesce(city, '') || name, today, in_force FROM named WHERE level = 3
  UNION SELECT province || name, today, in_force FROM named WHERE level >= 2
  UNION SELECT city || name, today, in_force FROM named WHERE level = 3 AND city <> ''
  UNION SELECT name, today, in_force FROM named
  UNION ALL SELECT written, code, TRUE FROM {places}
  UNION ALL SELECT DISTINCT code, code, TRUE FROM {places}
), whole AS (
  SELECT written, coalesce(min(code) FILTER (in_force), min(code)) AS code, bool_or(in_force) AS in_force
  FROM forms GROUP BY written
  HAVING count(DISTINCT code) FILTER (in_force) = 1 OR (NOT bool_or(in_force) AND count(DISTINCT code) = 1)
), stems AS (
  SELECT *, regexp_replace(name, '(省|市|区|县|地区|特别行政区|(维吾尔|壮族|回族)?自治区)$', '') AS stem,
         regexp_replace(province, '(省|市|特别行政区|(维吾尔|壮族|回族)?自治区)$', '') AS province_stem,
         regexp_replace(city, '(市|地区)$', '') AS city_stem
  FROM named
), shortened AS (
  SELECT stem AS written, today AS code, in_force, level FROM stems
  UNION SELECT province_stem || name, today, in_force, level FROM stems WHERE level >= 2
  UNION SELECT province_stem || stem, today, in_force, level FROM stems WHERE level = 2
  UNION SELECT province_stem || c || name, today, in_force, level FROM stems, unnest([city, city_stem]) x(c)
        WHERE level = 3 AND city <> ''
  UNION SELECT city_stem || name, today, in_force, level FROM stems WHERE level = 3 AND city <> ''
)
FROM whole
UNION ALL
SELECT written, min(code), TRUE FROM shortened WHERE length(written) > 1 GROUP BY written
HAVING count(DISTINCT code) = 1 AND bool_or(in_force)
   AND (min(level) FILTER (in_force) < 3 OR length(written) > 3)
   AND written NOT IN (SELECT written FROM forms WHERE written IS NOT NULL)
"""
"""What stands for several divisions stands for none. Provinces and cities may be short of their kind (广东, 深圳), so may
they before another's name (深圳宝安区); a county's own short name only keeps a city's from being taken for it (朝阳)."""


def define(engine: Engine) -> None:
    """Make the tables of this module known to the engine, which knows those of ``address`` already."""
    path = packs.find_file("codes/divisions.parquet")
    if path is None:
        raise Refusal("intake.no_divisions")
    engine.run(_FORMS.format(table=DIVISIONS, path=literal(str(path)), places=PLACES))
    months = ", ".join(f"({ym}, DATE '{first}', {days})" for ym, first, days in lunar_months())
    engine.run(f"CREATE OR REPLACE TABLE {LUNAR} (ym INT, first_on DATE, days INT)")
    engine.run(f"INSERT INTO {LUNAR} VALUES {months}")


def own_prefixes() -> tuple[str, ...]:
    """First four digits of the place's own codes: below them every division is listed, so none else exists."""
    return tuple(sorted({code[:4] for code in regions()}))


@lru_cache
def lunar_months() -> tuple[tuple[int, str, int], ...]:
    """Every ordinary lunar month of ``LUNAR_YEARS``: year*100+month, its first day (solar), its days."""
    found = []
    for year in LUNAR_YEARS:
        for month in range(1, 13):
            first = LunarDate(year, month, 1).to_solar_date()
            found.append((year * 100 + month, first.isoformat(), _days(year, month)))
    return tuple(found)


def _days(year: int, month: int) -> int:
    try:
        LunarDate(year, month, 30).to_solar_date()
    except ValueError:
        return 29
    return 30

"""Whose rows can differ from the former run's, and which records say so: when in doubt, more.

People are touched when a record about them changed or something else was decided about them; when they share with such a
person a household, a tie, a number by which relatives are found; when a dwelling or employer of theirs is told otherwise;
when something of theirs begins or ends between the two days.

Grain: ``touched`` one row per person; ``place_changed`` and ``employer_changed`` one row per code told of otherwise.
Raises: nothing. Source: ``changes``, the former run's tables. DuckDB only.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from anju.exchange.library import relatives
from anju.exchange.library.kept import EMPLOYER
from anju.exchange.library.places import EMPLOYER_BY_NAME, EMPLOYER_NAME, EMPLOYER_REGION, PARTS
from anju.exchange.library.records import NOW, Records
from anju.exchange.library.resolve import RECENT_MONTHS
from anju.kernel.engine import Engine


def find(records: Records, then: date, now: date, again: frozenset[str]) -> None:
    """Make ``touched``, ``place_changed``, ``employer_changed``, and take the records of all who are touched, with all
    that is told of the dwellings in ``place_changed``. ``again``: people who are resolved whatever they share."""
    engine = records.engine
    _said_now(engine)
    relatives.stirred(records)
    relatives.met(records, "stirred", "met")
    met = "SELECT a.person_code FROM assignment AS a SEMI JOIN met AS m ON m.record_id = a.record_id"
    listed = ", ".join(f"('{code}')" for code in sorted(again)) or "('')"
    parts = [
        "SELECT person_code FROM person_changed",
        met,
        "SELECT relative_code FROM stood_kin WHERE person_code IN (SELECT person_code FROM stirred) AND relative_code <> ''",
        f"SELECT code FROM (VALUES {listed}) AS v(code) WHERE code <> ''",
        *_lodged(engine),
        *_employed(records),
        *_days(then, now),
    ]
    engine.run(
        f"CREATE OR REPLACE TABLE touched AS SELECT DISTINCT person_code FROM ({' UNION ALL '.join(parts)}) AS t(person_code)"
    )
    _partners(engine, records.inputs.decided_kin)
    _addresses(records)
    records.take(
        "SELECT record_id FROM met UNION ALL SELECT record_id FROM met_address UNION ALL "
        "SELECT a.record_id FROM assignment AS a SEMI JOIN touched AS p ON p.person_code = a.person_code"
    )
    relatives.met(records, "touched", "met_beside")
    records.take("SELECT record_id FROM met_beside")
    records.show(NOW)


def _said_now(engine: Engine) -> None:
    """Make ``place_changed`` (code) and ``employer_changed`` (code): of what changed records said or say something."""
    every = " UNION ".join(
        f"SELECT code FROM {when}_{table} WHERE code <> ''"
        for when in ("was", "now")
        for table in ("told_stay", "told_dwelling")
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE place_changed AS SELECT code FROM ({every}) AS c")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE employer_changed AS SELECT DISTINCT credit_code AS code FROM ("
        "SELECT credit_code FROM was_employer_said UNION ALL SELECT credit_code FROM now_employer_said) AS e"
    )


def _lodged(engine: Engine) -> list[str]:
    """A query: people with a stay in a dwelling whose division may be another now.

    It is not where all that is said of it now is the division it has, and nothing that was said before is gone.
    """
    told = {
        when: f"SELECT code, rpad(region, 12, '0') AS region FROM {when}_told_stay WHERE code <> '' UNION ALL "
        f"SELECT code, rpad(region, 12, '0') FROM {when}_told_dwelling WHERE code <> ''"
        for when in ("was", "now")
    }
    engine.run(
        "CREATE OR REPLACE TEMP TABLE place_moving AS SELECT code FROM ("
        f"SELECT n.code, n.region FROM ({told['now']}) AS n WHERE n.region IS NOT NULL "
        f"UNION SELECT w.code, w.region FROM ({told['was']}) AS w ANTI JOIN ({told['now']}) AS n "
        "ON n.code = w.code AND n.region = w.region WHERE w.region IS NOT NULL) AS t "
        "ANTI JOIN stood_dwelling AS d ON d.dwelling_code = t.code AND d.region = t.region "
        "UNION "
        f"SELECT code FROM (SELECT DISTINCT code FROM ({told['was']}) AS w WHERE region IS NOT NULL) AS w "
        f"ANTI JOIN (SELECT code FROM ({told['now']}) AS n WHERE region IS NOT NULL) AS n ON n.code = w.code"
    )
    return [
        "SELECT person_code FROM stood_stay WHERE dwelling_code IN (SELECT code FROM place_moving)",
    ]


_CELLS = ", ".join(c for c in EMPLOYER if c != "n")
EMPLOYER_PART = f"""
SELECT {_CELLS}, CAST(sum(n) AS BIGINT) AS n FROM (
    SELECT {_CELLS}, n FROM stood_employer_said WHERE credit_code IN (SELECT code FROM employer_changed)
    UNION ALL SELECT {_CELLS}, -n FROM was_employer_said UNION ALL SELECT {_CELLS}, n FROM now_employer_said
) AS s GROUP BY {_CELLS} HAVING sum(n) > 0"""


def _employed(records: Records) -> list[str]:
    """Queries: people with a job at an employer that is called otherwise, lies elsewhere or has another code now."""
    engine = records.engine
    engine.run(f"CREATE OR REPLACE TEMP TABLE employer_part AS {EMPLOYER_PART}")
    engine.run(
        f"CREATE OR REPLACE TEMP VIEW employer_now AS SELECT {_CELLS}, n FROM stood_employer_said "
        f"WHERE credit_code NOT IN (SELECT code FROM employer_changed) UNION ALL SELECT {_CELLS}, n FROM employer_part"
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE name_said AS SELECT name FROM was_employer_said WHERE name IS NOT NULL "
        "UNION SELECT name FROM now_employer_said WHERE name IS NOT NULL"
    )
    stood = "(SELECT * FROM stood_employer_said WHERE {0}) AS e"
    named = "name IN (SELECT name FROM name_said)"
    then, now = (
        EMPLOYER_BY_NAME.replace("employer_said", f"({source})")
        for source in (f"SELECT * FROM {t} WHERE {named}" for t in ("stood_employer_said", "employer_now"))
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE name_moved AS SELECT coalesce(a.name, b.name) AS name, a.code AS was, b.code AS now "
        f"FROM ({then}) AS a FULL JOIN ({now}) AS b ON a.name = b.name WHERE a.code IS DISTINCT FROM b.code"
    )
    listed = stood.format("credit_code IN (SELECT code FROM employer_changed)")
    differing = []
    for query, told in ((EMPLOYER_NAME, "name"), (EMPLOYER_REGION, "region")):
        old = query.replace("employer_said", listed)
        new = query.replace("employer_said", "employer_part")
        differing.append(
            f"SELECT coalesce(a.code, b.code) AS code FROM ({old}) AS a FULL JOIN ({new}) AS b ON a.code = b.code "
            f"WHERE a.{told} IS DISTINCT FROM b.{told}"
        )
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE employer_moved AS {' UNION '.join(differing)} UNION SELECT was FROM name_moved "
        "UNION SELECT now FROM name_moved"
    )
    found = [
        "SELECT person_code FROM stood_job WHERE employer_code <> '' AND employer_code IN (SELECT code FROM employer_moved)",
        "SELECT person_code FROM stood_job WHERE employer_code = '' AND employer_name IN (SELECT name FROM name_moved)",
    ]
    if records.inputs.decided and engine.rows("SELECT 1 FROM name_moved LIMIT 1"):
        engine.scan("job_decided", [records.inputs.decided])
        found.append("SELECT person_code FROM job_decided WHERE aspect = 'job'")
    return found


def _place_key(column: str) -> str:
    """SQL for what an address is found by; ``column`` is a pattern for the name of a part."""
    parts = ", ".join(f"coalesce({column.format(p)}, '')" for p in PARTS)
    return (
        f"CASE WHEN {column.format('street')} IS NOT NULL THEN hash({parts}) "
        f"WHEN {column.format('address')} IS NOT NULL THEN hash({column.format('address')}) END"
    )


def _addresses(records: Records) -> None:
    """Table ``met_address`` (record_id): everything that is told of the dwellings in ``place_changed``."""
    engine = records.engine
    tables = [f"{when}_{table}" for when in ("was", "now") for table in ("told_stay", "told_dwelling")]
    houses = "stood_official_said", "now_official_said"
    stated = " UNION ".join(
        f"SELECT dwelling_code AS official FROM {t} WHERE dwelling_code IS NOT NULL" for t in tables
    )
    meant = " UNION ".join(
        f"SELECT official FROM {h} WHERE code IN (SELECT code FROM place_changed)" for h in houses
    )
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE house_key AS SELECT official FROM ({stated} UNION {meant}) AS h"
    )
    key = _place_key("{0}")
    keys = [f"SELECT {key} AS key FROM {t}" for t in tables]
    keys += [
        f"SELECT {key} FROM {h} WHERE code IN (SELECT code FROM place_changed) OR official IN (SELECT official FROM house_key)"
        for h in houses
    ]
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE place_key AS SELECT DISTINCT key FROM ({' UNION ALL '.join(keys)}) AS k WHERE key IS NOT NULL"
    )
    found = ["SELECT CAST(0 AS UBIGINT) AS record_id WHERE FALSE"]
    for dataset, _, view in records.views():
        for aspect in ("stay", "dwelling"):
            held = {p for p in (*PARTS, "address") if records.held(dataset, f"{aspect}.{p}")}
            if held:
                columns = ", ".join(
                    f'"{aspect}.{p}" AS {p}' if p in held else f"CAST(NULL AS VARCHAR) AS {p}"
                    for p in (*PARTS, "address")
                )
                found.append(
                    f"SELECT record_id FROM (SELECT record_id, {columns} FROM {view}) AS r SEMI JOIN place_key AS k ON k.key = {key}"
                )
            if records.held(dataset, f"{aspect}.dwelling_code"):
                found.append(
                    f'SELECT record_id FROM {view} AS r SEMI JOIN house_key AS k ON k.official = r."{aspect}.dwelling_code"'
                )
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE met_address AS SELECT DISTINCT record_id FROM ({' UNION ALL '.join(found)}) AS f"
    )


def _days(then: date, now: date) -> list[str]:
    """Queries: people of whom something begins or ends between two days."""
    if then == now:
        return []
    first, last = sorted((then, now))
    within = f"> DATE '{first}' AND {{c}} <= DATE '{last}'"
    found = []
    for table in ("stay", "job", "enrolment"):
        days = " OR ".join(
            f"{c} {within.format(c=c)}" for c in ("begin_on", "coalesce(end_on, presumed_end_on)")
        )
        found.append(f"SELECT person_code FROM stood_{table} WHERE {days}")
    if (first.year, first.month) != (last.year, last.month):
        gone = "date_diff('month', max(to_month), DATE '{0}') < {1}"
        found.append(
            "SELECT person_code FROM stood_contribution GROUP BY person_code "
            f"HAVING ({gone.format(first, RECENT_MONTHS)}) <> ({gone.format(last, RECENT_MONTHS)})"
        )
    return found


def _partners(engine: Engine, decided_kin: Path | None) -> None:
    """Whoever a decision ties to somebody touched is touched as well."""
    if decided_kin is None:
        return
    engine.scan("tie_of", [decided_kin])
    while True:
        engine.run(
            "CREATE OR REPLACE TEMP TABLE partner AS SELECT DISTINCT person_code FROM ("
            "SELECT d.relative_code AS person_code FROM tie_of AS d SEMI JOIN touched AS t ON t.person_code = d.person_code "
            "UNION ALL SELECT d.person_code FROM tie_of AS d SEMI JOIN touched AS t ON t.person_code = d.relative_code) AS p "
            "WHERE person_code <> '' AND person_code NOT IN (SELECT person_code FROM touched)"
        )
        if not engine.rows("SELECT 1 FROM partner LIMIT 1"):
            return
        engine.run("INSERT INTO touched SELECT person_code FROM partner")

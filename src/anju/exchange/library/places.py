"""Dwellings on standard addresses, employers, schools; and the stays, jobs and enrolments that link people to them.

Grain: ``dwelling`` one row per standard address; ``employer`` per credit code; ``school`` per school code.
Unknown: an address without a street stands for itself; without any address there is no dwelling.
"""

from __future__ import annotations

from anju.exchange.library import corrected
from anju.exchange.library.inputs import (
    SOURCES,
    WEIGHT_LENGTH,
    Inputs,
    aspect_rows,
    best,
    known,
    numbers,
    weight,
)
from anju.exchange.library.periods import Spells, merge
from anju.exchange.library.rules import Rules
from anju.kernel.engine import Engine, literal

PARTS = ("street", "number", "building", "unit", "room")
ADDRESS = ("region", *PARTS, "address", "dwelling_code")
DWELLING_TOLD = (
    ("kind", "VARCHAR"),
    ("let_for", "VARCHAR"),
    ("area_m2", "DOUBLE"),
    ("rooms", "INTEGER"),
    ("rent_fen", "BIGINT"),
    ("fire_grade", "VARCHAR"),
    ("hygiene_grade", "VARCHAR"),
    ("landlord_name", "VARCHAR"),
    ("landlord_phone", "VARCHAR"),
    ("longitude", "DOUBLE"),
    ("latitude", "DOUBLE"),
)
EMPLOYER_TOLD = (
    ("name", "VARCHAR"),
    ("kind", "VARCHAR"),
    ("industry", "VARCHAR"),
    ("region", "VARCHAR"),
    ("address", "VARCHAR"),
    ("opened_on", "DATE"),
    ("closed_on", "DATE"),
)


def _standard(district: str) -> str:
    """SQL for the standard form of an address, the same however it was written; null without one."""
    parts = ", ".join(f"coalesce({p}, '')" for p in PARTS)
    return (
        f"CASE WHEN street IS NOT NULL THEN concat_ws('|', coalesce({district}, ''), {parts}) "
        f"WHEN address IS NOT NULL THEN concat_ws('|', coalesce({district}, ''), 'as stated', address) END"
    )


def _code(standard: str) -> str:
    return f"concat('D', upper(substr(md5({standard}), 1, 15)))"


def addresses(engine: Engine, inputs: Inputs) -> None:
    """Make ``told_dwelling`` and ``told_stay``: every mention of an address with the code of its dwelling."""
    told = ("dwelling_code", *(c for c in ADDRESS if c != "dwelling_code"), *(c for c, _ in DWELLING_TOLD))
    everyone = aspect_rows_any(inputs, "dwelling", told)
    engine.run(f"CREATE OR REPLACE TEMP TABLE dwelling_row AS {everyone}")
    wanted = (*ADDRESS, "begin_on", "end_on", "dwelling_kind", "reason")
    engine.run(f"CREATE OR REPLACE TEMP TABLE stay_row AS {aspect_rows(inputs, 'stay', wanted)}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE street_said AS SELECT street, district, count(*) AS n FROM ("
        "SELECT street, substr(region, 1, 6) AS district FROM dwelling_row "
        "WHERE street IS NOT NULL AND region IS NOT NULL AND substr(region, 5, 2) <> '00' UNION ALL "
        "SELECT street, substr(region, 1, 6) FROM stay_row "
        "WHERE street IS NOT NULL AND region IS NOT NULL AND substr(region, 5, 2) <> '00') AS d "
        "GROUP BY street, district"
    )
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE street_district AS {known(inputs, 'street_district', STREET_DISTRICT)}"
    )
    dwellings = ", ".join(f"d.{c}" for c in ("pid", "ds", "dataset", "seen", *told))
    stayed = ", ".join(f"d.{c}" for c in ("pid", "ds", "dataset", "seen", *wanted))
    engine.run(f"CREATE OR REPLACE TEMP TABLE coded_dwelling AS {_coded('dwelling', dwellings)}")
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE official_said AS SELECT dwelling_code AS official, code, {', '.join(PARTS)}, address "
        "FROM coded_dwelling WHERE dwelling_code IS NOT NULL AND code IS NOT NULL AND pid IS NULL"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE official AS {known(inputs, 'official', OFFICIAL)}")
    for name, rows in (("dwelling", "coded_dwelling"), ("stay", f"({_coded('stay', stayed)})")):
        unknown = "''" if name == "stay" else "NULL"
        engine.run(
            f"CREATE OR REPLACE TEMP TABLE told_{name} AS SELECT t.* EXCLUDE (code), "
            f"coalesce(o.code, t.code, {unknown}) AS code "
            f"FROM {rows} AS t LEFT JOIN official AS o ON t.dwelling_code = o.official"
        )
    for table in ("coded_dwelling", "dwelling_row", "stay_row"):
        engine.run(f"DROP TABLE {table}")


STREET_DISTRICT = (
    "SELECT street, min(district) AS district FROM street_said GROUP BY street HAVING count(*) = 1"
)
OFFICIAL = "SELECT official, min(code) AS code FROM official_said GROUP BY official"


def aspect_rows_any(inputs: Inputs, aspect: str, wanted: tuple[str, ...]) -> str:
    """Like ``aspect_rows``, for records that need not be about a person: ``pid`` is null where they are not."""
    parts = []
    for name, number in numbers(inputs).items():
        if name not in inputs.with_aspect(aspect):
            continue
        held = inputs.columns[name]
        columns = ", ".join(
            f'r."{aspect}.{c}" AS {c}' if f"{aspect}.{c}" in held else f"NULL AS {c}" for c in wanted
        )
        of_person = "1" if "person" in {c.partition(".")[0] for c in held} else "NULL"
        parts.append(
            f"SELECT CAST({of_person} AS INTEGER) AS pid, {number} AS ds, {literal(name)} AS dataset, "
            f"coalesce(r.observed_on, r.sent_on) AS seen, {columns} FROM live_{name} AS r"
        )
    kinds = dict(DWELLING_TOLD if aspect == "dwelling" else EMPLOYER_TOLD)
    nothing = ", ".join(f"CAST(NULL AS {kinds.get(c, 'VARCHAR')}) AS {c}" for c in wanted)
    parts.append(
        "SELECT CAST(NULL AS INTEGER) AS pid, 0 AS ds, '' AS dataset, CAST(NULL AS DATE) AS seen, "
        f"{nothing} WHERE 1 = 0"
    )
    return " UNION ALL ".join(parts)


def _coded(table: str, columns: str) -> str:
    """Rows (``columns`` of ``d``) with the code of their standard address; a missing district is known where the street has only one."""
    return f"""
SELECT {columns}, CASE WHEN {_standard("district")} IS NOT NULL THEN {_code(_standard("district"))} END AS code
FROM (
    SELECT r.*, coalesce(CASE WHEN substr(r.region, 5, 2) <> '00' THEN substr(r.region, 1, 6) END, s.district,
        substr(r.region, 1, 6)) AS district
    FROM {table}_row AS r LEFT JOIN street_district AS s ON r.street = s.street
) AS d"""


def stays(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``place`` (one row per dwelling: its division and address parts) and ``stay``."""
    located(engine, inputs, rules)
    police = ", ".join(str(n) for d, n in numbers(inputs).items() if d in rules.police_register) or "-1"
    query = (
        "SELECT pid, ds, dataset, seen, begin_on, end_on, code, dwelling_kind, reason, "
        "CASE WHEN code = '' THEN coalesce(region, '') ELSE '' END AS told_region FROM told_stay"
    )
    told = (("dwelling_kind", "stay.dwelling_kind", "VARCHAR"), ("reason", "stay.reason", "VARCHAR"))
    extra = f"min(CASE WHEN ds IN ({police}) THEN seen END) AS registered_on"
    spells = Spells("stay", query, ("code", "told_region"), told, extra)
    shown = "CASE WHEN q.told_region = '' THEN '' ELSE rpad(q.told_region, 12, '0') END"
    merge(engine, inputs, rules, corrected.apply(engine, inputs, rules, spells, shown))


def located(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``place``."""
    if "place" not in inputs.known:
        engine.run(f"CREATE OR REPLACE TEMP TABLE place_spread AS {_place_spread(inputs, rules)}")
    engine.run(f"CREATE OR REPLACE TEMP TABLE place AS {known(inputs, 'place', _places(inputs, rules))}")
    engine.run("DROP TABLE IF EXISTS place_spread")


def _told_places(inputs: Inputs, rules: Rules, which: str) -> str:
    """Every mention of an address that has a code, with the weight of its word."""
    columns = f"code, ds, seen, region, {', '.join(PARTS)}, address"
    return f"""
SELECT {columns}, concat('1', {weight(inputs, rules, "dwelling.address")}) AS w FROM told_dwelling
WHERE code IS NOT NULL {which}
UNION ALL
SELECT {columns}, concat('0', {weight(inputs, rules, "stay.address")}) AS w FROM told_stay WHERE code <> '' {which}"""


def _place_spread(inputs: Inputs, rules: Rules) -> str:
    """One row per dwelling: the smallest and the greatest of what its sources state; the address by authority."""
    ends = ", ".join(f"min({c}) AS {c}, max({c}) AS hi_{c}" for c in ("region", *PARTS))
    same = " AND ".join(f"coalesce({c} = hi_{c}, TRUE)" for c in ("region", *PARTS))
    return f"""
SELECT code, region, {", ".join(PARTS)}, address, {same} AS is_same FROM (
    SELECT code, {ends}, {best("address", "w", WEIGHT_LENGTH + 1)} AS address
    FROM ({_told_places(inputs, rules, "")}) AS t GROUP BY code
) AS s"""


def _places(inputs: Inputs, rules: Rules) -> str:
    """One row per dwelling: the longest division code its sources state, and its parts by authority.

    What all sources state alike, nearly everything, is taken as it is; only the rest is weighed.
    """
    parts = ", ".join(f"{best(p, 'w', WEIGHT_LENGTH + 1)} AS {p}" for p in (*PARTS, "address"))
    rivals = "AND code IN (SELECT code FROM place_spread WHERE NOT is_same)"
    columns = ", ".join((*PARTS, "address"))
    return f"""
WITH grouped AS (
    SELECT code, max(concat(CAST(length(rtrim(region, '0')) + 10 AS VARCHAR), w, region)) AS region, {parts}
    FROM ({_told_places(inputs, rules, rivals)}) AS told GROUP BY code
)
SELECT code, rpad(region, 12, '0') AS region, {columns} FROM place_spread WHERE is_same
UNION ALL
SELECT code, rpad(substr(region, 15), 12, '0') AS region, {columns} FROM grouped
"""


def employers(engine: Engine, inputs: Inputs) -> None:
    """Make ``job_row`` and ``employer_said``: what is said of each employer, and in how many records."""
    wanted = (
        "employer_code",
        "employer_name",
        "begin_on",
        "end_on",
        "occupation",
        "has_contract",
        "wage_fen",
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE job_row AS {aspect_rows(inputs, 'job', wanted)}")
    told = aspect_rows_any(inputs, "employer", ("credit_code", *(c for c, _ in EMPLOYER_TOLD)))
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE employer_said AS {known(inputs, 'employer_said', _employer_said(told))}"
    )


def _employer_said(told: str) -> str:
    """What a register says counts from its day; what is said beside somebody's job or insurance is older than all."""
    columns = ", ".join(c for c, _ in EMPLOYER_TOLD)
    named = ", ".join(f"CAST(NULL AS {t}) AS {c}" for c, t in EMPLOYER_TOLD[1:])
    return f"""
SELECT ds, dataset, is_register, seen, credit_code, {columns}, count(*) AS n FROM (
    SELECT ds, dataset, pid IS NULL AS is_register, CASE WHEN pid IS NULL THEN seen ELSE DATE '1900-01-01' END AS seen,
        credit_code, {columns} FROM ({told}) AS t
    UNION ALL
    SELECT ds, dataset, FALSE AS is_register, DATE '1900-01-01' AS seen, employer_code AS credit_code,
        employer_name AS name, {named} FROM job_row
) AS e WHERE credit_code IS NOT NULL GROUP BY ds, dataset, is_register, seen, credit_code, {columns}"""


EMPLOYER_BY_NAME = """
SELECT name, min(code) AS code FROM (SELECT DISTINCT name, credit_code AS code FROM employer_said WHERE name IS NOT NULL) AS e
GROUP BY name HAVING count(*) = 1"""
EMPLOYER_NAME = """
SELECT credit_code AS code, substr(max(concat(CASE WHEN is_register THEN '1' ELSE '0' END, name)), 2) AS name
FROM employer_said WHERE name IS NOT NULL GROUP BY credit_code"""
EMPLOYER_REGION = "SELECT credit_code AS code, max(region) AS region FROM employer_said WHERE region IS NOT NULL GROUP BY credit_code"


def jobs(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``employer_by_name``, ``employer_name`` and ``job``. ``employers`` comes before."""
    engine.run(f"CREATE OR REPLACE TEMP TABLE employer_by_name AS {EMPLOYER_BY_NAME}")
    query = (
        "SELECT pid, ds, dataset, seen, begin_on, end_on, occupation, has_contract, wage_fen, "
        "coalesce(employer_code, n.code, '') AS code, CASE WHEN coalesce(employer_code, n.code) IS NULL "
        "THEN coalesce(employer_name, '') ELSE '' END AS told_name "
        "FROM job_row AS j LEFT JOIN employer_by_name AS n ON j.employer_name = n.name "
        "WHERE employer_code IS NOT NULL OR employer_name IS NOT NULL"
    )
    said = (
        ("occupation", "job.occupation", "VARCHAR"),
        ("has_contract", "job.has_contract", "BOOLEAN"),
        ("wage_fen", "job.wage_fen", "BIGINT"),
    )
    spells = Spells("job", query, ("code", "told_name"), said)
    merge(engine, inputs, rules, corrected.apply(engine, inputs, rules, spells, "q.told_name"))
    engine.run(f"CREATE OR REPLACE TEMP TABLE employer_name AS {EMPLOYER_NAME}")


def enrolment_rows(inputs: Inputs) -> str:
    """A query: every mention of an enrolment."""
    return aspect_rows(
        inputs, "enrolment", ("school_code", "school_name", "stage", "grade", "begin_on", "end_on")
    )


def enrolments(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``enrolment``; a school is what enrolments name."""
    query = (
        "SELECT pid, ds, dataset, seen, begin_on, end_on, coalesce(school_code, '') AS school_code, "
        f"coalesce(stage, '') AS stage, school_name, grade FROM ({enrolment_rows(inputs)}) AS e"
    )
    said = (
        ("school_name", "enrolment.school_name", "VARCHAR"),
        ("grade", "enrolment.grade", "VARCHAR"),
    )
    merge(engine, inputs, rules, Spells("enrolment", query, ("school_code", "stage"), said))


def dwelling_table(inputs: Inputs, rules: Rules) -> str:
    """A query: one row per dwelling, each column by authority and date; who lives there comes from ``person``.

    A dwelling that one record tells of is taken as it is; only the rest is weighed.
    """
    alone = ", ".join(f"min({c}) AS {c}" for c, _ in DWELLING_TOLD)
    told = ", ".join(f"CAST({best(c, f'w_{c}')} AS {t}) AS {c}" for c, t in DWELLING_TOLD)
    weights = ", ".join(f"{weight(inputs, rules, f'dwelling.{c}')} AS w_{c}" for c, _ in DWELLING_TOLD)
    names = ", ".join(c for c, _ in DWELLING_TOLD)
    return f"""
WITH once AS (
    SELECT code, count(*) AS n, coalesce(min(dwelling_code), '') AS official_codes, {alone},
        min(dataset) AS dataset, min(seen) AS seen
    FROM told_dwelling WHERE code IS NOT NULL GROUP BY code
),
weighed AS (
    SELECT d.*, {weights} FROM told_dwelling AS d JOIN (SELECT code AS many FROM once WHERE n > 1) AS o ON d.code = o.many
),
told AS (
    SELECT code, array_to_string(list_sort(array_agg(DISTINCT dwelling_code)), ';') AS official_codes,
        {told}, {SOURCES} AS sources
    FROM weighed GROUP BY code
    UNION ALL
    SELECT code, official_codes, {names}, concat(dataset, '@', CAST(seen AS VARCHAR)) AS sources FROM once WHERE n = 1
),
living AS (SELECT dwelling_code AS code, count(*) AS residents FROM person GROUP BY dwelling_code)
SELECT p.code AS dwelling_code, p.region, p.street, p.number, p.building, p.unit, p.room, p.address,
    coalesce(t.official_codes, '') AS official_codes, {", ".join(f"t.{c}" for c, _ in DWELLING_TOLD[:7])},
    greatest(coalesce(t.fire_grade, t.hygiene_grade), coalesce(t.hygiene_grade, t.fire_grade)) AS grade,
    {", ".join(f"t.{c}" for c, _ in DWELLING_TOLD[7:])},
    CAST(coalesce(l.residents, 0) AS INTEGER) AS residents, coalesce(t.sources, '') AS sources
FROM place AS p LEFT JOIN told AS t ON p.code = t.code LEFT JOIN living AS l ON p.code = l.code
"""


def employer_table(inputs: Inputs, rules: Rules) -> str:
    """A query: one row per employer named by a register, a contribution or a job."""
    told = ", ".join(f"CAST({best(c, f'w_{c}')} AS {t}) AS {c}" for c, t in EMPLOYER_TOLD)
    weights = ", ".join(f"{weight(inputs, rules, f'employer.{c}')} AS w_{c}" for c, _ in EMPLOYER_TOLD)
    columns = ", ".join(c for c, _ in EMPLOYER_TOLD)
    return f"""
WITH weighed AS (SELECT credit_code, dataset, {columns}, {weights} FROM employer_said),
told AS (
    SELECT credit_code, {told}, array_to_string(list_sort(array_agg(DISTINCT dataset)), ';') AS sources
    FROM weighed GROUP BY credit_code
),
working AS (SELECT employer_code AS code, count(*) AS workers FROM person GROUP BY employer_code)
SELECT t.credit_code AS employer_code, t.name, t.kind, t.industry, rpad(t.region, 12, '0') AS region, t.address,
    t.opened_on, t.closed_on, CAST(coalesce(w.workers, 0) AS INTEGER) AS workers, t.sources
FROM told AS t LEFT JOIN working AS w ON t.credit_code = w.code
"""


SCHOOLS = """
WITH learning AS (SELECT school_code, count(*) AS pupils FROM current_enrolment GROUP BY school_code)
SELECT e.school_code, max(e.school_name) AS name,
    array_to_string(list_sort(array_agg(DISTINCT e.stage)), ';') AS stage, '' AS region,
    CAST(coalesce(max(l.pupils), 0) AS INTEGER) AS pupils, '' AS sources
FROM enrolment AS e LEFT JOIN learning AS l ON e.school_code = l.school_code
WHERE e.school_code <> '' GROUP BY e.school_code
"""

"""What records state, in numbers: each record's *profile*, the distinct way in which it describes its person.

Most records describe their people in the same few ways; everything after this looks at profiles, not at records.
"""

from __future__ import annotations

from anju.exchange.linkage.names import prepare_names
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.surroundings import SURROUNDINGS

PROFILE = (
    '"person.name", "person.citizen_no", "person.citizen_no_stated", "person.sex", "person.born_on", '
    '"person.born_lunar_on", "person.hukou_region"'
)
NUMBER_DAY = "(number // 1000) % 100000000"
"""SQL for the birthday inside a number's seventeen digits, as a whole number yyyymmdd."""


def day_sql(day: str) -> str:
    """SQL for a date as the whole number yyyymmdd."""
    return f"year({day}) * 10000 + month({day}) * 100 + day({day})"


def swapped_sql(day: str) -> str:
    """SQL for yyyymmdd with day and month exchanged, whether that is a day or not."""
    return f"({day} // 10000 * 10000 + {day} % 100 * 100 + {day} // 100 % 100)"


def fits_sql(born: str, lunar: str) -> str:
    """SQL: whether a birthday fits the citizen number of its row; NULL when no birthday is stated. What takes long to
    compare is compared last, and only where nothing else fits."""
    return (
        f"CASE WHEN {born} = {NUMBER_DAY} THEN TRUE WHEN {lunar} = {NUMBER_DAY} OR {swapped_sql(born)} = {NUMBER_DAY} "
        f"OR ({born} // 10000 = {NUMBER_DAY} // 10000 AND {born} % 10000 = 101) THEN TRUE "
        f"ELSE levenshtein(CAST({born} AS VARCHAR), CAST({NUMBER_DAY} AS VARCHAR)) <= 1 END"
    )


def profiles(steps: Steps, mentions: str, parameters: Parameters) -> None:
    """Tables ``lk_record`` (record to profile and what surrounds it, hashed) and ``lk_profile`` (one row per distinct
    way a person is described; a number is its first seventeen digits, days are whole numbers yyyymmdd)."""
    steps.table("lk_record", stated_sql(mentions))
    prepare_names(steps, f'SELECT "person.name" AS raw FROM {mentions}', parameters)
    describe(steps, described_sql())


def stated_sql(mentions: str) -> str:
    """Query: what every mention states, in numbers: its profile, the parts of it, and what surrounds it."""
    around = ", ".join(f"{sql} AS {name}" for name, sql in SURROUNDINGS.items())
    return f"""SELECT record_id, hash({PROFILE}) AS profile, hash("person.name") AS raw_id,
        TRY_CAST(substring("person.citizen_no", 1, 17) AS BIGINT) AS number, "person.citizen_no_stated" AS stated,
        TRY_CAST("person.sex" AS INTEGER) AS sex, "person.born_on" AS born_on, "person.born_lunar_on" AS lunar_on,
        "person.hukou_region" AS county, {around} FROM {mentions}"""


def described_sql(records: str = "lk_record") -> str:
    """Query: one row per profile of a table like ``lk_record``, with how many records state it and the smallest of them."""
    stated = "profile, raw_id, number, stated, sex, born_on, lunar_on, county"
    return f"""WITH once AS (SELECT {stated}, count(*) AS n, min(record_id) AS record FROM {records} GROUP BY {stated})
        SELECT profile, raw_id, number, stated, sex, {day_sql("born_on")} AS born, {day_sql("lunar_on")} AS lunar, county,
               n, record FROM once"""


def describe(steps: Steps, described: str) -> None:
    """Table ``lk_profile`` from a query like ``described_sql``: the name's number in ``lk_name``, what fits the number."""
    steps.table(
        "lk_profile",
        f"""
        WITH p AS ({described})
        SELECT p.profile, n.raw_id, n.name_id, n.tags, number, stated, sex, born, lunar, county, p.n, record,
               CASE WHEN born IS NOT NULL AND number IS NOT NULL THEN {fits_sql("born", "lunar")} END AS fits,
               CASE WHEN sex IN (1, 2) AND number IS NOT NULL THEN sex % 2 = number % 2 END AS sex_fits
        FROM p LEFT JOIN lk_name AS n ON n.raw_id = p.raw_id
        """,
    )

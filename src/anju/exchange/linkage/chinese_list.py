"""A Chinese list as mentions: what can be read counts, the rest is unknown.

Reads the usual writings - full-width digits, a dozen ways to write a day, 15-digit numbers, spaces and hyphens - in a
few plain steps; a department's file goes through the intake and its contract instead. What clerks write where they know
nothing (``NOTHING``, a run of one digit, 1 January 1900) and what far too many share is unknown as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from anju.exchange.intake.lookups import lunar_months
from anju.exchange.linkage import list_cells, masked
from anju.exchange.linkage.guess import NOTHING
from anju.exchange.linkage.mentions import COLUMNS
from anju.exchange.linkage.steps import LinkEngine
from anju.kernel.engine import literal
from anju.kernel.width import FULL, HALF
from anju.register import canon

SEXES = {
    "1": ("男", "男性", "1", "01", "M", "MALE", "MAN", "BOY", "1.0"),
    "2": ("女", "女性", "2", "02", "F", "FEMALE", "WOMAN", "GIRL", "2.0"),
}
DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%Y年%m月%d日",
    "%Y年%m月%d",
    "%Y-%m",
    "%Y/%m",
    "%Y.%m",
    "%Y年%m月",
    "%Y%m",
)
DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y")
WORDED = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y")
CUT = "省市区县镇乡村"
SHARED = 20
"""A phone or number that more names state belongs to an office: it says nothing about a person."""
OFTEN, LEAST = 10, 8
"""A birthday stated so many times as often as others, and so many times at least, stands for unknown."""
IDLE = "(1(0{10}|1{10}|2{10}|3{10}|4{10}|5{10}|6{10}|7{10}|8{10}|9{10})|1[0-9]{2}0{8}|12345678901|13800138000|1[0-9]{2}12345678)"
"""Phones that are typed where none is known."""


def mentions(
    engine: LinkEngine,
    to: Mapping[str, tuple[str, ...]],
    source: str,
    name: str = "mentions",
    dataset: str = "list",
) -> None:
    """Make the table ``name`` from the table ``source`` (unique_id and text columns). ``to`` maps a column to
    canonical columns; ``stay`` is an address to be taken apart."""
    texts = {column: _text(heading) for heading, columns in to.items() for column in columns}
    plain = ", ".join(f'{text} AS "{column}"' for column, text in texts.items())
    known = ", ".join(_known(column) for column in texts)
    engine.run(
        f"CREATE OR REPLACE TABLE lk_stated AS SELECT unique_id, {known} FROM (SELECT unique_id, {plain} FROM {source}) AS s"
    )
    months = ", ".join(f"({month}, DATE '{first}', {days})" for month, first, days in lunar_months())
    engine.run(
        f"CREATE OR REPLACE TABLE lk_lunar AS SELECT * FROM (VALUES {months}) AS m(month, first_on, days)"
    )
    read = _numbers(texts) | _phones(texts) | _days(engine, texts)
    engine.run(
        f"CREATE OR REPLACE TABLE lk_read AS SELECT *{''.join(f', {sql} AS {n}' for n, sql in read.items())} FROM lk_stated"
    )
    filled = _filled(texts)
    listed = ", ".join(
        f'{filled[c]} AS "{c}"' if c in filled else f'CAST(NULL AS {canon.column(c).type}) AS "{c}"'
        for c in COLUMNS
    )
    lunar = ""
    if "person.born_on" in texts:
        lunar = "LEFT JOIN lk_lunar AS m ON m.month = year(r.day_born) * 100 + month(r.day_born) AND day(r.day_born) <= m.days"
    engine.run(
        f"""CREATE OR REPLACE TABLE lk_mention AS
        SELECT CAST(r.unique_id AS UBIGINT) AS record_id, '{dataset}' AS dataset, {listed} FROM lk_read AS r {lunar}"""
    )
    _without_common(engine, masked.fill(engine, texts), name)
    for table in ("lk_stated", "lk_lunar", "lk_read", "lk_mention", *masked.TABLES):
        engine.run(f"DROP TABLE IF EXISTS {table}")


def _without_common(engine: LinkEngine, mentioned: str, name: str) -> None:
    """The table ``name``: the rows of ``mentioned`` without the phones and birthdays that far too many share."""
    engine.run(
        f"""CREATE OR REPLACE TABLE lk_common AS
        SELECT 'phone' AS kind, phone AS value FROM (
            SELECT coalesce("person.phone", "kin.phone") AS phone, "person.name" AS name FROM {mentioned}
        ) AS p WHERE phone IS NOT NULL GROUP BY phone HAVING count(DISTINCT name) > {SHARED}
        UNION ALL
        SELECT 'number', "kin.household_no" FROM {mentioned} WHERE "kin.household_no" IS NOT NULL
        GROUP BY 2 HAVING count(DISTINCT "person.name") > {SHARED}
        UNION ALL
        SELECT 'born', CAST(born AS VARCHAR) FROM (
            SELECT "person.born_on" AS born, count(*) AS n FROM {mentioned} WHERE "person.born_on" IS NOT NULL GROUP BY 1
        ) AS b QUALIFY n >= {LEAST} AND n > {OFTEN} * avg(n) OVER () OR born <= DATE '1900-01-01'"""
    )
    common = {
        kind: f"(SELECT value FROM lk_common WHERE kind = '{kind}')" for kind in ("phone", "number", "born")
    }
    kept = ", ".join(
        f'CASE WHEN {text} NOT IN {common[kind]} THEN "{c}" END AS "{c}"'
        for c, kind, text in (
            ("person.phone", "phone", '"person.phone"'),
            ("kin.phone", "phone", '"kin.phone"'),
            ("kin.household_no", "number", '"kin.household_no"'),
            ("person.born_on", "born", 'CAST("person.born_on" AS VARCHAR)'),
            ("person.born_lunar_on", "born", 'CAST("person.born_on" AS VARCHAR)'),
        )
    )
    engine.run(f"CREATE OR REPLACE TABLE {name} AS SELECT * REPLACE ({kept}) FROM {mentioned}")


def _text(heading: str) -> str:
    """SQL for a cell in half-width characters, without blanks around."""
    full, half = (text.replace("'", "''") for text in (FULL, HALF))
    stated = f"""\"{heading.replace('"', '""')}\""""
    return f"""CASE WHEN strlen({stated}) = length({stated}) OR NOT regexp_matches({stated}, '[！-～　]') THEN trim({stated})
        ELSE trim(translate({stated}, '{full}', '{half}')) END"""


def _known(column: str) -> str:
    """SQL for a column's text, null where it says that nothing is known; only short texts are looked up."""
    unknown = ", ".join(literal(word.upper()) for word in sorted(NOTHING))
    longest = max(map(len, NOTHING))
    return f"""CASE WHEN length("{column}") > {longest} THEN "{column}"
        WHEN upper("{column}") NOT IN ({unknown}) THEN nullif("{column}", '') END AS "{column}\""""


def _numbers(texts: Mapping[str, str]) -> dict[str, str]:
    """Plain digits of every citizen number, its check character, in columns ``no_<place>`` and ``ok_<place>``."""
    made = {}
    for place in ("person", "kin"):
        column = f"{place}.citizen_no"
        if column in texts:
            bare = list_cells.citizen_no(f'"{column}"')
            made[f"no_{place}"] = (
                f"CASE WHEN regexp_full_match({bare}, '[1-9][0-9]{{14}}') "
                f"THEN concat(substring({bare}, 1, 6), '19', substring({bare}, 7), '?') ELSE {bare} END"
            )
            made[f"ok_{place}"] = (
                f"CASE WHEN regexp_full_match(no_{place}, '[1-9][0-9]{{16}}[0-9X?]') "
                f"AND year(try_strptime(substring(no_{place}, 7, 8), '%Y%m%d')) BETWEEN 1880 AND 2100 "
                f"THEN {list_cells.check_character(f'no_{place}')} END"
            )
    return made


def _phones(texts: Mapping[str, str]) -> dict[str, str]:
    """Every phone of a cell, in columns ``tel_<place>``."""
    columns = {place: f"{place}.phone" for place in ("person", "kin")}
    return {f"tel_{place}": list_cells.phones(f'"{c}"') for place, c in columns.items() if c in texts}


def _days(engine: LinkEngine, texts: Mapping[str, str]) -> dict[str, str]:
    if "person.born_on" not in texts:
        return {}
    bare = (
        f"""regexp_replace({list_cells.day('"person.born_on"')}, '农历|阴历|公历|阳历|[(].*[)]', '', 'g')"""
    )
    text = f"CASE WHEN strlen({bare}) = length({bare}) THEN split_part({bare}, 'T', 1) ELSE replace({bare}, ' ', '') END"
    first = f"CASE WHEN regexp_matches({text}, '^[0-9]+[-/.][0-9]+[-/.][0-9]+ ') THEN split_part({text}, ' ', 1) ELSE trim({text}) END"
    formats = ", ".join(f"'{f}'" for f in (*DAYS, *_turned(engine), *WORDED))
    serial = f"CASE WHEN regexp_full_match({first}, '[1-9][0-9]{{3,4}}([.]0)?') THEN DATE '1899-12-30' + CAST(CAST({first} AS DOUBLE) AS INTEGER) END"
    day = f"CASE WHEN NOT regexp_full_match({first}, '[0-9]{{1,5}}([.]0)?') THEN CAST(try_strptime({first}, [{formats}]) AS DATE) END"
    return {"day_stated": f"coalesce({day}, {serial})", "day_born": list_cells.full_year("day_stated")}


def _turned(engine: LinkEngine) -> tuple[str, ...]:
    """Whether 03/04/1990 is in March or in April: as the days after the twelfth are written in this list."""
    first = """TRY_CAST(regexp_extract("person.born_on", '^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.][0-9]{4}', %d) AS INTEGER)"""
    days, months = engine.rows(
        f"SELECT count(*) FILTER ({first % 1} > 12), count(*) FILTER ({first % 2} > 12) FROM lk_stated"
    )[0]
    return (*DAY_FIRST, *MONTH_FIRST) if int(days) >= int(months) else (*MONTH_FIRST, *DAY_FIRST)


def _filled(texts: Mapping[str, str]) -> dict[str, str]:
    filled = {c: f'r."{c}"' for c in texts if c in COLUMNS}
    for place in ("person", "kin"):
        if f"{place}.citizen_no" in texts:
            valid = f"ok_{place} = substring(no_{place}, 18, 1) OR substring(no_{place}, 18, 1) = '?'"
            number = f"CASE WHEN ok_{place} IS NOT NULL AND ({valid}) THEN concat(substring(no_{place}, 1, 17), ok_{place})"
            filled[f"{place}.citizen_no"] = f"{number} END"
            if place == "person":
                filled["person.citizen_no_stated"] = (
                    f"CASE WHEN ok_{place} IS NULL OR NOT ({valid}) THEN rtrim(no_{place}, '?') END"
                )
    if "person.born_on" in texts:
        filled["person.born_on"] = "r.day_born"
        filled["person.born_lunar_on"] = "CAST(m.first_on + CAST(day(r.day_born) - 1 AS INTEGER) AS DATE)"
    if "person.name" in texts:
        filled["person.name"] = (
            f"""CASE WHEN NOT regexp_matches(r."person.name", '某|不详|无名|测试|未知') THEN {list_cells.name('r."person.name"')} END"""
        )
    if "person.sex" in texts:
        whens = " ".join(
            f"WHEN upper(r.\"person.sex\") IN ({', '.join(repr(w) for w in words)}) THEN '{code}'"
            for code, words in SEXES.items()
        )
        filled["person.sex"] = f"CASE {whens} END"
    stated = {c: f"r.tel_{p}[1]" for p in ("person", "kin") if (c := f"{p}.phone") in texts}
    if "person.phone" in texts:
        stated.setdefault("kin.phone", "r.tel_person[2]")  # whoever's it is, the two sides may share it
    for column, number in stated.items():
        filled[column] = f"CASE WHEN NOT regexp_full_match({number}, '{IDLE}') THEN {number} END"
    if "person.hukou_region" in texts:
        code = "regexp_extract(r.\"person.hukou_region\", '^[0-9]{6}', 0)"
        filled["person.hukou_region"] = (
            f"CASE WHEN {code} <> '' THEN {code} ELSE r.\"person.hukou_region\" END"
        )
    return filled | (_address('r."stay"') if "stay" in texts else {})


def _address(text: str) -> dict[str, str]:
    """Street and first number of an address; all further numbers are the room, so that who states none shares the house."""
    before = f"regexp_extract(replace({text}, ' ', ''), '^[^0-9]*', 0)"
    street = f"regexp_replace(regexp_replace({before}, '^.*(街道|社区)', ''), '^.*[{CUT}]', '')"
    numbers = f"regexp_extract_all({text}, '[0-9A-Za-z]+')"
    return {
        "stay.street": f"coalesce(nullif({street}, ''), {before})",
        "stay.number": f"{numbers}[1]",
        "stay.room": f"nullif(array_to_string({numbers}[2:], '-'), '')",
    }

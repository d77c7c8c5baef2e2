"""A Chinese list as mentions: what can be read counts, the rest is unknown.

Reads the usual writings - full-width digits, five ways to write a day, 15-digit numbers, spaces and hyphens - in a
few plain steps; a department's file goes through the intake and its contract instead.
"""

from __future__ import annotations

from collections.abc import Mapping

from anju.exchange.intake.lookups import lunar_months
from anju.exchange.linkage.mentions import COLUMNS
from anju.exchange.linkage.steps import LinkEngine
from anju.kernel.identifiers import CITIZEN_CHECKS, CITIZEN_WEIGHTS
from anju.register import canon

SEXES = {
    "1": ("男", "男性", "1", "01", "M", "MALE", "1.0"),
    "2": ("女", "女性", "2", "02", "F", "FEMALE", "2.0"),
}
UNKNOWN = ("", "-", "--", "—", "/", "\\N", "NULL", "N/A", "NAN", "NONE", "无", "空", "不详", "未知")
FULL = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F)) + "　"
HALF = "".join(chr(code) for code in range(0x21, 0x7F)) + " "
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日")
CUT = "省市区县镇乡村"


def mentions(
    engine: LinkEngine,
    to: Mapping[str, tuple[str, ...]],
    source: str,
    name: str = "mentions",
    dataset: str = "list",
) -> None:
    """Make the table ``name`` from the table ``source`` (unique_id and text columns). ``to`` maps a heading to
    canonical columns; ``stay`` is an address to be taken apart."""
    texts = {column: _text(heading) for heading, columns in to.items() for column in columns}
    plain = ", ".join(f'{text} AS "{column}"' for column, text in texts.items())
    engine.run(f"CREATE OR REPLACE TABLE lk_stated AS SELECT unique_id, {plain} FROM {source}")
    months = ", ".join(f"({month}, DATE '{first}', {days})" for month, first, days in lunar_months())
    engine.run(
        f"CREATE OR REPLACE TABLE lk_lunar AS SELECT * FROM (VALUES {months}) AS m(month, first_on, days)"
    )
    read = _numbers(texts) | _days(texts)
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
        f"""CREATE OR REPLACE TABLE {name} AS
        SELECT CAST(r.unique_id AS UBIGINT) AS record_id, '{dataset}' AS dataset, {listed} FROM lk_read AS r {lunar}"""
    )


def _text(heading: str) -> str:
    unknown = ", ".join("'" + word.replace("'", "''") + "'" for word in UNKNOWN)
    full, half = (text.replace("'", "''") for text in (FULL, HALF))
    stated = f"""\"{heading.replace('"', '""')}\""""
    text = f"CASE WHEN strlen({stated}) = length({stated}) THEN trim({stated}) ELSE trim(translate({stated}, '{full}', '{half}')) END"
    return f"CASE WHEN upper({text}) NOT IN ({unknown}) THEN {text} END"


def _numbers(texts: Mapping[str, str]) -> dict[str, str]:
    """Plain digits of every citizen number, its check character, in columns ``no_<place>`` and ``ok_<place>``."""
    made = {}
    for place in ("person", "kin"):
        column = f"{place}.citizen_no"
        if column in texts:
            bare = f"""upper(translate("{column}", ' -''`', ''))"""
            made[f"no_{place}"] = (
                f"CASE WHEN regexp_full_match({bare}, '[1-9][0-9]{{14}}') "
                f"THEN concat(substring({bare}, 1, 6), '19', substring({bare}, 7), '?') ELSE {bare} END"
            )
            total = " + ".join(
                f"CAST(substring(no_{place}, {i}, 1) AS INTEGER) * {w}"
                for i, w in enumerate(CITIZEN_WEIGHTS, 1)
            )
            made[f"ok_{place}"] = (
                f"CASE WHEN regexp_full_match(no_{place}, '[1-9][0-9]{{16}}[0-9X?]') "
                f"AND try_strptime(substring(no_{place}, 7, 8), '%Y%m%d') IS NOT NULL "
                f"THEN substring('{CITIZEN_CHECKS}', 1 + ({total}) % 11, 1) END"
            )
    return made


def _days(texts: Mapping[str, str]) -> dict[str, str]:
    if "person.born_on" not in texts:
        return {}
    first = """split_part(split_part("person.born_on", ' ', 1), 'T', 1)"""
    formats = ", ".join(f"'{f}'" for f in DAYS)
    serial = f"CASE WHEN regexp_full_match({first}, '[1-9][0-9]{{3,4}}([.]0)?') THEN DATE '1899-12-30' + CAST(CAST({first} AS DOUBLE) AS INTEGER) END"
    return {"day_born": f"coalesce(CAST(try_strptime({first}, [{formats}]) AS DATE), {serial})"}


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
    if "person.sex" in texts:
        whens = " ".join(
            f"WHEN upper(r.\"person.sex\") IN ({', '.join(repr(w) for w in words)}) THEN '{code}'"
            for code, words in SEXES.items()
        )
        filled["person.sex"] = f"CASE {whens} END"
    for column in ("person.phone", "kin.phone"):
        if column in texts:
            filled[column] = (
                f"nullif(regexp_extract(translate(r.\"{column}\", ' -()+.', ''), '1[0-9]{{10}}$', 0), '')"
            )
    if "person.hukou_region" in texts:
        code = "regexp_extract(r.\"person.hukou_region\", '^[0-9]{6}', 0)"
        filled["person.hukou_region"] = (
            f"CASE WHEN {code} <> '' THEN {code} ELSE r.\"person.hukou_region\" END"
        )
    return filled | (_address('r."stay"') if "stay" in texts else {})


def _address(text: str) -> dict[str, str]:
    """Street, first and last number of an address; the numbers between are building and unit."""
    before = f"regexp_extract(replace({text}, ' ', ''), '^[^0-9]*', 0)"
    street = f"regexp_replace(regexp_replace({before}, '^.*(街道|社区)', ''), '^.*[{CUT}]', '')"
    numbers = f"regexp_extract_all({text}, '[0-9A-Za-z]+')"
    return {
        "stay.street": f"coalesce(nullif({street}, ''), {before})",
        "stay.number": f"{numbers}[1]",
        "stay.building": f"CASE WHEN length({numbers}) > 2 THEN {numbers}[2] END",
        "stay.unit": f"CASE WHEN length({numbers}) > 3 THEN {numbers}[3] END",
        "stay.room": f"CASE WHEN length({numbers}) > 1 THEN {numbers}[-1] END",
    }

"""What people write into the cells of a list, read with care: SQL over one column of half-width text.

Notes beside a name, two phones in one cell, what a spreadsheet made of a long number, years of two digits, months in
Chinese numerals. What cannot be read stays as it was, or is unknown.
"""

from __future__ import annotations

from anju.kernel.identifiers import CITIZEN_CHECKS, CITIZEN_WEIGHTS

TONES = (
    "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüĀÁǍÀĒÉĚÈĪÍǏÌŌÓǑÒŪÚǓÙǕǗǙǛÜ",
    "aaaaeeeeiiiioooouuuuvvvvvAAAAEEEEIIIIOOOOUUUUVVVVV",
)
"""Vowels with tone marks, and the plain letters."""
TITLES = "先生|女士|小姐|太太|同学|老师|师傅|阿姨|叔叔|同志"
_MOBILE = "(?:0086|86|0)?(1[0-9]{10})"
CENTURY = 30
"""Years of two digits up to this one are of this century."""


def name(text: str) -> str:
    """A name without what stands beside it: marks and numbers before it, a note in brackets, a title or number behind it.

    ``1.张三``, ``张三（户主）``, ``张三同学``, ``张三2`` and ``张三:12011112222`` are 张三; 王先生 stays, for 王 alone is no name. Tone marks go.
    """
    plain = f"translate({text}, '{TONES[0]}', '{TONES[1]}')"
    noted = f"regexp_replace({plain}, '[(\\[<{{【《〔][^)\\]>}}】》〕]*[)\\]>}}】》〕]', ' ', 'g')"
    bare = f"trim(regexp_replace(regexp_replace({noted}, '^[^\\p{{L}}]+', ''), '[(\\[<{{【《〔].*$', ''))"
    called = f"regexp_replace({bare}, '^(\\p{{Han}}{{2,}}?) *({TITLES}|[0-9]+|[A-Za-z]|[ :/,、;+-]+[0-9][0-9 -]*)$', '\\1')"
    return f"CASE WHEN length({text}) <= 3 AND regexp_full_match({text}, '\\p{{Han}}+') THEN {text} ELSE nullif({called}, '') END"


def phones(text: str) -> str:
    """Every mobile number of a cell as a list: with country code or 0, hyphens, ``.0`` of a spreadsheet, two in one cell."""
    bare = f"translate(regexp_replace({text}, '[.]0+$', ''), ' -().+', '')"
    return (
        f"CASE WHEN regexp_full_match({bare}, '[^0-9]*({_MOBILE}[^0-9]*)+') THEN regexp_extract_all({bare}, '{_MOBILE}', 1) "
        f"ELSE regexp_extract_all({bare}, '1[0-9]{{10}}$', 0) END"
    )


def citizen_no(text: str) -> str:
    """A number without blanks, marks and notes around it; null where a spreadsheet has rounded it."""
    bare = f"upper(translate({text}, ' -''`', ''))"
    within = (
        f"regexp_extract({bare}, '^[^0-9]*([1-9][0-9]{{16}}[0-9X]|[1-9][0-9]{{14}})([.]0*)?([^0-9X].*)?$', 1)"
    )
    return (
        f"CASE WHEN regexp_full_match({bare}, '[1-9][0-9]{{14,16}}[0-9X]') THEN {bare} "
        f"WHEN regexp_full_match({bare}, '[0-9]([.][0-9]+)?E[+]?[0-9]+') THEN NULL ELSE coalesce(nullif({within}, ''), {bare}) END"
    )


def check_character(number: str) -> str:
    """SQL for the character that the first seventeen digits of a citizen number ask for at its end."""
    total = " + ".join(
        f"CAST(substring({number}, {i}, 1) AS INTEGER) * {w}" for i, w in enumerate(CITIZEN_WEIGHTS, 1)
    )
    return f"substring('{CITIZEN_CHECKS}', 1 + ({total}) % 11, 1)"


def day(text: str) -> str:
    """A day's text with Arabic digits: months and days in Chinese numerals, years of the Republic (民國79年), ``.0`` of a
    spreadsheet."""
    tens = text
    for old, new in (
        ("([二三])十([一二三四五六七八九])", "\\1\\2"),
        ("([二三])十", "\\1〇"),
        ("十([一二三四五六七八九])", "一\\1"),
        ("十", "一〇"),
    ):
        tens = f"regexp_replace({tens}, '{old}', '{new}', 'g')"
    arabic = f"translate({tens}, '〇零一二三四五六七八九', '00123456789')"
    plain = f"CASE WHEN regexp_matches({text}, '[〇零一二三四五六七八九十]') THEN {arabic} ELSE {text} END"
    counted = "regexp_extract({0}, '^民[国國] *([0-9]{{1,3}})(.*)$', {1})"
    year, rest = (counted.format(text, n) for n in (1, 2))
    return (
        f"CASE WHEN regexp_matches({text}, '^民[国國] *[0-9]') THEN CAST(1911 + CAST({year} AS INTEGER) AS VARCHAR) || {rest} "
        f"ELSE regexp_replace({plain}, '^([0-9]{{8}})[.]0$', '\\1') END"
    )


def full_year(stated: str) -> str:
    """A day whose year was written with two digits, in its century."""
    return (
        f"CASE WHEN year({stated}) < 100 "
        f"THEN CAST({stated} + to_years(CASE WHEN year({stated}) <= {CENTURY} THEN 2000 ELSE 1900 END) AS DATE) ELSE {stated} END"
    )

"""SQL macros that turn what was written into what was meant; NULL where it cannot be read.

Every macro takes text and gives a value or NULL. Fast writings come first, rarer ones only where those
fail: COALESCE and CASE look at a second form only for the rows that are left.
Units: days as DATE, months as their first day, money in fen. Source: GB 11643 and GB 32100 (check characters).
"""

from __future__ import annotations

import string

from anju.kernel.engine import Engine
from anju.kernel.identifiers import CITIZEN_CHECKS, CITIZEN_WEIGHTS, CREDIT_ALPHABET, CREDIT_WEIGHTS

NULL_WORDS = ("", "-", "--", "—", "——", "/", "\\N", "NULL", "null", "N/A", "NA", "n/a", "无", "空", "不详", "未知")
FIRST_DAY = "1900-01-01"
LAST_DAY = "2100-12-31"

_HALF = string.ascii_letters + string.digits + "-/.#+_@&%*"
_FULL = "".join(chr(ord(c) + 0xFEE0) for c in _HALF)
_DIGITS = ("〇零一二三四五六七八九", "00123456789")
_DROPPED = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\t\r\n"
_FROM = _FULL + "\u3000\u00a0" + _DROPPED
_TO = _HALF + "  "
_DASHES = "‐‑‒–—―−－"


def quoted(text: str) -> str:
    """``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _weighted(digits: str, weights: tuple[int, ...]) -> str:
    """Sum of ``weights`` times the decimal digits of the 17-digit BIGINT expression ``digits``."""
    places = len(weights) - 1
    return " + ".join(f"(({digits} // {10 ** (places - i)}) % 10) * {w}" for i, w in enumerate(weights))


def _credit_sum() -> str:
    """Sum of weights times values in the 31-character alphabet, which leaves out I, O, S, V and Z."""
    terms = []
    for place, weight in enumerate(CREDIT_WEIGHTS, start=1):
        o = f"ascii(x[{place}])"
        terms.append(
            f"(CASE WHEN {o} < 58 THEN {o} - 48 ELSE {o} - 55 - ({o} > 73)::INT - ({o} > 79)::INT"
            f" - ({o} > 83)::INT - ({o} > 86)::INT END) * {weight}"
        )
    return " + ".join(terms)


TEXT = f"""
CREATE OR REPLACE TEMP MACRO half(x) AS translate(x, {quoted(_FROM)}, {quoted(_TO)});
CREATE OR REPLACE TEMP MACRO tidy(x) AS
  CASE WHEN strlen(x) = length(x) THEN trim(x, ' \t\r\n') ELSE trim(half(x)) END;
CREATE OR REPLACE TEMP MACRO null_word(x) AS x IN ({", ".join(quoted(w) for w in NULL_WORDS)});
CREATE OR REPLACE TEMP MACRO stated(x) AS CASE WHEN null_word(x) THEN NULL ELSE nullif(tidy(x), '') END;
CREATE OR REPLACE TEMP MACRO one_blank(x) AS
  CASE WHEN contains(x, '  ') THEN regexp_replace(x, ' +', ' ', 'g') ELSE x END;
CREATE OR REPLACE TEMP MACRO read_text(x) AS
  CASE WHEN contains(x, '�') OR x[1] IN ('=', '@') OR length(x) > 500 THEN NULL ELSE one_blank(x) END;
CREATE OR REPLACE TEMP MACRO cjk_name(x) AS translate(x, '•‧・∙⋅●．. ', '········');
CREATE OR REPLACE TEMP MACRO tidy_name(x) AS
  CASE WHEN strlen(x) = length(x) THEN one_blank(x) ELSE cjk_name(x) END;
CREATE OR REPLACE TEMP MACRO is_name(x) AS
  regexp_full_match(x, '[\\p{{Han}}〇·\\x{{E000}}-\\x{{F8FF}}]{{1,30}}|[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ .''-]{{0,59}}');
CREATE OR REPLACE TEMP MACRO read_name(x) AS CASE WHEN is_name(tidy_name(x)) THEN tidy_name(x) END;
"""

NUMBERS = f"""
CREATE OR REPLACE TEMP MACRO citizen_sum(n) AS {_weighted("n", CITIZEN_WEIGHTS)};
CREATE OR REPLACE TEMP MACRO citizen_last(n) AS substr('{CITIZEN_CHECKS}', 1 + (citizen_sum(n) % 11)::INT, 1);
CREATE OR REPLACE TEMP MACRO digits_or_null(x) AS
  CASE WHEN strlen(x) = length(x) AND x[1] BETWEEN '0' AND '9' THEN try_cast(x AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO citizen_17(x) AS
  CASE WHEN strlen(x) = 18 AND x[1] BETWEEN '1' AND '9' THEN digits_or_null(left(x, 17)) END;
CREATE OR REPLACE TEMP MACRO eight_day(x) AS try_cast(left(x, 4) || '-' || substr(x, 5, 2) || '-' || substr(x, 7, 2) AS DATE);
CREATE OR REPLACE TEMP MACRO citizen_18(x) AS
  CASE WHEN citizen_last(citizen_17(x)) = x[18] AND eight_day(substr(x, 7, 8)) <= DATE '2200-01-01' THEN x END;
CREATE OR REPLACE TEMP MACRO citizen_from_15(x) AS CASE WHEN strlen(x) = 15 AND digits_or_null(x) IS NOT NULL THEN
  citizen_18(left(x, 6) || '19' || substr(x, 7) || citizen_last(citizen_17(left(x, 6) || '19' || substr(x, 7) || '0'))) END;
CREATE OR REPLACE TEMP MACRO plain_no(x) AS upper(translate(x, ' -''`', ''));
CREATE OR REPLACE TEMP MACRO read_citizen_no(x) AS
  coalesce(citizen_18(x), citizen_18(plain_no(x)), citizen_from_15(plain_no(x)));
CREATE OR REPLACE TEMP MACRO credit_form(x) AS CASE WHEN strlen(x) = 18 AND length(x) = 18 THEN x END;
CREATE OR REPLACE TEMP MACRO credit_18(x) AS CASE WHEN translate(credit_form(x), '{CREDIT_ALPHABET}', '') = ''
  AND substr('{CREDIT_ALPHABET}', 1 + (31 - ({_credit_sum()}) % 31) % 31, 1) = x[18] THEN x END;
CREATE OR REPLACE TEMP MACRO read_credit_code(x) AS coalesce(credit_18(x), credit_18(plain_no(x)));
CREATE OR REPLACE TEMP MACRO mobile(x) AS CASE WHEN strlen(x) = 11 AND x[1] = '1' AND digits_or_null(x) IS NOT NULL THEN x END;
CREATE OR REPLACE TEMP MACRO bare_phone(x) AS regexp_replace(translate(x, ' -()（）+．.{_DASHES}', ''), '^(0086|86|0)(1\\d{{10}})$', '\\2');
CREATE OR REPLACE TEMP MACRO read_phone(x) AS coalesce(mobile(x), mobile(bare_phone(x)));
CREATE OR REPLACE TEMP MACRO bare_number(x) AS translate(x, ',，￥¥ 元圆整平方米㎡m²亩间岁年度', '');
CREATE OR REPLACE TEMP MACRO read_number(x) AS coalesce(plain_number(x), CASE WHEN suffix(x, '万') OR suffix(x, '万元')
  THEN plain_number(translate(x, ',，￥¥ 万元', '')) * 10000 ELSE plain_number(bare_number(x)) END);
CREATE OR REPLACE TEMP MACRO read_flag(x) AS CASE
  WHEN lower(x) IN ('是', '1', 'y', 'yes', 'true', '有', '已', '已签', '已签订', '√', '1.0', 't') THEN TRUE
  WHEN lower(x) IN ('否', '0', 'n', 'no', 'false', '没有', '未', '未签', '未签订', '×', '0.0', 'f') THEN FALSE END;
"""

PLAIN_NUMBER = """
CREATE OR REPLACE TEMP MACRO plain_number(x) AS
  CASE WHEN strlen(x) <= 24 AND translate(x, '0123456789.-', '') = '' THEN try_cast(x AS DOUBLE) END;
"""

DATES = f"""
CREATE OR REPLACE TEMP MACRO in_reach(d) AS CASE WHEN d BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}' THEN d END;
CREATE OR REPLACE TEMP MACRO dashed(x) AS rtrim(translate(x, '年月/.日号 ', '----'), '-');
CREATE OR REPLACE TEMP MACRO day_part(x) AS
  CASE WHEN strlen(x) > 10 THEN split_part(split_part(x, 'T', 1), ' ', 1) ELSE x END;
CREATE OR REPLACE TEMP MACRO serial_day(x) AS CASE WHEN digits_or_null(split_part(x, '.', 1)) BETWEEN 1 AND 80000
  AND strlen(split_part(x, '.', 1)) = 5 THEN DATE '1899-12-30' + digits_or_null(split_part(x, '.', 1))::INT END;
CREATE OR REPLACE TEMP MACRO chinese_day_of(x) AS CASE WHEN contains(x, '十') THEN
  CASE WHEN x = '十' THEN '10' WHEN x[1] = '十' THEN '1' || x[2] WHEN suffix(x, '十') THEN x[1] || '0'
  ELSE replace(x, '十', '') END ELSE x END;
CREATE OR REPLACE TEMP MACRO chinese_day(x) AS CASE WHEN strlen(x) > length(x) AND contains(x, '年') THEN translate(
  split_part(x, '年', 1) || '-' || chinese_day_of(split_part(split_part(x, '年', 2), '月', 1)) || '-' ||
  chinese_day_of(rtrim(split_part(split_part(x, '年', 2), '月', 2), '日号')), '{_DIGITS[0]}', '{_DIGITS[1]}') END;
CREATE OR REPLACE TEMP MACRO ymd_text(x) AS CASE
  WHEN strlen(x) = 8 AND digits_or_null(x) IS NOT NULL THEN left(x, 4) || '-' || substr(x, 5, 2) || '-' || substr(x, 7, 2)
  ELSE dashed(day_part(x)) END;
CREATE OR REPLACE TEMP MACRO iso_day(x) AS CASE WHEN strlen(x) <= 10 AND x[1] BETWEEN '0' AND '9' THEN try_cast(x AS DATE) END;
CREATE OR REPLACE TEMP MACRO read_date(x) AS in_reach(coalesce(
  iso_day(x), try_cast(ymd_text(x) AS DATE), serial_day(x), try_cast(chinese_day(x) AS DATE)));
CREATE OR REPLACE TEMP MACRO six_month(x) AS CASE WHEN strlen(x) = 6 AND digits_or_null(x) IS NOT NULL
  THEN try_cast(left(x, 4) || '-' || substr(x, 5, 2) || '-01' AS DATE) END;
CREATE OR REPLACE TEMP MACRO read_month(x) AS in_reach(coalesce(
  six_month(x), try_cast(dashed(x) || '-01' AS DATE), date_trunc('month', read_date(x))::DATE));
"""

GRADES = """
CREATE OR REPLACE TEMP MACRO read_grade(x) AS CASE
  WHEN strlen(x) = 1 AND x BETWEEN '1' AND '9' THEN x
  WHEN x IN ('小班', '小一班') THEN '1' WHEN x = '中班' THEN '2' WHEN x = '大班' THEN '3'
  WHEN x IN ('七年级', '7年级', '初一', '高一') THEN '1' WHEN x IN ('八年级', '8年级', '初二', '高二') THEN '2'
  WHEN x IN ('九年级', '9年级', '初三', '高三') THEN '3'
  WHEN suffix(x, '年级') AND length(x) = 3 THEN CASE WHEN contains('一二三四五六123456', x[1]) THEN translate(x[1], '一二三四五六', '123456') END
  WHEN regexp_full_match(x, '[1-9](\\.0|级)?') THEN x[1] END;
"""


def define(engine: Engine) -> None:
    """Make every macro of this module known to the engine, for the life of its connection."""
    for block in (TEXT, PLAIN_NUMBER, NUMBERS, DATES, GRADES):
        for statement in block.split(";\n"):
            if statement.strip():
                engine.run(statement)

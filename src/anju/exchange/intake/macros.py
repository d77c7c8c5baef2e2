"""Small SQL macros over one piece of text. Each keeps its argument few times: callers pass a column.

(A macro repeats its argument wherever it stands; macros of macros would grow without bound, so everything
with several steps is laid out as steps over columns in ``forms`` and ``address``.)
"""

from __future__ import annotations

import re
import string
from datetime import datetime, timedelta

from anju.kernel.engine import Engine, literal
from anju.kernel.workdays import HERE

NULL_WORDS = (
    "",
    "-",
    "--",
    "—",
    "——",
    "/",
    "\\N",
    "NULL",
    "null",
    "N/A",
    "NA",
    "n/a",
    "无",
    "空",
    "不详",
    "未知",
)
"""What departments write where there is nothing to write."""

NOBODY = ("测试", "匿名", "无名", "无名氏", "佚名", "暂无", "待定", "未填", "未填写", "不知道")
"""What is typed where a name must stand and none is known; with 某 in it, it is one too."""
NOBODY_IN_LETTERS = ("test", "unknown", "anonymous", "none", "null", "xx+")

NO_DAYS = (
    *(f"{day}{rest}" for day in ("0000-00-00", "9999-12-31", "2999-12-31") for rest in ("", " 00:00:00")),
    *(
        "0000/00/00",
        "9999/12/31",
        "00000000",
        "99991231",
        "9999年12月31日",
        "000000",
        "999912",
        "0000-00",
        "9999-12",
    ),
    *("长期", "长期有效", "永久", "至今", "今"),
)
"""What databases and clerks write for a day that nobody knows, or for an end that has not come."""

_HALF = string.ascii_letters + string.digits + "-/.#+_@&%*"
_FULL = "".join(chr(ord(c) + 0xFEE0) for c in _HALF)
_DROPPED = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\t\r\n"
_FROM = _FULL + "\u3000\u00a0" + _DROPPED
_TO = _HALF + "  "
_DASHES = "‐‑‒–—―−－"


_LATER = {
    0xE816: 0x20087, 0xE817: 0x20089, 0xE818: 0x200CC, 0xE81E: 0x9FB4, 0xE826: 0x9FB5, 0xE82B: 0x9FB6,
    0xE82C: 0x9FB7, 0xE831: 0x215D7, 0xE832: 0x9FB8, 0xE83B: 0x2298F, 0xE843: 0x9FB9, 0xE854: 0x9FBA,
    0xE855: 0x241FE, 0xE864: 0x9FBB,
}  # fmt: skip
"""Characters that Unicode took in after GB 18030-2000 was written, so that its tables still hold a private place for them."""
_PLACES = (*range(0x50, 0x7F), *range(0x80, 0xA1))
_FORMERLY = "".join(chr(0xE815 + n) for n in range(len(_PLACES)))
"""The private places that older systems gave to eighty rare characters of names (䶮 among them), and the characters.
Source: GB 18030-2000 and -2005, row FE."""
_TODAY = "".join(
    chr(_LATER.get(0xE815 + n) or ord(bytes((0xFE, place)).decode("gb18030")))
    for n, place in enumerate(_PLACES)
)

MINUTES_AHEAD = int((datetime(2026, 1, 1, tzinfo=HERE).utcoffset() or timedelta()).total_seconds() // 60)
"""Of Greenwich: an instant told in its time, or another place's, may be another day here."""


# An apostrophe before a value tells a spreadsheet that it is text; some exports write it out.
# Trimming by a set of characters costs ten times as much as seeing that there is nothing to trim.
MACROS = f"""
half(x) AS translate(x, {literal(_FROM)}, {literal(_TO)})
is_edged(x) AS (x <= '!' OR suffix(x, ' ') OR suffix(x, '\t') OR suffix(x, '\r') OR suffix(x, '\n'))
tidy(x) AS CASE WHEN strlen(x) = length(x) OR NOT regexp_matches(x, '[！-～\u3000\u00a0{_DROPPED}]')
  THEN CASE WHEN is_edged(x) THEN trim(x, ' \t\r\n') ELSE x END ELSE trim(half(x)) END
null_word(x) AS CASE WHEN strlen(x) < 7 THEN x IN ({", ".join(literal(w) for w in NULL_WORDS)}) ELSE FALSE END
unmarked(x) AS CASE WHEN starts_with(x, '''') THEN substr(x, 2) ELSE x END
is_rounded(x) AS CASE WHEN contains(x, '+') THEN regexp_full_match(x, '[0-9]([.][0-9]+)?[Ee][+][0-9]+') ELSE FALSE END
is_ascii(x) AS (strlen(x) = length(x))
one_blank(x) AS CASE WHEN contains(x, '  ') THEN regexp_replace(x, ' +', ' ', 'g') ELSE x END
cjk_name(x) AS CASE WHEN regexp_full_match(x, '[\\p{{Han}}·]+') THEN x ELSE translate(x, '•‧・∙⋅●．.{_FORMERLY} ', '········{_TODAY}') END
names_nobody(x) AS regexp_full_match(x, '.?某{{1,3}}|{"|".join(NOBODY)}|(?i:{"|".join(NOBODY_IN_LETTERS)})')
is_name(x) AS regexp_full_match(x, '[\\p{{Han}}〇\\x{{E000}}-\\x{{F8FF}}][\\p{{Han}}〇·\\x{{E000}}-\\x{{F8FF}}]{{0,25}}|[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ .''-]{{0,59}}')
record_hash(x) AS ('0x' || left(md5(x), 16))::UBIGINT
digits(x) AS CASE WHEN x[1] BETWEEN '0' AND '9' THEN try_cast(x AS BIGINT) END
plain_no(x) AS upper(translate(x, ' -''`', ''))
hyphened(x) AS left(x, 4) || '-' || substr(x, 5, 2) || '-' || substr(x, 7, 2)
bare_phone(x) AS regexp_replace(translate(regexp_replace(x, '^(\\d{{11}})\\.0$', '\\1'), ' -()（）+．.{_DASHES}', ''), '^(0086|86|0)(1\\d{{10}})$', '\\2')
bare_number(x) AS translate(x, ',，￥¥ 元圆整平方米㎡²亩间岁年度万', '')
plain_number(x) AS CASE WHEN regexp_full_match(x, '-?[0-9]{{1,15}}(\\.[0-9]{{0,8}})?') THEN try_cast(x AS DOUBLE) END
is_instant(x) AS CASE WHEN strlen(x) > 16 AND (suffix(x, 'Z') OR suffix(x, 'C') OR contains(x, '+') OR contains(substr(x, 17), '-'))
  THEN regexp_full_match(x, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9.]+)? ?(Z|UTC|[+-][0-9]{{2}}:?[0-9]{{2}})') ELSE FALSE END
minutes_ahead(x) AS coalesce(try_cast(regexp_extract(x, '([+-][0-9]{{2}}):?[0-9]{{2}}$', 1) AS INT) * 60
  + try_cast(regexp_extract(x, '([+-])[0-9]{{2}}:?([0-9]{{2}})$', 1) || regexp_extract(x, '[+-][0-9]{{2}}:?([0-9]{{2}})$', 1) AS INT), 0)
instant_day(x) AS CAST(CAST(try_cast(left(x, 10) || ' ' || substr(x, 12, 5) AS TIMESTAMP) + to_minutes({MINUTES_AHEAD} - minutes_ahead(x)) AS DATE) AS VARCHAR)
day_part(x) AS CASE WHEN strlen(x) <= 10 THEN x WHEN is_instant(x) THEN instant_day(x)
  ELSE split_part(split_part(x, 'T', 1), ' ', 1) END
is_stamped_day(x) AS CASE WHEN strlen(x) BETWEEN 12 AND 21 AND x[1] BETWEEN '0' AND '9'
  THEN regexp_full_match(x, '[0-9]{{8}}(([01][0-9]|2[0-3])([0-5][0-9]){{1,2}}(\\.0|[0-9]{{3}})?|[ T][0-2]?[0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?)') ELSE FALSE END
dashed(x) AS rtrim(translate(x, '年月/.日号 ', '----'), '-')
serial_day(x) AS CASE WHEN x BETWEEN 1 AND 80000 THEN DATE '1899-12-30' + x::INT END
tens(x) AS CASE WHEN NOT contains(x, '十') THEN x WHEN x = '十' THEN '10' WHEN x[1] = '十' THEN '1' || substr(x, 2)
  WHEN suffix(x, '十') THEN left(x, length(x) - 1) || '0' ELSE replace(x, '十', '') END
arabic(x) AS translate(x, '〇零一二三四五六七八九', '00123456789')
has_lunar_word(x) AS (contains(x, '农') OR contains(x, '阴'))
no_lunar_word(x) AS CASE WHEN has_lunar_word(x) THEN translate(x, '农阴历()（）: ', '') ELSE x END
division_digits(x) AS CASE WHEN strlen(x) IN (6, 9, 12) THEN x
  WHEN x[1] BETWEEN '0' AND '9' THEN regexp_extract(x, '^[0-9]+') ELSE replace(x, ' ', '') END
division_padded(x) AS CASE WHEN strlen(x) = 12 AND suffix(x, '000000') THEN left(x, 6)
  WHEN strlen(x) = 12 AND suffix(x, '000') THEN left(x, 9) WHEN strlen(x) = 9 AND suffix(x, '000') THEN left(x, 6) ELSE x END
read_flag(x) AS CASE WHEN lower(x) IN ('是', '1', 'y', 'yes', 'true', '有', '已', '已签', '已签订', '√', '1.0', 't') THEN TRUE
  WHEN lower(x) IN ('否', '0', 'n', 'no', 'false', '没有', '未', '未签', '未签订', '×', '0.0', 'f') THEN FALSE END
read_grade(x) AS CASE WHEN strlen(x) = 1 AND x BETWEEN '1' AND '9' THEN x
  WHEN x IN ('小班', '七年级', '7年级', '初一', '高一') THEN '1' WHEN x IN ('中班', '八年级', '8年级', '初二', '高二') THEN '2'
  WHEN x IN ('大班', '九年级', '9年级', '初三', '高三') THEN '3'
  WHEN suffix(x, '年级') AND length(x) = 3 AND contains('一二三四五六123456', x[1]) THEN arabic(x[1])
  WHEN regexp_full_match(x, '[1-9](\\.0|级)?') THEN x[1] END
"""


def define(engine: Engine, block: str = MACROS) -> None:
    """Make the macros of ``block`` known to the engine, for the life of its connection."""
    for told in re.split(r"\n(?=[a-z_]+\()", block.strip()):
        engine.run(f"CREATE OR REPLACE MACRO {told}")

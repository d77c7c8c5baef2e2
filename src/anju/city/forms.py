"""Ways to write one thing: dates, months, division codes of former days, and slips of the hand."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.city.arrays import EPOCH, coalesced, numbered
from anju.city.calibration import data

DATE_STYLES = ("dash", "slash", "plain", "chinese", "dot")
LAST_DAY = 55_000
"""Dates are written up to this day number (year 2050)."""
_WIDE = str.maketrans("0123456789-X", "０１２３４５６７８９－Ｘ")


@lru_cache
def date_words() -> pa.Array:
    """Every day in each of the five styles, one style after the other, then as a spreadsheet's serial number."""
    stamps = (EPOCH + np.arange(LAST_DAY)).astype("datetime64[D]")
    iso = pa.array(stamps).cast(pa.string())
    year, month, day = (
        pc.utf8_slice_codeunits(iso, 0, 4),
        pc.utf8_slice_codeunits(iso, 5, 7),
        pc.utf8_slice_codeunits(iso, 8, 10),
    )
    short_month, short_day = pc.utf8_ltrim(month, "0"), pc.utf8_ltrim(day, "0")
    return pa.concat_arrays(
        [
            iso,
            coalesced(year, "/", short_month, "/", short_day),
            coalesced(year, month, day),
            coalesced(year, "年", short_month, "月", short_day, "日"),
            coalesced(year, ".", month, ".", day),
            numbered(np.arange(LAST_DAY) + 2),
        ]
    )


@lru_cache
def month_words() -> pa.Array:
    """Every month since 1900 in three styles: 202406, 2024-06, 2024年6月."""
    months = [(1900 + i // 12, i % 12 + 1) for i in range(1800)]
    return pa.array(
        [f"{y}{m:02d}" for y, m in months]
        + [f"{y}-{m:02d}" for y, m in months]
        + [f"{y}年{m}月" for y, m in months]
    )


@lru_cache
def former_codes() -> dict[int, list[int]]:
    """For a county code in force, codes of former days that lead to it and to nothing else."""
    path = data("codes/divisions.parquet")
    heirs: dict[int, set[int]] = {}
    alive = set()
    for row in pq.read_table(path, columns=["code", "end_year", "successor", "level"]).to_pylist():
        if row["level"] == 3:
            heirs.setdefault(int(row["code"]), set()).add(int(row["successor"] or 0))
            if row["end_year"] is None:
                alive.add(int(row["code"]))
    found: dict[int, list[int]] = {}
    for code, to in sorted(heirs.items()):
        if len(to) == 1 and code not in alive and 0 not in to:
            found.setdefault(next(iter(to)), []).append(code)
    return found


def spaced(name: str) -> str:
    """A name with a stray space, wide or narrow."""
    return (name[0] + "　" + name[1:], name[0] + " " + name[1:], name + " ", " " + name)[len(name) * 7 % 4]


def wide(text: str) -> str:
    """Digits in full width."""
    return text.translate(_WIDE)


def rough_number(number: str) -> str:
    """A citizen number with a small x, in full width, in groups, or with a space after it."""
    if number.endswith("X"):
        return number[:-1] + "x"
    kind = ord(number[-1]) % 3
    return (wide(number), f"{number[:6]} {number[6:14]} {number[14:]}", number + " ")[kind]


def rough_phone(phone: str) -> str:
    """A phone with country code, hyphens, full-width digits or spaces."""
    kind = ord(phone[-1]) % 4
    return (
        "+86 " + phone,
        f"{phone[:3]}-{phone[3:7]}-{phone[7:]}",
        wide(phone),
        f"{phone[:3]} {phone[3:7]} {phone[7:]}",
    )[kind]


def miskeyed(number: str) -> str:
    """One digit of the sequence typed wrongly, so that the check character no longer fits; or one lost."""
    if number[-1] in "13579":
        return number[:-2]
    return number[:15] + str((int(number[15]) + 1) % 10) + number[16:]

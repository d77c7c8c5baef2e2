"""Days in their usual writings, read at a glance: 2026-06-30, 2026/06/30, 2026.06.30, 20260630.

The forms in SQL read every writing, and would read these the same (a test holds it). Grain: one text.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anju.exchange.intake.forms import FIRST_DAY, LAST_DAY
from anju.exchange.intake.lookups import LUNAR_YEARS, lunar_months
from anju.exchange.intake.usual import Marks, letters

Numbers = npt.NDArray[np.int32]
FIRST_YEAR, LAST_YEAR = int(FIRST_DAY[:4]), int(LAST_DAY[:4])
MONTHS = np.arange(f"{FIRST_YEAR}-01", f"{LAST_YEAR + 1}-02", dtype="datetime64[M]").astype("datetime64[D]")
FIRST: Numbers = MONTHS.astype(np.int32)
"""Days from 1970-01-01 to the first of each month from ``FIRST_YEAR`` on."""
LENGTH = np.diff(FIRST)
EIGHT, TEN = (0, 1, 2, 3, 4, 5, 6, 7), (0, 1, 2, 3, 5, 6, 8, 9)
"""Where the digits of year, month and day stand."""


def read(texts: pa.Array) -> tuple[Marks, Numbers, Numbers]:
    """Which texts are usual ones, the number of their month (0: the first that is known), and the day in it."""
    month, day = np.zeros(len(texts), np.int32), np.zeros(len(texts), np.int32)
    usual = np.zeros(len(texts), dtype=bool)
    for places in (TEN, EIGHT):
        fits, written = letters(texts, places[-1] + 1)
        if not len(written):
            continue
        digits = written[:, places] - np.uint8(48)
        sound: Marks = np.all(digits < 10, axis=1)
        if places is TEN:
            mark = written[:, 4]
            sound &= (mark == written[:, 7]) & ((mark == ord("-")) | (mark == ord("/")) | (mark == ord(".")))
        # What is no digit may be more than nine: it is left out, but must lead to no place outside the tables.
        numbers = np.where(sound[:, None], digits, np.uint8(0)).astype(np.int32)
        year = numbers[:, :4] @ np.array([1000, 100, 10, 1], np.int32)
        m, d = numbers[:, 4] * 10 + numbers[:, 5], numbers[:, 6] * 10 + numbers[:, 7]
        sound &= (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (m > 0) & (m < 13)
        at = np.where(sound, (year - FIRST_YEAR) * 12 + m - 1, 0)
        usual[fits], month[fits], day[fits] = sound & (d > 0) & (d <= LENGTH[at]), at, d
    return usual, month, day


def solar(month: Numbers, day: Numbers) -> Numbers:
    """Days from 1970-01-01."""
    return FIRST[month] + day - 1


def lunar(month: Numbers, day: Numbers) -> tuple[Marks, Numbers]:
    """The same, were month and day those of the lunar calendar; and whether there is such a day."""
    first, days = _lunar_tables()
    known = np.minimum(month, len(first) - 1)
    return (day <= days[known]) & (month < len(first)), first[known] + day - 1


@cache
def _lunar_tables() -> tuple[Numbers, Numbers]:
    begun = (LUNAR_YEARS[0] - FIRST_YEAR) * 12
    first, days = np.zeros((2, begun + len(LUNAR_YEARS) * 12), np.int32)
    for ym, first_on, count in lunar_months():
        at = (ym // 100 - FIRST_YEAR) * 12 + ym % 100 - 1
        first[at], days[at] = np.datetime64(first_on).astype(np.int32), count
    return first, days

"""Days of mainland China: on which day an instant falls, working days, and deadlines counted in them.

Holidays and make-up days come from the State Council's yearly notice (package chinesecalendar). A year whose notice
is not out yet cannot be counted: a deadline that reaches into it is given provisionally in calendar days, which is
never later than the true one, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

from anju.kernel.refusal import Refusal

HERE = ZoneInfo("Asia/Shanghai")


def day_of(at: datetime) -> date:
    """The day an instant falls on here. Instants are kept in UTC, where it is still yesterday until eight."""
    return at.astimezone(HERE).date()


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day to act, and whether it is provisional because the holidays of its year are not announced yet."""

    on: date
    is_provisional: bool = False


def is_workday(day: date) -> bool:
    """Whether offices work on ``day``; refuses a year whose holidays are not announced."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as unknown:
        raise Refusal("workdays.year_not_announced", year=day.year) from unknown


def deadline(start: date, workdays: int) -> Deadline:
    """The last day of a limit of ``workdays`` working days; the day after ``start`` is day 1."""
    day, left = start, workdays
    while left:
        day += timedelta(days=1)
        try:
            left -= is_workday(day)
        except Refusal:
            return Deadline(start + timedelta(days=workdays), is_provisional=True)
    return Deadline(day)

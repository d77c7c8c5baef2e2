"""Half-open periods of days: ``begin`` belongs to the period, ``end`` does not; no end means it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from anju.kernel.refusal import Refusal


@dataclass(frozen=True, order=True, slots=True)
class Period:
    """Days from ``begin_on`` up to but without ``end_on``; ``end_on`` None means it goes on."""

    begin_on: date
    end_on: date | None = None

    def __post_init__(self) -> None:
        if self.end_on is not None and self.end_on <= self.begin_on:
            raise Refusal("period.ends_before_it_begins", begin=self.begin_on, end=self.end_on)

    def has(self, day: date) -> bool:
        """Whether ``day`` lies in the period."""
        return self.begin_on <= day and (self.end_on is None or day < self.end_on)

    def overlaps(self, other: Period) -> bool:
        """Whether any day lies in both."""
        return (other.end_on is None or self.begin_on < other.end_on) and (
            self.end_on is None or other.begin_on < self.end_on
        )


def add_months(day: date, months: int) -> date:
    """``day`` moved by whole months; a day the month lacks becomes the month's last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def full_months(begin_on: date, end_on: date) -> int:
    """Whole months from ``begin_on`` to ``end_on``; never negative."""
    months = (end_on.year - begin_on.year) * 12 + end_on.month - begin_on.month
    while months > 0 and add_months(begin_on, months) > end_on:
        months -= 1
    return max(months, 0)

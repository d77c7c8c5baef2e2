"""The days of one filing: the filing day, the cut-off, and what lies "within 5 years"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from anju.kernel.periods import add_months, full_months
from anju.kernel.refusal import Refusal
from anju.policy.model import Day


@dataclass(frozen=True, slots=True)
class Calendar:
    """The filing day and the cut-off day up to which evidence counts."""

    filing: date
    cutoff: date

    def day(self, rule: Day) -> date:
        """The day a rule means for this filing."""
        return self.cutoff if rule.rule == "cutoff" else resolve(rule, self.filing)

    def within(self, count: int, unit: str) -> tuple[date, date]:
        """First and last day of a look-back from the cut-off (or, below 0, ahead from filing), both included."""
        if count < 0:
            last = self.filing - timedelta(days=count) if unit == "days" else add_months(self.filing, -count)
            return self.filing, last
        if unit == "calendar_years":
            return date(self.filing.year - count, 1, 1), date(self.filing.year - 1, 12, 31)
        if unit == "days":
            return self.cutoff - timedelta(days=count), self.cutoff
        return add_months(self.cutoff, -count), self.cutoff


def resolve(rule: Day, filing: date) -> date:
    """The day of a rule other than ``cutoff``."""
    if rule.rule == "fixed" and rule.fixed:
        return rule.fixed
    if rule.rule == "month_day":
        month, number = rule.month_days[0]
        return _on(filing.year - rule.years_back, month, number)
    if rule.rule == "latest_of":
        days = [_on(y, m, d) for y in (filing.year - 1, filing.year) for m, d in rule.month_days]
        return max(d for d in days if d <= filing)
    if rule.rule == "filing":
        return filing
    raise Refusal("policy.no_day_rule", rule=rule.rule)


def _on(year: int, month: int, number: int) -> date:
    """That day of the year; 29 February becomes the 28th in a common year."""
    return date(year, month, 28 if (month, number) == (2, 29) and year % 4 else number)


def calendar(rule: Day, filing: date) -> Calendar:
    """The calendar of one filing under a cut-off rule."""
    return Calendar(filing, filing if rule.rule in ("filing", "cutoff") else resolve(rule, filing))


def age(born_on: date, day: date, count: str) -> int:
    """Age in years; never below 0.

    ``full_years``: a year older on the birthday. ``started_years``: a year that has begun counts; on the birthday
    itself nothing has begun yet. ``calendar_years``: year minus year.
    """
    if count == "calendar_years":
        return max(day.year - born_on.year, 0)
    reached = _number(day) - _number(born_on)
    years = reached // 10000
    if count == "started_years" and reached % 10000:
        years += 1
    return max(years, 0)


def born_by(day: date, years: int, count: str) -> date:
    """The last birthday with which somebody is at least ``years`` old on ``day``; the last of all days where anybody is."""
    if years <= 0:
        return date.max
    if count == "calendar_years":
        number = (day.year - years) * 10000 + 1231
    else:
        number = _number(day) - years * 10000 + (9999 if count == "started_years" else 0)
    year, rest = divmod(number, 10000)
    if rest < 101:
        year, rest = year - 1, 1231
    month, at = divmod(min(rest, 1231), 100)
    if at == 0:
        month, at = month - 1, 31
    if year < 1:
        return date.min
    while True:
        try:
            return date(year, month, min(at, 31))
        except ValueError:  # such as 29 February of a common year
            at = min(at, 31) - 1


def _number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


def elapsed(begin_on: date, until: date, unit: str) -> int:
    """Whole months or days between two days; 0 if ``begin_on`` lies ahead."""
    return max((until - begin_on).days, 0) if unit == "days" else full_months(begin_on, until)

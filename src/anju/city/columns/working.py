"""Columns about work: jobs, contributions, tax, skills."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from anju.city import numbers
from anju.city.arrays import EPOCH, NEVER, Array, Text, day_number, joined, numbered, table, take
from anju.city.columns.living import LivingColumns
from anju.city.holdings import FORMER, SCHEMES
from anju.city.work import OCCUPATIONS

SCHEME_WORDS = ("企业职工基本养老保险", "职工基本医疗保险", "失业保险", "工伤保险", "住房公积金")
SKILLS = (
    "电工",
    "焊工",
    "数控车工",
    "叉车司机",
    "家政服务员",
    "中式烹调师",
    "育婴员",
    "养老护理员",
    "汽车维修工",
    "架子工",
)
OCCUPATION_WORDS = (
    "单位负责人",
    "专业技术人员",
    "办事人员",
    "服务人员",
    "农业人员",
    "生产制造人员",
    "军人",
    "其他",
)


def months_since_1900(days: Array) -> Array:
    """Day numbers as months counted from January 1900; NEVER stays."""
    months = (EPOCH + days.astype("timedelta64[D]")).astype("datetime64[M]").astype(int) + 70 * 12
    return np.where(days < 0, NEVER, months)


class WorkingColumns(LivingColumns):
    """Jobs, contributions, tax and skills."""

    @cached_property
    def employer(self) -> Array:
        """The employer a line is about, -1 none."""
        jobs, events = self.city.jobs, self.city.events
        of = np.stack([jobs.employer[self.p], jobs.former[self.p], events.next_employer[self.p]])
        return np.asarray(of[np.minimum(self.which, 2), np.arange(self.count)])

    @cached_property
    def hired(self) -> Array:
        jobs = self.city.jobs
        of = np.stack(
            [
                jobs.begin[self.p],
                jobs.former_begin[self.p],
                self.city.today + self.city.events.changes_job[self.p],
            ]
        )
        return np.asarray(of[np.minimum(self.which, 2), np.arange(self.count)])

    @cached_property
    def left_job(self) -> Array:
        """Day after the last of the job where known, else NEVER."""
        known = (self.which == FORMER) & (self.luck_of(1) < 0.85)
        end = np.where(known, self.city.jobs.former_end[self.p], NEVER)
        return np.where(self.lines.end >= 0, self.lines.end, end)

    def employer_code(self) -> Text:
        return take(self.city.employers.code, self.employer)

    def employer_name(self) -> Text:
        return take(self.city.employers.name, self.employer)

    def job_begin(self) -> Text:
        return self.date(self.hired, "job_begin")

    def job_last(self) -> Text:
        last = np.where(self.left_job >= 0, np.maximum(self.left_job - 1, self.hired), NEVER)
        return self.date(last, "job_last")

    def occupation(self) -> Text:
        coded = self.layout.format in ("parquet", "ndjson")
        return take(
            table(list(OCCUPATIONS if coded else OCCUPATION_WORDS)), self.city.jobs.occupation[self.p]
        )

    def wage(self) -> Text:
        return self.money(np.where(self.luck_of(6) < 0.12, -1, self.city.jobs.wage[self.p]), "wage")

    def has_contract(self) -> Text:
        return self.flag(self.city.jobs.has_contract[self.p])

    def staff_no(self) -> Text:
        return self.key()

    def site_no(self) -> Text:
        return joined("GC", numbered(np.maximum(self.employer, 0), 6))

    def worker_no(self) -> Text:
        return self.key()

    @cached_property
    def paid_months(self) -> tuple[Array, Array]:
        """First and last month paid, counted from January 1900."""
        jobs, today = self.city.jobs, self.city.today
        now = months_since_1900(np.full(1, today))[0]
        working = jobs.employer[self.p] >= 0
        hired = np.where(working, self.hired, self.city.stays.since[self.p])
        first = months_since_1900(np.maximum(hired, day_number("2011-07-01")))
        first = np.minimum(np.maximum(first + (self.luck_of(7) < 0.3), now - 180), now)
        last = np.where(self.which == FORMER, months_since_1900(jobs.former_end[self.p]) - 1, now)
        return first, np.maximum(last, first) + self.lines.longer

    def from_month(self) -> Text:
        return self.month(self.paid_months[0], "from")

    def to_month(self) -> Text:
        return self.month(self.paid_months[1], "to")

    def scheme(self) -> Text:
        coded = self.layout.format in ("parquet", "ndjson") and self.layout.dates == "dash"
        return take(table(list(SCHEMES if coded else SCHEME_WORDS)), self.extra)

    def contribution_kind(self) -> Text:
        luck = self.luck_of(8)
        kind = np.where(luck < 0.95, 0, np.where(luck < 0.98, 1, 2))
        return take(table(["正常缴费", "补缴", "转入"]), kind)

    def base(self) -> Text:
        """The monthly base: the wage between floor and ceiling; a flat sum for those without work."""
        wage = np.clip(self.city.jobs.wage[self.p], 4500, 27500)
        return self.money(np.where(self.city.jobs.employer[self.p] >= 0, wage, 1500), "base")

    def insured_region(self) -> Text:
        works = self.city.employers.community[np.maximum(self.employer, 0)]
        lives = self.city.dwellings.community[self.city.stays.dwelling[self.p]]
        community = np.where(self.employer >= 0, works, lives)
        return numbered(self.city.world.community_district[community], 6)

    def tax_year(self) -> Text:
        year = int(numbers.calendar(np.array([self.city.today]))[0]) // 10_000
        return numbered(year - self.extra)

    def tax_paid(self) -> Text:
        over = np.maximum(self.city.jobs.wage[self.p] - 5000, 0) * 12
        return self.money(
            np.round(np.minimum(over, 36_000) * 0.03 + np.maximum(over - 36_000, 0) * 0.1), "tax"
        )

    def skill_name(self) -> Text:
        return take(table(list(SKILLS)), (self.luck_of(17) * len(SKILLS)).astype(np.int64))

    def skill_level(self) -> Text:
        level = np.searchsorted([0.03, 0.1, 0.35, 0.7], self.luck_of(18))
        return take(table(["高级技师", "技师", "高级工", "中级工", "初级工"]), level)

    def skill_issued(self) -> Text:
        """A certificate's day does not change when it is entered again."""
        source = self.rows.copy_of[self.lines.row]
        return self.date(self.rows.observed[np.where(source >= 0, source, self.lines.row)], "issued")

"""What stands in each column: one small function a kind of value, named in the departments' layouts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from anju.city import names, numbers
from anju.city.addresses import Addresses
from anju.city.arrays import EPOCH, NEVER, Array, Text, chosen, day_number, joined, numbered, table, take
from anju.city.families import CHILD, ELDER, LOCAL
from anju.city.holdings import FORMER, NEXT, NOW, SCHEMES
from anju.city.housing import DORMITORY
from anju.city.pen import Pen
from anju.city.work import OCCUPATIONS, SITE
from anju.city.world import nearest_by_order

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
AID_KINDS = ("请求支付劳动报酬", "工伤事故", "劳动合同纠纷", "其他")
STAGES = ("kindergarten", "primary", "junior", "senior", "vocational")
STAGE_WORDS = ("幼儿园", "小学", "初中", "普通高中", "中等职业学校")
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


class Columns(Pen):
    """Every value a department's column may hold, per line."""

    addresses: Addresses

    def make(self, maker: str) -> Text:
        """The column called ``maker`` in a layout."""
        method: Callable[[], Text] = getattr(self, maker)
        return method()

    # The record itself ------------------------------------------------------------------------------------

    def key(self) -> Text:
        """The department's own number of the record: prefix and serial, telling nothing else."""
        return joined(self.layout.prefix, numbered(self.rows.serial[self.lines.row], 9))

    def observed(self) -> Text:
        return self.date(self.lines.observed, "observed")

    def status_police(self) -> Text:
        return chosen(np.zeros(self.count, dtype=bool), "注销", self._all("正常"))

    def status_valid(self) -> Text:
        return self._all("有效")

    def status_school(self) -> Text:
        return chosen(self.lines.end >= 0, "转出", self._all("在读"))

    def _all(self, word: str) -> Text:
        return take(table([word]), np.zeros(self.count, dtype=np.int64))

    # Stays ------------------------------------------------------------------------------------------------

    @cached_property
    def home(self) -> Array:
        """The dwelling a line is about."""
        stays, events = self.city.stays, self.city.events
        of = np.stack([stays.dwelling[self.p], stays.former[self.p], events.next_dwelling[self.p]])
        return np.asarray(of[np.minimum(self.which, 2), np.arange(self.count)])

    @cached_property
    def begin(self) -> Array:
        """First day of the stay."""
        stays, events = self.city.stays, self.city.events
        of = np.stack(
            [stays.since[self.p], stays.former_since[self.p], self.city.today + events.moves[self.p]]
        )
        return np.asarray(of[np.minimum(self.which, 2), np.arange(self.count)])

    @cached_property
    def end(self) -> Array:
        """Day after the last of the stay where the department knows it, else NEVER."""
        known = (self.which == FORMER) & (self.luck_of(1) < 0.7)
        return np.where(
            self.lines.end >= 0, self.lines.end, np.where(known, self.city.stays.since[self.p], NEVER)
        )

    def address(self) -> Text:
        return self.addresses.write(self.home, self.row_luck("address"), self.profile["rough"])

    def region(self) -> Text:
        return take(self.city.world.community_codes, self.city.dwellings.community[self.home])

    def dwelling_code(self) -> Text:
        code = take(self.city.dwellings.code, self.home)
        return chosen(self.row_luck("dwelling") < self.profile["rough"] * 2, None, code)

    def dwelling_kind(self) -> Text:
        homes = self.city.dwellings
        works = homes.employer[self.home]
        site = (works >= 0) & (self.city.employers.kind[np.maximum(works, 0)] == SITE)
        rented = np.where(homes.is_let[self.home], 1, np.where(self.row_luck("lodging") < 0.03, 3, 0))
        kind = np.where(homes.kind[self.home] == DORMITORY, np.where(site, 5, 4), rented)
        return take(table(["自购", "租赁", "寄宿", "借住", "单位宿舍", "临时性宿舍"]), kind)

    def reason(self) -> Text:
        drawn = self.city.people.families
        role, works = drawn.role[self.p], self.city.jobs.employer[self.p] >= 0
        luck = self.luck_of(2)
        kind = np.select(
            [role == CHILD, works, self.city.jobs.is_student[self.p], role == ELDER],
            [2, np.where(luck < 0.85, 0, 1), 3, np.where(luck < 0.6, 2, 4)],
            np.where(luck < 0.3, 5, np.where(luck < 0.6, 2, 6)),
        )
        text = take(table(["务工", "经商", "随迁", "学习培训", "投亲靠友", "婚嫁", "其他"]), kind)
        return chosen(drawn.scope[self.p] == LOCAL, None, text)

    def stay_begin(self) -> Text:
        return self.date(self.begin, "stay_begin")

    def stay_end(self) -> Text:
        return self.date(self.end, "stay_end")

    def lease_begin(self) -> Text:
        return self.date(self.begin, "stay_begin")

    def lease_last(self) -> Text:
        """Leases run for whole years, the last one beyond the first day; an ended one to its end."""
        begin, today = self.begin, self.city.today
        years = np.maximum(-((begin - today - 30) // 365), 1)
        last = np.where(self.end >= 0, self.end - 1, begin + years * 365 - 1)
        return self.date(np.maximum(last, begin), "lease_last")

    def rent(self) -> Text:
        return self.money(
            np.where(self.city.dwellings.rent[self.home] > 0, self.city.dwellings.rent[self.home], -1), "rent"
        )

    def landlord_name(self) -> Text:
        return take(self.city.people.name, self.landlords(self.home))

    def landlord_phone(self) -> Text:
        return take(self.city.people.phone, self.landlords(self.home))

    def landlords(self, home: Array) -> Array:
        """Who lets a dwelling: a local grown-up, one for many dwellings."""
        folk = self.city.people
        grown = np.flatnonzero((folk.families.scope == LOCAL) & (folk.age >= 30) & self.city.residents)
        return grown[(home // 3) * 7919 % len(grown)]

    def household_no(self) -> Text:
        return joined(
            "JT", numbered(self.city.people.families.household[self.p] * 7 % 9_999_991 + 10_000_000)
        )

    # Permits ----------------------------------------------------------------------------------------------

    @cached_property
    def permitted(self) -> Array:
        """Lines with a residence permit: newcomers half a year after they came, some of them."""
        long_here = self.city.today - self.city.stays.arrived[self.p] > 200
        came = (self.city.people.families.scope[self.p] > LOCAL) & (self.which == NOW)
        return np.asarray(
            came & long_here & (self.luck_of(3) < self.city.habits["police_residence"]["permit"])
        )

    @cached_property
    def issued(self) -> Array:
        """Day of issue, NEVER without a permit."""
        arrived = self.city.stays.arrived[self.p]
        room = np.maximum(self.city.today - arrived - 185, 1)
        return np.where(
            self.permitted, arrived + 184 + np.floor(self.luck_of(4) * room * 0.9).astype(np.int64), NEVER
        )

    def permit_no(self) -> Text:
        number = joined("JZZ", numbered(self.rows.serial[self.lines.row] * 31 % 999_999_937, 10))
        return chosen(self.permitted, number, None)

    def permit_issued(self) -> Text:
        return self.date(self.issued, "issued")

    def permit_until(self) -> Text:
        """Endorsed every year: most permits run beyond the first day, one in six has lapsed."""
        issued = np.maximum(self.issued, 0)
        years = np.maximum((self.city.today - issued) // 365 + (self.luck_of(5) > 0.17), 1)
        return self.date(np.where(self.permitted, issued + years * 365, NEVER), "until")

    # Jobs -------------------------------------------------------------------------------------------------

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

    # Contributions and tax --------------------------------------------------------------------------------

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

    # Schooling --------------------------------------------------------------------------------------------

    @cached_property
    def pupil(self) -> tuple[Array, Array, Array]:
        """Stage (place in STAGES), grade, and index of the school among those of its stage."""
        age = self.city.people.age[self.p]
        stage = np.select([age < 6, age < 12, age < 15], [0, 1, 2], np.where(self.luck_of(9) < 0.6, 3, 4))
        grade = np.clip(age - np.array([2, 5, 11, 14, 14])[stage], 1, 6)
        home = self.city.dwellings.community[self.city.stays.dwelling[self.p]]
        school = np.zeros(self.count, dtype=np.int64)
        for place, kind in enumerate(STAGES):
            here = stage == place
            school[here] = nearest_by_order(self.city.world.facilities[kind], home[here])
        return stage, grade, school

    def _of_school(self, words: Callable[[str], Text]) -> Text:
        stage, _, school = self.pupil
        text = words(STAGES[0]).take(np.zeros(self.count, dtype=np.int64))
        for place, kind in enumerate(STAGES):
            text = chosen(stage == place, take(words(kind), np.where(stage == place, school, 0)), text)
        return text

    def school_code(self) -> Text:
        return self._of_school(lambda kind: self.city.world.facilities[kind].codes)

    def school_name(self) -> Text:
        return self._of_school(lambda kind: self.city.world.facilities[kind].names)

    def stage(self) -> Text:
        return take(table(list(STAGE_WORDS)), self.pupil[0])

    def grade(self) -> Text:
        words = ["小班", "中班", "大班"]
        text = joined(take(table(list("一二三四五六")), self.pupil[1] - 1), "年级")
        if self.layout.format in ("parquet", "ndjson"):
            return numbered(self.pupil[1])
        return chosen(self.pupil[0] == 0, take(table(list(words)), np.minimum(self.pupil[1], 3) - 1), text)

    @cached_property
    def enrolled(self) -> Array:
        """First day at the school: a first of September, or the day of joining later."""
        year = int(numbers.calendar(np.array([self.city.today]))[0]) // 10_000
        since = np.array([day_number(f"{year - g}-09-01") for g in range(8)])[self.pupil[1]]
        joined_on = np.maximum(since, self.city.stays.arrived[self.p] + 10)
        new = self.city.events.enrols[self.p]
        return np.where(new > 0, self.city.today + new, np.minimum(joined_on, self.city.today))

    def enrol_begin(self) -> Text:
        return self.date(self.enrolled, "enrol_begin")

    def enrol_last(self) -> Text:
        return self.date(np.where(self.lines.end >= 0, self.lines.end - 1, NEVER), "enrol_last")

    @cached_property
    def guardian(self) -> Array:
        folk = self.city.people
        mother, father = folk.mother[self.p], folk.father[self.p]
        head = folk.families.starts[folk.families.household[self.p]]
        first = np.where(self.luck_of(10) < 0.55, mother, father)
        parent = np.where(first >= 0, first, np.maximum(mother, father))
        return np.where(parent >= 0, parent, np.where(head == self.p, -1, head))

    def guardian_name(self) -> Text:
        return take(self.city.people.name, self.guardian)

    def guardian_relation(self) -> Text:
        folk, who = self.city.people, self.guardian
        parent = (who >= 0) & ((who == folk.mother[self.p]) | (who == folk.father[self.p]))
        of_parent = np.where(folk.sex[np.maximum(who, 0)] == 1, 0, 1)
        return take(
            table(["父亲", "母亲", "其他亲属"]), np.where(who < 0, -1, np.where(parent, of_parent, 2))
        )

    def guardian_number(self) -> Text:
        text = numbers.text_of(self.city.people.number[np.maximum(self.guardian, 0)])
        return chosen((self.guardian < 0) | (self.row_luck("guardian") < 0.4), None, text)

    def guardian_phone(self) -> Text:
        return take(self.city.people.phone, self.guardian)

    # Health, marriage, aid, land, skills ------------------------------------------------------------------

    def health_opened(self) -> Text:
        since = np.maximum(self.city.stays.since[self.p], day_number("2009-01-01"))
        first = np.where(self.rows.copy_of[self.lines.row] >= 0, self.lines.observed, since)
        return self.date(np.minimum(first, self.lines.observed), "opened")

    def station_code(self) -> Text:
        stations = self.city.world.facilities["health_station"]
        home = self.city.dwellings.community[self.city.stays.dwelling[self.p]]
        return take(stations.codes, nearest_by_order(stations, home))

    def party(self) -> Text:
        return numbered(self.city.people.sex[self.p].astype(np.int64))

    def marriage_no(self) -> Text:
        """One number a couple: the same on both parties' lines."""
        couple = np.where(
            self.city.people.spouse[self.p] >= 0, np.minimum(self.p, self.city.people.spouse[self.p]), self.p
        )
        again = self.rows.serial[self.lines.row] * (self.rows.copy_of[self.lines.row] >= 0)
        tail = chosen(again > 0, joined("-", numbered(again)), self._all(""))
        return joined(self.layout.prefix, numbered(couple * 17 % 999_999_937, 9), tail)

    def spouse_name(self) -> Text:
        spouse = self.city.people.spouse[self.p]
        elsewhere = take(self.city.people.name, (self.p * 31 + 7) % len(self.city))
        married = self.city.people.marital[self.p] == 1
        return chosen(married, chosen(spouse >= 0, take(self.city.people.name, spouse), elsewhere), None)

    def spouse_number(self) -> Text:
        spouse = self.city.people.spouse[self.p]
        text = numbers.text_of(self.city.people.number[np.maximum(spouse, 0)])
        return chosen(spouse >= 0, text, None)

    def spouse_phone(self) -> Text:
        return take(self.city.people.phone, self.city.people.spouse[self.p])

    def aid_kind(self) -> Text:
        return take(table(list(AID_KINDS)), (self.luck_of(11) ** 1.5 * 4).astype(np.int64))

    @cached_property
    def aid_day(self) -> Array:
        """Day the case was opened: some time before the record was last touched, never after."""
        source = self.rows.copy_of[self.lines.row]
        first = self.rows.observed[np.where(source >= 0, source, self.lines.row)]
        return np.asarray(first - np.floor(self.luck_of(12) * 60).astype(np.int64))

    def aid_opened(self) -> Text:
        return self.date(self.aid_day, "aid_opened")

    def aid_closed(self) -> Text:
        closed = self.aid_day + 30 + np.floor(self.luck_of(13) * 120).astype(np.int64)
        return self.date(np.where(closed <= self.lines.observed, closed, NEVER), "aid_closed")

    def land_region(self) -> Text:
        return self.division(self.city.people.hukou[self.p], "land")

    def land_area(self) -> Text:
        tenths = np.floor(np.exp(self.luck_of(14) * 2.2) * 14).astype(np.int64)
        return joined(numbered(tenths // 10), ".", numbered(tenths % 10))

    def land_begin(self) -> Text:
        return self.date(
            np.where(self.luck_of(15) < 0.7, day_number("1998-01-01"), day_number("2003-10-01")), "land_begin"
        )

    def land_leased(self) -> Text:
        return self.flag(self.luck_of(16) < 0.45)

    def skill_name(self) -> Text:
        return take(table(list(SKILLS)), (self.luck_of(17) * len(SKILLS)).astype(np.int64))

    def skill_level(self) -> Text:
        level = np.searchsorted([0.03, 0.1, 0.35, 0.7], self.luck_of(18))
        return take(table(["高级技师", "技师", "高级工", "中级工", "初级工"]), level)

    def skill_issued(self) -> Text:
        """A certificate's day does not change when it is entered again."""
        source = self.rows.copy_of[self.lines.row]
        first = self.rows.observed[np.where(source >= 0, source, self.lines.row)]
        return self.date(np.where(source >= 0, first, self.lines.observed), "issued")


class PlaceColumns(Columns):
    """Columns of datasets about no person: dwellings and employers, ``thing`` being the one or the other."""

    def home_code(self) -> Text:
        return take(self.city.dwellings.code, self.thing)

    def home_status(self) -> Text:
        return self._all("在用")

    def home_address(self) -> Text:
        return self.addresses.write(self.thing, self.row_luck("address"), 0.0)

    def home_region(self) -> Text:
        return take(self.city.world.community_codes, self.city.dwellings.community[self.thing])

    def home_kind(self) -> Text:
        return take(
            table(["flat", "house", "dormitory", "village_house"]), self.city.dwellings.kind[self.thing]
        )

    def home_let_for(self) -> Text:
        homes = self.city.dwellings
        kind = np.where(homes.kind[self.thing] == DORMITORY, 1, np.where(homes.is_let[self.thing], 0, -1))
        return take(table(["02", "01"]), kind)

    def home_area(self) -> Text:
        tenths = np.round(self.city.dwellings.area[self.thing] * 10).astype(np.int64)
        return joined(numbered(tenths // 10), ".", numbered(tenths % 10))

    def home_rooms(self) -> Text:
        return numbered(self.city.dwellings.rooms[self.thing])

    def home_rent(self) -> Text:
        rent = self.city.dwellings.rent[self.thing]
        return self.money(np.where(rent > 0, rent, -1), "rent")

    def home_fire(self) -> Text:
        return take(table(["A", "B", "C"]), self._grade(0))

    def home_hygiene(self) -> Text:
        return take(table(["A", "B", "C"]), self._grade(1))

    def _grade(self, step: int) -> Array:
        """Rooms in village houses are graded worse than flats; what is not let is not graded."""
        homes = self.city.dwellings
        risky = homes.kind[self.thing] >= DORMITORY
        luck = self.luck_of(20 + step)
        grade = np.searchsorted([0.55, 0.92], luck - np.where(risky, -0.18, 0.12))
        graded = homes.is_let[self.thing] | (homes.kind[self.thing] == DORMITORY)
        return np.where(graded, grade, -1)

    def home_landlord(self) -> Text:
        let = self.city.dwellings.is_let[self.thing]
        return chosen(let, take(self.city.people.name, self.landlords(self.thing)), None)

    def home_landlord_phone(self) -> Text:
        let = self.city.dwellings.is_let[self.thing]
        return chosen(let, take(self.city.people.phone, self.landlords(self.thing)), None)

    def home_longitude(self) -> Text:
        return _decimal(self.city.dwellings.point[self.thing, 0])

    def home_latitude(self) -> Text:
        return _decimal(self.city.dwellings.point[self.thing, 1])

    def entity_code(self) -> Text:
        return take(self.city.employers.code, self.thing)

    def entity_name(self) -> Text:
        return take(self.city.employers.name, self.thing)

    def entity_kind(self) -> Text:
        return take(
            table(["企业", "个体工商户", "建设工地", "事业单位"]), self.city.employers.kind[self.thing]
        )

    def entity_industry(self) -> Text:
        from anju.city.work import INDUSTRIES

        return take(
            table([letter for letter, _, _, _ in INDUSTRIES]), self.city.employers.industry[self.thing]
        )

    def entity_region(self) -> Text:
        return numbered(self.city.world.community_district[self.city.employers.community[self.thing]], 6)

    def entity_address(self) -> Text:
        some = self.city.employers
        head = take(self.addresses.heads(), some.community[self.thing])
        street = take(self.city.world.edge_street, some.edge[self.thing])
        return joined(head, street, numbered(some.number[self.thing]), "号")

    def entity_opened(self) -> Text:
        return self.date(self.city.employers.opened[self.thing], "opened")

    def entity_closed(self) -> Text:
        return self.date(self.city.employers.closed[self.thing], "closed")


def _decimal(values: Array) -> Text:
    """Positive numbers with six decimals."""
    millionths = np.round(values * 1_000_000).astype(np.int64)
    return joined(numbered(millionths // 1_000_000), ".", numbered(millionths % 1_000_000, 6))


def columns_for(dataset: str) -> type[Columns]:
    """The columns of a dataset about people, or about places."""
    from anju.city.holdings import ABOUT_NOBODY

    return PlaceColumns if dataset in ABOUT_NOBODY else Columns


__all__ = ["NEXT", "Columns", "PlaceColumns", "columns_for", "months_since_1900", "names"]

"""Columns about school, health, marriage, legal aid and land."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from anju.city import numbers
from anju.city.arrays import NEVER, Array, Text, chosen, day_number, joined, numbered, table, take
from anju.city.columns.working import WorkingColumns
from anju.city.world import nearest_by_order

AID_KINDS = ("请求支付劳动报酬", "工伤事故", "劳动合同纠纷", "其他")
STAGES = ("kindergarten", "primary", "junior", "senior", "vocational")
STAGE_WORDS = ("幼儿园", "小学", "初中", "普通高中", "中等职业学校")


class PersonColumns(WorkingColumns):
    """Everything a dataset about people may hold."""

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

    def health_opened(self) -> Text:
        since = np.maximum(self.city.stays.since[self.p], day_number("2009-01-01"))
        first = np.where(self.rows.copy_of[self.lines.row] >= 0, self.rows.observed[self.lines.row], since)
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

"""Columns about where a person lives: stays, leases, permits."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from anju.city.arrays import NEVER, Array, Text, chosen, joined, numbered, table, take
from anju.city.columns.record import RecordColumns
from anju.city.families import CHILD, ELDER, LOCAL
from anju.city.holdings import FORMER, NOW
from anju.city.housing import DORMITORY
from anju.city.work import SITE


class LivingColumns(RecordColumns):
    """Stays, leases and residence permits."""

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
        return np.asarray(grown[(home // 3) * 7919 % len(grown)])

    def household_no(self) -> Text:
        return joined(
            "JT", numbered(self.city.people.families.household[self.p] * 7 % 9_999_991 + 10_000_000)
        )

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

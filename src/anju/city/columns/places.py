"""Columns of datasets about no person: dwellings and employers."""

from __future__ import annotations

import numpy as np

from anju.city.arrays import Array, Text, chosen, joined, numbered, table, take
from anju.city.columns.household import PersonColumns
from anju.city.housing import DORMITORY
from anju.city.work import INDUSTRIES


class PlaceColumns(PersonColumns):
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

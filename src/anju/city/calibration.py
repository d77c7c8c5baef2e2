"""The census row the city is fitted to, and the counties its people come from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anju.city.arrays import Array
from anju.kernel import packs
from anju.kernel.refusal import Refusal

AGE_BANDS = ((0, 15), (15, 25), (25, 35), (35, 45), (45, 60), (60, 96))
LARGEST_HOUSEHOLD = 7


@dataclass(frozen=True, slots=True)
class Calibration:
    """One city's marginals (shares, or as named) in the 2020 census."""

    city: str
    province: str
    shares: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self.shares[name]

    @property
    def ages(self) -> Array:
        """Share of people in each of ``AGE_BANDS``; sums to one."""
        found = np.array(
            [self[k] for k in ("age0_14", "age15_24", "age25_34", "age35_44", "age45_59", "age60p")]
        )
        return np.asarray(found / found.sum())

    @property
    def migrants(self) -> float:
        """Share of people registered outside the sub-district they live in."""
        return self["reg_same_county"] + self["reg_other_county"] + self["reg_other_prov"]

    def household_sizes(self) -> Array:
        """Share of family households with 1 … 7 members: the census's one-person share and mean size.

        Larger households thin out geometrically, at the pace that gives the mean.
        """
        alone = self["one_person_hh"]
        mean_rest = (self["hh_size"] - alone) / (1 - alone)
        sizes = np.arange(2, LARGEST_HOUSEHOLD + 1)
        low, high = 0.01, 3.0
        for _ in range(60):
            pace = (low + high) / 2
            weights = pace ** (sizes - 2.0)
            low, high = (pace, high) if (weights * sizes).sum() / weights.sum() < mean_rest else (low, pace)
        return np.asarray(np.r_[alone, weights / weights.sum() * (1 - alone)])


def load(city: str) -> Calibration:
    """The marginals of ``city``; refuses a city that is not among the sixteen."""
    rows = {r["city"]: r for r in _rows("calibration/cities_2020.csv")}
    row = dict(rows.get(city) or rows.get(city + "市") or {})
    if not row:
        raise Refusal("city.unknown_calibration", city=city, known="、".join(rows))
    return Calibration(row.pop("city"), row.pop("province"), {k: float(v) for k, v in row.items()})


@dataclass(frozen=True, slots=True)
class Origins:
    """Counties people may be registered in, with the weights to draw them by."""

    codes: Array
    names: list[str]
    weights_same_province: Array
    weights_other_province: Array


def origins(calibration: Calibration) -> Origins:
    """County-level origins: counties of the same province by people; others by the modelled share of
    their province and their rural people."""
    rows = list(_rows("calibration/counties_2020.csv"))
    code = np.array([r["code"] for r in rows])
    people = np.array([float(r["population"]) for r in rows])
    rural = np.array([float(r["rural"]) for r in rows]) + 0.15 * people
    province = np.array([c[:2] + "0000" for c in code])
    share = {
        r["from_province"]: float(r["share"])
        for r in _rows("calibration/origin_provinces.csv")
        if r["to_province"] == calibration.province
    }
    same = np.where(province == calibration.province, rural, 0.0)
    other = np.zeros(len(rows))
    for name, part in share.items():
        inside = province == name
        other[inside] = rural[inside] / rural[inside].sum() * part
    return Origins(code, [r["name"] for r in rows], same / same.sum(), other / other.sum())


def _rows(relative: str) -> list[dict[str, str]]:
    with data(relative).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def data(relative: str) -> Path:
    """A data file of the invented city's pack; refuses when the pack does not hold it."""
    path = packs.find_file(relative, "demo")
    if path is None:
        raise Refusal("city.no_data", file=relative)
    return path

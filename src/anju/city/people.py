"""The people of the city with everything that is theirs for life: name, birthday, number, origin, schooling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city import names, numbers
from anju.city.arrays import Array, Text, chance, day_number, take
from anju.city.calibration import Calibration, Origins
from anju.city.families import (
    CHILD,
    COLLECTIVE,
    ELDER,
    GROWN,
    HEAD,
    LOCAL,
    OTHER_PROVINCE,
    SAME_COUNTY,
    SAME_PROVINCE,
    SINGLE,
    SPOUSE,
    Families,
)
from anju.city.world import World

YEAR = 365.2425
YOUNGEST_PARENT = 18
"""Least years between parent and child."""
EDUCATION = ("10", "20", "30", "40", "60", "70", "80", "90")
"""GB/T 4658, highest first."""
NEVER_MARRIED, MARRIED, WIDOWED, DIVORCED = "10", "20", "30", "40"
MARITAL = (NEVER_MARRIED, MARRIED, WIDOWED, DIVORCED)


@dataclass(slots=True)
class People:
    """Grain: one entry per person.

    Units: ``born`` day numbers; ``hukou`` six-digit numbers; ``education``, ``marital`` places in the lists
    above, -1 not applicable; ``mother``, ``father``, ``spouse`` indexes of people in the city, -1 not here.
    """

    families: Families
    born: Array
    sex: Array
    name: Text
    number: Array
    """Citizen number, rows of 18 ASCII characters."""
    phone: Text
    hukou: Array
    education: Array
    marital: Array
    mother: Array
    father: Array
    spouse: Array

    def __len__(self) -> int:
        return len(self.born)

    @property
    def age(self) -> Array:
        """Full years on the first day."""
        return self.families.age


def draw_people(
    families: Families,
    district: Array,
    row: Calibration,
    origins: Origins,
    world: World,
    today: str,
    seed: int,
) -> People:
    """Fill in the people of ``families``; ``district`` is the six-digit district each household lives in."""
    draw = chance(seed, "people")
    count = len(families.age)
    mother, father, spouse = _kin(families)
    hukou = _hukou(families, district, origins, world, draw)
    first_day = day_number(today)
    born = first_day - np.floor((families.age + draw.random(count)) * YEAR).astype(np.int64)
    like = _twins(families, born, draw)
    line = np.where(father >= 0, father, np.where(mother >= 0, mother, np.arange(count)))
    line = _elders_line(families, line, draw)[like]
    born = born[like]
    year = numbers.calendar(born) // 10_000
    name = names.draw_names(line, like, families.sex, year, hukou // 10_000 * 10_000, seed)
    name, born = _strangers(families, name, born, draw)
    issued = np.where(draw.random(count) < 0.12, hukou[draw.permutation(count)], hukou)
    number = numbers.citizen_numbers(issued, born, families.sex)
    phone = _phones(families, draw)
    education = _education(families, row, draw)
    marital = _marital(families, spouse, draw)
    return People(
        families, born, families.sex, name, number, phone, hukou, education, marital, mother, father, spouse
    )


def _kin(families: Families) -> tuple[Array, Array, Array]:
    """Mother, father, spouse of each person inside the household; -1 where there is none."""
    count = len(families.age)
    head = families.starts[families.household]
    second = np.minimum(head + 1, count - 1)
    coupled = (families.role[second] == SPOUSE) & (families.household[second] == families.household)
    spouse = np.full(count, -1)
    is_head = (families.role == HEAD) & coupled
    spouse[is_head] = second[is_head]
    spouse[second[is_head]] = np.flatnonzero(is_head)
    old = np.flatnonzero((families.role[1:] == ELDER) & (families.role[:-1] == ELDER)) + 1
    old = old[
        (families.household[old] == families.household[old - 1])
        & (families.sizes[families.household[old]] == 2)
    ]
    spouse[old], spouse[old - 1] = old - 1, old
    child = (families.role == CHILD) | (families.role == GROWN)
    of_head = child & (families.age <= families.age[head] - YOUNGEST_PARENT)
    of_second = child & coupled & (families.age <= families.age[second] - YOUNGEST_PARENT)
    head_is_man = families.sex[head] == 1
    first, other = np.where(of_head, head, -1), np.where(of_head & of_second, second, -1)
    father, mother = np.where(head_is_man, first, other), np.where(head_is_man, other, first)
    return mother, father, spouse


def _elders_line(families: Families, line: Array, draw: np.random.Generator) -> Array:
    """The head of a family has the surname of an old person in it, two times in three; the elder's line is
    written onto the elder so that children keep the head's."""
    line = line.copy()
    old = np.flatnonzero((families.role == ELDER) & (families.sizes[families.household] > 2))
    same = draw.random(len(old)) < 0.6
    line[old[same]] = families.starts[families.household[old[same]]]
    kin = np.flatnonzero((families.role == GROWN) & (line == np.arange(len(line))))
    line[kin] = families.starts[families.household[kin]]
    return line


def _hukou(
    families: Families, district: Array, origins: Origins, world: World, draw: np.random.Generator
) -> Array:
    """County of registered household: a family shares it, but for some who married in."""
    households = len(families.sizes)
    scope = families.scope[families.starts]
    codes = origins.codes.astype(np.int64)

    def drawn(count: int) -> tuple[Array, Array]:
        same = codes[draw.choice(len(codes), count, p=origins.weights_same_province)]
        return same, codes[draw.choice(len(codes), count, p=origins.weights_other_province)]

    same, other = drawn(households)
    inside = world.districts[draw.integers(0, len(world.districts), households)]
    next_door = world.districts[(np.searchsorted(world.districts, district) + 1) % len(world.districts)]
    inside = np.where(inside == district, next_door, inside)
    same = np.where(draw.random(households) < 0.25, inside, same)
    home = np.select([scope <= SAME_COUNTY, scope == SAME_PROVINCE], [district, same], other)
    hukou = home[families.household]
    married_in = np.flatnonzero((families.role == SPOUSE) & (draw.random(len(hukou)) < 0.3))
    same, other = drawn(len(married_in))
    kind = families.scope[married_in]
    hukou[married_in] = np.select(
        [kind == OTHER_PROVINCE, kind == SAME_PROVINCE], [other, same], hukou[married_in]
    )
    return hukou


def _twins(families: Families, born: Array, draw: np.random.Generator) -> Array:
    """For each person the person they share a birthday with: a twin, or themself. Ages are made equal."""
    like = np.arange(len(born))
    second = np.flatnonzero((families.role[1:] == CHILD) & (families.role[:-1] == CHILD)) + 1
    second = second[families.household[second] == families.household[second - 1]]
    second = second[like[second - 1] == second - 1]
    twins = second[draw.random(len(second)) < 0.02]
    twins = twins[~np.isin(twins - 1, twins)]
    like[twins] = twins - 1
    families.age[twins] = families.age[twins - 1]
    families.sex[twins] = np.where(
        draw.random(len(twins)) < 0.7, families.sex[twins - 1], 3 - families.sex[twins - 1]
    )
    return like


def _strangers(families: Families, name: Text, born: Array, draw: np.random.Generator) -> tuple[Text, Array]:
    """Two in a thousand of those who live alone have the name and the birthday of somebody else."""
    lone = np.flatnonzero((families.role == SINGLE) | (families.role == COLLECTIVE))
    lone = lone[np.lexsort((born[lone], families.sex[lone]))]
    second = np.flatnonzero(draw.random(len(lone)) < 0.004)
    second = second[(second > 0)]
    second = second[families.sex[lone[second]] == families.sex[lone[second - 1]]]
    second = second[~np.isin(second - 1, second)]
    source = np.arange(len(born))
    source[lone[second]] = lone[second - 1]
    return take(name, source), born[source]


def _phones(families: Families, draw: np.random.Generator) -> Text:
    """A phone of one's own, or for children and some of the old the phone of the household's head."""
    count = len(families.age)
    shares = (families.age < 12) | ((families.role == ELDER) & (draw.random(count) < 0.3))
    shares |= draw.random(count) < 0.01
    owner = np.where(shares, families.starts[families.household], np.arange(count))
    return take(numbers.phones(count), owner)


def _education(families: Families, row: Calibration, draw: np.random.Generator) -> Array:
    """Highest schooling; the young have what their age allows, adults fill the census shares."""
    count = len(families.age)
    age = families.age
    found = np.full(count, -1, dtype=np.int8)
    found[(age >= 6) & (age < 12)] = EDUCATION.index("80")
    found[(age >= 12) & (age < 15)] = EDUCATION.index("70")
    grown = np.flatnonzero(age >= 15)
    lean = draw.normal(0, 14, len(grown)) - np.abs(age[grown] - 28) + 6 * (families.scope[grown] == LOCAL)
    lean = np.where(age[grown] < 18, np.minimum(lean, 0), lean)
    order = grown[np.argsort(-lean, kind="stable")]
    college = round(count * row["edu_college"])
    senior = college + round(count * row["edu_senior"])
    junior = senior + round(count * row["edu_junior"]) - int(((age >= 12) & (age < 15)).sum())
    place = np.arange(len(order))
    luck = draw.random(len(order))
    top = np.where(luck < 0.05, 0, np.where(luck < 0.47, 1, 2))
    middle = np.where(luck < 0.4, 3, 4)
    found[order] = np.select(
        [place < college, place < senior, place < max(junior, senior)],
        [top, middle, EDUCATION.index("70")],
        np.where(luck < 0.93, EDUCATION.index("80"), EDUCATION.index("90")),
    )
    return found


def _marital(families: Families, spouse: Array, draw: np.random.Generator) -> Array:
    age, count = families.age, len(families.age)
    luck = draw.random(count)
    apart = np.interp(age, [22, 25, 30, 35, 45, 60], [0, 0.12, 0.45, 0.7, 0.8, 0.8])
    single = np.where(luck < apart, 1, np.where((luck > 0.93) & (age > 27), 3, 0))
    widowed = np.where(luck < 0.8, 2, 1)
    found = np.where(spouse >= 0, 1, np.where(age >= 60, widowed, single))
    found = np.where((spouse < 0) & (families.role == HEAD) & (age < 60), np.where(luck < 0.5, 3, 1), found)
    found[age < 20] = 0
    return np.where(age < 15, -1, found).astype(np.int8)

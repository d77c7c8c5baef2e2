"""Dwellings on standard addresses, who lives in them, and where they lived before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city.arrays import (
    NEVER,
    Array,
    Text,
    chance,
    day_number,
    joined,
    numbered,
    rank_in_group,
    table,
    take,
)
from anju.city.families import LOCAL, SINGLE, Families
from anju.city.work import Employers
from anju.city.world import World

FLAT, HOUSE, DORMITORY, VILLAGE_HOUSE = range(4)
KINDS = ("flat", "house", "dormitory", "village_house")
NUMBERS_A_SIDE = 20
ROOM_BEDS = 6
SPARE = 0.08
"""Dwellings nobody lives in on the first day, as a share of those lived in."""


@dataclass(slots=True)
class Dwellings:
    """Grain: one dwelling. ``building`` and ``unit`` 0 where the address has none; money in yuan a month."""

    kind: Array
    community: Array
    edge: Array
    number: Array
    building: Array
    unit: Array
    room: Array
    code: Text
    area: Array
    rooms: Array
    rent: Array
    is_let: Array
    employer: Array
    point: Array
    """Longitude and latitude, n x 2."""

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(slots=True)
class Stays:
    """Grain: one person. ``dwelling`` now since ``since``; ``former`` before (-1 none) from ``former_since``
    to ``since``; ``arrived`` first day in the city, NEVER if born or always registered here."""

    arrived: Array
    dwelling: Array
    since: Array
    former: Array
    former_since: Array


def draw_arrivals(families: Families, today: str, seed: int) -> Array:
    """Per person the day the household came to the city, ``NEVER`` for those who belong here."""
    draw = chance(seed, "arrivals")
    first_day = day_number(today)
    households = len(families.sizes)
    age = families.age[families.starts]
    ago = np.minimum(draw.gamma(1.15, 1400, households), age * 365.0 + 20)
    arrived = first_day - np.floor(ago).astype(np.int64) - 1
    arrived = np.where(families.scope[families.starts] == LOCAL, NEVER, arrived)
    return np.asarray(arrived[families.household])


def draw_housing(
    families: Families,
    employer: Array,
    arrived: Array,
    employers: Employers,
    world: World,
    today: str,
    seed: int,
) -> tuple[Dwellings, Stays]:
    """House everybody: families in flats and houses, people in collective households in dormitories."""
    draw = chance(seed, "housing")
    family = ~families.is_collective[families.starts]
    homes = np.flatnonzero(family)
    spare = max(20, round(len(homes) * SPARE))
    head = families.starts[homes]
    scope = np.r_[families.scope[head], draw.choice(families.scope[head], spare)]
    renting = np.r_[families.is_renting[head], np.ones(spare, dtype=bool)]
    community = _communities(scope, world, draw)
    kind = _kinds(scope, renting, world.is_village[community], draw)
    beds = np.flatnonzero(families.is_collective)
    dorm_of, dorm_employer, dorm_community = _dormitories(employer[beds], employers, world, draw)
    all_community = np.r_[community, dorm_community]
    all_kind = np.r_[kind, np.full(len(dorm_community), DORMITORY)]
    works_for = np.r_[np.full(len(community), -1), dorm_employer]
    let = np.r_[renting, np.zeros(len(dorm_community), dtype=bool)]
    dwellings = _place(all_kind, all_community, works_for, let, employers, world, draw)
    at = np.full(len(families.age), -1)
    of_home = np.full(len(families.sizes), -1)
    of_home[homes] = np.arange(len(homes))
    inside = ~families.is_collective
    at[inside] = of_home[families.household[inside]]
    at[beds] = len(community) + dorm_of
    return dwellings, _stays(families, at, arrived, len(community), today, draw)


def _communities(scope: Array, world: World, draw: np.random.Generator) -> Array:
    """Where a household lives: newcomers lean to the belt around the centre, and to some communities."""
    taste = draw.gamma(2.0, 1.0, (2, len(world.centrality)))
    found = np.empty(len(scope), dtype=np.int64)
    for newcomer in (False, True):
        belt = np.exp(-(((world.centrality - (0.45 if newcomer else 0.75)) / 0.3) ** 2)) + 0.15
        weights = belt * (0.5 + taste[int(newcomer)])
        rows = np.flatnonzero((scope > LOCAL) == newcomer)
        found[rows] = draw.choice(len(weights), len(rows), p=weights / weights.sum())
    return found


def _kinds(scope: Array, renting: Array, village: Array, draw: np.random.Generator) -> Array:
    luck = draw.random(len(scope))
    rented = np.where(luck < np.where(village, 0.8, 0.42), VILLAGE_HOUSE, FLAT)
    owned = np.where(luck < np.where(village, 0.75, 0.06), HOUSE, FLAT)
    return np.where(renting, rented, owned)


def _dormitories(
    employer: Array, employers: Employers, world: World, draw: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Rooms of six for each employer's people; those without an employer share rooms near schools.

    Returns, per person, the index of the room, and per room its employer (-1 none) and community.
    """
    school = world.facilities["vocational"].community
    place = np.where(employer >= 0, employer, -1 - draw.integers(0, len(school), len(employer)))
    room = rank_in_group(place) // ROOM_BEDS
    _, first, index = np.unique(place * 1_000_000 + room, return_index=True, return_inverse=True)
    owner = place[first]
    community = np.where(
        owner >= 0,
        employers.community[np.maximum(owner, 0)],
        school[np.minimum(-1 - owner, len(school) - 1) % len(school)],
    )
    return index, np.maximum(owner, -1), community


def _place(
    kind: Array,
    community: Array,
    employer: Array,
    let: Array,
    employers: Employers,
    world: World,
    draw: np.random.Generator,
) -> Dwellings:
    """Give every dwelling an address of its own: compounds of blocks, houses of rooms, dormitories."""
    count = len(kind)
    serial = rank_in_group(
        (kind * 100_000 + community) * 100_000 + np.where(kind == DORMITORY, employer + 1, 0)
    )
    units, floors, doors, blocks = (
        np.array(choices)[(community * step + 1) % len(choices)]
        for choices, step in (((2, 3, 4), 7), ((6, 11, 18), 5), ((2, 4, 2), 3), ((4, 6, 9, 12), 11))
    )
    a_block = units * floors * doors
    building = np.where(kind == FLAT, serial // a_block % blocks + 1, 0)
    # Two employers at one number have their dormitories one behind the other.
    neighbour = rank_in_group(employers.edge * 100_000 + employers.number)[np.maximum(employer, 0)]
    building = np.where(kind == DORMITORY, 91 + serial // 60 + 20 * neighbour, building)
    unit = np.where(kind == FLAT, serial % a_block // (floors * doors) + 1, 0)
    inner = serial % (floors * doors)
    room = np.where(kind == FLAT, (inner // doors + 1) * 100 + inner % doors + 1, 0)
    room = np.where(kind == VILLAGE_HOUSE, (serial % 12 // 3 + 1) * 100 + serial % 3 + 1, room)
    room = np.where(kind == DORMITORY, (serial % 60 // 10 + 1) * 100 + serial % 10 + 1, room)
    # A community with more houses than its streets have numbers builds behind them: house 1, 2 … of a number.
    lot = np.select(
        [kind == FLAT, kind == VILLAGE_HOUSE], [serial // (a_block * blocks), serial // 12], serial
    )
    # Compounds, houses with rooms and single houses take turns along the streets of a community.
    slot = lot * 3 + np.select([kind == FLAT, kind == VILLAGE_HOUSE], [0, 1], 2)
    width = world.edge_count[community]
    edge = world.first_edge[community] + slot % width
    number = world.edge_number[edge] + 1 + 2 * (slot // width % NUMBERS_A_SIDE)
    behind = slot // width // NUMBERS_A_SIDE
    building = building + behind * np.where(kind == FLAT, blocks, np.where(kind == DORMITORY, 0, 1))
    works = np.maximum(employer, 0)
    in_works = (kind == DORMITORY) & (employer >= 0)
    edge = np.where(in_works, employers.edge[works], edge)
    number = np.where(in_works, employers.number[works], number)
    code = joined(
        take(world.community_codes, community),
        take(table(["F", "H", "D", "V"]), kind),
        numbered(_serials(community, kind), 6),
    )
    rooms = np.where(kind == FLAT, draw.choice([1, 2, 3, 4], count, p=[0.12, 0.38, 0.38, 0.12]), 1)
    rooms = np.where(kind == HOUSE, draw.integers(3, 7, count), rooms)
    area = np.round(rooms * np.where(kind == FLAT, 30.0, 22.0) + draw.normal(8, 3, count).clip(2, 20), 1)
    level = 12 + 38 * world.centrality[community] * draw.uniform(0.8, 1.2, count)
    rent = np.where(let, np.round(area * level / 10) * 10, 0)
    along = draw.uniform(0.1, 0.9, (count, 1))
    point = np.round(world.edge_start[edge] * (1 - along) + world.edge_end[edge] * along, 6)
    return Dwellings(
        kind, community, edge, number, building, unit, room, code, area, rooms, rent, let, employer, point
    )


def _serials(community: Array, kind: Array) -> Array:
    return rank_in_group(community * 4 + kind) + 1


def _stays(
    families: Families, at: Array, arrived: Array, homes: int, today: str, draw: np.random.Generator
) -> Stays:
    first_day = day_number(today)
    count, households = len(at), len(families.sizes)
    mean = np.where(families.is_renting[families.starts], 600, 3200)
    mean = np.where(families.role[families.starts] == SINGLE, mean * 0.8, mean)
    ago = np.floor(draw.exponential(mean)).astype(np.int64) + 2
    came = arrived[families.starts]
    earliest = np.where(came >= 0, came, first_day - 14_000)
    since = np.maximum(first_day - ago, earliest)
    moved = (since - earliest > 200) & (draw.random(households) < 0.7)
    former = np.where(moved, draw.integers(0, homes, households), -1)
    former_since = np.maximum(
        since - np.floor(draw.exponential(900, households)).astype(np.int64) - 60, earliest
    )
    hh = families.household
    former_of = former[hh].copy()
    former_of[former_of == at] = -1
    # Nobody lived anywhere before being born: a child's first stay begins no earlier than its birth year.
    born = first_day - families.age * 365
    begin = np.maximum(since[hh], np.minimum(born, first_day - 1))
    former_of[(begin > since[hh]) | (former_since[hh] < born)] = -1
    return Stays(arrived, at, begin, former_of, former_since[hh].astype(np.int64) + np.zeros(count, np.int64))

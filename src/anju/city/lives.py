"""The city as of the first day, and what happens to its people on the days after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from anju.city import calibration, families, housing, people, work, world
from anju.city.arrays import NEVER, Array, chance, day_number
from anju.city.calibration import data
from anju.city.families import COLLECTIVE, LOCAL, SINGLE
from anju.kernel import packs

FEWEST = 200
Told = Callable[[str], None]


@dataclass(slots=True)
class Events:
    """What happens after the first day. Grain: one entry per person.

    Units: days as offsets from the first day (1, 2 …), 0 for people there from the start, NEVER for nothing.
    """

    arrives: Array
    leaves: Array
    moves: Array
    next_dwelling: Array
    changes_job: Array
    next_employer: Array
    enrols: Array


@dataclass(slots=True)
class City:
    """Everything that is true in the invented city."""

    today: int
    """The first day, as a day number."""
    days: int
    seed: int
    row: calibration.Calibration
    world: world.World
    origins: calibration.Origins
    people: people.People
    employers: work.Employers
    jobs: work.Jobs
    dwellings: housing.Dwellings
    stays: housing.Stays
    events: Events
    habits: dict[str, Any]

    def __len__(self) -> int:
        return len(self.people)

    @property
    def residents(self) -> Array:
        """People there on the first day."""
        return np.asarray(self.events.arrives == 0)


def draw_city(count: int, seed: int, days: int, today: str, like: str, told: Told = lambda _: None) -> City:
    """A city of ``count`` residents as of ``today``, and those who arrive in ``days`` days after it."""
    habits = packs.read_yaml(data("habits.yaml"))
    row, ground = calibration.load(like or habits["like"]), world.load_world()
    origins = calibration.origins(row)
    extra = round(count * habits["a_day"]["arrivals"] * days)
    told("households")
    drawn = families.draw_families(count + extra, row, seed)
    arrives = _arrivals(drawn, extra, days, seed)
    arrived = housing.draw_arrivals(drawn, today, seed)
    first_day = day_number(today)
    arrived = np.where(arrives > 0, first_day + arrives, arrived)
    told("employers")
    employers = work.draw_employers(count, row, ground, today, seed)
    jobs = work.draw_jobs(drawn, arrived, employers, row, today, seed)
    told("dwellings")
    dwellings, stays = housing.draw_housing(drawn, jobs.employer, arrived, employers, ground, today, seed)
    district = ground.community_district[dwellings.community[stays.dwelling[drawn.starts]]]
    told("people")
    folk = people.draw_people(drawn, district, row, origins, ground, today, seed)
    _newcomers(arrives, arrived, jobs, stays)
    _not_before_birth(folk.born, stays)
    events = _events(drawn, arrives, dwellings, jobs, habits["a_day"], days, seed)
    return City(
        first_day, days, seed, row, ground, origins, folk, employers, jobs, dwellings, stays, events, habits
    )


def _arrivals(drawn: families.Families, extra: int, days: int, seed: int) -> Array:
    """Which people are not there yet on the first day, and on which day they come: people alone, from elsewhere."""
    draw = chance(seed, "later")
    lone = ((drawn.role == SINGLE) | (drawn.role == COLLECTIVE)) & (drawn.scope != LOCAL)
    some = draw.permutation(np.flatnonzero(lone))[:extra]
    arrives = np.zeros(len(drawn.age), dtype=np.int64)
    arrives[some] = draw.integers(1, days + 1, len(some)) if days else 0
    return arrives


def _newcomers(arrives: Array, arrived: Array, jobs: work.Jobs, stays: housing.Stays) -> None:
    """Newcomers have no past in the city: their stay and their job begin when they come."""
    new = arrives > 0
    stays.former[new] = -1
    jobs.former[new] = -1
    stays.since[new] = arrived[new]
    jobs.begin[new] = arrived[new]


def _not_before_birth(born: Array, stays: housing.Stays) -> None:
    """A stay begins on the day of birth at the earliest."""
    stays.former[(stays.former_since < born) | (stays.since <= born)] = -1
    stays.since[:] = np.maximum(stays.since, born)


def _events(
    drawn: families.Families,
    arrives: Array,
    dwellings: housing.Dwellings,
    jobs: work.Jobs,
    rates: dict[str, float],
    days: int,
    seed: int,
) -> Events:
    """Households move or leave, workers change jobs, children enrol: each person at most one thing."""
    draw = chance(seed, "events")
    count, households = len(drawn.age), len(drawn.sizes)

    def happens(rate: float, size: int) -> Array:
        return np.where(draw.random(size) < rate * days, draw.integers(1, max(days, 1) + 1, size), int(NEVER))

    whole = ~drawn.is_collective[drawn.starts] & (arrives[drawn.starts] == 0)
    moving = np.where(whole & drawn.is_renting[drawn.starts], happens(rates["moves"] * 2, households), NEVER)
    leaving = np.where(
        (moving < 0) & (drawn.scope[drawn.starts] != LOCAL) & (arrives[drawn.starts] == 0),
        happens(rates["leaves"] * 1.7, households),
        NEVER,
    )
    homes = int(whole.sum())
    lived_in = np.flatnonzero((dwellings.employer < 0) & dwellings.is_let)
    spare = lived_in[lived_in >= homes] if (lived_in >= homes).any() else lived_in
    target = draw.choice(spare, households)
    moves, leaves = moving[drawn.household], leaving[drawn.household]
    quiet = (moves < 0) & (leaves < 0) & (arrives == 0)
    free = quiet & (jobs.employer >= 0) & (drawn.role != COLLECTIVE)
    changes = np.where(free, happens(rates["job_changes"] * 2, count), NEVER)
    next_employer = np.where(changes > 0, draw.permutation(jobs.employer), -1)
    next_employer = np.where((changes > 0) & (next_employer < 0), jobs.employer, next_employer)
    changes = np.where(next_employer == jobs.employer, NEVER, changes)
    pupil = quiet & (drawn.age >= 3) & (drawn.age < 15)
    enrols = np.where(pupil, happens(rates["enrolments"] * 6, count), NEVER)
    return Events(arrives, leaves, moves, target[drawn.household], changes, next_employer, enrols)

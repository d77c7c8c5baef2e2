"""Which department holds a record about whom, and when it learned it: rows before they are written."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anju.city.arrays import NEVER, Array, chance
from anju.city.families import LOCAL
from anju.city.housing import DORMITORY
from anju.city.lives import City
from anju.city.work import COMPANY, SELF_EMPLOYED, SITE

NOW, FORMER, NEXT = range(3)
"""Which stay or job of a person a row is about."""
SCHEMES = ("pension", "medical", "unemployment", "injury", "housing_fund")


Piece = tuple[Array, Array, Array, Array]
"""Persons, things, observed days, sent days."""


class Holder:
    """Draws the rows of one dataset."""

    def __init__(self, city: City, dataset: str) -> None:
        self.city = city
        self.draw = chance(city.seed, "holdings", dataset)
        self.habit = city.habits.get(dataset, {})
        self.there = city.residents

    def some(self, mask: Array, share: float | Array) -> Array:
        """People of the mask, each held with probability ``share``."""
        return np.flatnonzero(mask & (self.draw.random(len(mask)) < share))

    def after(self, begin: Array, mean_days: float) -> Array:
        """A day of record some days after ``begin``, not after the first day."""
        later = begin + np.floor(self.draw.exponential(mean_days, len(begin))).astype(np.int64)
        return np.asarray(np.minimum(later, self.city.today))

    def recent(self, begin: Array, days: int) -> Array:
        """A day in the last ``days`` days, not before ``begin`` and not after the first day."""
        day = self.city.today - self.draw.integers(0, days, len(begin))
        return np.asarray(np.minimum(np.maximum(day, begin), self.city.today))

    def first(self, person: Array, observed: Array, thing: int | Array = NOW) -> Piece:
        """Rows sent with the first load."""
        return person, np.broadcast_to(np.asarray(thing), person.shape), observed, np.zeros(len(person), int)

    def later(self, happens: Array, share: float, thing: int, mask: Array | None = None) -> Piece:
        """Rows about something that ``happens`` on a later day, sent up to three days after it."""
        sure = (happens > 0) & (True if mask is None else mask)
        person = self.some(sure, share)
        sent = happens[person] + self.draw.choice([0, 1, 2, 3], len(person), p=[0.5, 0.3, 0.12, 0.08])
        in_time = sent <= self.city.days
        person, sent = person[in_time], sent[in_time]
        return person, np.full(len(person), thing), self.city.today + sent, sent


def hold(city: City, dataset: str, missing_police: Array) -> list[Piece]:
    """The pieces of a dataset before anything is registered twice."""
    holder = Holder(city, dataset)
    return HOLDERS[dataset](holder, missing_police)


def _police(h: Holder, missing: Array) -> list[Piece]:
    stays, events = h.city.stays, h.city.events
    now = np.flatnonzero(h.there & ~missing)
    former = h.some(h.there & ~missing & (stays.former >= 0), h.habit["former"] * 2)
    return [
        h.first(now, h.after(stays.since[now], 12)),
        h.first(former, h.after(stays.former_since[former], 12), FORMER),
        h.later(events.arrives, 0.75, NOW, ~missing),
        h.later(events.moves, 0.7, NEXT, ~missing),
    ]


def _insured(h: Holder) -> tuple[Array, Array]:
    jobs = h.city.jobs
    small = h.city.employers.kind[np.maximum(jobs.employer, 0)] == SELF_EMPLOYED
    share = np.where(small, h.habit["small"], h.habit["large"])
    now = h.some(h.there & (jobs.employer >= 0), share)
    long_enough = h.there & (jobs.former >= 0) & (jobs.former_end - jobs.former_begin > 62)
    return now, h.some(long_enough, h.habit["former"])


def _insurance(h: Holder, _: Array) -> list[Piece]:
    jobs, pieces = h.city.jobs, []
    now, former = _insured(h)
    for name, share in h.habit["schemes"].items():
        scheme = 10 * SCHEMES.index(name)
        some = now[h.draw.random(len(now)) < share]
        pieces.append(h.first(some, h.recent(jobs.begin[some], 30), scheme))
        ended = former[h.draw.random(len(former)) < share * 0.6]
        pieces.append(h.first(ended, h.after(jobs.former_end[ended], 20), scheme + FORMER))
    return pieces


def _employment(h: Holder, _: Array) -> list[Piece]:
    jobs, events = h.city.jobs, h.city.events
    now = h.some(h.there & (jobs.employer >= 0), h.habit["current"])
    former = h.some(h.there & (jobs.former >= 0), h.habit["former"])
    return [
        h.first(now, h.after(jobs.begin[now], 15)),
        h.first(former, h.after(jobs.former_begin[former], 15), FORMER),
        h.later(events.changes_job, 0.6, NEXT),
        h.later(np.where(jobs.employer >= 0, events.arrives, NEVER), 0.4, NOW),
    ]


def _skill(h: Holder, _: Array) -> list[Piece]:
    jobs = h.city.jobs
    some = h.some(h.there & (jobs.employer >= 0) & (h.city.people.age >= 20), h.habit["workers"])
    return [h.first(some, h.recent(jobs.begin[some], 2000))]


def _renters(h: Holder) -> Array:
    drawn = h.city.people.families
    return np.asarray(drawn.is_renting & ~drawn.is_collective & (drawn.age >= 16))


def _lease(h: Holder, _: Array) -> list[Piece]:
    stays, events = h.city.stays, h.city.events
    renting = _renters(h)
    some = h.some(renting & h.there, h.habit["grown"])
    return [
        h.first(some, h.after(stays.since[some], 8)),
        h.later(events.moves, 0.3, NEXT, renting),
        h.later(events.arrives, 0.15, NOW, renting),
    ]


def _landlord(h: Holder, _: Array) -> list[Piece]:
    stays, events = h.city.stays, h.city.events
    renting = _renters(h)
    some = h.some(renting & h.there, h.habit["grown"])
    return [
        h.first(some, h.after(stays.since[some], 5)),
        h.later(events.moves, 0.4, NEXT, renting),
        h.later(events.arrives, 0.4, NOW, renting),
    ]


def _dwelling(h: Holder, _: Array) -> list[Piece]:
    homes = h.city.dwellings
    share = np.where(homes.is_let | (homes.kind == DORMITORY), h.habit["let"], h.habit["other"])
    some = np.flatnonzero(h.draw.random(len(homes)) < share)
    day = h.city.today - h.draw.integers(1, 700, len(some))
    return [(np.full(len(some), -1), some, day, np.zeros(len(some), int))]


def _enrolment(h: Holder, _: Array) -> list[Piece]:
    age, events = h.city.people.age, h.city.events
    share = np.where(age < 15, h.habit["young"], h.habit["older"])
    pupil = (age >= 3) & (age < 18) & ((age < 15) | h.city.jobs.is_student) & h.there & (events.enrols < 0)
    some = h.some(pupil, share)
    return [
        h.first(some, h.recent(h.city.stays.since[some], 300)),
        h.later(events.enrols, 0.95, NOW),
    ]


def _health(h: Holder, _: Array) -> list[Piece]:
    age, stays = h.city.people.age, h.city.stays
    share = np.select([age < 7, age >= 60], [h.habit["young"], h.habit["old"]], h.habit["other"])
    some = h.some(h.there, share)
    return [h.first(some, h.recent(stays.since[some], 900))]


def _medical(h: Holder, _: Array) -> list[Piece]:
    working = h.city.jobs.employer >= 0
    some = h.some(h.there, np.where(working, h.habit["workers"], h.habit["other"]))
    return [h.first(some, h.recent(np.full(len(some), 0), 40))]


def _marriage(h: Holder, _: Array) -> list[Piece]:
    folk = h.city.people
    couple = (folk.spouse >= 0) & (folk.sex == 1) & h.there
    men = h.some(couple, h.habit["couples"])
    wives = folk.spouse[men]
    apart = h.some(h.there & (folk.spouse < 0) & (folk.marital == 1) & (folk.age < 60), h.habit["apart"])
    age = np.minimum(folk.age[men], folk.age[wives])
    years = np.maximum(age - 23, 0) * h.draw.uniform(0.6, 1.0, len(men))
    day = h.city.today - 20 - np.floor(years * 365).astype(np.int64)
    alone = h.city.today - 20 - np.floor(np.maximum(folk.age[apart] - 24, 0) * 250).astype(np.int64)
    return [h.first(men, day), h.first(wives, day), h.first(apart, alone)]


def _tax(h: Holder, _: Array) -> list[Piece]:
    jobs = h.city.jobs
    earning = (jobs.employer >= 0) & (jobs.wage > h.habit["earner_from_yuan"]) & h.there
    last_year = earning & (jobs.begin < h.city.today - 180)
    some = h.some(last_year, h.habit["earners"])
    before = some[
        (jobs.begin[some] < h.city.today - 545) & (h.draw.random(len(some)) < h.habit["year_before"])
    ]
    return [
        h.first(some, h.recent(jobs.begin[some], 120), 10),
        h.first(before, h.city.today - 365 - h.draw.integers(0, 100, len(before)), 20),
    ]


def _market(h: Holder, _: Array) -> list[Piece]:
    count = len(h.city.employers.opened)
    day = np.maximum(h.city.employers.opened, h.city.today - h.draw.integers(0, 900, count))
    return [(np.full(count, -1), np.arange(count), day, np.zeros(count, int))]


def _aid(h: Holder, _: Array) -> list[Piece]:
    jobs = h.city.jobs
    some = h.some(h.there & (jobs.employer >= 0), h.habit["workers"])
    return [h.first(some, h.recent(jobs.begin[some] + 10, 700))]


def _land(h: Holder, _: Array) -> list[Piece]:
    drawn = h.city.people.families
    heads = np.zeros(len(drawn.age), dtype=bool)
    heads[drawn.starts] = True
    some = h.some(heads & h.there & (drawn.scope != LOCAL) & (drawn.age >= 25), h.habit["heads"])
    return [h.first(some, h.city.today - h.draw.integers(100, 3000, len(some)))]


def _visit(h: Holder, _: Array) -> list[Piece]:
    drawn, stays, events = h.city.people.families, h.city.stays, h.city.events
    visited = (h.draw.random(len(drawn.sizes)) < h.habit["households"])[drawn.household]
    some = np.flatnonzero(visited & h.there)
    day = h.recent(np.zeros(len(drawn.sizes), dtype=np.int64), 400)[drawn.household[some]]
    return [
        h.first(some, np.maximum(day, stays.since[some])),
        h.later(events.moves, 0.35, NEXT),
        h.later(events.arrives, 0.3, NOW),
    ]


def _report(h: Holder, _: Array) -> list[Piece]:
    jobs, events = h.city.jobs, h.city.events
    of_company = (jobs.employer >= 0) & (h.city.employers.kind[np.maximum(jobs.employer, 0)] == COMPANY)
    some = h.some(h.there & of_company, h.habit["workers"])
    return [
        h.first(some, h.after(jobs.begin[some], 25)),
        h.later(events.changes_job, 0.4, NEXT),
        h.later(np.where(of_company, events.arrives, NEVER), 0.4, NOW),
    ]


def _site(h: Holder, _: Array) -> list[Piece]:
    jobs, stays = h.city.jobs, h.city.stays
    builds = h.city.employers.kind[np.maximum(jobs.employer, 0)] == SITE
    lives_there = (jobs.employer >= 0) & builds & h.city.people.families.is_collective
    some = h.some(lives_there & h.there, h.habit["beds"])
    return [
        h.first(some, h.after(stays.since[some], 3)),
        h.later(np.where(lives_there, h.city.events.arrives, NEVER), 0.8, NOW),
    ]


HOLDERS: dict[str, Callable[[Holder, Array], list[Piece]]] = {
    "police_residence": _police,
    "hrss_insurance": _insurance,
    "hrss_employment": _employment,
    "hrss_skill": _skill,
    "housing_lease": _lease,
    "housing_dwelling": _dwelling,
    "education_enrolment": _enrolment,
    "health_record": _health,
    "medical_insurance": _medical,
    "civil_marriage": _marriage,
    "tax_income": _tax,
    "market_entity": _market,
    "justice_aid": _aid,
    "agriculture_land": _land,
    "community_visit": _visit,
    "landlord_report": _landlord,
    "employer_report": _report,
    "site_dormitory": _site,
}
ABOUT_NOBODY = ("housing_dwelling", "market_entity")

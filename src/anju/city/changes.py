"""Rows that are sent again on a later day because something ended, went on, or was put right."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from anju.city.arrays import NEVER, Array, chance
from anju.city.holdings import NOW
from anju.city.lives import City
from anju.city.mistakes import Mistakes
from anju.city.rows import Rows


@dataclass(slots=True)
class Changes:
    """Grain: one row sent again.

    ``sent`` day after the first; ``end`` day number or NEVER; ``longer`` months; ``observed`` day number;
    ``corrected`` what was stated wrongly is now stated right.
    """

    row: Array
    sent: Array
    end: Array
    longer: Array
    observed: Array
    corrected: Array


LEARNS_END = {
    # dataset: share of moves and departures, share of changes of job, that lead to an end being sent
    "police_residence": (0.7, 0.0),
    "housing_lease": (0.5, 0.0),
    "landlord_report": (0.75, 0.0),
    "site_dormitory": (0.9, 0.0),
    "hrss_employment": (0.3, 0.7),
    "employer_report": (0.5, 0.8),
    "education_enrolment": (0.6, 0.0),
}
PAID_MONTHLY = ("hrss_insurance", "medical_insurance")


NOT_PUT_RIGHT = ("civil_marriage", "hrss_skill", "tax_income")
"""Datasets whose day is the day of the event itself: they are not written anew for a correction."""


def draw_changes(city: City, dataset: str, rows: Rows, mistakes: Mistakes, bad: Array) -> Changes:
    """The changes of one dataset on the days after the first; ``bad`` rows could not be read on theirs.

    A row changes at most once: first what happened to the person, then mending, then putting right.
    """
    draw = chance(city.seed, "changes", dataset)
    if not city.days:
        return _changes(city, rows, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    parts = [_happened(city, dataset, rows, draw), _mended(city, rows, bad, draw)]
    if dataset not in NOT_PUT_RIGHT:
        parts.append(_put_right(city, dataset, rows, mistakes, draw))
    taken = np.zeros(len(rows), dtype=bool)
    kept = []
    for part in parts:
        free = ~taken[part.row]
        taken[part.row] = True
        kept.append([getattr(part, f.name)[free] for f in fields(Changes)])
    return Changes(*(np.concatenate(columns) for columns in zip(*kept, strict=True)))


def _changes(city: City, rows: Rows, row: Array, sent: Array, **more: Array) -> Changes:
    """Changes of ``row`` sent on ``sent``, seen that day, with nothing else to say unless told."""
    default = {
        "end": np.full(len(row), int(NEVER)),
        "longer": np.zeros(len(row), dtype=np.int64),
        "observed": city.today + sent,
        "corrected": np.zeros(len(row), dtype=bool),
    }
    return Changes(row, sent, **(default | more))


def _happened(city: City, dataset: str, rows: Rows, draw: np.random.Generator) -> Changes:
    current = (rows.thing % 10 == NOW) & (rows.sent == 0)
    if dataset in PAID_MONTHLY:
        return _paid(city, rows, current, draw)
    if dataset not in LEARNS_END:
        return _changes(city, rows, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    of_stay, of_job = LEARNS_END[dataset]
    events = city.events
    day = np.maximum(events.moves, events.leaves) if dataset != "education_enrolment" else events.leaves
    happens, share = day[rows.person], np.full(len(rows), of_stay)
    if of_job:
        changes = events.changes_job[rows.person]
        gone = events.leaves[rows.person]
        happens = np.where(changes > 0, changes, gone)
        share = np.where(changes > 0, of_job, of_stay)
    row = np.flatnonzero(current & (happens > 0) & (draw.random(len(rows)) < share))
    sent = happens[row] + draw.choice([0, 1, 2], len(row), p=[0.6, 0.3, 0.1])
    in_time = sent <= city.days
    row, sent = row[in_time], sent[in_time]
    return _changes(city, rows, row, sent, end=city.today + happens[row])


def _paid(city: City, rows: Rows, current: Array, draw: np.random.Generator) -> Changes:
    """Each working day some of the runs of months grow by the month just paid; a run at most once."""
    rate = city.habits["a_day"]["months_paid"]
    day = np.floor(draw.random(len(rows)) / rate).astype(np.int64) + 1
    row = np.flatnonzero(current & (day <= city.days) & (city.events.leaves[rows.person] < 0))
    return _changes(city, rows, row, day[row], longer=np.ones(len(row), dtype=np.int64))


def _mended(city: City, rows: Rows, bad: Array, draw: np.random.Generator) -> Changes:
    """Rows that came back unread are mended and sent again within days, the day they state unchanged."""
    day = np.floor(draw.random(len(rows)) / city.habits["a_day"]["mended"]).astype(np.int64) + 1 + rows.sent
    row = np.flatnonzero(bad & (day <= city.days))
    return _changes(city, rows, row, day[row], observed=rows.observed[row])


def _put_right(
    city: City, dataset: str, rows: Rows, mistakes: Mistakes, draw: np.random.Generator
) -> Changes:
    """Every day some of the people about whom the dataset is wrong have it put right, in all their rows."""
    wrong = np.zeros(len(city), dtype=bool)
    for (of, _), mistake in mistakes.wrong.items():
        if of == dataset:
            wrong[mistake.person] = True
    rate = city.habits["a_day"]["put_right"]
    day = np.floor(draw.random(len(city)) / rate).astype(np.int64) + 1
    row = np.flatnonzero(wrong[rows.person] & (day[rows.person] <= city.days) & (rows.sent == 0))
    return _changes(city, rows, row, day[rows.person[row]], corrected=np.ones(len(row), dtype=bool))

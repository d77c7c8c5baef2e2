"""Rows that are sent again on a later day because something ended, went on, or was put right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city.arrays import Array, chance
from anju.city.holdings import NOW, Rows
from anju.city.lives import City


@dataclass(slots=True)
class Changes:
    """Grain: one row sent again. ``sent`` day after the first; ``end`` day number or NEVER; ``longer`` months."""

    row: Array
    sent: Array
    end: Array
    longer: Array


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


def draw_changes(city: City, dataset: str, rows: Rows) -> Changes:
    """The changes of one dataset on the days after the first."""
    draw = chance(city.seed, "changes", dataset)
    nothing = Changes(*(np.empty(0, dtype=np.int64) for _ in range(4)))
    if not city.days:
        return nothing
    current = (rows.thing % 10 == NOW) & (rows.sent == 0)
    if dataset in PAID_MONTHLY:
        return _paid(city, rows, current, draw)
    if dataset not in LEARNS_END:
        return nothing
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
    return Changes(row, sent, city.today + happens[row], np.zeros(len(row), dtype=np.int64))


def _paid(city: City, rows: Rows, current: Array, draw: np.random.Generator) -> Changes:
    """Each working day some of the runs of months grow by the month just paid; a run at most once."""
    rate = city.habits["a_day"]["months_paid"]
    day = np.floor(draw.random(len(rows)) / rate).astype(np.int64) + 1
    row = np.flatnonzero(current & (day <= city.days) & (city.events.leaves[rows.person] < 0))
    return Changes(row, day[row], np.full(len(row), -1), np.ones(len(row), dtype=np.int64))

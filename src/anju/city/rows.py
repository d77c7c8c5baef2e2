"""The rows of every dataset: what departments hold, and what they registered twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city.arrays import Array, chance
from anju.city.holdings import HOLDERS, hold
from anju.city.lives import City


@dataclass(slots=True)
class Rows:
    """Grain: one record of one dataset.

    ``person`` -1 for datasets about no person (then ``thing`` is the dwelling or employer). ``thing`` says what
    the record is about: NOW/FORMER/NEXT, plus ten times a place in a list (scheme, year back). ``observed`` day
    number; ``sent`` 0 with the first load or the day after it; ``copy_of`` the row this one repeats under
    another key, -1 for none.
    """

    person: Array
    thing: Array
    observed: Array
    sent: Array
    copy_of: Array
    serial: Array
    luck: Array
    """A number in [0, 1) that a row shares with the row it repeats."""

    def __len__(self) -> int:
        return len(self.person)


def draw_rows(
    city: City, missing_police: Array, again: dict[str, float], duplicates: float
) -> dict[str, Rows]:
    """Rows of every dataset, with ``duplicates`` of the records of people registered twice or more."""
    pieces = {name: hold(city, name, missing_police) for name in HOLDERS}
    base = {
        name: tuple(np.concatenate([p[i] for p in some]).astype(np.int64) for i in range(4))
        for name, some in pieces.items()
    }
    weight = sum(len(base[name][0]) * w for name, w in again.items())
    total = sum(len(base[name][0]) for name in again)
    scale = duplicates / (1 - duplicates) * total / weight if weight else 0.0
    return {
        name: _repeat(city, name, columns, scale * again.get(name, 0.0)) for name, columns in base.items()
    }


def _repeat(city: City, dataset: str, columns: tuple[Array, ...], mean: float) -> Rows:
    """Add rows that say the same thing under another key, on average ``mean`` for each."""
    draw = chance(city.seed, "again", dataset)
    person, thing, observed, sent = columns
    count = len(person)
    times = np.floor(draw.random(count) + mean).astype(np.int64) * (sent == 0)
    source = np.repeat(np.arange(count), times)
    first_day = city.today
    room = np.maximum(first_day - observed[source], 0)
    day = np.minimum(
        observed[source] + 1 + np.floor(draw.random(len(source)) * room).astype(np.int64), first_day
    )
    # A repetition is later than what it repeats: where there was no time for it, the first was earlier.
    tight = day <= observed[source]
    observed = observed.copy()
    observed[source[tight]] -= draw.integers(5, 90, int(tight.sum()))
    luck = draw.random(count)
    total = count + len(source)
    return Rows(
        person=np.r_[person, person[source]],
        thing=np.r_[thing, thing[source]],
        observed=np.r_[observed, day],
        sent=np.r_[sent, sent[source]],
        copy_of=np.r_[np.full(count, -1), source],
        serial=draw.permutation(total) + 1,
        luck=np.r_[luck, luck[source]],
    )

"""What departments get wrong about people: values that cannot be true beside what another department states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from anju.city import misspelling, numbers
from anju.city.arrays import Array, chance
from anju.city.layouts import Layout
from anju.city.lives import City
from anju.city.people import EDUCATION, MARITAL
from anju.city.rows import Rows

FIELDS = ("name", "citizen_no", "sex", "born_on", "hukou_region", "education", "marital")
MAKER_OF = dict(
    zip(FIELDS, ("name", "citizen_no", "sex", "born", "hukou", "education", "marital"), strict=True)
)
SECOND_MISTAKE = 0.25
"""Share of the contradicted about whom a second field is wrong as well."""
VALID, ABSENT, INVALID, FIFTEEN = range(4)
"""How a row states the citizen number."""


@dataclass(slots=True)
class Wrong:
    """Grain: one person about whom one dataset states a wrong value of one field.

    ``person`` ascending; ``value`` strings, whole numbers or rows of characters; ``everywhere`` all of the
    person's rows in the dataset say so, else only the latest does.
    """

    person: Array
    value: Any
    everywhere: Array


@dataclass(slots=True)
class Mistakes:
    """Everything stated wrongly: per dataset and field, and how each row states the number."""

    wrong: dict[tuple[str, str], Wrong]
    number_state: dict[str, Array]
    contradicted: Array
    """Per person: two departments state different things."""


def draw_number_states(
    city: City, rows: dict[str, Rows], profile: dict[str, float], no_number: dict[str, float]
) -> dict[str, Array]:
    """Per dataset and row: number stated and valid, absent, invalid, or in its 15-digit form."""
    states = {}
    for name, share in no_number.items():
        draw = chance(city.seed, "numbers", name)
        some = rows[name]
        luck = draw.random(len(some))
        absent = min(share * profile["without_number"], 0.95)
        invalid = absent + profile["invalid_number"]
        year = numbers.calendar(city.people.born[some.person]) // 10_000
        old = (year < 1985) & (luck > 1 - profile["fifteen"])
        states[name] = np.select(
            [luck < absent, luck < invalid, old], [ABSENT, INVALID, FIFTEEN], VALID
        ).astype(np.int8)
    return states


def draw_mistakes(
    city: City,
    rows: dict[str, Rows],
    layouts: dict[str, Layout],
    states: dict[str, Array],
    settings: dict[str, Any],
    share: float,
) -> Mistakes:
    """Contradict ``share`` of the people: one department states one field wrongly, sometimes two."""
    draw = chance(city.seed, "mistakes")
    stating = _stating(city, rows, layouts, states)
    departments = {f: _departments(found, layouts) for f, found in stating.items()}
    weights = np.array([settings["fields"][f] for f in FIELDS], dtype=float)
    count = len(city)
    feasible = np.stack([departments[f] >= 2 for f in FIELDS])
    able = np.flatnonzero(feasible.any(axis=0) & city.residents)
    people = np.sort(draw.permutation(able)[: round(int(city.residents.sum()) * share)])
    contradicted = np.zeros(count, dtype=bool)
    contradicted[people] = True
    wrong: dict[tuple[str, str], list[Array]] = {}
    first = _choose(people, feasible[:, people], weights, stating, wrong, draw)
    # The second mistake is about another field, so that two wrongs never agree by accident.
    feasible[first, people] = False
    second = people[(draw.random(len(people)) < SECOND_MISTAKE) & feasible[:, people].any(axis=0)]
    _choose(second, feasible[:, second], weights, stating, wrong, draw)
    values = _Values(city, settings, draw)
    found = {}
    for key, parts in sorted(wrong.items()):
        some = np.unique(np.concatenate(parts))
        value, kept = values.of(key[1], some)
        some = some[kept]
        found[key] = Wrong(some, value, draw.random(len(some)) < 0.6)
    _recount(found, stating, contradicted)
    return Mistakes(found, states, contradicted)


def _stating(
    city: City, rows: dict[str, Rows], layouts: dict[str, Layout], states: dict[str, Array]
) -> dict[str, dict[str, Array]]:
    """Per field and dataset: which people the dataset states the field of, on the first day."""
    count, folk = len(city), city.people
    known = {"education": folk.education >= 0, "marital": folk.marital >= 0}
    stating: dict[str, dict[str, Array]] = {f: {} for f in FIELDS}
    for name, layout in layouts.items():
        if name not in states:
            continue
        some = rows[name]
        sent = some.sent == 0
        held = np.bincount(some.person[sent], minlength=count) > 0
        lacking = np.bincount(some.person[(states[name] != VALID) & sent], minlength=count) > 0
        for field in FIELDS:
            if MAKER_OF[field] in layout.columns.values():
                mask = held & ~lacking if field == "citizen_no" else held
                stating[field][name] = mask & known.get(field, True)
    return stating


def _departments(found: dict[str, Array], layouts: dict[str, Layout]) -> Array:
    """Per person how many departments or channels state the field."""
    of: dict[str, Array] = {}
    for name, mask in found.items():
        department = layouts[name].department
        of[department] = of.get(department, False) | mask
    return np.asarray(np.sum(list(of.values()), axis=0, dtype=np.int8))


def _choose(
    people: Array,
    feasible: Array,
    weights: Array,
    stating: dict[str, dict[str, Array]],
    wrong: dict[tuple[str, str], list[Array]],
    draw: np.random.Generator,
) -> Array:
    """A field by weight among those two departments state, then one of the datasets that state it.

    Returns the place of the field in FIELDS for each person.
    """
    if not len(people):
        return np.empty(0, dtype=np.int64)
    score = np.where(feasible, np.log(weights)[:, None] + draw.gumbel(size=feasible.shape), -np.inf)
    field = score.argmax(axis=0)
    for place, name in enumerate(FIELDS):
        some = people[field == place]
        datasets = list(stating[name])
        lots = np.stack([stating[name][d][some] * draw.random(len(some)) for d in datasets])
        which = lots.argmax(axis=0)
        for number, dataset in enumerate(datasets):
            chosen = some[which == number]
            if len(chosen):
                wrong.setdefault((dataset, name), []).append(chosen)
    return np.asarray(field)


def _recount(
    found: dict[tuple[str, str], Wrong], stating: dict[str, dict[str, Array]], contradicted: Array
) -> None:
    """Strike out the people for whom no wrong value could be made."""
    left = np.zeros_like(contradicted)
    for wrong in found.values():
        left[wrong.person] = True
    contradicted &= left


class _Values:
    """Makes a wrong value of a field for each of some people."""

    def __init__(self, city: City, settings: dict[str, Any], draw: np.random.Generator) -> None:
        self.city, self.settings, self.draw = city, settings, draw
        self.speller = misspelling.Speller(draw)

    def of(self, field: str, people: Array) -> tuple[Any, Array]:
        """Values for ``people``, and which of them could be given one (values only for those)."""
        value = getattr(self, f"_{field}")(people)
        if isinstance(value, list):
            kept = np.array([v is not None for v in value], dtype=bool)
            return pa.array([v for v in value if v is not None], pa.string()), kept
        return value, np.ones(len(people), dtype=bool)

    def _kinds(self, field: str, count: int) -> Array:
        kinds = self.settings[field]
        weights = np.array(list(kinds.values()), dtype=float)
        return np.array(list(kinds))[self.draw.choice(len(kinds), count, p=weights / weights.sum())]

    def _name(self, people: Array) -> list[str | None]:
        names = self.city.people.name.take(pa.array(people)).to_pylist()
        kinds = self._kinds("name", len(people))
        return [self.speller.wrong(n, k) for n, k in zip(names, kinds, strict=True)]

    def _sex(self, people: Array) -> Array:
        return 3 - self.city.people.sex[people]

    def _born_on(self, people: Array) -> Array:
        return misspelling.wrong_birthdays(
            self.city.people.born[people], self._kinds("born_on", len(people)), self.draw
        )

    def _citizen_no(self, people: Array) -> Array:
        folk, draw = self.city.people, self.draw
        candidates = np.stack([folk.spouse[people], folk.mother[people], folk.father[people]])
        relative = candidates.max(axis=0)
        mine = (self._kinds("citizen_no", len(people)) == "relative") & (relative >= 0)
        second = folk.number[people].copy()
        elsewhere = folk.hukou[draw.integers(0, len(self.city), len(people))] % 10_000
        elsewhere = np.where(elsewhere == _tail(second), elsewhere + 1, elsewhere)
        second[:, 2:6] = numbers.digits(elsewhere, 4)
        second[:, 17] = numbers.citizen_checks(second[:, :17])
        return np.where(mine[:, None], folk.number[np.maximum(relative, 0)], second)

    def _hukou_region(self, people: Array) -> Array:
        """Another county of the same province or, for those who belong to the city, another district."""
        true = self.city.people.hukou[people]
        codes = np.sort(np.r_[self.city.origins.codes.astype(np.int64), self.city.world.districts])
        low = np.searchsorted(codes, true // 10_000 * 10_000)
        high = np.searchsorted(codes, true // 10_000 * 10_000 + 9_999)
        found = codes[low + (self.draw.random(len(people)) * (high - low)).astype(np.int64)]
        next_one = codes[
            np.where(np.searchsorted(codes, true) + 1 < high, np.searchsorted(codes, true) + 1, low)
        ]
        return np.where(found == true, next_one, found)

    def _education(self, people: Array) -> Array:
        true = self.city.people.education[people].astype(np.int64)
        step = self.draw.choice([-1, 1, 2], len(people), p=[0.3, 0.5, 0.2])
        found = np.clip(true + step, 0, len(EDUCATION) - 1)
        return np.where(found == true, true - 1, found)

    def _marital(self, people: Array) -> Array:
        true = self.city.people.marital[people].astype(np.int64)
        other = np.array([1, 0, 1, 1])[true]
        luck = self.draw.random(len(people))
        return np.where((luck < 0.25) & (true == 1), MARITAL.index("40"), other)


def _tail(number: Array) -> Array:
    return np.asarray((number[:, 2:6].astype(np.int64) - ord("0")) @ np.array([1000, 100, 10, 1]))

"""Names of invented people: by surname, sex, year of birth and, for some, province of origin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from anju.city.arrays import Array, Text, chance, chosen, joined, table, take
from anju.city.calibration import data
from anju.kernel import packs

COHORTS = (("before_1960", 1960), ("before_1980", 1980), ("before_2000", 2000), ("later", 9999))
DOT = "·"


def draw_names(line: Array, like: Array, sex: Array, year: Array, province: Array, seed: int) -> Text:
    """One name per person.

    ``line`` is the index of the person whose surname is taken (father's line; the person themself for most),
    ``like`` the index of a twin whose first given character is taken over; ``province`` six-digit numbers.
    """
    words = packs.read_yaml(data("names.yaml"))
    draw = chance(seed, "names")
    weights = np.array([float(v) for v in words["surnames"].values()])
    surname = draw.choice(len(weights), len(sex), p=weights / weights.sum())[line]
    given = _given(words, like, sex, year, draw)
    plain = joined(take(table(list(words["surnames"])), surname), given)
    return _other_forms(words, plain, line, sex, province, draw)


def _given(words: dict[str, Any], like: Array, sex: Array, year: Array, draw: np.random.Generator) -> Text:
    first, second = np.zeros(len(sex), dtype=np.int64), np.zeros(len(sex), dtype=np.int64)
    pool: list[str | None] = []
    single = np.zeros(len(sex), dtype=bool)
    begin = 0
    for cohort, end in COHORTS:
        here = (year >= begin) & (year < end)
        single[here] = draw.random(int(here.sum())) < words["single_given"][cohort]
        for number, name in ((1, "male"), (2, "female")):
            some = np.flatnonzero(here & (sex == number))
            lists = words["given"][cohort][name]
            for which, target in ((lists["first"], first), (lists["second"], second)):
                fade = 1 / (np.arange(len(which)) + 6)
                target[some] = len(pool) + draw.choice(len(which), len(some), p=fade / fade.sum())
                pool += list(which)
        begin = end
    first = first[like]
    letters = table(pool)
    both = joined(take(letters, first), take(letters, second))
    return chosen(single & (like == np.arange(len(like))), take(letters, second), both)


def _other_forms(
    words: dict[str, Any],
    plain: Text,
    line: Array,
    sex: Array,
    province: Array,
    draw: np.random.Generator,
) -> Text:
    """Names of several words joined by a middle dot, and names without a surname, where they are usual."""
    luck = draw.random(len(sex))
    dotted, paired = words["dotted"], words["paired"]
    of_dotted = np.isin(province, [int(p) for p in dotted["provinces"]])[line] & (
        luck[line] < dotted["share"]
    )
    of_paired = np.isin(province, [int(p) for p in paired["provinces"]])[line] & (
        luck[line] < paired["share"]
    )
    men, women = table(dotted["male"]), table(dotted["female"])
    fathers = draw.integers(0, len(men), len(sex))[line]
    own = chosen(
        sex == 1,
        take(men, draw.integers(0, len(men), len(sex))),
        take(women, draw.integers(0, len(women), len(sex))),
    )
    plain = chosen(
        of_dotted,
        joined(own, table([DOT]).take(pa.array(np.zeros(len(sex), int))), take(men, fathers)),
        plain,
    )
    pairs = table(paired["words"])
    one, two = draw.integers(0, len(pairs), (2, len(sex)))
    return chosen(of_paired & (one != two), joined(take(pairs, one), take(pairs, two)), plain)

"""People and the households they live in, drawn so that the census row's marginals hold.

Order of work: sizes of households; who in them is child, adult or elder; ages (children first, then parents
from their children, then couples, and people alone last, who take what the age table still lacks); sexes;
then who came from elsewhere, and who rents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city.arrays import Array, chance, quota
from anju.city.calibration import AGE_BANDS, Calibration

HEAD, SPOUSE, CHILD, ELDER, GROWN, SINGLE, COLLECTIVE = range(7)
"""Role of a person in the household."""
LOCAL, SAME_COUNTY, SAME_PROVINCE, OTHER_PROVINCE = range(4)
"""Scope of migration: where the household is registered, seen from the dwelling."""
ADULT, OLD, OLDEST = 15, 60, 95


@dataclass(slots=True)
class Families:
    """Grain: one array entry per person, households in runs of their members.

    Units: ``age`` full years on the first day; ``sex`` 1 male, 2 female; ``scope`` as above.
    """

    household: Array
    role: Array
    age: Array
    sex: Array
    scope: Array
    is_renting: Array
    is_collective: Array
    sizes: Array
    """Members per household."""
    starts: Array
    """Index of the first member of each household."""


def draw_families(people: int, row: Calibration, seed: int) -> Families:
    """``people`` residents in households that match ``row``."""
    draw = chance(seed, "families")
    sizes, is_collective = _sizes(people, row)
    order = draw.permutation(len(sizes))
    sizes, is_collective = sizes[order], is_collective[order]
    household = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    role = _roles(people, row, sizes, is_collective, household, starts, draw)
    age = _ages(row, role, household, sizes, draw)
    sex = _sexes(row, role, age, household, draw)
    scope = _scopes(row, role, age, household, sizes, is_collective, draw)
    is_renting = _renting(row, scope[starts], age[starts], sizes, is_collective, draw)
    return Families(
        household, role, age, sex, scope, is_renting[household], is_collective[household], sizes, starts
    )


def _sizes(people: int, row: Calibration) -> tuple[Array, Array]:
    """Members of every household; people in collective households stand alone."""
    inside = round(people * row["family_hh_pop_share"])
    shares = row.household_sizes()
    members = np.arange(1, len(shares) + 1)
    counts = quota(shares, round(inside / float((shares * members).sum())))
    short = inside - int((counts * members).sum())
    # What rounding leaves over becomes households of two or three made larger or smaller by one.
    counts[1] -= short
    counts[2] += short
    family = np.repeat(members, counts)
    sizes = np.r_[family, np.ones(people - inside, dtype=np.int64)]
    return sizes, np.arange(len(sizes)) >= len(family)


def _roles(
    people: int,
    row: Calibration,
    sizes: Array,
    is_collective: Array,
    household: Array,
    starts: Array,
    draw: np.random.Generator,
) -> Array:
    """Who is what: children and elders take their shares of the places that households offer."""
    role = np.full(people, GROWN, dtype=np.int8)
    role[starts] = np.where(sizes > 1, HEAD, SINGLE)
    role[starts[is_collective]] = COLLECTIVE
    one_parent = (draw.random(len(sizes)) < np.where(sizes == 2, 0.12, 0.06)) & (sizes > 1)
    second = starts[(sizes > 1) & ~one_parent] + 1
    role[second] = SPOUSE
    children = round(people * row.ages[0])
    elders = round(people * row.ages[5])
    # Old couples and old people alone first; the rest of the old live with a younger family.
    pairs = np.flatnonzero((sizes == 2) & ~one_parent)
    pairs = draw.permutation(pairs)[: min(round(elders * 0.22), round(len(pairs) * 0.55))]
    role[starts[pairs]] = role[starts[pairs] + 1] = ELDER
    alone = draw.permutation(np.flatnonzero((sizes == 1) & ~is_collective))[: round(elders * 0.14)]
    role[starts[alone]] = ELDER
    free = draw.permutation(np.flatnonzero(role == GROWN))
    free = free[np.argsort(one_parent[household[free]] == 0, kind="stable")]
    role[free[:children]] = CHILD
    rest = draw.permutation(free[children:])
    missing = elders - int((role == ELDER).sum())
    role[rest[: max(missing, 0)]] = ELDER
    still = elders - int((role == ELDER).sum())
    if still > 0:
        lone = draw.permutation(np.flatnonzero(role == SINGLE))[:still]
        role[lone] = ELDER
    return role


def _ages(row: Calibration, role: Array, household: Array, sizes: Array, draw: np.random.Generator) -> Array:
    people = len(role)
    age = np.full(people, -1, dtype=np.int64)
    kids = np.flatnonzero(role == CHILD)
    age[kids] = draw.integers(0, ADULT, len(kids))
    old = np.flatnonzero(role == ELDER)
    age[old] = np.minimum(OLD + draw.exponential(9.5, len(old)).astype(int), OLDEST)
    _pair_elders(age, role, household, draw)
    eldest = np.full(len(sizes), -1)
    np.maximum.at(eldest, household[kids], age[kids])
    wanted = _wanted(row, people)
    heads = np.flatnonzero(role == HEAD)
    has_child = eldest[household[heads]] >= 0
    parents = heads[has_child]
    gap = np.clip(draw.normal(27.5, 4.2, len(parents)), 19, 42)
    age[parents] = np.clip(eldest[household[parents]] + gap, 20, OLD - 1).astype(int)
    childless = heads[~has_child]
    taken = 2 * np.bincount(age[parents], minlength=OLD)[:OLD]
    age[childless] = _fill(np.where(np.arange(OLD) >= 22, wanted - taken, 0), len(childless), draw)
    of_head = np.zeros(len(sizes), dtype=np.int64)
    of_head[household[heads]] = age[heads]
    spouses = np.flatnonzero(role == SPOUSE)
    age[spouses] = np.clip(
        of_head[household[spouses]] + np.rint(draw.normal(-1.6, 2.4, len(spouses))), 20, OLD - 1
    )
    grown = np.flatnonzero(role == GROWN)
    near = of_head[household[grown]]
    below = np.where(
        near >= 42, near - draw.normal(25, 3.5, len(grown)), near + draw.normal(0, 5, len(grown))
    )
    age[grown] = np.clip(np.rint(below), ADULT, OLD - 1)
    lone = np.flatnonzero((role == SINGLE) | (role == COLLECTIVE))
    taken = np.bincount(age[(age >= ADULT) & (age < OLD)], minlength=OLD)[:OLD]
    age[lone] = _fill(wanted - taken, len(lone), draw)
    return _matched(age, wanted, draw)


def _matched(age: Array, wanted: Array, draw: np.random.Generator) -> Array:
    """Adults moved along the age table, keeping their order, where parents alone are too many for an age.

    Changes nothing where people alone could fill every gap; towns that many have left need it.
    """
    adults = np.flatnonzero((age >= ADULT) & (age < OLD))
    target = quota(wanted + 1e-9 * (wanted > 0), len(adults))
    if np.abs(np.bincount(age[adults], minlength=OLD)[:OLD] - target).sum() < 0.02 * len(adults):
        return age
    order = adults[np.argsort(age[adults] + draw.random(len(adults)), kind="stable")]
    age[order] = np.repeat(np.arange(OLD), target)
    return age


def _pair_elders(age: Array, role: Array, household: Array, draw: np.random.Generator) -> None:
    """Two elders of one household are of like age."""
    old = np.flatnonzero(role == ELDER)
    twin = np.flatnonzero(household[old][1:] == household[old][:-1]) + 1
    shift = np.rint(draw.normal(-2, 3, len(twin))).astype(int)
    age[old[twin]] = np.clip(age[old[twin - 1]] + shift, OLD, OLDEST)


def _wanted(row: Calibration, people: int) -> Array:
    """Adults wanted at each age 0 … 59 (zero below 15): each band's share, sloping towards its neighbours."""
    wanted = np.zeros(OLD)
    shares = row.ages
    density = [share / (end - begin) for share, (begin, end) in zip(shares, AGE_BANDS, strict=True)]
    for band in range(1, 5):
        begin, end = AGE_BANDS[band]
        place = (np.arange(begin, end) + 0.5 - begin) / (end - begin) - 0.5
        slope = np.clip(
            (density[band + 1] - density[band - 1]) / 2, -density[band] * 0.7, density[band] * 0.7
        )
        inside = density[band] + slope * place
        wanted[begin:end] = inside / inside.sum() * shares[band] * people
    return wanted


def _fill(lacking: Array, count: int, draw: np.random.Generator) -> Array:
    """``count`` ages, in random order, in proportion to what is lacking at each age."""
    weights = np.maximum(lacking, 0) + 1e-9 * (np.arange(len(lacking)) >= ADULT)
    return draw.permutation(np.repeat(np.arange(len(weights)), quota(weights, count)))


def _sexes(row: Calibration, role: Array, age: Array, household: Array, draw: np.random.Generator) -> Array:
    people = len(role)
    male = draw.random(people) < 0.5
    kids, old = role == CHILD, role == ELDER
    male[kids] = draw.random(int(kids.sum())) < 0.53
    male[old] = draw.random(int(old.sum())) < 0.48
    twin = np.flatnonzero((role[1:] == ELDER) & (role[:-1] == ELDER) & (household[1:] == household[:-1])) + 1
    twin = twin[~np.isin(twin - 1, twin)]
    male[twin] = ~male[twin - 1]
    heads = np.flatnonzero(role == HEAD)
    male[heads] = draw.random(len(heads)) < 0.86
    follows = heads[(heads + 1 < people)]
    follows = follows[role[follows + 1] == SPOUSE]
    male[follows + 1] = ~male[follows]
    loose = np.flatnonzero((role == SINGLE) | (role == COLLECTIVE))
    fixed = int(male.sum() - male[loose].sum())
    wanted = int(np.clip(round(people * row["male_pct"]) - fixed, 0, len(loose)))
    # Dormitories lean to men of working age.
    lean = draw.random(len(loose)) + 0.15 * (role[loose] == COLLECTIVE) + 0.002 * (age[loose] - 30)
    male[loose] = False
    male[loose[np.argsort(-lean, kind="stable")[:wanted]]] = True
    return np.where(male, 1, 2).astype(np.int8)


def _scopes(
    row: Calibration,
    role: Array,
    age: Array,
    household: Array,
    sizes: Array,
    is_collective: Array,
    draw: np.random.Generator,
) -> Array:
    """Households that came from elsewhere, until the three scopes have their shares of people."""
    people = len(role)
    starts = np.cumsum(sizes) - sizes
    lean = draw.normal(0, 1, len(sizes)) + 1.1 * is_collective + 0.5 * (sizes == 1) - 0.25 * (sizes > 3)
    lean += np.where(age[starts] >= OLD, -1.6, np.where(age[starts] < 45, 0.3, 0.0))
    scope = np.zeros(len(sizes), dtype=np.int8)
    reached = np.cumsum(sizes[order := np.argsort(-lean, kind="stable")])
    came = order[reached <= round(people * row.migrants)]
    came = draw.permutation(came)
    share = np.cumsum(sizes[came]) / people
    far, middle = row["reg_other_prov"], row["reg_other_prov"] + row["reg_other_county"]
    scope[came] = np.where(
        share <= far, OTHER_PROVINCE, np.where(share <= middle, SAME_PROVINCE, SAME_COUNTY)
    )
    return scope[household]


def _renting(
    row: Calibration, scope: Array, age: Array, sizes: Array, is_collective: Array, draw: np.random.Generator
) -> Array:
    """Per household: family households that rent, until the census share of households is reached."""
    lean = draw.normal(0, 0.8, len(sizes)) + np.array([0.0, 0.8, 1.8, 2.2])[scope]
    lean += np.where(age < 35, 0.6, 0.0) - np.where(age >= OLD, 0.8, 0.0)
    lean[is_collective] = -99
    renting = np.zeros(len(sizes), dtype=bool)
    wanted = round(float((~is_collective).sum()) * row["rent_share"])
    renting[np.argsort(-lean, kind="stable")[:wanted]] = True
    return renting

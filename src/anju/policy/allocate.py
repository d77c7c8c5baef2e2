"""Places at schools by points and preferences, and a proof anyone can check.

Serial dictatorship: one list by points; each in turn gets the first named school with a place left.
Deferred acceptance: schools may rank applicants differently; the outcome is the stable one best for applicants.
Both give the same where every school ranks alike. Grain: one row per applicant. Ties are broken by lots drawn from a
seed whose hash was published beforehand (``rank.commit``).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anju.kernel.refusal import Refusal
from anju.policy.rank import commit

NONE = -1


@dataclass(frozen=True, slots=True)
class Applicants:
    """Applicants: references, points (whole units, higher first), preferences (school indices, -1 pads), and for schools
    that rank by their own categories ``bands`` (applicant × preference: 0 comes first)."""

    references: Sequence[str]
    points: np.ndarray
    preferences: np.ndarray
    bands: np.ndarray | None = None

    def __post_init__(self) -> None:
        people = len(self.references)
        if (
            self.points.shape != (people,)
            or self.preferences.ndim != 2
            or self.preferences.shape[0] != people
        ):
            raise Refusal("policy.allocation_input", problem="rows")
        if self.bands is not None and self.bands.shape != self.preferences.shape:
            raise Refusal("policy.allocation_input", problem="bands")
        if len(set(self.references)) != people:
            raise Refusal("policy.allocation_input", problem="references")


@dataclass(frozen=True, slots=True)
class Allocation:
    """Assigned school per applicant (-1: none), the choice it was (1 = first, 0: none), and what proves it."""

    method: str
    assigned: np.ndarray
    choice: np.ndarray
    places: np.ndarray
    cutoffs: tuple[tuple[int, int, str] | None, ...]
    """Per school: band, points and lot of the last admitted; None while places are left."""
    seed: str
    seed_hash: str


def lots(references: Sequence[str], seed: str) -> np.ndarray:
    """Each applicant's lot as 64 bits of SHA-256(seed | reference); the smallest comes first among equals."""
    found = [hashlib.sha256(f"{seed}|{r}".encode()).digest()[:8] for r in references]
    return np.frombuffer(b"".join(found), dtype=">u8").astype(np.uint64)


def _checked(applicants: Applicants, places: np.ndarray, seed: str, seed_hash: str | None) -> None:
    if seed_hash is not None and commit(seed) != seed_hash:
        raise Refusal("policy.seed_not_committed")
    if places.ndim != 1 or (places < 0).any():
        raise Refusal("policy.allocation_input", problem="places")
    named = applicants.preferences
    if ((named < NONE) | (named >= len(places))).any():
        raise Refusal("policy.allocation_input", problem="preferences")


def serial_dictatorship(
    applicants: Applicants, places: np.ndarray, seed: str, seed_hash: str | None = None
) -> Allocation:
    """Each in rank order (points, then lot) gets the first named school with a place left."""
    _checked(applicants, places, seed, seed_hash)
    drawn = lots(applicants.references, seed)
    order = np.lexsort((drawn, -applicants.points))
    left = places.astype(np.int64).tolist()
    assigned = np.full(len(order), NONE, dtype=np.int64)
    choice = np.zeros(len(order), dtype=np.int64)
    wishes = applicants.preferences.tolist()
    for person in order.tolist():
        for number, school in enumerate(wishes[person], 1):
            if school != NONE and left[school] > 0:
                left[school] -= 1
                assigned[person], choice[person] = school, number
                break
    return _allocation("serial_dictatorship", applicants, places, assigned, choice, seed)


def deferred_acceptance(
    applicants: Applicants, places: np.ndarray, seed: str, seed_hash: str | None = None
) -> Allocation:
    """Applicants propose down their lists; each school keeps its best (band, points, lot) up to its places."""
    _checked(applicants, places, seed, seed_hash)
    people = len(applicants.references)
    rank = _ranks(applicants, seed)
    wishes = applicants.preferences.tolist()
    bands = applicants.bands.tolist() if applicants.bands is not None else None
    capacity = places.astype(np.int64).tolist()
    held: list[list[int]] = [[] for _ in capacity]
    span = people + 1
    at = [0] * people
    waiting = list(range(people))
    while waiting:
        person = waiting.pop()
        mine = wishes[person]
        while at[person] < len(mine):
            number = at[person]
            at[person] += 1
            school = mine[number]
            if school == NONE or not capacity[school]:
                continue
            worth = -((bands[person][number] if bands else 0) * span + rank[person])
            heap = held[school]
            if len(heap) < capacity[school]:
                heapq.heappush(heap, worth * span - person)
                break
            if worth * span - person > heap[0]:
                out = heapq.heapreplace(heap, worth * span - person)
                waiting.append(-out % span)
                break
    assigned = np.full(people, NONE, dtype=np.int64)
    for school, heap in enumerate(held):
        for packed in heap:
            assigned[-packed % span] = school
    choice = (
        np.where(assigned[:, None] == NONE, False, applicants.preferences == assigned[:, None]).argmax(axis=1)
        + 1
    )
    return _allocation(
        "deferred_acceptance", applicants, places, assigned, np.where(assigned == NONE, 0, choice), seed
    )


def _ranks(applicants: Applicants, seed: str) -> list[int]:
    """Position of each applicant by points and lot, 0 the best."""
    order = np.lexsort((lots(applicants.references, seed), -applicants.points))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank.tolist()


def _allocation(
    method: str,
    applicants: Applicants,
    places: np.ndarray,
    assigned: np.ndarray,
    choice: np.ndarray,
    seed: str,
) -> Allocation:
    rank = np.array(_ranks(applicants, seed))
    drawn = lots(applicants.references, seed)
    band = _band_at(applicants, choice)
    filled = np.bincount(assigned[assigned >= 0], minlength=len(places))
    last: list[tuple[int, int, str] | None] = [None] * len(places)
    order = np.lexsort((rank, band))
    for person in order.tolist():
        school = int(assigned[person])
        if school >= 0 and filled[school] >= places[school]:
            last[school] = (int(band[person]), int(applicants.points[person]), f"{int(drawn[person]):016x}")
    return Allocation(method, assigned, choice, places, tuple(last), seed, commit(seed))


def _band_at(applicants: Applicants, choice: np.ndarray) -> np.ndarray:
    if applicants.bands is None:
        return np.zeros(len(choice), dtype=np.int64)
    rows = np.arange(len(choice))
    return np.where(choice > 0, applicants.bands[rows, np.maximum(choice - 1, 0)], 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with an allocation."""

    kind: str
    """``over_capacity``, ``not_named``, ``passed_over`` (a better placed applicant got less), ``empty_place``."""
    reference: str
    school: int


def verify(applicants: Applicants, allocation: Allocation, *, most: int = 100) -> list[Finding]:
    """Everything wrong with an allocation; empty when it is fair. Needs nothing but the published data.

    Checks: no school over its places; everyone got a school they named; for every school somebody wanted more than
    what they got, no place is empty and nobody admitted there comes after them by band, points and lot.
    """
    found: list[Finding] = []
    references, places, assigned = applicants.references, allocation.places, allocation.assigned
    filled = np.bincount(assigned[assigned >= 0], minlength=len(places))
    found += [Finding("over_capacity", "", int(s)) for s in np.nonzero(filled > places)[0]]
    named = (applicants.preferences == assigned[:, None]) & (assigned[:, None] >= 0)
    lost = (assigned >= 0) & ~named.any(axis=1)
    found += [Finding("not_named", references[p], int(assigned[p])) for p in np.nonzero(lost)[0][:most]]
    choice = np.where(assigned >= 0, named.argmax(axis=1), applicants.preferences.shape[1])
    rank = np.array(_ranks(applicants, allocation.seed), dtype=np.int64)
    band = _band_at(applicants, np.where(assigned >= 0, choice + 1, 0))
    worth = band * (len(references) + 1) + rank
    worst = np.full(len(places), -1, dtype=np.int64)
    np.maximum.at(worst, assigned[assigned >= 0], worth[assigned >= 0])
    for number in range(applicants.preferences.shape[1]):
        wanted = applicants.preferences[:, number]
        better = (number < choice) & (wanted >= 0)
        people = np.nonzero(better)[0]
        school = wanted[people]
        mine = (applicants.bands[people, number] if applicants.bands is not None else 0) * (
            len(references) + 1
        ) + rank[people]
        empty = filled[school] < places[school]
        passed = ~empty & (mine < worst[school]) & (places[school] > 0)
        found += [
            Finding("empty_place", references[p], int(s))
            for p, s in zip(people[empty][:most], school[empty], strict=False)
        ]
        found += [
            Finding("passed_over", references[p], int(s))
            for p, s in zip(people[passed][:most], school[passed], strict=False)
        ]
    return found[:most]


def proof(applicants: Applicants, allocation: Allocation, schools: Sequence[str]) -> dict[str, Any]:
    """The published data: what anyone needs to check the allocation. References stand for people; no names."""
    rows = []
    for index, reference in enumerate(applicants.references):
        wishes = [int(s) for s in applicants.preferences[index] if s != NONE]
        row: dict[str, Any] = {
            "reference": reference,
            "points": int(applicants.points[index]),
            "preferences": [schools[s] for s in wishes],
            "assigned": schools[allocation.assigned[index]] if allocation.assigned[index] >= 0 else None,
        }
        if applicants.bands is not None:
            row["bands"] = [
                int(b)
                for b, s in zip(applicants.bands[index], applicants.preferences[index], strict=True)
                if s != NONE
            ]
        rows.append(row)
    return {
        "method": allocation.method,
        "seed": allocation.seed,
        "seed_hash": allocation.seed_hash,
        "places": {name: int(n) for name, n in zip(schools, allocation.places, strict=True)},
        "applicants": rows,
    }


def from_proof(told: Mapping[str, Any]) -> tuple[Applicants, Allocation, list[str]]:
    """Applicants, allocation and schools back from published data. Refuses data that do not fit together."""
    try:
        schools = list(told["places"])
        index = {name: i for i, name in enumerate(schools)}
        rows = told["applicants"]
        width = max((len(r["preferences"]) for r in rows), default=1) or 1
        wishes = np.full((len(rows), width), NONE, dtype=np.int64)
        bands = np.zeros((len(rows), width), dtype=np.int64)
        for at, row in enumerate(rows):
            for number, name in enumerate(row["preferences"]):
                wishes[at, number] = index[name]
            bands[at, : len(row.get("bands", ()))] = row.get("bands", ())
        has_bands = any("bands" in r for r in rows)
        applicants = Applicants(
            [str(r["reference"]) for r in rows],
            np.array([int(r["points"]) for r in rows]),
            wishes,
            bands if has_bands else None,
        )
        assigned = np.array([index[r["assigned"]] if r.get("assigned") else NONE for r in rows])
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal("policy.allocation_input", problem=str(error)) from None
    if commit(str(told.get("seed"))) != told.get("seed_hash"):
        raise Refusal("policy.seed_not_committed")
    places = np.array(list(told["places"].values()), dtype=np.int64)
    named = applicants.preferences == assigned[:, None]
    choice = np.where((assigned >= 0) & named.any(axis=1), named.argmax(axis=1) + 1, 0)
    return (
        applicants,
        _allocation(str(told["method"]), applicants, places, assigned, choice, str(told["seed"])),
        schools,
    )

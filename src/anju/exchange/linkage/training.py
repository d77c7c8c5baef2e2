"""Training without truth: chances that explain the pairs seen (expectation-maximisation over level patterns).

Pairs are compared once and counted by pattern of levels; the rest is arithmetic on a small table. ``u`` comes from
random pairs, ``m`` from the candidate pairs, seen as a mixture of one person's and two people's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.steps import Steps

Chances = dict[str, dict[str, float]]
RANDOM_PAIRS = 200_000
ROUNDS = 200
SETTLED = 1e-6
HELD_PAIRS, HELD = 20.0, 0.1
"""So many pairs, and in a list with its several stories a part of all that are seen, stay as they began."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Distinct patterns of levels: ``levels[comparison]`` holds each pattern's level name, ``counts`` how many pairs."""

    levels: Mapping[str, npt.NDArray[np.str_]]
    counts: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """What training found: chances among pairs of one person, and how many candidate pairs are one person."""

    m: Chances
    matches: float
    rounds: int


def patterns(steps: Steps, comparisons: Sequence[Comparison], pairs: str) -> Patterns:
    """Count level patterns over a query of pairs (a, b: ``lk_feature.unique_id``)."""
    columns = [c[0] for c in steps.engine.rows("DESCRIBE lk_feature")]
    sides = ", ".join(f"x.{c} AS {c}_l, y.{c} AS {c}_r" for c in columns)
    cases = ", ".join(f"{c.case_sql()} AS {c.name}_level" for c in comparisons)
    names = ", ".join(f"{c.name}_level" for c in comparisons)
    rows = steps.timed(
        "patterns",
        lambda: steps.engine.rows(
            f"""WITH met AS (
                SELECT {sides} FROM ({pairs}) AS p JOIN lk_feature AS x ON x.unique_id = p.a
                JOIN lk_feature AS y ON y.unique_id = p.b
            ), told AS (SELECT {cases} FROM met)
            SELECT {names}, count(*) AS n FROM told GROUP BY {names} ORDER BY {names}"""
        ),
    )
    by_column = list(zip(*rows, strict=True)) if rows else [()] * (len(comparisons) + 1)
    levels = {c.name: np.array(by_column[i], dtype=np.str_) for i, c in enumerate(comparisons)}
    return Patterns(levels, np.array(by_column[-1], dtype=np.float64))


def shares(
    seen: Patterns, comparisons: Sequence[Comparison], weights: npt.NDArray[np.float64], least: float
) -> Chances:
    """Share of each level among weighted pairs that state both values; ``least`` pairs are added to every level. Where no pair
    states both, 0."""
    found: Chances = {}
    for c in comparisons:
        at = seen.levels[c.name]
        totals = {v: float(weights[at == v].sum()) + least for v in c.names()}
        whole = sum(totals.values())
        found[c.name] = {v: t / whole if whole else 0.0 for v, t in totals.items()}
    return found


def random_chances(seen: Patterns, comparisons: Sequence[Comparison]) -> Chances:
    """``u``: how often each level occurs among random pairs."""
    return shares(seen, comparisons, seen.counts, 0.5)


def maximise(
    seen: Patterns,
    comparisons: Sequence[Comparison],
    start: Mapping[str, Mapping[str, float]],
    u: Mapping[str, Mapping[str, float]],
    share: float,
    held: float = HELD_PAIRS,
    fixed: frozenset[str] = frozenset(),
) -> Trained:
    """``m`` by expectation-maximisation. ``start`` is where it begins and, with the weight of ``held`` pairs, stays
    near; ``share`` is the first guess of how many candidate pairs are one person; ``u`` is where two people's begin.
    ``m`` of the comparisons in ``fixed`` stays."""
    m = {c.name: dict(start[c.name]) for c in comparisons}
    other = {c.name: dict(u[c.name]) for c in comparisons}
    done = 0
    while done < ROUNDS:
        done += 1
        odds = np.log(share / (1 - share)) + _likely(seen, comparisons, m) - _likely(seen, comparisons, other)
        same = seen.counts / (1 + np.exp(-np.clip(odds, -50, 50)))
        new = {
            c.name: m[c.name] if c.name in fixed else _held(seen, c, same, start[c.name], held)
            for c in comparisons
        }
        moved = max(abs(new[c.name][v] - m[c.name][v]) for c in comparisons for v in c.names())
        m, other = new, shares(seen, comparisons, seen.counts - same, 0.5)
        share = min(max(float(same.sum() / max(seen.counts.sum(), 1)), 1e-6), 1 - 1e-6)
        if moved < SETTLED:
            break
    return Trained(m, share * float(seen.counts.sum()), done)


@dataclass(frozen=True, slots=True)
class Story:
    """One way in which pairs of a list come about: how many of the pairs looked at, and how often each level occurs."""

    pairs: float
    chances: Chances
    learned: frozenset[str]


def stories(
    seen: Patterns,
    comparisons: Sequence[Comparison],
    start: Mapping[str, Mapping[str, float]],
    u: Mapping[str, Mapping[str, float]],
    whole: float,
    together: frozenset[str],
    names: frozenset[str],
) -> list[Story]:
    """What the pairs of a list are: one person's; two people's of one household; two people's who live near each other
    (these two only where ``together`` names something); two namesakes' (only beside other columns than ``names``).

    Everything else is two strangers: of the ``whole`` pairs that the list has, as many show a pattern as ``u`` says. That
    much is known beforehand, so that chance likenesses are not learned as one person's. ``together`` names the comparisons in
    which households and neighbours agree; in the others they are like strangers. ``start`` is where one person's begin
    and stay near."""
    half = {c: {v: (start[c][v] + u[c][v]) / 2 for v in u[c]} for c in u}
    groups = [(frozenset(u), start), (together, start), (together, half), (names, start)]
    groups = groups[:1] + [(own, of) for own, of in groups[1:] if own and len(own) < len(u)]
    kinds = [{c: dict((of if c in own else u)[c]) for c in u} for own, of in groups]
    begun, pairs = list(kinds), [float(seen.counts.sum()) / 10] * len(kinds)
    strangers = np.log(max(whole, 1.0)) + _likely(seen, comparisons, u)
    for _ in range(ROUNDS):
        logs = [np.log(n) + _likely(seen, comparisons, k) for n, k in zip(pairs, kinds, strict=True)]
        every = np.logaddexp.reduce([*logs, strangers])
        moved = 0.0
        for i, old in enumerate(kinds):
            weights = seen.counts * np.exp(logs[i] - every)
            learned = [c for c in comparisons if c.name in groups[i][0]]
            fresh = old | {
                c.name: _held(seen, c, weights, begun[i][c.name], HELD_PAIRS, HELD) for c in learned
            }
            moved = max(
                [moved, *(abs(fresh[c.name][v] - old[c.name][v]) for c in learned for v in c.names())]
            )
            kinds[i], pairs[i] = fresh, max(float(weights.sum()), 1e-3)
        if moved < SETTLED:
            break
    return [Story(n, k, own) for n, k, (own, _) in zip(pairs, kinds, groups, strict=True)]


def _likely(
    seen: Patterns, comparisons: Sequence[Comparison], chances: Mapping[str, Mapping[str, float]]
) -> npt.NDArray[np.float64]:
    """The logarithm of the chance of each pattern; what is not stated counts nothing."""
    log = np.zeros(len(seen.counts))
    for c in comparisons:
        worth = {v: np.log(chances[c.name][v]) for v in c.names()}
        log += np.array([worth.get(str(v), 0.0) for v in seen.levels[c.name]])
    return log


def _held(
    seen: Patterns,
    comparison: Comparison,
    weights: npt.NDArray[np.float64],
    near: Mapping[str, float],
    pairs: float,
    part: float = 0.0,
) -> dict[str, float]:
    """Shares of one comparison's levels among weighted pairs, kept near others with the weight of so many ``pairs`` and of a
    ``part`` of all."""
    found = shares(seen, (comparison,), weights, 0.01)[comparison.name]
    told = float(weights[seen.levels[comparison.name] != "missing"].sum())
    kept = pairs + part * told
    return {v: (found[v] * told + near[v] * kept) / (told + kept) for v in comparison.names()}

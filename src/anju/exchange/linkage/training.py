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
    """Share of each level among weighted pairs that state both values; ``least`` pairs are added to every level."""
    found: Chances = {}
    for c in comparisons:
        at = seen.levels[c.name]
        totals = {v: float(weights[at == v].sum()) + least for v in c.names()}
        whole = sum(totals.values())
        found[c.name] = {v: t / whole for v, t in totals.items()}
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
    held: float = 20.0,
    held_other: float = 0.0,
) -> Trained:
    """``m`` by expectation-maximisation. ``start`` is where it begins and, with the weight of ``held`` pairs, stays
    near; ``share`` is the first guess of how many candidate pairs are one person. What two people's candidate pairs look like
    stays near ``u`` with the weight of ``held_other`` pairs: where candidates are few, the two kinds would change places."""
    m = {c.name: dict(start[c.name]) for c in comparisons}
    other = {c.name: dict(u[c.name]) for c in comparisons}
    done = 0
    while done < ROUNDS:
        done += 1
        odds = np.full(len(seen.counts), np.log(share / (1 - share)))
        for c in comparisons:
            worth = {v: np.log(m[c.name][v] / other[c.name][v]) for v in c.names()}
            odds += np.array([worth.get(str(v), 0.0) for v in seen.levels[c.name]])
        chance = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
        same = seen.counts * chance
        new = shares(seen, comparisons, same, 0.01)
        for c in comparisons:
            told = float(same[seen.levels[c.name] != "missing"].sum())
            new[c.name] = {
                v: (new[c.name][v] * told + start[c.name][v] * held) / (told + held) for v in c.names()
            }
        moved = max(abs(new[c.name][v] - m[c.name][v]) for c in comparisons for v in c.names())
        rest, seen_other = (
            float((seen.counts - same).sum()),
            shares(seen, comparisons, seen.counts - same, 0.5),
        )
        m = new
        for c in comparisons:
            other[c.name] = {
                v: (seen_other[c.name][v] * rest + u[c.name][v] * held_other) / max(rest + held_other, 1e-9)
                for v in c.names()
            }
        share = min(max(float(same.sum() / max(seen.counts.sum(), 1)), 1e-6), 1 - 1e-6)
        if moved < SETTLED:
            break
    return Trained(m, share * float(seen.counts.sum()), done)

"""New parameters for the register's model, learned from its own candidate pairs, without truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from anju.exchange.linkage import blocking, features, keys, profiles, surroundings, training
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.names import prepare_characters
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import LinkEngine, Steps

HELD = 200.0
"""The parameters in force count as so many pairs: a level that is rarely seen stays near what it was."""


TURNS = 20
SEEN = 20
"""A level seen in fewer random pairs keeps the chance in force: what is rarer cannot be counted."""


def _seldom(share: float, pairs: float, known: float) -> float:
    return min(share if share * pairs >= SEEN else known, 0.9999)


@dataclass(frozen=True, slots=True)
class Fit:
    """What candidate pairs and random ones taught: ``m`` and how many pairs are one person's, ``u``; of how many pairs each."""

    trained: training.Trained
    u: training.Chances
    candidates: int
    random: int


def learn(
    engine: LinkEngine,
    mentions: str,
    parameters: Parameters,
    today: date,
    told: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Parameters in their written form (``linkage/*.yaml``), with the day and figures of the training. Thresholds stay as
    they are.
    """
    found = fit(engine, mentions, parameters, told)
    return {
        "version": str(int(parameters.version) + 1) if parameters.version.isdigit() else "1",
        "trained_on": today.isoformat(),
        "figures": {
            "candidate_pairs": found.candidates,
            "pairs_of_one_person": round(found.trained.matches),
            "random_pairs": found.random,
            "rounds": found.trained.rounds,
        },
        "prior": parameters.prior,
        "same_from": parameters.same_from,
        "ask_from": parameters.ask_from,
        "lead": parameters.lead,
        "few": parameters.few,
        "block_pairs": parameters.block_pairs,
        "compound_surnames": list(parameters.compound_surnames),
        "comparisons": {
            c.name: {
                v: [float(f"{found.trained.m[c.name][v]:.4g}"), float(f"{found.u[c.name][v]:.4g}")]
                for v in c.names()
            }
            for c in HAN_COMPARISONS
        },
    }


def fit(
    engine: LinkEngine,
    mentions: str,
    parameters: Parameters,
    told: Callable[[str], None] | None = None,
    fixed: frozenset[str] = frozenset(),
    turns: int = TURNS,
) -> Fit:
    """Chances that explain the pairs of ``mentions``; ``m`` of the comparisons in ``fixed`` stays. ``turns``: random pairs of
    each description.

    ``u`` comes from random pairs of described people, ``m`` from candidate pairs by expectation-maximisation that
    begins at the parameters in force.
    """
    steps = Steps(engine, told)
    prepare_characters(steps)
    profiles.profiles(steps, mentions, parameters)
    keys.numbers(steps)
    keys.mistyped(steps)
    keys.members(steps)
    keys.key_groups(steps, parameters)
    features.loose(steps)
    surroundings.context(steps)
    groups = int(engine.rows("SELECT count(DISTINCT grp) FROM lk_loose")[0][0])
    people = max(steps.count("lk_anchor") + groups, 1000)
    blocking.block(steps, replace(parameters, prior=1 / people))
    features.variants(steps)
    features.frequencies(steps, people)
    features.features(steps, parameters)
    rows = steps.count("lk_feature")
    seen_random = training.patterns(
        steps,
        HAN_COMPARISONS,
        f"""WITH numbered AS (SELECT unique_id, grp, row_number() OVER (ORDER BY hash(unique_id)) - 1 AS place FROM lk_feature),
        shifts AS (SELECT 1 + s * 37 AS shift FROM (VALUES {", ".join(f"({i})" for i in range(turns))}) AS g(s))
        SELECT x.unique_id AS a, y.unique_id AS b FROM numbered AS x CROSS JOIN shifts AS s
        JOIN numbered AS y ON y.place = (x.place + s.shift) % {rows} WHERE x.grp <> y.grp""",
    )
    before = {c.name: {v: parameters.chances[c.name][v] for v in c.names()} for c in HAN_COMPARISONS}
    counted = training.shares(seen_random, HAN_COMPARISONS, seen_random.counts, 0.0)
    pairs = float(seen_random.counts.sum())
    u = {c: {v: _seldom(counted[c][v], pairs, before[c][v].u) for v in before[c]} for c in before}
    seen = training.patterns(
        steps,
        HAN_COMPARISONS,
        """SELECT l.unique_id AS a, r.unique_id AS b FROM lk_pair AS p JOIN lk_feature AS l ON l.grp = p.a
        JOIN lk_feature AS r ON r.grp = p.b""",
    )
    start = {c: {v: chance.m for v, chance in levels.items()} for c, levels in before.items()}
    trained = training.maximise(seen, HAN_COMPARISONS, start, u, 0.1, held=HELD, fixed=fixed)
    steps.clear()
    return Fit(trained, u, int(seen.counts.sum()), int(pairs))

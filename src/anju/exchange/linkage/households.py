"""What people of one household share, and how little it says that two rows are one person.

Address, phone, town and surname agree in a family as they do in one person's rows. A pair is therefore held against two other
stories at once: two strangers, and two people who live together. With S, H and U for the three kinds of pairs, the odds are
S / (H + U); Splink's weight is S / U, and what is taken off it is 1 + H / U.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

from anju.exchange.linkage.comparisons import Comparison, Level
from anju.exchange.linkage.conditions import Missing
from anju.exchange.linkage.parameters import Parameters, double_sql
from anju.exchange.linkage.steps import Steps
from anju.exchange.linkage.training import Story

NAME = "household"
LEAST = 0.05
"""Bits under which what a household shares is not worth telling."""
TOLD = Comparison(
    NAME,
    "同住的人",
    "people who live together",
    Missing(NAME),
    (Level("shared", "也会相同", "share as much", Missing(NAME)),),
)


@dataclass(frozen=True, slots=True)
class Apart:
    """Another way to read a pair. ``prior``: bits of a random pair being one; ``levels``: bits by which a level of a
    comparison speaks for it rather than for one person."""

    prior: float
    levels: Mapping[str, Mapping[str, float]]


def learned(one: Story, others: Sequence[Story], share: float) -> tuple[Apart, ...]:
    """The stories that training found beside one person's; ``share``: what part of all pairs each pair seen stands for."""
    return tuple(
        Apart(
            log2(min(max(other.pairs * share, 1e-12), 0.5)),
            {
                c: {v: log2(max(p, 1e-6) / max(one.chances[c][v], 1e-6)) for v, p in other.chances[c].items()}
                for c in other.learned
            },
        )
        for other in others
    )


def weigh(
    steps: Steps, compared: tuple[Comparison, ...], weights: Parameters, stories: tuple[Apart, ...]
) -> tuple[Comparison, ...]:
    """Take off ``lk_scored`` what these stories explain; returns the comparisons with this one."""
    if not stories:
        return compared
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in compared)
    odds = " + ".join(f"power(2, least({_odds(s)}, 500))" for s in stories)
    steps.table("lk_likeness", f"SELECT *, -ln(1 + {odds}) / ln(2) AS {NAME}_weight FROM lk_scored")
    steps.table(
        "lk_scored_apart",
        f"""SELECT unique_id_l, unique_id_r, weight + {NAME}_weight AS weight, {told},
            CASE WHEN {NAME}_weight < -{LEAST} THEN 'shared' ELSE 'missing' END AS {NAME}_level, {NAME}_weight
        FROM lk_likeness WHERE weight + {NAME}_weight >= {double_sql(weights.ask_from)}""",
    )
    steps.drop("lk_likeness")
    steps.rename("lk_scored_apart", "lk_scored")
    return (*compared, TOLD)


def _odds(story: Apart) -> str:
    """SQL for the bits by which a pair of ``lk_scored`` is this story's rather than two strangers'."""
    parts = [
        f"CASE {c}_level {' '.join(_worth(c, v, bits) for v, bits in levels.items())} ELSE 0e0 END"
        for c, levels in sorted(story.levels.items())
    ]
    return " + ".join([double_sql(story.prior), *parts])


def _worth(comparison: str, level: str, bits: float) -> str:
    return f"WHEN '{level}' THEN {comparison}_weight + {double_sql(bits)}"

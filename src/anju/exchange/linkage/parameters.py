"""Parameters of the model: versioned data with the day and figures of their training, read from packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from anju.exchange.linkage.comparisons import Comparison
from anju.kernel import packs
from anju.kernel.refusal import Refusal

LEAST_FREQUENCY = 1e-6
"""A name's rarity is not trusted beyond one in a million."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How often a level occurs among pairs of one person (``m``) and of two people (``u``)."""

    m: float
    u: float

    @property
    def weight(self) -> float:
        """Evidence in bits: positive speaks for the same person."""
        return log2(self.m / self.u)


@dataclass(frozen=True, slots=True)
class Parameters:
    """One version of the model.

    ``prior`` is the chance that a candidate pair taken at random is one person; weights are bits. A pair at or above
    ``same_from`` is one person, at or above ``ask_from`` a person is asked. ``lead`` is how far the best candidate
    must stand out from the next. ``block_pairs`` bounds the pairs any one block may bring.
    """

    version: str
    trained_on: str
    figures: Mapping[str, Any]
    prior: float
    same_from: float
    ask_from: float
    lead: float
    few: int
    block_pairs: int
    compound_surnames: tuple[str, ...]
    chances: Mapping[str, Mapping[str, Chance]]

    @property
    def prior_weight(self) -> float:
        """The prior in bits."""
        return log2(self.prior / (1 - self.prior))

    def best(self, comparison: str, *levels: str) -> float:
        """The most that one of some levels may add: never less than nothing."""
        return max(0.0, *(self.weight(comparison, level) for level in levels))

    def weight(self, comparison: str, level: str) -> float:
        """What a level is worth in bits; a missing value is worth nothing."""
        return 0.0 if level == "missing" else self.chances[comparison][level].weight


def double_sql(value: float) -> str:
    """SQL for a number that is reckoned with as a double; a bare ``0.95`` would be an exact decimal, which takes longer."""
    told = repr(float(value))
    return told if "e" in told else f"{told}e0"


def read(name: str, comparisons: Sequence[Comparison], place: str | None = None) -> Parameters:
    """The parameters ``linkage/<name>.yaml`` of the pack in force, checked against the comparisons they weigh.

    Raises: ``linkage.no_parameters`` when the file is missing, ``linkage.parameters_incomplete`` when a level has
    no chance or one outside (0, 1).
    """
    path = packs.find_file(f"linkage/{name}.yaml", place)
    if path is None:
        raise Refusal("linkage.no_parameters", name=name)
    return parse(packs.read_yaml(path), comparisons)


def parse(stated: Mapping[str, Any], comparisons: Sequence[Comparison]) -> Parameters:
    """Parameters from their written form."""
    chances: dict[str, dict[str, Chance]] = {}
    for comparison in comparisons:
        said = stated["comparisons"].get(comparison.name, {})
        for level in comparison.names():
            pair = said.get(level)
            if pair is None or not all(0 < p < 1 for p in pair):
                raise Refusal("linkage.parameters_incomplete", comparison=comparison.name, level=level)
            chances.setdefault(comparison.name, {})[level] = Chance(*map(float, pair))
    return Parameters(
        version=str(stated["version"]),
        trained_on=str(stated["trained_on"]),
        figures=stated.get("figures", {}),
        prior=float(stated["prior"]),
        same_from=float(stated["same_from"]),
        ask_from=float(stated["ask_from"]),
        lead=float(stated["lead"]),
        few=int(stated["few"]),
        block_pairs=int(stated["block_pairs"]),
        compound_surnames=tuple(stated.get("compound_surnames", ())),
        chances=chances,
    )

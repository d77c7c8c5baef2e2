"""Counts with differential privacy: OpenDP adds the noise, a budget keeps the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import opendp.prelude as dp

from anju.kernel.refusal import Refusal

dp.enable_features("contrib")


class Budget(Protocol):
    """The account of one population's privacy loss. ``spend`` refuses what would overdraw it, and writes it down."""

    def spend(self, epsilon: float, what: str) -> None:
        """Take ``epsilon`` from what is left, or refuse with disclosure.budget_spent."""
        ...


def noisy_counts(counts: Mapping[str, int], epsilon: float, budget: Budget, what: str) -> dict[str, int]:
    """Counts of disjoint groups with discrete Laplace noise; one person is in at most one group.

    Units: people; answers below 0 are shown as 0 (a step after the noise, so it costs nothing). Adding or taking
    away one person changes one count by one: the whole table costs ``epsilon`` once. The budget is charged before
    anything is drawn. Raises: Refusal disclosure.bad_epsilon, disclosure.budget_spent.
    """
    if not 0 < epsilon <= 5:
        raise Refusal("disclosure.bad_epsilon", epsilon=epsilon)
    budget.spend(epsilon, what)
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    noise = dp.m.make_laplace(*space, scale=1.0 / epsilon)
    return {group: max(value, 0) for group, value in zip(counts, noise(list(counts.values())), strict=True)}

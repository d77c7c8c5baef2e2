"""The tables anyone may have, as the packs state them: dimensions, gate, how often."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from anju.kernel import packs
from anju.kernel.refusal import Refusal

GATES = ("protected", "private")


@dataclass(frozen=True, slots=True)
class Table:
    """One public table. ``epsilon``: what a release of a private one costs; 0 for a protected one."""

    name: str
    zh: str
    en: str
    dimensions: tuple[str, ...]
    gate: str
    every_days: int
    epsilon: float = 0.0


@lru_cache
def tables() -> dict[str, Table]:
    """Every table of the packs. Refuses a gate nobody knows and a private table without its cost."""
    path = packs.find_file("trust/statistics.yaml")
    told = packs.read_yaml(path) if path else {}
    found = {n: Table(n, **{**t, "dimensions": tuple(t["dimensions"])}) for n, t in told.items()}
    for table in found.values():
        if table.gate not in GATES or (table.gate == "private") != (table.epsilon > 0):
            raise Refusal("disclosure.unknown_table", table=table.name)
    return found


def get_table(name: str) -> Table:
    """One table; refuses an unknown one."""
    if name not in tables():
        raise Refusal("disclosure.unknown_table", table=name)
    return tables()[name]

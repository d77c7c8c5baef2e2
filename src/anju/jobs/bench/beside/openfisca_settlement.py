"""The invented city's settlement rule of 2026 as OpenFisca variables; run in an environment of its own.

Usage: ``python openfisca_settlement.py FOLDER`` with one ``.npy`` per fact. Unknown amounts are 0 there, unknown codes 0 and
unknown yes/no False, so that it need not care. Prints JSON: CPU and wall seconds of the best of three runs, sum and count.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

PERIOD = "2026-07"
PERSON = build_entity(key="person", plural="persons", label="a person", is_person=True)
EDUCATION = np.array(
    [0, 0, 0, 10, 25, 40, 50, 60]
)  # unknown, primary, junior, senior, college, bachelor, master, doctor
SKILL = np.array(
    [0, 0, 0, 5, 10, 15, 20]
)  # unknown, none, junior, middle, senior, technician, senior technician


def fact(name: str, kind: type = int) -> type[Variable]:
    """A variable that is told."""
    head = {"value_type": kind, "entity": PERSON, "definition_period": DateUnit.MONTH, "label": name}
    return type(name, (Variable,), head)


def line(name: str, formula, kind: type = int) -> type[Variable]:  # type: ignore[no-untyped-def]
    """A variable that is worked out."""
    head = {"value_type": kind, "entity": PERSON, "definition_period": DateUnit.MONTH, "label": name}
    return type(name, (Variable,), {**head, "formula": formula})


def years(name: str, points: int, cap: int):  # type: ignore[no-untyped-def]
    """Points for each full year, up to a cap."""

    def formula(person, period):  # type: ignore[no-untyped-def]
        return np.minimum(person(name, period) // 12 * points, cap)

    return formula


def home_points(person, period):  # type: ignore[no-untyped-def]
    """The better of own home and rent."""
    rent = np.minimum(person("rent_months", period) // 12 * 2, 16)
    return np.maximum(np.where(person("has_own_home", period), 20, 0), rent)


def tax(person, period):  # type: ignore[no-untyped-def]
    """Income tax in bands."""
    paid = person("income_tax_fen", period)
    return np.select([paid >= 6_000_000, paid >= 2_000_000, paid >= 500_000], [12, 8, 4], 0)


LINES = (
    line("pension", years("pension_months", 3, 60)),
    line("fund", years("housing_fund_months", 1, 10)),
    line("home_points", home_points),
    line("residence", years("registered_months", 2, 20)),
    line("education_points", lambda person, period: EDUCATION[person("education", period)]),
    line("skill", lambda person, period: SKILL[person("skill_level", period)]),
    line("young", lambda person, period: np.where(person("born", period) > 19800703, 20, 0)),
    line("tax", tax),
)


def total(person, period):  # type: ignore[no-untyped-def]
    """All lines together."""
    return sum(person(made.__name__, period) for made in LINES)


def passes(person, period):  # type: ignore[no-untyped-def]
    """Conditions and the line."""
    footing = (person("pension_months", period) >= 84) | (person("skill_level", period) >= 4)
    return footing & person("has_own_home", period) & (person("total", period) >= 70)


def main(folder: Path) -> None:
    """Load the arrays, work out three times, print the best."""
    told = {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}
    system = TaxBenefitSystem([PERSON])
    for name, values in told.items():
        system.add_variable(fact(name, bool if values.dtype == bool else int))
    for made in (*LINES, line("total", total), line("passes", passes, bool)):
        system.add_variable(made)
    best = (float("inf"), float("inf"))
    for _ in range(3):
        simulation = SimulationBuilder().build_default_simulation(
            system, count=len(next(iter(told.values())))
        )
        for name, values in told.items():
            simulation.set_input(name, PERIOD, values)
        cpu, wall = time.process_time(), time.perf_counter()
        found = simulation.calculate("passes", PERIOD)
        scores = simulation.calculate("total", PERIOD)
        added, passed = int(scores.sum(dtype=np.int64)), int(found.sum())
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    print(json.dumps({"cpu": best[0], "wall": best[1], "sum": added, "passes": passed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The invented city's settlement rule of 2026 in OpenFisca, as its own template has it; run in an environment of its own.

Numbers are parameters, codes are Enums, ages come from birthdays, bands are scales - as ours are numbers in a file. The
facts come in the form ours come in: text codes, days, whole amounts; unknown ones as OpenFisca's default.

Usage: ``python openfisca_settlement.py FOLDER`` with one ``.npy`` per fact. Prints JSON: CPU and wall seconds of working
out alone and with taking the facts in, the best of three runs; sum of scores and people who pass.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

PERIOD, SINCE = "2026-07", "2026-01-01"
PERSON = build_entity(key="person", plural="persons", label="a person", is_person=True)


class Education(Enum):
    """Highest education."""

    unknown = "unknown"
    primary = "primary"
    junior = "junior"
    senior = "senior"
    college = "college"
    bachelor = "bachelor"
    master = "master"
    doctor = "doctor"


class Skill(Enum):
    """Skill level."""

    unknown = "unknown"
    none = "none"
    junior = "junior"
    middle = "middle"
    senior = "senior"
    technician = "technician"
    senior_technician = "senior_technician"


def told(**numbers: float) -> dict:  # type: ignore[type-arg]
    """A node of parameters in force since the first of the year."""
    return {name: {"values": {SINCE: number}} for name, number in numbers.items()}


PARAMETERS = {
    "pension": told(points=3, cap=60, asked=84),
    "fund": told(points=1, cap=10),
    "home": told(own=20, rent=2, rent_cap=16),
    "residence": told(points=2, cap=20),
    "education": told(
        unknown=0, primary=0, junior=0, senior=10, college=25, bachelor=40, master=50, doctor=60
    ),
    "skill": told(unknown=0, none=0, junior=0, middle=5, senior=10, technician=15, senior_technician=20),
    "young": told(until=45, points=20),
    "tax": {
        "metadata": {"type": "single_amount"},
        "brackets": [
            {"threshold": {SINCE: low}, "amount": {SINCE: points}}
            for low, points in ((0, 0), (500_000, 4), (2_000_000, 8), (6_000_000, 12))
        ],
    },
    "settlement": told(line=70),
}
FACTS = {
    "pension_months": {"value_type": int},
    "housing_fund_months": {"value_type": int},
    "rent_months": {"value_type": int},
    "registered_months": {"value_type": int},
    "income_tax_fen": {"value_type": int},
    "has_own_home": {"value_type": bool},
    "born_on": {"value_type": date},
    "education": {"value_type": Enum, "possible_values": Education, "default_value": Education.unknown},
    "skill_level": {"value_type": Enum, "possible_values": Skill, "default_value": Skill.unknown},
}


def variable(name: str, formula=None, **kind) -> type[Variable]:  # type: ignore[no-untyped-def]
    """A variable of a person; worked out where there is a formula."""
    head = {"value_type": int, "entity": PERSON, "definition_period": DateUnit.MONTH, "label": name, **kind}
    return type(name, (Variable,), {**head, **({"formula": formula} if formula else {})})


def pension(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points for each full year of pension insurance."""
    rate = parameters(period).pension
    return np.minimum(person("pension_months", period) // 12 * rate.points, rate.cap)


def fund(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points for each full year of housing fund."""
    rate = parameters(period).fund
    return np.minimum(person("housing_fund_months", period) // 12 * rate.points, rate.cap)


def home_points(person, period, parameters):  # type: ignore[no-untyped-def]
    """The better of own home and rent."""
    rate = parameters(period).home
    rent = np.minimum(person("rent_months", period) // 12 * rate.rent, rate.rent_cap)
    return np.maximum(np.where(person("has_own_home", period), rate.own, 0), rent)


def residence(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points for each full year of registered residence."""
    rate = parameters(period).residence
    return np.minimum(person("registered_months", period) // 12 * rate.points, rate.cap)


def education_points(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points by education."""
    return parameters(period).education[person("education", period)]


def skill(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points by skill level."""
    return parameters(period).skill[person("skill_level", period)]


def age(person, period):  # type: ignore[no-untyped-def]
    """Age in full years, as in OpenFisca's country template."""
    born = person("born_on", period)
    year = born.astype("datetime64[Y]").astype(int) + 1970
    month = born.astype("datetime64[M]").astype(int) % 12 + 1
    day = (born - born.astype("datetime64[M]") + 1).astype(int)
    is_past = (month < 7) | ((month == 7) & (day <= 3))
    return np.where(is_past, 2026 - year, 2025 - year)


def young(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points up to an age; an unknown birthday (the default, 1970-01-01) is older."""
    rate = parameters(period).young
    return np.where(person("age", period) <= rate.until, rate.points, 0)


def tax(person, period, parameters):  # type: ignore[no-untyped-def]
    """Points by income tax paid."""
    return parameters(period).tax.calc(person("income_tax_fen", period))


LINES = (pension, fund, home_points, residence, education_points, skill, young, tax)


def total(person, period):  # type: ignore[no-untyped-def]
    """All lines together."""
    return sum(person(line.__name__, period) for line in LINES)


def passes(person, period, parameters):  # type: ignore[no-untyped-def]
    """Conditions and the line."""
    rates, level = parameters(period), person("skill_level", period)
    skilled = (level == Skill.senior) | (level == Skill.technician) | (level == Skill.senior_technician)
    footing = (person("pension_months", period) >= rates.pension.asked) | skilled
    return footing & person("has_own_home", period) & (person("total", period) >= rates.settlement.line)


def main(folder: Path) -> None:
    """Load the arrays, work out three times, print the best."""
    arrays = {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}
    system = TaxBenefitSystem([PERSON])
    system.parameters = ParameterNode("", data=PARAMETERS)
    for name, kind in FACTS.items():
        system.add_variable(variable(name, **kind))
    for line in (*LINES, age, total):
        system.add_variable(variable(line.__name__, line))
    system.add_variable(variable("passes", passes, value_type=bool))
    runs = []
    for _ in range(3):
        whole, begin = time.process_time(), time.perf_counter()
        simulation = SimulationBuilder().build_default_simulation(system, count=len(arrays["education"]))
        for name, values in arrays.items():
            simulation.set_input(name, PERIOD, values)
        cpu, wall = time.process_time(), time.perf_counter()
        found, scores = simulation.calculate("passes", PERIOD), simulation.calculate("total", PERIOD)
        added, passed = int(scores.sum(dtype=np.int64)), int(found.sum())
        now = time.process_time()
        runs.append((now - cpu, time.perf_counter() - wall, now - whole, time.perf_counter() - begin))
    best = [min(run[i] for run in runs) for i in range(4)]
    names = ("cpu", "wall", "cpu_with_facts", "wall_with_facts")
    print(json.dumps({**dict(zip(names, best, strict=True)), "sum": added, "passes": passed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

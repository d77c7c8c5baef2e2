"""Whose word counts: authority per field, comparison per field, tolerances. Read from packs, never from code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.register import dossier

UNRANKED = 9
"""Rank of a dataset that claims no authority over a field; 1 decides."""
COMPARISONS = ("exact", "name", "level", "birthday", "none")
PERSON_FIELDS = dossier.FIELDS


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset as resolution sees it: whose it is, how often it comes, its rank per column or aspect."""

    name: str
    department: str
    cycle: str = ""
    ranks: Mapping[str, int] = field(default_factory=dict)

    def rank(self, column: str) -> int:
        """Authority over ``aspect.column``: the column's own rank, else its aspect's, else none."""
        return self.ranks.get(column, self.ranks.get(column.partition(".")[0], UNRANKED))


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything resolution is told: datasets, comparison per person field, tolerances in days.

    ``confirmed``: field -> how many departments must state a value so that it comes before authority.
    ``lasting``: fields that do not change in a life, so that every record that stands counts.
    """

    datasets: Mapping[str, Dataset]
    comparisons: Mapping[str, str]
    police_register: tuple[str, ...]
    gap_days: int
    cycle_days: Mapping[str, int]
    confirmed: Mapping[str, int] = field(default_factory=dict)
    lasting: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, way in self.comparisons.items():
            if name not in PERSON_FIELDS or way not in COMPARISONS:
                raise Refusal("library.bad_rule", field=name, way=way)

    @property
    def departments(self) -> tuple[str, ...]:
        """Departments in alphabetical order."""
        return tuple(sorted({d.department for d in self.datasets.values()}))

    def owner(self, column: str) -> str:
        """The department with the highest authority over ``aspect.column``; empty when nobody claims it."""
        ranked = sorted(
            (d.rank(column), d.department) for d in self.datasets.values() if 0 < d.rank(column) < UNRANKED
        )
        return ranked[0][1] if ranked else ""


def load(place: str | None = None) -> Rules:
    """The rules of the packs in force: ``resolution.yaml`` and the ``authority`` of every contract."""
    path = packs.find_file("resolution.yaml", place)
    if path is None:
        raise Refusal("library.no_rules")
    stated = packs.read_yaml(path)
    overrides: Mapping[str, Mapping[str, int]] = stated.get("authority", {})
    datasets = {
        d.name: d
        for d in (_dataset(packs.read_yaml(p), overrides) for p in packs.files("contracts/*.yaml", place))
    }
    for name, plain in stated.get("own_datasets", {}).items():
        datasets[name] = _dataset({"id": name, **plain}, overrides)
    return Rules(
        datasets,
        stated["comparisons"],
        tuple(stated["police_register"]),
        int(stated["gap_days"]),
        stated["cycle_days"],
        stated.get("confirmed", {}),
        tuple(stated.get("lasting", ())),
    )


def _dataset(contract: Mapping[str, Any], overrides: Mapping[str, Mapping[str, int]]) -> Dataset:
    name = contract["id"]
    ranks = {**contract.get("authority", {}), **{c: r[name] for c, r in overrides.items() if name in r}}
    return Dataset(name, contract["department"], contract.get("cycle", ""), ranks)


def check(rules: Rules, datasets: tuple[str, ...]) -> None:
    """Refuse a batch of a dataset without a contract."""
    for name in datasets:
        if name not in rules.datasets:
            raise Refusal("library.unknown_dataset", dataset=name)

"""What a sender hears unasked, in words: held rows, contradictions that wait, deadlines. Read from ``notices.yaml``.

Pure. Facts are counts, codes of datasets and departments, and days; nothing about a person can get in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from anju.exchange.contracts import find_contract, get_codelist
from anju.kernel import packs
from anju.kernel.refusal import Refusal

KINDS = ("held", "waiting", "due")
FACTS = {
    "held": ("dataset", "batch", "held", "day", "cycle"),
    "waiting": ("new", "requested", "open", "first_due"),
    "due": ("day", "days", "soon", "overdue", "cases_soon", "cases_overdue", "held_soon", "held_overdue"),
}
"""What each kind tells, beside the department."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When something is told, and how often it is tried again."""

    days_ahead: int
    batch_days: int
    again: tuple[timedelta, ...]
    uncertain_after: timedelta
    words: Mapping[str, Any]


@lru_cache
def plan() -> Plan:
    """The plan of this place. Refuses a pack without one."""
    path = packs.find_file("notices.yaml")
    if path is None:
        raise Refusal("notices.no_file")
    told = packs.read_yaml(path)
    return Plan(
        int(told["days_ahead"]),
        int(told["batch_days"]),
        tuple(timedelta(minutes=m) for m in told["again_minutes"]),
        timedelta(minutes=told["uncertain_minutes"]),
        told["kinds"],
    )


def department_words(department: str, language: str) -> str:
    """A department's name."""
    zh, en = get_codelist("department").labels.get(department, (department, department))
    return en if language == "en" else zh


def letter(kind: str, department: str, facts: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Subject and text of a notice."""
    told = {name: facts[name] for name in FACTS[kind]} | {
        "department": department_words(department, language)
    }
    if "dataset" in told:
        contract = find_contract(str(told["dataset"]))
        told["dataset"] = getattr(contract, language, told["dataset"]) if contract else told["dataset"]
    words = plan().words[kind]
    return words["subject"][language].format(**told), words["body"][language].format(**told)

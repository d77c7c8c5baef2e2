"""The tables of the register. Private to this room: others read through ``queries`` and write through ``actions``."""

from anju.register.store.models.entries import CounterEntry, SettleBatch, Settlement, SettlementStep
from anju.register.store.models.facts import (
    Aid,
    Contribution,
    Discrepancy,
    Enrolment,
    HealthFile,
    Job,
    Kin,
    LandRight,
    Permit,
    Skill,
    Stay,
    TaxYear,
)
from anju.register.store.models.people import Dossier, Identity, Person
from anju.register.store.models.places import Dwelling, Employer, School
from anju.register.store.models.runs import Run

__all__ = [
    "Aid",
    "Contribution",
    "CounterEntry",
    "Discrepancy",
    "Dossier",
    "Dwelling",
    "Employer",
    "Enrolment",
    "HealthFile",
    "Identity",
    "Job",
    "Kin",
    "LandRight",
    "Permit",
    "Person",
    "Run",
    "School",
    "SettleBatch",
    "Settlement",
    "SettlementStep",
    "Skill",
    "Stay",
    "TaxYear",
]

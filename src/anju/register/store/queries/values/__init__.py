"""What the register tells other rooms: frozen values, masked unless asked otherwise."""

from __future__ import annotations

from anju.register.store.queries.values.pages import Page
from anju.register.store.queries.values.people import (
    AidView,
    ContributionView,
    DiscrepancyLine,
    EnrolmentView,
    FieldView,
    HealthView,
    JobView,
    KinView,
    LandView,
    OtherValue,
    PermitView,
    PersonFile,
    PersonLine,
    SkillView,
    Source,
    StayView,
    TaxView,
)
from anju.register.store.queries.values.places import (
    DwellingFile,
    DwellingLine,
    EmployerFile,
    EmployerLine,
    Occupant,
    SchoolLine,
    Worker,
)
from anju.register.store.queries.values.quality import Board, MeasureView, RunLine

__all__ = [
    "AidView",
    "Board",
    "ContributionView",
    "DiscrepancyLine",
    "DwellingFile",
    "DwellingLine",
    "EmployerFile",
    "EmployerLine",
    "EnrolmentView",
    "FieldView",
    "HealthView",
    "JobView",
    "KinView",
    "LandView",
    "MeasureView",
    "Occupant",
    "OtherValue",
    "Page",
    "PermitView",
    "PersonFile",
    "PersonLine",
    "RunLine",
    "SchoolLine",
    "SkillView",
    "Source",
    "StayView",
    "TaxView",
    "Worker",
]

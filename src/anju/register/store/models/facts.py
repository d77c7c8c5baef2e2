"""Dated facts about people. Each row: the fact, its sources (``dataset@day;…``), when it was known."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q

from anju.register.store.models.base import CODE, DWELLING, REGION, OfPerson, coded, sources, text

NOW = Q(known_to__isnull=True)


class Sourced(OfPerson):
    """A fact and who says so."""

    sources = sources()

    class Meta:
        abstract = True


class Stay(Sourced):
    """One person living in one dwelling for one period, from however many sources."""

    dwelling_code = coded(DWELLING, blank=True, default="")
    stay_region = text(REGION)
    begin_on = models.DateField()
    end_on = models.DateField(null=True, blank=True)
    presumed_end_on = models.DateField(null=True, blank=True)
    dwelling_kind = text(4)
    reason = text(4)
    confirmed_on = models.DateField()
    registered_on = models.DateField(null=True, blank=True, help_text="first day the police register has it")

    class Meta:
        indexes = (
            Index(fields=["person_code"], name="stay_person"),
            Index(fields=["dwelling_code", "begin_on"], name="stay_dwelling"),
        )


class Job(Sourced):
    """One person working for one employer for one period."""

    employer_code = text(18)
    employer_name = text(200)
    begin_on = models.DateField()
    end_on = models.DateField(null=True, blank=True)
    presumed_end_on = models.DateField(null=True, blank=True)
    occupation = text(8)
    has_contract = models.BooleanField(null=True, blank=True)
    wage_fen = models.BigIntegerField(null=True, blank=True)
    confirmed_on = models.DateField()

    class Meta:
        indexes = (
            Index(fields=["person_code"], name="job_person"),
            Index(fields=["employer_code", "begin_on"], name="job_employer"),
        )


class Contribution(Sourced):
    """One run of months of one scheme and kind; runs of one scheme and kind never share a month."""

    scheme = text(20)
    kind = text(20)
    insured_region = text(REGION)
    from_month = models.DateField()
    to_month = models.DateField()
    months = models.IntegerField()
    base_fen = models.BigIntegerField(null=True, blank=True)

    class Meta:
        indexes = (Index(fields=["person_code"], name="contribution_person"),)


class Enrolment(Sourced):
    """One pupil at one school for one period."""

    school_code = text(40)
    school_name = text(200)
    stage = text(20)
    grade = text(4)
    begin_on = models.DateField()
    end_on = models.DateField(null=True, blank=True)
    presumed_end_on = models.DateField(null=True, blank=True)
    confirmed_on = models.DateField()

    class Meta:
        indexes = (
            Index(fields=["person_code"], name="enrolment_person"),
            Index(fields=["school_code", "begin_on"], name="enrolment_school"),
        )


class Kin(Sourced):
    """One relative of a person, in both directions; ``relative_code`` empty when not in the register."""

    relative_code = coded(CODE, blank=True, default="")
    relation = text(2)
    relative_name = text(80)
    household = text(80)
    is_inverse = models.BooleanField(default=False)

    class Meta:
        indexes = (Index(fields=["person_code"], name="kin_person"),)


class Permit(Sourced):
    """One residence permit."""

    permit_no = text(60)
    issued_on = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)

    class Meta:
        indexes = (
            Index(fields=["person_code"], name="permit_person"),
            Index(fields=["permit_no"], name="permit_number", condition=NOW),
        )


class TaxYear(Sourced):
    """One person's income tax in one year, all employers together."""

    year = models.IntegerField()
    paid_fen = models.BigIntegerField(null=True, blank=True)

    class Meta:
        indexes = (Index(fields=["person_code"], name="tax_person"),)


class Skill(Sourced):
    """One vocational qualification."""

    name = text(120)
    level = text(4)
    issued_on = models.DateField(null=True, blank=True)

    class Meta:
        indexes = (Index(fields=["person_code"], name="skill_person"),)


class LandRight(Sourced):
    """One contracted plot in the home village."""

    land_region = text(REGION)
    area_m2 = models.FloatField(null=True, blank=True)
    begin_on = models.DateField(null=True, blank=True)
    is_leased_out = models.BooleanField(null=True, blank=True)

    class Meta:
        indexes = (Index(fields=["person_code"], name="land_person"),)


class Aid(Sourced):
    """One legal-aid case."""

    kind = text(20)
    opened_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        indexes = (Index(fields=["person_code"], name="aid_person"),)


class HealthFile(Sourced):
    """One resident health file."""

    station_code = text(40)
    opened_on = models.DateField(null=True, blank=True)

    class Meta:
        indexes = (Index(fields=["person_code"], name="health_person"),)


class Discrepancy(OfPerson):
    """One field of one person on which departments' current values cannot all be true. Values: see the dossier."""

    field = text(20)
    owner = text(20, help_text="department with authority over the field")
    shown_dataset = text(40)
    against = text(300, help_text="datasets that say otherwise, ; between")

    class Meta:
        indexes = (
            Index(fields=["person_code"], name="discrepancy_person"),
            Index(fields=["field", "region", "person_code"], name="discrepancy_field", condition=NOW),
            Index(fields=["region", "person_code", "field"], name="discrepancy_region", condition=NOW),
            Index(
                fields=["owner", "region", "person_code", "field"], name="discrepancy_owner", condition=NOW
            ),
            Index(fields=["known_from", "id"], name="discrepancy_known", condition=NOW),
        )

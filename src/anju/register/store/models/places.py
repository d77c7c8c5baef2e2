"""Dwellings, employers and schools: where people live, work and learn."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q

from anju.register.store.models.base import DWELLING, REGION, Known, coded, sources, text
from anju.trust.store.fields import SealedField

NOW = Q(known_to__isnull=True)


class Dwelling(Known):
    """One dwelling: one standard address. Its code follows from the address."""

    dwelling_code = coded(DWELLING)
    region = coded(REGION)
    street = text(80)
    number = text(40)
    building = text(40)
    unit = text(40)
    room = text(40)
    address = text(300)
    official_codes = models.TextField(
        blank=True, default="", db_collation="C", help_text="; between; a whole village may share one address"
    )
    kind = text(20)
    let_for = text(4)
    area_m2 = models.FloatField(null=True, blank=True)
    rooms = models.IntegerField(null=True, blank=True)
    rent_fen = models.BigIntegerField(null=True, blank=True)
    fire_grade = text(1)
    hygiene_grade = text(1)
    grade = text(1, help_text="the worse of the two grades")
    landlord_name = text(80)
    landlord_phone = SealedField(kind="phone")
    longitude = models.FloatField(null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    residents = models.IntegerField(default=0)
    sources = sources()

    class Meta:
        indexes = (
            Index(fields=["dwelling_code", "known_from"], name="dwelling_code_known"),
            Index(
                fields=["street", "number", "building", "unit", "room"],
                name="dwelling_address",
                condition=NOW,
            ),
            Index(fields=["region", "dwelling_code"], name="dwelling_region", condition=NOW),
            Index(fields=["grade", "region", "dwelling_code"], name="dwelling_grade", condition=NOW),
            Index(fields=["residents", "dwelling_code"], name="dwelling_residents", condition=NOW),
        )


class Employer(Known):
    """One employer by credit code."""

    employer_code = coded(18)
    region = text(REGION)
    name = text(200)
    kind = text(20)
    industry = text(4)
    address = text(300)
    opened_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    workers = models.IntegerField(default=0)
    sources = sources()

    class Meta:
        indexes = (
            Index(fields=["employer_code", "known_from"], name="employer_code_known"),
            Index(fields=["name", "employer_code"], name="employer_name", condition=NOW),
            Index(fields=["region", "employer_code"], name="employer_region", condition=NOW),
            Index(fields=["workers", "employer_code"], name="employer_workers", condition=NOW),
        )


class School(Known):
    """One school, as enrolments name it."""

    school_code = coded(40)
    region = text(REGION)
    name = text(200)
    stage = text(60)
    pupils = models.IntegerField(default=0)
    sources = sources()

    class Meta:
        indexes = (
            Index(fields=["school_code", "known_from"], name="school_code_known"),
            Index(fields=["name", "school_code"], name="school_name", condition=NOW),
        )

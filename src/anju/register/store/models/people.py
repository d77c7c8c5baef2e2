"""People: the anchor that never goes away, what is shown of a person, and what every source says."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q
from django.db.models.functions import Substr

from anju.register.store.models.base import CODE, DWELLING, REGION, Known, OfPerson, coded, text
from anju.trust.store.fields import SealedField

NOW = Q(known_to__isnull=True)


class Person(models.Model):
    """One person code ever given. ``merged_into`` names the code that speaks for it today; followed for ever."""

    code = coded(CODE, primary_key=True)
    merged_into = coded(CODE, null=True, blank=True)

    class Meta:
        indexes = (
            Index(fields=["merged_into"], name="person_merged", condition=Q(merged_into__isnull=False)),
        )


class Identity(OfPerson):
    """What the register shows of one person, chosen among all sources by authority, date and frequency."""

    name = text(80)
    name_key = text(80, help_text="simplified characters, no spaces, small letters: what a search compares")
    given_key = models.GeneratedField(
        expression=Substr("name_key", 2),
        output_field=text(80),
        db_persist=True,
        help_text="a column, for row security keeps an index on an expression from being used",
    )
    pinyin = text(160)
    initials = text(40)
    sex = text(1)
    born_on = models.DateField(null=True, blank=True)
    citizen_no = SealedField(kind="citizen_no", index="citizen_no_index")
    citizen_no_index = models.BinaryField(null=True)
    citizen_no_last4 = text(4)
    phone = SealedField(kind="phone", index="phone_index")
    phone_index = models.BinaryField(null=True)
    phone_last4 = text(4)
    hukou_region = text(REGION)
    education = text(4)
    marital = text(4)
    dwelling_code = coded(DWELLING, null=True, blank=True, help_text="where the person lives now")
    employer_code = text(18)
    arrived_on = models.DateField(null=True, blank=True)
    is_resident = models.BooleanField(default=False)
    in_police = models.BooleanField(default=False)
    record_count = models.IntegerField(default=0)
    dataset_count = models.SmallIntegerField(default=0)
    discrepancy_count = models.SmallIntegerField(default=0)

    class Meta:
        indexes = (
            Index(fields=["person_code", "known_from"], name="identity_person"),
            Index(fields=["citizen_no_index"], name="identity_number", condition=NOW),
            Index(fields=["phone_index"], name="identity_phone", condition=NOW),
            Index(fields=["citizen_no_last4", "region"], name="identity_number_tail", condition=NOW),
            Index(fields=["phone_last4", "region"], name="identity_phone_tail", condition=NOW),
            Index(fields=["name_key", "person_code", "region"], name="identity_name", condition=NOW),
            Index(fields=["given_key", "person_code", "region"], name="identity_given", condition=NOW),
            Index(fields=["born_on", "name_key"], name="identity_birthday", condition=NOW),
            Index(fields=["pinyin", "person_code", "region"], name="identity_pinyin", condition=NOW),
            Index(fields=["initials", "person_code", "region"], name="identity_initials", condition=NOW),
            Index(fields=["region", "person_code"], name="identity_region", condition=NOW),
            Index(fields=["dwelling_code"], name="identity_dwelling", condition=NOW),
        )


class Dossier(OfPerson):
    """Everything the sources say of one person's own fields, one sealed text (see ``register.dossier``)."""

    records = SealedField(kind="dossier")

    class Meta:
        indexes = (Index(fields=["person_code", "known_from"], name="dossier_person"),)


__all__ = ["Dossier", "Identity", "Known", "Person"]

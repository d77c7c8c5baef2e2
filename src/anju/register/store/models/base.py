"""What every published table shares: when the register knew the row. Nothing is overwritten."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import models

CODE = 13
DWELLING = 16
REGION = 12


def coded(length: int, **options: Any) -> models.CharField:
    """A code compared byte by byte, so that a prefix is a range of an index."""
    return models.CharField(max_length=length, db_collation="C", **options)


def text(length: int, **options: Any) -> models.CharField:
    """Text compared byte by byte; empty rather than null."""
    options.setdefault("blank", True)
    options.setdefault("default", "")
    return models.CharField(max_length=length, db_collation="C", **options)


def sources() -> models.TextField:
    """Who says so (``dataset@day;…``): as many as there are."""
    return models.TextField(blank=True, default="", db_collation="C")


class Known(models.Model):
    """A row and the time in which the register held it true: from ``known_from`` until ``known_to`` (null: still).

    The time is the transaction's, so that what one run ends and what it begins meet without a gap.
    """

    known_from = models.DateTimeField(db_default=TransactionNow())
    known_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class OfPerson(Known):
    """A row about one person. ``region`` is where the person lives now, the key of row security."""

    person_code = coded(CODE)
    region = coded(REGION, null=True, blank=True, help_text="null: nobody knows where the person lives")
    is_live = models.BooleanField(default=False, db_default=False, help_text="entered since the newest run")

    class Meta:
        abstract = True

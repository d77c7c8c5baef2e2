"""Tables of the exchange: accepted batches, and the rows that were held back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from anju.exchange.store.review_models import PersonChange, ReviewQuestion, ReviewWord

__all__ = ["Batch", "HeldRow", "PersonChange", "ReviewQuestion", "ReviewWord"]

from anju.exchange.store.doors_models import (  # noqa: F401 - tables of this room, kept in a file of their own
    Bundle,
    Client,
    ClientKey,
    FeedEntry,
    FeedRun,
    Peer,
    PendingChange,
    Pull,
    Push,
    RequestCount,
    Upload,
)
from anju.exchange.store.notice_models import Contact, Delivery, Notice  # noqa: F401


class Batch(models.Model):
    """One accepted file. It counts from the moment this row is committed; the Parquet file lies there before."""

    id = models.CharField(
        max_length=60, primary_key=True, help_text="dataset and the file's SHA-256, shortened"
    )
    dataset = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    file_name = models.CharField(max_length=200)
    format = models.CharField(max_length=10)
    encoding = models.CharField(max_length=12, blank=True)
    sent_on = models.DateField()
    accepted_at = models.DateTimeField()
    accepted_by = models.CharField(max_length=60)
    contract_version = models.CharField(max_length=20)
    path = models.CharField(max_length=200, help_text="relative to ANJU_HOME")
    headers = models.JSONField(help_text="as sent, for the error report")
    rows_read = models.BigIntegerField()
    rows_accepted = models.BigIntegerField()
    rows_held = models.BigIntegerField()
    fields = models.JSONField(help_text="field -> stated, standard, held, noted")
    receipt = models.TextField(blank=True, help_text="signed statement for the sender")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["dataset", "sha256"], name="batch_once"),
            models.CheckConstraint(
                name="batch_nothing_lost",
                condition=Q(rows_read=models.F("rows_accepted") + models.F("rows_held")),
            ),
        )
        indexes = (
            models.Index(fields=["-accepted_at", "-id"], name="batch_newest"),
            models.Index(fields=["accepted_by", "-accepted_at", "-id"], name="batch_sender"),
        )


class HeldRow(models.Model):
    """One row held back: why, and how it ended. Its text lies in a file only the owner can read."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="held")
    dataset = models.CharField(max_length=40)
    row_no = models.BigIntegerField()
    record_id = models.DecimalField(max_digits=20, decimal_places=0, null=True)
    faults = models.JSONField(help_text="[[field, code], …]")
    state = models.CharField(max_length=8, default="open", help_text="open fixed again waived")
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(
        max_length=60, blank=True, help_text="the batch that mended it, or the account"
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["batch", "row_no"], name="held_once"),
            models.CheckConstraint(
                name="held_state", condition=Q(state__in=["open", "fixed", "again", "waived"])
            ),
            models.CheckConstraint(
                name="held_ended", condition=Q(state="open") | (Q(ended_at__isnull=False) & ~Q(ended_by=""))
            ),
            models.CheckConstraint(name="held_waived_why", condition=~Q(state="waived") | ~Q(reason="")),
        )
        indexes = (
            models.Index(fields=["dataset", "record_id"], name="held_open", condition=Q(state="open")),
            models.Index(fields=["batch", "state", "row_no"], name="held_list"),
        )

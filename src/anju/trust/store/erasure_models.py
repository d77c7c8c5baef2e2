"""Tables of deletion: who is restricted, what was erased, what must never come back, and the runs that did it.

None of them holds a value about a person: codes and counts only.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Restriction(models.Model):
    """One person whose data may be kept and otherwise left alone, since when, on which ground, until when.

    ``until`` is the day the legal term of what is kept is over; null: until somebody lifts it.
    """

    GROUNDS = ("objected", "kept_by_law")
    person_code = models.CharField(max_length=13)
    region = models.CharField(max_length=15, db_collation="C", null=True, blank=True)
    ground = models.CharField(max_length=20)
    request = models.CharField(max_length=16, blank=True)
    since = models.DateTimeField()
    until = models.DateField(null=True, blank=True)
    ordered_by = models.CharField(max_length=60)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person_code"], condition=Q(lifted_at__isnull=True), name="restriction_once"
            ),
            models.CheckConstraint(
                name="restriction_ground", condition=Q(ground__in=["objected", "kept_by_law"])
            ),
            models.CheckConstraint(
                name="restriction_lifted_by", condition=Q(lifted_at__isnull=True) | ~Q(lifted_by="")
            ),
        )


class Erasure(models.Model):
    """One order to erase what is held about one person, and what came of it. ``counts``: table or dataset -> rows."""

    number = models.CharField(max_length=16, unique=True)
    person_code = models.CharField(max_length=13, db_index=True)
    region = models.CharField(max_length=15, db_collation="C", null=True, blank=True)
    ground = models.CharField(max_length=20, help_text="term_over unlawful sender")
    request = models.CharField(max_length=16, blank=True)
    ordered_by = models.CharField(max_length=60)
    ordered_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    is_whole = models.BooleanField(null=True, blank=True, help_text="nothing about the person is left")
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="erasure_ground", condition=Q(ground__in=["term_over", "unlawful", "sender"])
            ),
            models.UniqueConstraint(
                fields=["person_code"], condition=Q(done_at__isnull=True), name="erasure_open_once"
            ),
        )


class Tombstone(models.Model):
    """One record that was erased: its hash, never its content. Sent again, it is dropped before anyone reads it."""

    record_id = models.DecimalField(max_digits=20, decimal_places=0, primary_key=True)
    dataset = models.CharField(max_length=40)
    since = models.DateTimeField()


class NameTombstone(models.Model):
    """One name with its phone that was erased from records about something else: a keyed digest, no content."""

    digest = models.BinaryField(unique=True)
    since = models.DateTimeField()


class RetentionRun(models.Model):
    """One run of retention: counted first, put forward by one person, approved by a second, then carried out."""

    STATES = ("planned", "asked", "approved", "done", "dropped")
    number = models.CharField(max_length=16, unique=True)
    as_of = models.DateField()
    state = models.CharField(max_length=10, default="planned")
    planned_at = models.DateTimeField()
    planned_by = models.CharField(max_length=60)
    counts = models.JSONField(default=dict, help_text="what would go: class -> rows")
    asked_by = models.CharField(max_length=60, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=60, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    erased = models.JSONField(default=dict, help_text="what went: class -> rows")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="retention_state",
                condition=Q(state__in=["planned", "asked", "approved", "done", "dropped"]),
            ),
            models.CheckConstraint(
                name="retention_second_person", condition=Q(approved_by="") | ~Q(approved_by=F("asked_by"))
            ),
            models.CheckConstraint(
                name="retention_approved",
                condition=~Q(state__in=["approved", "done"]) | (~Q(approved_by="") & ~Q(asked_by="")),
            ),
        )

"""Runs: each publication of the library, what it read, what it measured."""

from __future__ import annotations

from django.db import models

STATES = [("running", "running"), ("finished", "finished"), ("failed", "failed")]


class Run(models.Model):
    """One publication. Only a finished one is seen by readers; ``known_at`` is when its values became known."""

    state = models.CharField(max_length=10, choices=STATES, default="running")
    started_at = models.DateTimeField()
    known_at = models.DateTimeField(null=True, blank=True)
    as_of = models.DateField(null=True, blank=True, help_text="the day of the newest data")
    inputs = models.CharField(max_length=64, blank=True, help_text="digest of batches, assignment and rules")
    folder = models.CharField(max_length=300, blank=True, help_text="under the lake")
    seconds = models.FloatField(default=0)
    people = models.BigIntegerField(default=0)
    records = models.BigIntegerField(default=0)
    figures = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="run_finished_is_known",
                condition=~models.Q(state="finished") | models.Q(known_at__isnull=False),
            ),
        )
        indexes = (models.Index(fields=["state", "-id"], name="run_newest"),)

"""Tables of the policy room: what-ifs somebody kept. Counts only; nothing about any person."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Scenario(models.Model):
    """One what-if: changed numbers of one programme version, and what came out for one population."""

    name = models.CharField(max_length=120)
    programme = models.CharField(max_length=120, help_text="place/programme@version")
    file_sha256 = models.CharField(max_length=64, help_text="of the file the settings were applied to")
    service = models.CharField(max_length=60, blank=True)
    settings = models.JSONField(help_text="path -> value, as given")
    population = models.CharField(max_length=200, help_text="what it was tried on, and its day")
    result = models.JSONField(null=True, help_text="the simulation's counts, small cells hidden")
    note = models.TextField(blank=True)
    is_shared = models.BooleanField(default=False)
    created_by = models.CharField(max_length=60)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(name="scenario_name", fields=("created_by", "name")),
            models.CheckConstraint(name="scenario_named", condition=~Q(name="")),
        )

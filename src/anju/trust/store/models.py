"""Accounts and the roles they act in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Account(AbstractUser):
    """One person who logs in. What they may do follows from their assignments, never from flags."""


class Assignment(models.Model):
    """One account acting in one role, within one region subtree and, for officers, one department."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=40)
    region = models.CharField(max_length=12, help_text="division code; its whole subtree is meant")
    department = models.CharField(max_length=40, blank=True)
    person_code = models.CharField(max_length=13, blank=True, help_text="the resident's own person code")
    begin_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="assignment_period",
                condition=models.Q(end_at__isnull=True) | models.Q(end_at__gt=models.F("begin_at")),
            ),
        )

"""Tables of the trust room: accounts and assignments, the log, approvals and open glasses.

The log's tables are append-only for the web role, and only the sequencer writes entries, tiles and checkpoints.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from anju.trust.store.erasure_models import (  # noqa: F401 - tables of this room, kept in a file of their own
    Erasure,
    NameTombstone,
    Restriction,
    RetentionRun,
    Tombstone,
)
from anju.trust.store.rights_models import (  # noqa: F401 - tables of this room, kept in a file of their own
    Assessment,
    Consent,
    Incident,
    PersonRequest,
    PrivacySpend,
    Release,
)


class Account(AbstractUser):
    """One person who logs in. What they may do follows from their assignments, never from flags."""

    is_demo = models.BooleanField(
        default=False, help_text="made by the demo; works only while ANJU_DEMO is set"
    )
    first_password_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="until then a password given by somebody else opens the door; null: their own",
    )


class Assignment(models.Model):
    """One account acting in one role, within one region subtree and, for officers, one department."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=40)
    region = models.CharField(
        max_length=15, help_text="division code; its whole subtree is meant; * is everywhere"
    )
    department = models.CharField(max_length=40, blank=True)
    person_code = models.CharField(max_length=13, blank=True, help_text="the resident's own person code")
    begin_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.CharField(max_length=60, blank=True, help_text="account that gave it")

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="assignment_period",
                condition=Q(end_at__isnull=True) | Q(end_at__gt=F("begin_at")),
            ),
        )


class LogPending(models.Model):
    """One transaction's entries on their way into the log: canonical lines, and a keyed code over them."""

    at = models.DateTimeField(db_default=Now())
    lines = models.TextField()
    mac = models.BinaryField()


class LogEntry(models.Model):
    """One entry of the log in its place. ``data`` is what is hashed; the other columns only help to find it."""

    seq = models.BigIntegerField(primary_key=True, help_text="place in the tree, from zero")
    at = models.DateTimeField()
    account = models.CharField(max_length=60)
    region = models.CharField(max_length=15, blank=True, help_text="place of the office that acted")
    action = models.CharField(max_length=60)
    person_code = models.CharField(max_length=13, blank=True)
    data = models.TextField()
    mac = models.BinaryField(help_text="keyed code over place and data: names a changed row")

    class Meta:
        indexes = (
            models.Index(fields=["person_code", "-seq"], name="log_person", condition=~Q(person_code="")),
        )


class LogTile(models.Model):
    """256 hashes of the tree side by side: level (eight tree levels apart) and index."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()


class LogCheckpoint(models.Model):
    """One signed checkpoint, as published."""

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField()
    note = models.TextField()
    at = models.DateTimeField()


class Approval(models.Model):
    """One person's request for a bulk read or export, and a second person's answer. Used once, and it expires."""

    account = models.CharField(max_length=60)
    role = models.CharField(max_length=40)
    region = models.CharField(max_length=15)
    department = models.CharField(max_length=40, blank=True)
    action = models.CharField(max_length=60)
    purpose = models.CharField(max_length=60)
    scope = models.CharField(max_length=64, help_text="digest of what exactly was asked for")
    why = models.CharField(max_length=300)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_by = models.CharField(max_length=60, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    is_granted = models.BooleanField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="approval_second_person", condition=~Q(answered_by=F("account"))),
            models.CheckConstraint(name="approval_expires", condition=Q(expires_at__gt=F("asked_at"))),
        )


class Glass(models.Model):
    """Break-glass: one account sees beyond its place for a short time, loudly, and is reviewed afterwards."""

    account = models.CharField(max_length=60)
    role = models.CharField(max_length=40)
    region = models.CharField(max_length=15)
    department = models.CharField(max_length=40, blank=True)
    why = models.CharField(max_length=300)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reviewed_by = models.CharField(max_length=60, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    was_right = models.BooleanField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="glass_expires", condition=Q(expires_at__gt=F("opened_at"))),
            models.CheckConstraint(name="glass_second_person", condition=~Q(reviewed_by=F("account"))),
        )

"""Tables of the notices: whom to tell in each department, and what was told, when, and whether it went out."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Contact(models.Model):
    """One department's contact: an office's address, not a person's file."""

    department = models.CharField(max_length=20, primary_key=True)
    address = models.EmailField(max_length=200)
    language = models.CharField(max_length=2, default="zh")
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=60)


class Notice(models.Model):
    """One thing told to one department. ``key`` tells it from every other of its kind: it is made once.

    ``waiting`` to be sent (``next_try_at``), ``sending``, ``sent`` (the mail server took it), ``uncertain`` (begun and
    never reported on: it may have gone out, so nobody sends it again but a person), ``failed`` (given up).
    """

    STATES = ("waiting", "sending", "sent", "uncertain", "failed")
    department = models.CharField(max_length=20)
    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=80)
    facts = models.JSONField(help_text="counts, codes and days; nothing about a person")
    upto = models.DateField(null=True, help_text="a deadline notice: days until then are told")
    made_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="waiting")
    address = models.EmailField(max_length=200, blank=True, help_text="where the last try went")
    tries = models.SmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=40, blank=True, help_text="the kind of error, never its text")
    seen_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["department", "kind", "key"], name="notice_once"),
            models.CheckConstraint(
                name="notice_state",
                condition=Q(state__in=["waiting", "sending", "sent", "uncertain", "failed"]),
            ),
        )
        indexes = (
            models.Index(fields=["next_try_at", "id"], name="notice_next", condition=Q(state="waiting")),
            models.Index(fields=["-made_at", "-id"], name="notice_newest"),
        )

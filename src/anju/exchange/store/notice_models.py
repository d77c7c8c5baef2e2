"""Tables of the notices: whom to tell in each department, what was told, and how it went to each of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Contact(models.Model):
    """Whom a department is told through: an office's mail address, or the URL of a system of theirs; a department may have several."""

    WAYS = ("mail", "webhook")
    department = models.CharField(max_length=20)
    way = models.CharField(max_length=10, default="mail")
    address = models.CharField(max_length=500)
    language = models.CharField(max_length=2, default="zh")
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=60)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["department", "address"], name="contact_once"),
            models.CheckConstraint(name="contact_way", condition=Q(way__in=["mail", "webhook"])),
        )


class Notice(models.Model):
    """One thing told to one department. ``key`` tells it from every other of its kind: it is made once."""

    department = models.CharField(max_length=20)
    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=80)
    facts = models.JSONField(help_text="counts, codes and days; nothing about a person")
    upto = models.DateField(null=True, help_text="a deadline notice: days until then are told")
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["department", "kind", "key"], name="notice_once"),)
        indexes = (models.Index(fields=["-made_at", "-id"], name="notice_newest"),)


class Delivery(models.Model):
    """A notice on its way to one contact.

    ``waiting`` to be sent (``next_try_at``), ``sending``, ``sent`` (the other side took it), ``uncertain`` (a mail begun and
    never reported on: it may have gone out, so nobody sends it again but a person), ``failed`` (given up).
    """

    STATES = ("waiting", "sending", "sent", "uncertain", "failed")
    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    way = models.CharField(max_length=10)
    address = models.CharField(max_length=500)
    language = models.CharField(max_length=2, default="zh")
    state = models.CharField(max_length=10, default="waiting")
    tries = models.SmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=40, blank=True, help_text="the kind of error, never its text")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["notice", "address"], name="delivery_once"),
            models.CheckConstraint(
                name="delivery_state",
                condition=Q(state__in=["waiting", "sending", "sent", "uncertain", "failed"]),
            ),
        )
        indexes = (
            models.Index(fields=["next_try_at", "id"], name="delivery_next", condition=Q(state="waiting")),
        )

"""Tables of the services room: publication lists with their objections, and allocations of school places."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from anju.trust.store.fields import SealedField


def _text(length: int, **options: object) -> models.CharField:
    return models.CharField(max_length=length, db_collation="C", blank=True, default="", **options)  # type: ignore[misc]


class PublicList(models.Model):
    """One list: the rule it follows, its seed and the hash published before, how it came out. About no single person."""

    STATES = [("prepared", "prepared"), ("published", "published"), ("final", "final")]
    programme = _text(120, help_text="place/programme@version")
    file_sha256 = _text(64)
    service = _text(60)
    filed_on = models.DateField()
    region = _text(12, help_text="the place whose people take part")
    places = models.PositiveIntegerField()
    ties = _text(20)
    seed = _text(64, help_text="kept to ourselves until the list is published")
    seed_hash = _text(64)
    state = models.CharField(max_length=10, choices=STATES, default="prepared")
    applicants = models.PositiveIntegerField(default=0)
    admitted = models.PositiveIntegerField(default=0)
    line = _text(20, help_text="reference of the last one admitted to the open places")
    line_score = _text(40)
    public = models.JSONField(
        default=list, help_text="the list as the public sees it: masked names, no codes"
    )
    prepared_at = models.DateTimeField()
    prepared_by = _text(80)
    published_at = models.DateTimeField(null=True)
    published_by = _text(80)
    objections_until = models.DateField(null=True)
    until_is_provisional = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True)
    closed_by = _text(80)

    class Meta:
        ordering = ("-id",)


class ListPlace(models.Model):
    """One person's place on one list. ``facts`` is what it was worked out from, sealed."""

    on_list = models.ForeignKey(PublicList, on_delete=models.CASCADE, related_name="rows")
    person_code = _text(13)
    region = models.CharField(max_length=12, db_collation="C", null=True)
    reference = _text(20)
    name = _text(40, help_text="masked, as published")
    score = _text(40, help_text="exact fraction")
    keys = models.JSONField(default=list)
    category = _text(60)
    is_qualified = models.BooleanField(default=True)
    rank = models.PositiveIntegerField()
    is_admitted = models.BooleanField()
    quota = _text(60)
    reason = _text(30)
    lot = _text(64)
    facts = SealedField(kind="list_facts")

    class Meta:
        constraints = (
            UniqueConstraint(name="listplace_person", fields=("on_list", "person_code")),
            UniqueConstraint(name="listplace_reference", fields=("on_list", "reference")),
        )
        indexes = (
            Index(name="listplace_rank", fields=["on_list", "rank"]),
            Index(name="listplace_code", fields=["person_code"]),
        )


class ListObjection(models.Model):
    """One objection to one place on a list, and what came of it."""

    STATES = [("open", "open"), ("upheld", "upheld"), ("rejected", "rejected")]
    on_list = models.ForeignKey(PublicList, on_delete=models.CASCADE, related_name="objections")
    place = models.ForeignKey(ListPlace, on_delete=models.CASCADE, related_name="objections")
    person_code = _text(13)
    region = models.CharField(max_length=12, db_collation="C", null=True)
    claim = SealedField(kind="objection")
    made_at = models.DateTimeField()
    made_by = _text(80)
    is_by_officer = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=STATES, default="open")
    answer = SealedField(kind="objection")
    answered_at = models.DateTimeField(null=True)
    answered_by = _text(80)
    before = models.JSONField(default=dict, help_text="score, rank, admitted as published")
    after = models.JSONField(default=dict, help_text="the same once settled")

    class Meta:
        ordering = ("-id",)
        constraints = (
            UniqueConstraint(name="objection_one_open", fields=("place",), condition=Q(state="open")),
        )


class Allocation(models.Model):
    """One allocation of school places: method, seed, how it came out. The proof is a file; references stand for people."""

    STATES = [("prepared", "prepared"), ("running", "running"), ("done", "done"), ("failed", "failed")]
    title = models.CharField(max_length=120)
    method = _text(20)
    region = _text(12)
    seed = _text(64, help_text="kept to ourselves until it is run")
    seed_hash = _text(64)
    state = models.CharField(max_length=10, choices=STATES, default="prepared")
    step = _text(20, help_text="what it is doing just now")
    applicants = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True, help_text="counts by choice and by school")
    proof_file = _text(120)
    proof_sha256 = _text(64)
    made_at = models.DateTimeField()
    made_by = _text(80)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

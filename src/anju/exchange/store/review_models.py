"""Tables of the clerical review: open questions, people's words on pairs of records, changes to whole people."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from anju.trust.store.fields import SealedField

CODE, REGION, ACCOUNT = 13, 12, 60
WORDS = ("same", "different", "unsure", "skip")
QUESTION_STATES = ("open", "same", "different", "unsure", "gone")
CHANGE_STATES = ("proposed", "confirmed", "refused", "undone")


def _coded(length: int, **options: Any) -> models.CharField:
    """A code in byte order, so that a division's subtree is a range."""
    return models.CharField(max_length=length, db_collation="C", **options)


def _record() -> models.DecimalField:
    """A record's id: an unsigned number of 64 bits."""
    return models.DecimalField(max_digits=20, decimal_places=0)


class ReviewQuestion(models.Model):
    """Two records of which the model cannot say whether they are one person: a person is asked.

    ``region`` is the smallest division that holds both sides (null: none does). ``told`` is the sealed JSON of what a
    reviewer sees (see ``exchange.review``). ``worth`` orders the queue. A claim ends by itself.
    """

    record_a = _record()
    record_b = _record()
    person_a = _coded(CODE)
    person_b = _coded(CODE)
    region = _coded(REGION, null=True, blank=True)
    reason = models.CharField(max_length=20)
    weight = models.FloatField()
    worth = models.FloatField()
    told = SealedField(kind="review")
    run = models.IntegerField(help_text="the linkage run that asked last")
    state = models.CharField(max_length=10, default="open")
    asked_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=ACCOUNT, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["record_a", "record_b"], name="question_once"),
            models.CheckConstraint(name="question_order", condition=Q(record_a__lt=F("record_b"))),
            models.CheckConstraint(name="question_state", condition=Q(state__in=QUESTION_STATES)),
        )
        indexes = (
            models.Index(fields=["-worth", "id"], name="question_queue", condition=Q(state="open")),
            models.Index(fields=["person_a"], name="question_person_a"),
            models.Index(fields=["person_b"], name="question_person_b"),
        )


class PersonChange(models.Model):
    """One decision about whole people: two codes are one person, or some records of one code are another person.

    Proposed by one, confirmed by another; effective from the next linkage run; undone as a whole. ``moved`` and
    ``kept`` are record ids: of a merge one of each person, of a split those that go and those that stay.
    """

    kind = models.CharField(max_length=5)
    person_code = _coded(CODE)
    other_code = _coded(CODE, blank=True, default="")
    region = _coded(REGION, null=True, blank=True)
    moved = models.JSONField()
    kept = models.JSONField()
    reason = SealedField(kind="change_reason")
    state = models.CharField(max_length=10, default="proposed")
    purpose = models.CharField(max_length=40)
    proposed_by = models.CharField(max_length=ACCOUNT)
    proposed_at = models.DateTimeField()
    answered_by = models.CharField(max_length=ACCOUNT, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=ACCOUNT, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_why = SealedField(kind="change_reason")

    class Meta:
        constraints = (
            models.CheckConstraint(name="change_kind", condition=Q(kind__in=["merge", "split"])),
            models.CheckConstraint(name="change_state", condition=Q(state__in=CHANGE_STATES)),
            models.CheckConstraint(name="change_second_person", condition=~Q(answered_by=F("proposed_by"))),
            models.CheckConstraint(
                name="change_answered", condition=Q(state="proposed") | Q(answered_at__isnull=False)
            ),
            models.CheckConstraint(
                name="change_undone_why", condition=~Q(state="undone") | Q(undone_why__isnull=False)
            ),
        )
        indexes = (
            models.Index(fields=["person_code"], name="change_person"),
            models.Index(fields=["other_code"], name="change_other"),
            models.Index(fields=["-proposed_at"], name="change_newest"),
        )


class ReviewWord(models.Model):
    """One person's word on two records, kept for ever; the newest that was not taken back holds.

    ``question`` is empty for words that came from a change to whole people, or from before there was a queue.
    """

    question = models.ForeignKey(
        ReviewQuestion, on_delete=models.PROTECT, null=True, blank=True, related_name="words"
    )
    change = models.ForeignKey(
        PersonChange, on_delete=models.PROTECT, null=True, blank=True, related_name="words"
    )
    record_a = _record()
    record_b = _record()
    region = _coded(REGION, null=True, blank=True)
    word = models.CharField(max_length=10)
    why = SealedField(kind="review_why")
    purpose = models.CharField(max_length=40, blank=True)
    said_by = models.CharField(max_length=ACCOUNT)
    said_at = models.DateTimeField()
    undone_by = models.CharField(max_length=ACCOUNT, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="word_known", condition=Q(word__in=WORDS)),
            models.CheckConstraint(name="word_order", condition=Q(record_a__lt=F("record_b"))),
        )
        indexes = (
            models.Index(fields=["record_a", "record_b", "-said_at"], name="word_pair"),
            models.Index(fields=["said_by", "-said_at"], name="word_mine"),
        )

"""Tables of the person's side: requests, consents, assessments, incidents, and the account of privacy budgets."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from anju.trust.store.fields import SealedField


class PersonRequest(models.Model):
    """One thing one person asked of the register, its limit, and the answer. Words are sealed: people write freely."""

    number = models.CharField(max_length=16, unique=True)
    person_code = models.CharField(max_length=13, db_index=True)
    region = models.CharField(max_length=15, db_collation="C")
    kind = models.CharField(max_length=20)
    field = models.CharField(max_length=20, blank=True)
    claim = SealedField(kind="request_claim")
    text = SealedField(kind="request_text")
    asked_by = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    due_on = models.DateField()
    due_is_provisional = models.BooleanField(default=False)
    state = models.CharField(max_length=12, default="open", help_text="open answered refused withdrawn")
    answer = SealedField(kind="request_answer")
    ground = models.CharField(max_length=20, blank=True)
    answered_by = models.CharField(max_length=60, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["region", "due_on"], name="request_open", condition=Q(state="open")),)
        constraints = (
            models.CheckConstraint(
                name="request_state", condition=Q(state__in=["open", "answered", "refused", "withdrawn"])
            ),
            models.CheckConstraint(
                name="request_answered",
                condition=Q(state__in=["open", "withdrawn"])
                | (Q(answered_at__isnull=False) & Q(answer__isnull=False)),
            ),
            models.CheckConstraint(name="request_ground", condition=~Q(state="refused") | ~Q(ground="")),
            models.CheckConstraint(name="request_second_person", condition=~Q(answered_by=F("asked_by"))),
            models.UniqueConstraint(
                fields=["person_code", "kind", "field"], condition=Q(state="open"), name="request_open_once"
            ),
        )


class Consent(models.Model):
    """One consent given by one person, or by a guardian for a child: which text, since when, until when."""

    person_code = models.CharField(max_length=13)
    region = models.CharField(max_length=15, db_collation="C")
    topic = models.CharField(max_length=40)
    version = models.SmallIntegerField()
    text_digest = models.CharField(max_length=64)
    guardian_code = models.CharField(max_length=13, blank=True)
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person_code", "topic"], condition=Q(withdrawn_at__isnull=True), name="consent_once"
            ),
            models.CheckConstraint(
                name="consent_period",
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("given_at")),
            ),
            models.CheckConstraint(name="consent_guardian", condition=~Q(guardian_code=F("person_code"))),
        )


class Incident(models.Model):
    """One security incident: what, how many people, whom it was told, how it ended. No person is named in it."""

    number = models.CharField(max_length=16, unique=True)
    kind = models.CharField(max_length=20)
    what = models.TextField()
    people = models.IntegerField()
    happened_on = models.DateField()
    found_at = models.DateTimeField()
    written_by = models.CharField(max_length=60)
    told_authority_at = models.DateTimeField(null=True, blank=True)
    told_people_at = models.DateTimeField(null=True, blank=True)
    measures = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="incident_people", condition=Q(people__gte=0)),
            models.CheckConstraint(
                name="incident_measures", condition=Q(closed_at__isnull=True) | ~Q(measures="")
            ),
        )


class Assessment(models.Model):
    """One impact assessment: what the catalogue knew when it was made, the answers, who approved it."""

    number = models.CharField(max_length=16, unique=True)
    subject = models.CharField(max_length=60, help_text="a purpose, or a dataset")
    known = models.JSONField()
    answers = models.JSONField(default=dict)
    made_by = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    approved_by = models.CharField(max_length=60, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="assessment_second_person", condition=~Q(approved_by=F("made_by"))),
        )


class PrivacySpend(models.Model):
    """One withdrawal from the yearly privacy budget of one population, and what was published for it."""

    population = models.CharField(max_length=60)
    year = models.SmallIntegerField()
    epsilon = models.FloatField()
    what = models.CharField(max_length=200)
    spent_at = models.DateTimeField()
    spent_by = models.CharField(max_length=60)

    class Meta:
        constraints = (models.CheckConstraint(name="spend_positive", condition=Q(epsilon__gt=0)),)
        indexes = (models.Index(fields=["population", "year"], name="spend_year"),)


class Release(models.Model):
    """One published statistic: the same question is answered the same, and costs nothing twice."""

    question = models.CharField(max_length=64, unique=True, help_text="digest of table, filters and day")
    title = models.CharField(max_length=200)
    answer = models.JSONField()
    rules = models.JSONField()
    released_by = models.CharField(max_length=60)
    released_at = models.DateTimeField()

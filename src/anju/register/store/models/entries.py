"""What people enter here rather than departments send: counter entries and settled contradictions."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q

from anju.register.store.models.base import CODE, REGION, coded, text
from anju.trust.store.fields import SealedField


class CounterEntry(models.Model):
    """One record entered at a counter or by a grid worker: in the register at once, a source of the next run.

    ``values`` is the sealed JSON of its canonical columns; ``record_key`` is stable, so that a correction
    replaces the entry.
    """

    record_key = text(40, unique=True)
    person_code = coded(CODE)
    region = coded(REGION)
    values = SealedField(kind="entry")
    entered_at = models.DateTimeField()
    observed_on = models.DateField()
    entered_by = text(80)
    purpose = text(40)
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        indexes = (Index(fields=["person_code"], name="entry_person"),)


class Settlement(models.Model):
    """One contradiction followed to its end: who must settle it, by when, what was decided and why."""

    STATES = [("open", "open"), ("settled", "settled"), ("dropped", "dropped")]
    person_code = coded(CODE)
    region = coded(REGION)
    field = text(20)
    owner = text(20)
    state = models.CharField(max_length=10, choices=STATES, default="open")
    opened_at = models.DateTimeField()
    due_on = models.DateField(null=True, blank=True)
    is_requested = models.BooleanField(default=False, help_text="asked for by the person")
    value = SealedField(kind="settlement")
    reason = text(400)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = text(80)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person_code", "field"], name="settlement_one_open", condition=Q(state="open")
            ),
            models.CheckConstraint(
                name="settlement_settled_when",
                condition=~Q(state="settled") | Q(settled_at__isnull=False),
            ),
        )
        indexes = (Index(fields=["person_code", "field"], name="settlement_person"),)

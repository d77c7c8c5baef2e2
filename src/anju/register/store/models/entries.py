"""What people enter here rather than departments send: counter entries and settled contradictions."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, Q

from anju.register.store.models.base import CODE, REGION, coded, text
from anju.trust.store.fields import SealedField

OPEN = Q(state="open")


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
    what = text(10, help_text="person, stay, leave or job")
    wrote = models.JSONField(
        default=dict, help_text="rows opened and closed by the entry: table -> ids, to undo it"
    )

    class Meta:
        indexes = (Index(fields=["person_code"], name="entry_person"),)


class SettleBatch(models.Model):
    """Contradictions settled together by one rule; undone together too."""

    rule = text(40)
    owner = text(20, help_text="department whose contradictions were taken; empty: all")
    region = coded(REGION, null=True, blank=True, help_text="null: the whole deployment")
    count = models.IntegerField()
    why = SealedField(kind="settlement_why")
    purpose = text(40)
    settled_at = models.DateTimeField()
    settled_by = text(80)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = text(80)

    class Meta:
        indexes = (Index(fields=["-settled_at"], name="settlebatch_newest"),)


class Settlement(models.Model):
    """One contradiction followed to its end: who must settle it, by when, what was decided and why.

    ``owner`` is the department whose turn it is. ``value`` is what was decided, ``former`` what had been shown,
    ``overruled`` the sealed JSON of what the sources said against it: said again, it does not unsettle the case.
    """

    STATES = [("open", "open"), ("settled", "settled"), ("dropped", "dropped"), ("ended", "ended")]
    person_code = coded(CODE)
    region = coded(REGION, null=True, blank=True)
    field = text(20)
    owner = text(20)
    state = models.CharField(max_length=10, choices=STATES, default="open")
    opened_at = models.DateTimeField()
    due_on = models.DateField(null=True, blank=True)
    due_is_provisional = models.BooleanField(default=False)
    is_requested = models.BooleanField(default=False, help_text="asked for by the person")
    request = text(16, help_text="number of the person's request")
    value = SealedField(kind="settlement")
    former = SealedField(kind="settlement")
    overruled = SealedField(kind="settlement")
    evidence = text(20)
    why = SealedField(kind="settlement_why")
    batch = models.ForeignKey(SettleBatch, on_delete=models.PROTECT, null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = text(80)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person_code", "field"], name="settlement_one_open", condition=Q(state="open")
            ),
            models.CheckConstraint(
                name="settlement_settled_when",
                condition=~Q(state="settled") | Q(settled_at__isnull=False, value__isnull=False),
            ),
        )
        indexes = (
            Index(fields=["person_code", "field"], name="settlement_person"),
            Index(fields=["due_on", "id"], name="settlement_due", condition=OPEN),
            Index(fields=["region", "due_on", "id"], name="settlement_region", condition=OPEN),
            Index(fields=["owner", "due_on", "id"], name="settlement_owner", condition=OPEN),
            Index(fields=["field", "due_on", "id"], name="settlement_field", condition=OPEN),
            Index(fields=["settled_at"], name="settlement_standing", condition=Q(state="settled")),
        )


class SettlementStep(models.Model):
    """One step of a contradiction's history: sent on, settled, dropped, taken back. Its note is sealed."""

    KINDS = ("sent", "settled", "dropped", "undone", "requested")
    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="steps")
    person_code = coded(CODE)
    region = coded(REGION, null=True, blank=True)
    kind = text(10)
    to = text(20, help_text="department it was sent to")
    note = SealedField(kind="settlement_why")
    at = models.DateTimeField()
    by = text(80)
    department = text(20, help_text="of the one who acted")

    class Meta:
        indexes = (Index(fields=["settlement", "at"], name="settlementstep_order"),)

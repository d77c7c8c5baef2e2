"""Tables of the doors: machine clients and their keys, pushed batches, uploads in parts, pulls, the change feed, bundles."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

PERSON, REGION = 13, 12


def _code(length: int) -> models.CharField:
    """A code compared byte by byte, as row security wants it."""
    return models.CharField(max_length=length, db_collation="C", null=True)


def _word(length: int) -> models.CharField:
    return models.CharField(max_length=length, db_collation="C", blank=True, default="")


class Client(models.Model):
    """One department's system: what it may send, why it may ask, where, until when. A second person approves its scope."""

    name = models.SlugField(max_length=40, primary_key=True)
    title = models.CharField(max_length=120)
    department = models.CharField(max_length=40)
    region = models.CharField(max_length=15, help_text="division code; its whole subtree is meant")
    datasets = models.JSONField(default=list, help_text="ids of the contracts it may send")
    purposes = models.JSONField(default=list)
    bulk = models.BooleanField(default=False, help_text="may look many up and follow changes")
    clear = models.BooleanField(default=False, help_text="is shown sensitive values unmasked")
    per_minute = models.IntegerField(default=600, help_text="requests a minute")
    made_by = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    approved_by = models.CharField(max_length=60, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(name="client_second_person", condition=~Q(approved_by=F("made_by"))),
            models.CheckConstraint(name="client_expires", condition=Q(expires_at__gt=F("made_at"))),
        )


class ClientKey(models.Model):
    """One key of a client: the digest of a secret, or the public key it signs with."""

    id = models.CharField(max_length=12, primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="keys")
    kind = models.CharField(max_length=8, help_text="secret or signed")
    suite = models.CharField(max_length=16, blank=True)
    told = models.CharField(max_length=128, help_text="SHA-256 of the secret, or the public key, in hex")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    used_on = models.DateField(null=True, blank=True)


class Push(models.Model):
    """One request with an idempotency key and what was answered: the same key is answered the same again."""

    account = models.CharField(max_length=60)
    key = models.CharField(max_length=80)
    asked = models.CharField(max_length=64, help_text="digest of what was asked")
    answer = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "key"], name="push_once"),)


class Upload(models.Model):
    """One file on its way in parts. ``received`` bytes are safely on disk; the next part begins there."""

    id = models.UUIDField(primary_key=True)
    account = models.CharField(max_length=60)
    dataset = models.CharField(max_length=40)
    format = models.CharField(max_length=10)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    received = models.BigIntegerField(default=0)
    batch = models.CharField(max_length=60, blank=True)
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "sha256", "dataset"], name="upload_open_once", condition=Q(batch="")
            ),
            models.CheckConstraint(name="upload_within", condition=Q(received__lte=F("size"))),
        )


class Pull(models.Model):
    """How far a source was pulled: moved in the transaction that accepts the batch."""

    source = models.CharField(max_length=60, primary_key=True)
    cursor = models.TextField()
    batch = models.CharField(max_length=60, blank=True)
    rows = models.BigIntegerField(default=0)
    at = models.DateTimeField()


class PendingChange(models.Model):
    """One change a transaction made to the register, on its way into the feed. Written by triggers alone."""

    kind = _word(4)
    source = _word(12)
    row_id = models.BigIntegerField()
    person_code = _code(PERSON)
    region = _code(REGION)
    at = models.DateTimeField()


class FeedEntry(models.Model):
    """One change in its place: ``put`` or ``end`` of a row, or a person who ``left`` or ``came`` to a division.

    Positions are given one after the other to committed changes only: what is read once has nothing missing before it.
    """

    position = models.BigIntegerField(primary_key=True)
    kind = _word(4)
    source = _word(12)
    row_id = models.BigIntegerField()
    person_code = _code(PERSON)
    region = _code(REGION)
    at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["source", "row_id"], name="feed_row"),
            models.Index(
                fields=["person_code", "position"], name="feed_moves", condition=Q(kind__in=["left", "came"])
            ),
        )


class FeedRun(models.Model):
    """One published run in its place: all rows it opened stand here as one step of the feed."""

    position = models.BigIntegerField(primary_key=True)
    run = models.BigIntegerField(unique=True)
    at = models.DateTimeField(help_text="when what it opened became known")
    upto = models.JSONField(help_text="source -> highest row id of the run")


class Peer(models.Model):
    """Another deployment that bundles go to and come from, and the public keys it is known by."""

    name = models.SlugField(max_length=40, primary_key=True)
    region = models.CharField(max_length=15)
    keys = models.JSONField(help_text="public keys its bundles and receipts are signed with")
    seal = models.CharField(
        max_length=64, blank=True, help_text="public X25519 key, hex; empty: not encrypted"
    )
    made_at = models.DateTimeField()


class Bundle(models.Model):
    """One bundle, out or in: its place in the chain, its hash, and the receipt that came or went back."""

    peer = models.ForeignKey(Peer, on_delete=models.PROTECT, related_name="bundles")
    direction = models.CharField(max_length=3, help_text="out or in")
    number = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    cursor = models.TextField(blank=True, help_text="how far batches and changes are in it")
    batches = models.IntegerField(default=0)
    changes = models.BigIntegerField(default=0)
    receipt = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["peer", "direction", "number"], name="bundle_once"),)


class RequestCount(models.Model):
    """How many requests an account made in the minute: an unlogged table, lost in a crash without harm."""

    account = models.CharField(max_length=60, primary_key=True)
    minute = models.BigIntegerField()
    count = models.IntegerField()

"""Writes about machine clients: made by one person, approved by another, their keys rotated and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from anju.exchange.contracts import get_contract
from anju.exchange.doors import tokens
from anju.exchange.store.models import Client, ClientKey
from anju.kernel.refusal import Refusal
from anju.trust import places
from anju.trust.access import Actor, rules
from anju.trust.access.deciding import fits
from anju.trust.access.model import SYSTEM_ROLE
from anju.trust.sealing.suites import SUITES
from anju.trust.store import log

ROLE = "department_officer"
"""The role a department's system acts in; its own scope narrows it further."""
LONGEST = timedelta(days=730)
KEY_LASTS = timedelta(days=365)
GRACE = timedelta(days=7)
MOST_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Scope:
    """What a client may do: which datasets it sends, for which purposes it asks, many at once, in clear."""

    datasets: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    bulk: bool = False
    clear: bool = False
    per_minute: int = 600


@transaction.atomic
def make_client(
    name: str,
    title: str,
    department: str,
    region: str,
    scope: Scope,
    *,
    by: Actor,
    at: datetime,
    lasts: timedelta = KEY_LASTS,
) -> None:
    """A new client; it can do nothing before a second person approves it and a key is made."""
    if Client.objects.filter(name=name).exists():
        raise Refusal("doors.client_exists", client=name)
    _check(name, department, region, scope, by)
    if not timedelta(days=1) <= lasts <= LONGEST:
        raise Refusal("doors.client_lasts", most=LONGEST.days)
    Client.objects.create(
        name=name, title=title.strip()[:120] or name, department=department, region=region, datasets=list(scope.datasets),
        purposes=list(scope.purposes), bulk=scope.bulk, clear=scope.clear, per_minute=scope.per_minute,
        made_by=by.account, made_at=at, expires_at=at + lasts,
    )  # fmt: skip
    _log(by, at, name, made=department)


def _check(name: str, department: str, region: str, scope: Scope, by: Actor) -> None:
    if not name.replace("-", "").isalnum() or not name.isascii() or not 3 <= len(name) <= 40:
        raise Refusal("doors.client_name")
    if places.bounds(region) == (places.PAST, places.PAST):
        raise Refusal("trust.no_place", region=region)
    if by.role != SYSTEM_ROLE and not places.within(region, by.region):
        raise Refusal("access.out_of_place", region=by.region)
    for dataset in scope.datasets:
        if get_contract(dataset).department != department:
            raise Refusal("doors.other_departments_dataset", dataset=dataset, department=department)
    book = rules()
    for purpose in scope.purposes:
        stated = book.purposes.get(purpose)
        if stated is None or not fits(stated, book.roles[ROLE], department):
            raise Refusal("doors.purpose_not_theirs", purpose=purpose, department=department)
    if not 1 <= scope.per_minute <= MOST_PER_MINUTE:
        raise Refusal("doors.rate", most=MOST_PER_MINUTE)


@transaction.atomic
def approve_client(name: str, *, by: Actor, at: datetime) -> None:
    """A second person agrees to what the client may do. Refuses the one who made it, and an ended client."""
    client = _client(name, by)
    if client.made_by == by.account:
        raise Refusal("doors.second_person")
    if client.approved_at is not None:
        raise Refusal("doors.client_approved", client=name)
    client.approved_by, client.approved_at = by.account, at
    client.save(update_fields=["approved_by", "approved_at"])
    _log(by, at, name, approved=1)


@transaction.atomic
def add_secret(name: str, *, by: Actor, at: datetime, lasts: timedelta = KEY_LASTS) -> str:
    """A new secret; the token is returned here once and never again."""
    client = _client(name, by)
    key = tokens.new_key_id()
    token, digest = tokens.make_secret(key)
    _add(client, key, tokens.SECRET, "", digest, at, lasts)
    _log(by, at, name, key=key)
    return token


@transaction.atomic
def add_public_key(
    name: str, public: str, suite: str, *, by: Actor, at: datetime, lasts: timedelta = KEY_LASTS
) -> str:
    """A public key the client signs its assertions with (hex); returns the key's id."""
    client = _client(name, by)
    length = {"international": 32, "national": 64}.get(suite)
    try:
        raw = bytes.fromhex(public)
    except ValueError:
        raw = b""
    if suite not in SUITES or len(raw) != length:
        raise Refusal("doors.not_a_public_key")
    key = tokens.new_key_id()
    _add(client, key, tokens.SIGNED, suite, raw.hex(), at, lasts)
    _log(by, at, name, key=key)
    return key


def _add(client: Client, key: str, kind: str, suite: str, told: str, at: datetime, lasts: timedelta) -> None:
    until = min(at + lasts, client.expires_at)
    ClientKey.objects.create(
        id=key, client=client, kind=kind, suite=suite, told=told, made_at=at, expires_at=until
    )


@transaction.atomic
def rotate(name: str, *, by: Actor, at: datetime, grace: timedelta = GRACE) -> str:
    """A new secret; the secrets before it end after ``grace``, so that the client can change over without a gap."""
    client = _client(name, by)
    old = client.keys.filter(kind=tokens.SECRET, ended_at__isnull=True, expires_at__gt=at + grace)
    old.update(expires_at=at + grace)
    return add_secret(name, by=by, at=at)


@transaction.atomic
def end_keys(name: str, *, by: Actor, at: datetime, keys: Sequence[str] = ()) -> int:
    """Revoke keys now (all of the client's when none is named); returns how many."""
    client = _client(name, by)
    open_ = client.keys.filter(ended_at__isnull=True)
    done = (open_.filter(id__in=list(keys)) if keys else open_).update(ended_at=at)
    _log(by, at, name, revoked=done)
    return int(done)


@transaction.atomic
def end_client(name: str, *, by: Actor, at: datetime) -> None:
    """The client ends now, with every key."""
    client = _client(name, by)
    client.keys.filter(ended_at__isnull=True).update(ended_at=at)
    client.ended_at = at
    client.save(update_fields=["ended_at"])
    _log(by, at, name, ended=1)


def _client(name: str, by: Actor) -> Client:
    client = Client.objects.select_for_update().filter(name=name).first()
    if client is None or (by.role != SYSTEM_ROLE and not places.within(client.region, by.region)):
        raise Refusal("doors.no_client", client=name[:40])
    if client.ended_at is not None:
        raise Refusal("doors.client_ended", client=name)
    return client


def _log(by: Actor, at: datetime, name: str, **detail: str | int) -> None:
    log.record(by, "client.manage", at, subject=f"client:{name}", detail=detail)

"""Reads about machine clients: who a bearer token belongs to, and the list of clients."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime

from anju.exchange.doors import tokens
from anju.exchange.store.client_actions import ROLE, Scope
from anju.exchange.store.models import Client, ClientKey
from anju.kernel.workdays import day_of
from anju.trust import places
from anju.trust.access import Actor
from anju.trust.store import prepared


@dataclass(frozen=True, slots=True)
class Machine:
    """A client at the door: as whom it acts, and its scope."""

    name: str
    actor: Actor
    scope: Scope
    key: str


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key: never its secret."""

    id: str
    kind: str
    made_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClientLine:
    """One client with its keys. ``state``: waiting, works, expired or ended."""

    name: str
    title: str
    department: str
    region: str
    scope: Scope
    made_by: str
    made_at: datetime
    approved_by: str
    expires_at: datetime
    state: str
    keys: tuple[KeyLine, ...]


def authenticate(header: str, at: datetime) -> Machine | None:
    """The approved client whose token this is, or None: unknown, wrong, expired, revoked and unapproved look alike."""
    token = tokens.parse(header)
    if token is None:
        return None
    found = prepared.rows(_BEARER, token.key)
    if not found:
        return None
    row = found[0]
    if not tokens.holds(token, row["kind"], row["suite"], row["told"], at.timestamp()):
        return None
    if row["key_ended_at"] is not None or row["key_expires_at"] <= at:
        return None
    client = Client(**{n: json.loads(row[n]) if n in _LISTS else row[n] for n in _CLIENT})
    if _state(client, at) != "works":
        return None
    if row["used_on"] != day_of(at):
        ClientKey.objects.filter(pk=token.key).update(used_on=day_of(at))
    actor = Actor(f"client:{client.name}", ROLE, client.region, client.department)
    return Machine(client.name, actor, _scope(client), token.key)


_CLIENT = (
    "name", "department", "region", "datasets", "purposes", "bulk", "clear", "per_minute", "approved_at", "expires_at",
    "ended_at",
)  # fmt: skip
_LISTS = frozenset({"datasets", "purposes"})
_BEARER = f"""
SELECT k.kind, k.suite, k.told, k.ended_at AS key_ended_at, k.expires_at AS key_expires_at, k.used_on,
    {", ".join(f"c.{name}" for name in _CLIENT)}
FROM exchange_clientkey k JOIN exchange_client c ON c.name = k.client_id WHERE k.id = %s
"""


def _scope(client: Client) -> Scope:
    return Scope(tuple(client.datasets), tuple(client.purposes), client.bulk, client.clear, client.per_minute)


def _state(client: Client, at: datetime) -> str:
    if client.ended_at is not None:
        return "ended"
    if client.expires_at <= at:
        return "expired"
    return "works" if client.approved_at is not None else "waiting"


def list_clients(at: datetime, region: str = places.WHOLE) -> tuple[ClientLine, ...]:
    """Clients within a region, by name."""
    found = Client.objects.prefetch_related("keys").order_by("name")
    return tuple(
        ClientLine(
            c.name, c.title, c.department, c.region, _scope(c), c.made_by, c.made_at, c.approved_by, c.expires_at,
            _state(c, at),
            tuple(
                KeyLine(k.id, k.kind, k.made_at, k.expires_at, k.ended_at)
                for k in sorted(c.keys.all(), key=lambda k: k.made_at)
            ),
        )
        for c in found
        if places.within(c.region, region)
    )  # fmt: skip


def is_within_rate(account: str, per_minute: int) -> bool:
    """Count one request of this minute; False when the account has had its share. Shared by every web process."""
    [row] = prepared.rows(_COUNT, account[:60], int(time.time() // 60))
    return int(row["count"]) <= per_minute


_COUNT = """
INSERT INTO exchange_requestcount AS c (account, minute, count) VALUES (%s, %s, 1)
ON CONFLICT (account) DO UPDATE SET minute = excluded.minute,
    count = CASE WHEN c.minute = excluded.minute THEN c.count + 1 ELSE 1 END
RETURNING count
"""

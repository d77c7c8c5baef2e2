"""Machine clients at the API's door, for tests: a client is made, approved by somebody else, and given a key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from anju.exchange.store import client_actions
from anju.exchange.store.client_actions import Scope
from anju.trust.access import Actor, system

MAKER, SECOND = system("maker"), system("second")
PURPOSE = "residence_registration"


def made(
    name: str = "police-sync",
    region: str = "990102",
    department: str = "police",
    *,
    approve: bool = True,
    **scope: Any,
) -> str:
    """A client's token."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    scope = {
        "datasets": ("police_residence",),
        "purposes": (PURPOSE,),
        "bulk": True,
        "per_minute": 60_000,
    } | scope
    client_actions.make_client(name, name, department, region, Scope(**scope), by=MAKER, at=now)
    if approve:
        client_actions.approve_client(name, by=SECOND, at=now)
    return client_actions.add_secret(name, by=SECOND, at=now)


class Machine:
    """A department's system: sends its token and purpose with every request."""

    def __init__(self, token: str, purpose: str = PURPOSE) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"Authorization": f"Bearer {token}", "Anju-Purpose": purpose}

    def get(self, url: str, **headers: str) -> Any:
        return self.client.get(url, headers=self.headers | headers)

    def post(self, url: str, body: Any = b"", kind: str = "application/json", **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body, default=str)
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.client.post(url, content, content_type=kind, headers=self.headers | named)

    def put(self, url: str, body: bytes, **headers: str) -> Any:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.client.put(
            url, body, content_type="application/octet-stream", headers=self.headers | named
        )


def officer(region: str, department: str = "police") -> Actor:
    return Actor("account:9", "department_officer", region, department)

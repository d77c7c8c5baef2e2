"""Operations about the caller and the deployment: who one is here, and the keys that sign."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from anju.exchange.doors import receipts
from anju.trust.access import purposes_for
from anju.trust.sealing import sealer
from anju.web.api.door import actor, door, scope
from anju.web.guard import public

router = Router(tags=["identity"])


@router.get("/keys", auth=None, summary="Public keys of this deployment")
@public
def keys(request: HttpRequest) -> Any:
    """The keys receipts and bundles are signed with, newest first: keep them to check offline."""
    return {"keys": receipts.public_keys(sealer().ring)}


@router.get("/me", summary="Who I am here")
@door("home.read")
def me(request: HttpRequest) -> Any:
    """Role, place, department, the purposes one may state and, of a system, its scope."""
    by, own = actor(request), scope(request)
    purposes = {p.name: {"zh": p.zh, "en": p.en, "basis": dict(p.basis)} for p in purposes_for(by)}
    told: dict[str, Any] = {
        "account": by.account, "role": by.role, "region": by.region, "department": by.department,
        "purposes": {n: p for n, p in purposes.items() if own is None or n in own.purposes},
    }  # fmt: skip
    if own is not None:
        told["scope"] = {
            "datasets": own.datasets, "bulk": own.bulk, "clear": own.clear, "requests_per_minute": own.per_minute,
        }  # fmt: skip
    return told

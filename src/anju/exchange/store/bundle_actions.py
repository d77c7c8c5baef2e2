"""Writes about bundles: peers, what went out and came in, in unbroken order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from anju.exchange.doors.bundles import FIRST, Listing
from anju.exchange.store.models import Batch, Bundle, Peer
from anju.kernel.refusal import Refusal
from anju.trust import places
from anju.trust.access import Actor
from anju.trust.store import log

NAME = re.compile(r"[a-z][a-z0-9_-]{1,39}")
CARRIED = (
    "dataset", "sha256", "file_name", "format", "encoding", "contract_version", "headers", "rows_read", "rows_accepted",
    "rows_held", "fields", "receipt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PeerLine:
    """One other deployment: its name, the region its changes are bounded to, its public keys."""

    name: str
    region: str
    keys: tuple[Mapping[str, str], ...]
    seal: str


@dataclass(frozen=True, slots=True)
class BundleLine:
    """One bundle, out or in."""

    peer: str
    direction: str
    number: int
    sha256: str
    batches: int
    changes: int
    has_receipt: bool
    at: datetime


@transaction.atomic
def keep_peer(
    name: str, region: str, keys: Sequence[Mapping[str, str]], seal: str, *, by: Actor, at: datetime
) -> None:
    """Make or change a peer."""
    if not NAME.fullmatch(name):
        raise Refusal("doors.not_keys")
    if places.bounds(region) == (places.PAST, places.PAST):
        raise Refusal("trust.no_place", region=region)
    Peer.objects.update_or_create(
        name=name, defaults={"region": region, "keys": list(keys), "seal": seal}, create_defaults={
            "region": region, "keys": list(keys), "seal": seal, "made_at": at,
        },
    )  # fmt: skip
    log.record(by, "exchange.run", at, subject=f"peer:{name[:40]}", detail={"peer": "kept"})


def get_peer(name: str, *, lock: bool = False) -> PeerLine:
    """A peer; refuses an unknown one. ``lock``: one bundle of a peer at a time, until the transaction ends."""
    rows = Peer.objects.select_for_update() if lock else Peer.objects
    found = rows.filter(name=name).first()
    if found is None:
        raise Refusal("doors.no_peer", peer=name[:40])
    return PeerLine(found.name, found.region, tuple(found.keys), found.seal)


def last(peer: str, direction: str) -> tuple[int, str, dict[str, Any]]:
    """Number and hash of the newest bundle, and how far it went; nought and ``FIRST`` when there is none."""
    found = Bundle.objects.filter(peer_id=peer, direction=direction).order_by("-number").first()
    return (0, FIRST, {}) if found is None else (found.number, found.sha256, json.loads(found.cursor or "{}"))


def list_bundles(peer: str = "") -> tuple[BundleLine, ...]:
    """Bundles, the newest first."""
    found = Bundle.objects.order_by("-at", "-number")
    return tuple(
        BundleLine(b.peer_id, b.direction, b.number, b.sha256, b.batches, b.changes, bool(b.receipt), b.at)
        for b in (found.filter(peer_id=peer) if peer else found)
    )


def batches_for(peer: str) -> tuple[Batch, ...]:
    """Accepted batches that are in no bundle to the peer yet and did not come from it.

    By difference rather than by time: a batch that commits late is never passed over.
    """
    gone: set[str] = set()
    for told in Bundle.objects.filter(peer_id=peer, direction="out").values_list("cursor", flat=True):
        gone.update(json.loads(told or "{}").get("batches", ()))
    own = Batch.objects.exclude(accepted_by=f"bundle:{peer}").order_by("sent_on", "accepted_at", "id")
    return tuple(b for b in own if b.id not in gone)


def paths_by_sender(peer: str) -> tuple[list[str], list[str]]:
    """Files of the batches that came in the peer's bundles, and of all others."""
    theirs, others = [], []
    for path, by in Batch.objects.values_list("path", "accepted_by"):
        (theirs if by == f"bundle:{peer}" else others).append(path)
    return theirs, others


def told_of(batch: Batch) -> dict[str, Any]:
    """What travels beside a batch's Parquet file."""
    kept = {name: getattr(batch, name) for name in CARRIED}
    return kept | {"id": batch.id, "sent_on": batch.sent_on.isoformat()}


@dataclass(frozen=True, slots=True)
class Carried:
    """Counter entries in a bundle: those told, those told as withdrawn, and the batch they make."""

    told: Sequence[int] = ()
    withdrawn: Sequence[int] = ()
    batch: str = ""


def entries_carried(peer: str) -> Carried:
    """Every counter entry that went out to the peer so far."""
    told: list[int] = []
    withdrawn: list[int] = []
    for text in Bundle.objects.filter(peer_id=peer, direction="out").values_list("cursor", flat=True):
        found = json.loads(text or "{}")
        told += found.get("entries", ())
        withdrawn += found.get("withdrawn", ())
    return Carried(told, withdrawn)


def sent(
    peer: str,
    number: int,
    sha256: str,
    *,
    batches: Sequence[str],
    feed: str,
    changes: int,
    entries: Carried = Carried(),
    erased: str = "",
    by: Actor,
    at: datetime,
) -> None:
    """A bundle went out. ``feed``, ``erased``: how far changes and erasures are told. Call with the peer locked."""
    own = {
        "entries": list(entries.told), "withdrawn": list(entries.withdrawn), "made": entries.batch, "erased": erased,
    }  # fmt: skip
    cursor = json.dumps({"batches": list(batches), "feed": feed} | {k: v for k, v in own.items() if v})
    Bundle.objects.create(
        peer_id=peer, direction="out", number=number, sha256=sha256, cursor=cursor, batches=len(batches), changes=changes,
        at=at,
    )  # fmt: skip
    _log(by, at, peer, number, "out", len(batches), changes)


def expect(listing: Listing) -> None:
    """Refuses a bundle that is not the next of its sender's sequence. Call with the peer locked."""
    number, sha256, _ = last(listing.sender, "in")
    if listing.number <= number and not find_receipt(listing):  # that number was another bundle's
        raise Refusal("doors.bundle_chain", number=listing.number)
    if listing.number <= number:
        raise Refusal("doors.bundle_applied", number=listing.number)
    if listing.number != number + 1:
        raise Refusal("doors.bundle_gap", number=listing.number, expected=number + 1)
    if listing.previous != sha256:
        raise Refusal("doors.bundle_chain", number=listing.number)


def accept(told: Mapping[str, Any], path: str, *, peer: str, at: datetime) -> None:
    """A batch that came in a bundle counts like one that was sent here; its held rows are followed where they were sent."""
    Batch.objects.create(
        id=told["id"], sent_on=date.fromisoformat(told["sent_on"]), accepted_at=at, accepted_by=f"bundle:{peer}", path=path,
        **{name: told[name] for name in CARRIED},
    )  # fmt: skip


def known(batches: Iterable[str]) -> frozenset[str]:
    """Those of the batches that are here already, or were made here of our own entries and come back by a third side."""
    asked = set(batches)
    here = set(Batch.objects.filter(id__in=asked).values_list("id", flat=True))
    out = Bundle.objects.filter(direction="out", cursor__contains='"made"').values_list("cursor", flat=True)
    return frozenset(here | (asked & {json.loads(text).get("made", "") for text in out}))


def received(listing: Listing, *, batches: int, changes: int, receipt: str, by: Actor, at: datetime) -> None:
    """A bundle was applied. Call with the peer locked."""
    Bundle.objects.create(
        peer_id=listing.sender, direction="in", number=listing.number, sha256=listing.hash, batches=batches,
        changes=changes, receipt=receipt, at=at,
    )  # fmt: skip
    _log(by, at, listing.sender, listing.number, "in", batches, changes)


def find_receipt(listing: Listing) -> str:
    """The receipt that was written when exactly this bundle was applied; empty when it was not."""
    applied = Bundle.objects.filter(
        peer_id=listing.sender, direction="in", number=listing.number, sha256=listing.hash
    )
    return applied.values_list("receipt", flat=True).first() or ""


@transaction.atomic
def keep_receipt(peer: str, told: Mapping[str, Any], text: str, *, by: Actor, at: datetime) -> int:
    """The receiver's receipt for a bundle that went out; refuses one for another. Returns the bundle's number."""
    row = Bundle.objects.select_for_update().filter(
        peer_id=peer, direction="out", number=told.get("number"), sha256=told.get("bundle")
    )
    found = row.first()
    if found is None:
        raise Refusal("doors.receipt_wrong_bundle", number=str(told.get("number"))[:12])
    found.receipt = text
    found.save(update_fields=["receipt"])
    _log(by, at, peer, found.number, "receipt", found.batches, found.changes)
    return int(found.number)


def _log(by: Actor, at: datetime, peer: str, number: int, what: str, batches: int, changes: int) -> None:
    detail: dict[str, str | int] = {"number": number, "bundle": what, "batches": batches, "changes": changes}
    log.record(by, "exchange.send", at, subject=f"peer:{peer}", detail=detail)

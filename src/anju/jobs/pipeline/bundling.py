"""Bundles written and applied: files first, then one transaction, so that a kill leaves nothing half done.

An outgoing bundle stays under ``ANJU_HOME/bundles`` until its receipt is here, and can be copied again. An incoming one is unpacked and checked
whole before anything of it counts. Library changes of a peer lie under ``ANJU_HOME/peers`` as NDJSON, by number.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq
from django.db import connection, transaction

from anju.exchange.contracts import find_contract, get_contract
from anju.exchange.doors import bundles, receipts
from anju.exchange.doors.bundles import Listing, Part
from anju.exchange.store import bundle_actions, feed_queries
from anju.jobs import scratch
from anju.jobs.pipeline import erased_there, intake, own_records, retention
from anju.jobs.pipeline.own_records import CARRIED as ENTRIES
from anju.kernel import packs
from anju.kernel.home import home, keys, lake
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.register.store import runs
from anju.register.store.queries import entries
from anju.trust.access import Actor, rules
from anju.trust.sealing import sealer
from anju.trust.store import rows

BATCH = re.compile(r"[a-z][a-z0-9_]{2,39}-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Made:
    """One bundle written or applied."""

    peer: str
    number: int
    sha256: str
    batches: int
    changes: int
    path: Path
    entries: int = 0
    """Counter entries among the rows of the batches."""
    erased: int = 0
    """Records named as erased: at the sender when written, here because of it when applied."""


def own_name() -> str:
    """This deployment's name in bundles: ``ANJU_NAME``, or the place."""
    return os.environ.get("ANJU_NAME") or packs.place()


def own_key() -> bytes:
    """The key bundles for us are sealed to; made on first use, readable by its owner alone."""
    path = keys() / "bundle.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(bundles.new_private())
    return path.read_bytes()


def write(peer: str, out: Path, *, purpose: str = "", by: Actor, at: datetime) -> Made:
    """Everything since the last bundle to the peer: batches, what counters here entered in its division, which records are
    erased here, and with a ``purpose`` the library's changes it opens."""
    retention.sweep()  # what was erased and sent again does not leave
    with transaction.atomic(), scratch.place("bundle") as place:
        line = bundle_actions.get_peer(peer, lock=True)
        number, previous, reached = bundle_actions.last(peer, "out")
        found = bundle_actions.batches_for(peer)
        files: list[tuple[Part, Path]] = [
            (
                bundles.part_of(home() / b.path, "batch", _told_of(b), f"{b.id}.parquet"),
                home() / b.path,
            )
            for b in found
        ]
        own = _own_entries(peer, line.region, place, at)
        if own is not None:
            files.append((own[0], place / own[0].name))
        gone, erased = erased_there.write(place, reached.get("erased", ""))
        if gone is not None:
            files.append((gone, place / gone.name))
        feed, changes = reached.get("feed", ""), 0
        if purpose:
            path = place / "changes.ndjson"
            feed, changes = _changes(path, feed, line.region, purpose)
            if changes:
                files.append((bundles.part_of(path, "changes", {"rows": changes}), path))
        if not files:
            raise Refusal("doors.bundle_nothing")
        head = {
            "sender": own_name(), "receiver": peer, "number": number + 1, "previous": previous,
            "made_at": at.isoformat(),
        }  # fmt: skip
        kept = _kept(peer, number + 1)
        sha256 = _written(kept, head, files, line.seal)
        bundle_actions.sent(
            peer, number + 1, sha256, batches=[b.id for b in found], feed=feed, changes=changes,
            entries=own[1] if own else bundle_actions.Carried(), erased=erased, by=by, at=at,
        )  # fmt: skip
    copy(peer, number + 1, out)
    entered = int(own[0].told["rows_accepted"]) if own else 0
    told = int(gone.told["rows"]) if gone else 0
    return Made(peer, number + 1, sha256, len(found) + bool(own), changes, out, entered, told)


def _told_of(batch: Any) -> dict[str, Any]:
    """What travels beside a batch; of its rows some may have been erased since it was taken in."""
    told, left = bundle_actions.told_of(batch), pq.read_metadata(home() / batch.path).num_rows
    return told if left == batch.rows_accepted else told | {"rows_left": left}


def _own_entries(
    peer: str, region: str, place: Path, at: datetime
) -> tuple[Part, bundle_actions.Carried] | None:
    """What counters here entered or took back in the peer's division since the last bundle, as a batch of its own."""
    before = bundle_actions.entries_carried(peer)
    records, told, withdrawn = entries.to_carry(region, set(before.told), set(before.withdrawn))
    if not records:
        return None
    said = json.dumps([own_name(), [asdict(r) for r in records]], default=str, sort_keys=True)
    batch = f"{ENTRIES}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    path = place / f"{batch}.parquet"
    pq.write_table(own_records.table_of(records, ENTRIES, batch), path)
    stated = {
        "id": batch, "dataset": ENTRIES, "file_name": f"{ENTRIES}_{own_name()}_{day_of(at):%Y%m%d}.parquet",
        "format": "parquet", "encoding": "", "contract_version": get_contract(ENTRIES).version, "headers": [],
        "rows_read": len(records), "rows_accepted": len(records), "rows_held": 0, "fields": {}, "receipt": "",
        "sent_on": day_of(at).isoformat(),
    }  # fmt: skip
    part = bundles.part_of(path, "batch", stated)
    return replace(part, told={**stated, "sha256": part.sha256}), bundle_actions.Carried(
        told, withdrawn, batch
    )


def _written(kept: Path, head: dict[str, Any], files: Sequence[tuple[Part, Path]], seal: str) -> str:
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = kept.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        sha256 = bundles.write(stream, head, files, sealer().ring, seal)
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(kept)
    return sha256


def _changes(path: Path, cursor: str, region: str, purpose: str) -> tuple[str, int]:
    """The library's changes after ``cursor`` as lines, bounded by the peer's region; where they end, and how many."""
    stated = rules().purposes.get(purpose)
    if stated is None:
        raise Refusal("access.unknown_purpose", purpose=purpose[:40])
    follower = feed_queries.Follower(region, stated.aspects)
    as_peer = Actor("system:bundle", "department_officer", region, "community")
    count, has_more = 0, True
    with path.open("w", encoding="utf-8") as stream:
        while has_more:
            with rows.acting(as_peer):
                page = feed_queries.changes(cursor, follower, feed_queries.MOST)
            for row in page.rows:
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            count, cursor, has_more = count + len(page.rows), page.cursor, page.has_more
    return cursor, count


def copy(peer: str, number: int, out: Path) -> None:
    """A bundle that was written, once more."""
    kept = _kept(peer, number)
    if not kept.is_file():
        has_arrived = any(
            b.has_receipt
            for b in bundle_actions.list_bundles(peer)
            if (b.direction, b.number) == ("out", number)
        )
        raise Refusal("doors.bundle_arrived", number=number) if has_arrived else Refusal("doors.not_a_bundle")
    shutil.copyfile(kept, out)


def _kept(peer: str, number: int) -> Path:
    return home() / "bundles" / peer / f"{number:06d}.anjubundle"


def take_receipt(peer: str, text: str, *, by: Actor, at: datetime) -> int:
    """Keep the receiver's receipt; the bundle's number. What arrived is kept no longer: it may hold people erased since."""
    told = receipts.verified(text, bundle_actions.get_peer(peer).keys)
    number = bundle_actions.keep_receipt(peer, told, text, by=by, at=at)
    _kept(peer, number).unlink(missing_ok=True)
    return number


def verify(path: Path, trusted: Sequence[dict[str, str]] | None = None) -> Listing:
    """Check a bundle whole, without applying it: signature, every part. ``trusted``: keys, else those of its peer."""
    with path.open("rb") as stream, scratch.place("bundle") as place:
        listing = _listed(path, trusted)
        bundles.read_list(stream, None)
        if not listing.sealed or listing.receiver == own_name():
            _unpack(stream, listing, place)
    return listing


def apply(path: Path, *, by: Actor, at: datetime) -> tuple[Made, str]:
    """Apply the next bundle of its sender, once; the receipt to carry back. Refuses any other order."""
    listing = _listed(path, None)
    if listing.receiver != own_name():
        raise Refusal("doors.bundle_not_for_us", receiver=listing.receiver[:40], own=own_name())
    placed: list[Path] = []
    gone = next((p for p in listing.parts if p.kind == erased_there.KIND), None)
    with runs.only_one() if gone else nullcontext():
        made, receipt, done = _apply(path, listing, gone, placed, by=by, at=at)
        erased_there.finish(done)
    return made, receipt


def _apply(
    path: Path, listing: Listing, gone: Part | None, placed: list[Path], *, by: Actor, at: datetime
) -> tuple[Made, str, erased_there.Taken]:
    try:
        with transaction.atomic(), scratch.place("bundle") as place, path.open("rb") as stream:
            bundle_actions.get_peer(listing.sender, lock=True)
            bundle_actions.expect(listing)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [intake.SWEEPING])
            bundles.read_list(stream, None)
            _unpack(stream, listing, place)
            batches, changes = _placed(listing, place, placed, at)
            done = erased_there.Taken()
            if gone is not None:
                done = erased_there.take(place / gone.name, listing.sender, by=by, at=at)
            told = {
                "bundle": listing.hash, "number": listing.number, "from": listing.sender, "to": own_name(),
                "applied_at": at.isoformat(), "batches": batches, "changes": changes,
            } | ({"erased": done.erased, "kept": done.kept} if gone else {})  # fmt: skip
            receipt = receipts.signed(told, sealer().ring)
            bundle_actions.received(listing, batches=batches, changes=changes, receipt=receipt, by=by, at=at)
    except BaseException:
        for file in placed:
            file.unlink(missing_ok=True)
        raise
    made = Made(listing.sender, listing.number, listing.hash, batches, changes, path, erased=done.erased)
    return made, receipt, done


def receipt_again(path: Path) -> str:
    """The receipt of a bundle that was applied already, for one that was lost; empty when there is none."""
    return bundle_actions.find_receipt(_listed(path, None))


def _listed(path: Path, trusted: Sequence[dict[str, str]] | None) -> Listing:
    with path.open("rb") as stream:
        sender = bundles.read_list(stream, None).sender
        stream.seek(0)
        return bundles.read_list(stream, trusted or bundle_actions.get_peer(sender).keys)


def _unpack(stream: BinaryIO, listing: Listing, place: Path) -> None:
    """Every part into the workplace, checked against the list."""
    own = own_key() if listing.sealed else None
    for part, content in bundles.parts(stream, listing, own):
        with (place / part.name).open("wb") as out:
            for piece in content:
                out.write(piece)


def _placed(listing: Listing, place: Path, placed: list[Path], at: datetime) -> tuple[int, int]:
    """Batches into the lake, changes beside it; how many of each were new."""
    told = [p for p in listing.parts if p.kind == "batch"]
    here = bundle_actions.known(str(p.told.get("id")) for p in told)
    count = 0
    for part in told:
        _check(part, place / part.name)
        if part.told["id"] in here:
            continue
        target = lake() / "batches" / part.told["dataset"] / f"{part.told['id']}.parquet"
        _move(place / part.name, target, placed)
        path = target.relative_to(home()).as_posix()
        bundle_actions.accept(part.told, path, peer=listing.sender, at=at)
        count += 1
    changes = 0
    for part in listing.parts:
        if part.kind == "changes":
            target = home() / "peers" / listing.sender / f"{listing.number:06d}.ndjson"
            _move(place / part.name, target, placed)
            changes += int(part.told["rows"])
    return count, changes


def _move(source: Path, target: Path, placed: list[Path]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    placed.append(target)
    source.replace(target)


def _check(part: Part, path: Path) -> None:
    """A batch is what it says: of a known dataset, with its rows and its contract's columns."""
    told = part.told
    contract = find_contract(str(told.get("dataset")))
    if contract is None:
        raise Refusal("doors.bundle_dataset", dataset=str(told.get("dataset"))[:40])
    try:
        file = pq.ParquetFile(path)
        is_good = (
            bool(BATCH.fullmatch(str(told["id"])))
            and told["id"].startswith(f"{contract.id}-")
            and file.metadata.num_rows == told.get("rows_left", told["rows_accepted"])
            and {"record_id", "record_key", "sent_on"} <= set(file.schema_arrow.names)
        )
    except (OSError, ValueError, KeyError) as broken:
        raise Refusal("doors.bundle_changed", part=part.name) from broken
    if not is_good:
        raise Refusal("doors.bundle_changed", part=part.name)

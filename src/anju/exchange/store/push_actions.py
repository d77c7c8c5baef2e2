"""Writes of the HTTP door: a batch in one request, or a file in parts that survives a kill of either side.

Taking in is intake's work, as for any file; here stand the idempotency key, the parts, and what is answered.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from anju.exchange.contracts import get_contract
from anju.exchange.intake.report import XLSX
from anju.exchange.store import queries
from anju.exchange.store.models import Push, Upload
from anju.kernel.home import home
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.trust.access import Actor

FORMATS = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.arrow.stream": "arrows",
    "application/vnd.apache.arrow.file": "arrow",
    "application/vnd.apache.parquet": "parquet",
    XLSX: "xlsx",
}
"""What may be sent, by its media type, and the ending intake knows it by."""
LARGEST = 10 << 30
UPLOAD_LASTS = timedelta(days=7)
MOST_OPEN = 20
TAKER: Any = None
"""Set by ``jobs``: intake with an engine kept warm between small batches."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sender states of a batch. ``day`` None: the day it arrives."""

    dataset: str
    format: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class UploadLine:
    """One file in parts: how much of it is here, and the batch it became."""

    id: str
    dataset: str
    size: int
    received: int
    batch: str
    expires_at: datetime


def folder() -> Path:
    """Where contents wait; readable by their owner alone."""
    path = home() / "lake" / "uploads"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextmanager
def received(pieces: Iterable[bytes], ending: str, most: int) -> Iterator[tuple[Path, str]]:
    """A request's content on disk, with its SHA-256; refused beyond ``most`` bytes, gone afterwards."""
    path = folder() / f"{uuid.uuid4().hex}.{ending}"
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            for piece in pieces:
                size += len(piece)
                if size > most:
                    raise Refusal("doors.too_large", mb=most >> 20)
                digest.update(piece)
                stream.write(piece)
        yield path, digest.hexdigest()
    finally:
        path.unlink(missing_ok=True)


@transaction.atomic
def push(
    path: Path, sha256: str, sent: Sent, *, key: str, by: Actor, at: datetime, purpose: str = ""
) -> dict[str, Any]:
    """Take one batch in and answer with counts and receipt; the same key with the same content is answered the same.

    Refuses a key that was used for something else, and whatever intake refuses.
    """
    if not 8 <= len(key) <= 80 or not key.isascii() or not key.isprintable():
        raise Refusal("doors.key_missing")
    asked = hashlib.sha256(json.dumps([sent.dataset, str(sent.day), sha256]).encode()).hexdigest()
    _lock(f"push {by.account} {key}")
    prior = Push.objects.filter(account=by.account, key=key).first()
    if prior is not None:
        if prior.asked != asked:
            raise Refusal("doors.key_reused")
        return dict(prior.answer)
    answer = take(path, sent, by=by, at=at, purpose=purpose)
    Push.objects.create(account=by.account, key=key, asked=asked, answer=answer, at=at)
    return answer


def take(path: Path, sent: Sent, *, by: Actor, at: datetime, purpose: str) -> dict[str, Any]:
    """Hand the content to intake; what became of it, with the receipt."""
    if TAKER is None:
        raise Refusal("intake.no_taker")
    if sent.day is not None and sent.day > day_of(at) + timedelta(
        days=1
    ):  # it would be the newest word for years
        raise Refusal("doors.day_ahead", day=sent.day.isoformat())
    name = f"{sent.dataset}.{sent.format}"
    accepted = TAKER(path, name=name, dataset=sent.dataset, by=by, at=at, purpose=purpose, day=sent.day)
    return told(accepted.batch, is_new=accepted.is_new, fixed=accepted.fixed)


def told(batch: str, *, is_new: bool, fixed: int = 0) -> dict[str, Any]:
    """A batch as it is answered: counts, where the held rows are, the signed receipt."""
    found = queries.get_batch(batch)
    return {
        "batch": found.id,
        "dataset": found.dataset,
        "new": is_new,
        "rows_read": found.rows_read,
        "rows": found.rows,
        "held": found.held_total,
        "held_open": found.held_open,
        "fixed": fixed,
        **ways_back(found.id),
        "receipt": json.loads(found.receipt) if found.receipt else None,
    }


def ways_back(batch: str) -> dict[str, str]:
    """Where a batch's held rows, and the report to mend, are."""
    address = f"/api/exchange/batches/{batch}"
    return {"held_rows": f"{address}/held", "report": f"{address}/report"}


def _lock(name: str) -> None:
    """Two requests with one key wait for each other until the first is committed."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


# --- files in parts


@transaction.atomic
def begin(sent: Sent, *, size: int, sha256: str, by: Actor, at: datetime) -> UploadLine:
    """A place for a file in parts. Begun again: the same one, with what is here already, or the batch it became."""
    get_contract(sent.dataset)
    if not 1 <= size <= LARGEST:
        raise Refusal("doors.upload_size", gb=LARGEST >> 30)
    _lock(f"upload {by.account}")
    _drop_expired(at)
    mine = Upload.objects.filter(account=by.account)
    found = (
        mine.filter(sha256=sha256, dataset=sent.dataset).order_by("batch").first()
    )  # an open one before a done one
    if found is None:
        if mine.filter(batch="").count() >= MOST_OPEN:
            raise Refusal("doors.too_many_uploads", most=MOST_OPEN)
        found = Upload.objects.create(
            id=uuid.uuid4(), account=by.account, dataset=sent.dataset, format=sent.format, size=size, sha256=sha256,
            begun_at=at, expires_at=at + UPLOAD_LASTS,
        )  # fmt: skip
    if not found.batch and found.received == found.size and not _is_sound(found):
        found.received = 0  # whole and damaged: it would be refused for ever
        found.save(update_fields=["received"])
    return _line(found)


@transaction.atomic
def add_part(
    upload: str, offset: int, pieces: Iterable[bytes], sha256: str, *, most: int, by: Actor, at: datetime
) -> UploadLine:
    """One part, from ``offset`` on. It counts when it is whole, has the digest stated (if any) and is on disk."""
    found = _mine(upload, by, at)
    if found.batch:
        return _line(found)
    if offset not in (found.received, 0):
        raise Refusal("doors.wrong_offset", offset=found.received)
    found.received = offset  # nought begins the file again, whatever was here
    digest, size, room = hashlib.sha256(), 0, found.size - found.received
    with os.fdopen(os.open(_path(found), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as stream:
        stream.seek(offset)
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise Refusal("doors.too_large", mb=most >> 20)
            if size > room:
                raise Refusal("doors.part_beyond", size=found.size)
            digest.update(piece)
            stream.write(piece)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())
    if sha256 and digest.hexdigest() != sha256:
        raise Refusal("doors.digest_differs")
    found.received += size
    found.save(update_fields=["received"])
    return _line(found)


@transaction.atomic
def finish(upload: str, *, day: date | None, by: Actor, at: datetime, purpose: str = "") -> dict[str, Any]:
    """The file is here: take it in. Finished once more: the same answer."""
    found = _mine(upload, by, at)
    if found.batch:
        return told(found.batch, is_new=False)
    if found.received != found.size:
        raise Refusal("doors.not_complete", received=found.received, size=found.size)
    path = _path(found)
    if not _is_sound(found):
        raise Refusal("doors.upload_differs")
    answer = take(path, Sent(found.dataset, found.format, day), by=by, at=at, purpose=purpose)
    found.batch = answer["batch"]
    found.save(update_fields=["batch"])
    transaction.on_commit(lambda: path.unlink(missing_ok=True))
    return answer


def find_upload(upload: str, *, by: Actor, at: datetime) -> UploadLine:
    """How far a file is."""
    return _line(_mine(upload, by, at, lock=False))


def _mine(upload: str, by: Actor, at: datetime, *, lock: bool = True) -> Upload:
    try:
        number = uuid.UUID(upload)
    except ValueError:
        raise Refusal("doors.no_upload") from None
    rows = Upload.objects.select_for_update() if lock else Upload.objects
    found = rows.filter(id=number, account=by.account, expires_at__gt=at).first()
    if found is None:
        raise Refusal("doors.no_upload")
    return found


def _is_sound(upload: Upload) -> bool:
    """Whether what is here has the digest that was stated."""
    try:
        with _path(upload).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == upload.sha256
    except FileNotFoundError:
        return False


def _path(upload: Upload) -> Path:
    return folder() / f"{upload.id.hex}.{upload.format}"


def _line(upload: Upload) -> UploadLine:
    return UploadLine(
        str(upload.id), upload.dataset, upload.size, upload.received, upload.batch, upload.expires_at
    )


def _drop_expired(at: datetime) -> None:
    for upload in Upload.objects.filter(expires_at__lte=at)[:100]:
        _path(upload).unlink(missing_ok=True)
        upload.delete()

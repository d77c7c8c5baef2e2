"""Operations of the HTTP push: a batch in one request, a file in parts, what became of it."""

import base64
import binascii
from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Header, Query, Router, Schema

from anju.exchange.contracts import find_contract, list_contracts
from anju.exchange.contracts.model import Contract
from anju.exchange.intake.report import XLSX, file_name
from anju.exchange.store import push_actions, queries, senders
from anju.exchange.store.push_actions import FORMATS, Sent
from anju.exchange.store.queries import Sender
from anju.kernel.refusal import Refusal
from anju.trust.access import Subject
from anju.web.api.door import actor, door, pieces, scope

router = Router(tags=["exchange"])
BODY = 64 << 20
"""Largest content of one request; more goes in parts."""
Dataset = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{2,39}$", description="id of the contract")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", description="8 to 80 characters, the same when tried again")
]
Digest = Annotated[
    str,
    Header(
        alias="Content-Digest", description="sha-256=:<base64>: of the content (RFC 9530); checked when given"
    ),
]
BINARY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS},
    }
}
PART = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

WORKBOOK = {
    "responses": {200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}},
}


class Begin(Schema):
    """A file that will come in parts."""

    dataset: str = Field(pattern=r"^[a-z][a-z0-9_]{2,39}$")
    content_type: str = Field(description="one of the media types of /api/exchange/batches")
    size: int = Field(ge=1, le=push_actions.LARGEST)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@router.get("/contracts", summary="Datasets the caller may send, with their columns")
@door("exchange.read")
def contracts(request: HttpRequest) -> Any:
    """Every dataset of the caller's department and scope: what one row is, its columns, type, whether required."""
    return {"contracts": [_told(c) for c in list_contracts() if _is_theirs(request, c.id)]}


def _told(contract: Contract) -> dict[str, Any]:
    return {
        "id": contract.id, "version": contract.version, "name": {"zh": contract.zh, "en": contract.en},
        "row": contract.row, "cycle": contract.cycle, "key": list(contract.key),
        "columns": [
            {"header": f.name, "name": f.en, "type": f.type, "required": f.required, "class": f.classification}
            for f in contract.fields
        ],
    }  # fmt: skip


@router.post("/batches", summary="Send one batch", openapi_extra=BINARY)
@door("exchange.send")
def send(
    request: HttpRequest, dataset: Dataset, key: Key, day: date | None = None, digest: Digest = ""
) -> Any:
    """Send CSV, NDJSON, Arrow, Parquet or XLSX; answered with counts, where the held rows are, and a signed receipt."""
    sent = Sent(_sendable(request, dataset), _format(request.content_type or ""), day)
    with push_actions.received(pieces(request), sent.format, BODY) as (path, sha256):
        _check_digest(digest, sha256)
        return push_actions.push(
            path, sha256, sent, key=key, by=actor(request), at=timezone.now(), purpose=request.access.purpose
        )


@router.get("/batches", summary="Batches the caller sent, and how many rows still wait to be mended")
@door("exchange.read")
def batches(
    request: HttpRequest,
    dataset: Annotated[str, Query(pattern=r"^([a-z][a-z0-9_]{2,39})?$", description="only this one")] = "",
    waiting: Annotated[bool, Query(description="only those with held rows that are open")] = False,
    after: Annotated[str, Query(max_length=60, description="next_after of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Any:
    """The newest first. ``open``: held rows not mended, repeated or given up; ``overdue``: open beyond the dataset's cycle.

    A system sees what it sent itself, an officer what was sent of the department's datasets.
    """
    page = queries.list_batches(
        dataset or None, after or None, limit, now=timezone.now(), sender=_sender(request, is_waiting=waiting)
    )
    return {
        "batches": [
            {
                "batch": line.id, "dataset": line.dataset, "sent_on": line.sent_on, "accepted_at": line.accepted_at,
                "rows": line.rows, "held": line.held_total, "open": line.held_open, "overdue": line.overdue,
                **push_actions.ways_back(line.id),
            }
            for line in page.rows
        ],
        "next_after": page.next_after,
    }  # fmt: skip


@router.get("/batches/{batch}", summary="What became of a batch")
@door("exchange.read")
def batch(request: HttpRequest, batch: str) -> Any:
    """Counts now, and the receipt."""
    return push_actions.told(_theirs(request, batch).id, is_new=False)


@router.get("/batches/{batch}/held", summary="Rows that were held back, and why")
@door("exchange.read")
def held(
    request: HttpRequest,
    batch: str,
    state: Annotated[
        Literal["", "open", "fixed", "again", "waived"], Query(description="only these; all if empty")
    ] = "",
    after: Annotated[int, Query(ge=0, le=1 << 62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Any:
    """Row number, field, reason and remedy in both languages, and how it ended; never the row itself.

    ``state``: ``open`` waits; ``fixed`` or ``again`` (faulty still, followed there) in batch ``ended_in``; ``waived``: given
    up, with the reason. ``overdue_days``: days beyond the dataset's cycle.
    """
    page = queries.list_held(
        _theirs(request, batch).id, state or None, str(after) if after else None, limit, timezone.now()
    )
    return {
        "rows": [_told_held(line) for line in page.rows],
        "next_after": int(page.next_after) if page.next_after else None,
    }


def _told_held(line: queries.HeldLine) -> dict[str, Any]:
    return {
        "row": line.row_no, "state": line.state, "since": line.since, "overdue_days": line.overdue_days,
        "ended_at": line.ended_at,
        "ended_in": line.ended_by if line.state in ("fixed", "again") else None,  # else an account: nobody's business
        "waived_because": line.reason or None,
        "faults": [
            {"field": f.field, "code": f.code, "reason": f.told, "remedy": f.remedy} for f in line.faults
        ],
    }  # fmt: skip


@router.get("/batches/{batch}/report", summary="The error report as a workbook", openapi_extra=WORKBOOK)
@door("exchange.rejects")
def report(
    request: HttpRequest,
    batch: str,
    purpose: Annotated[str, Header(alias="Anju-Purpose", description="a purpose of the caller's")] = "",
) -> Any:
    """XLSX in the layout that was sent: open held rows and values that were not read, tinted, with reason and remedy.

    Mended and sent again as a batch, it answers the rows it names.
    """
    found = _theirs(request, batch)
    body = queries.error_report(found.id)
    request.access.subject = Subject("batch", found.id)
    request.access.detail |= {"open": found.held_open}
    name = file_name(found.id)
    return HttpResponse(
        body, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.post("/uploads", summary="Begin a file in parts, or find out how far it is")
@door("exchange.send")
def begin(request: HttpRequest, body: Begin) -> Any:
    """Begun again with the same dataset and SHA-256: the same upload, how much of it is here, and its batch if it is done."""
    sent = Sent(_sendable(request, body.dataset), _format(body.content_type))
    found = push_actions.begin(sent, size=body.size, sha256=body.sha256, by=actor(request), at=timezone.now())
    return _upload(found)


@router.get("/uploads/{upload}", summary="How far an upload is")
@door("exchange.send")
def upload(request: HttpRequest, upload: str) -> Any:
    """``received``: where the next part begins."""
    return _upload(push_actions.find_upload(upload, by=actor(request), at=timezone.now()))


@router.put("/uploads/{upload}/part", summary="Send the next part", openapi_extra=PART)
@door("exchange.send")
def part(
    request: HttpRequest, upload: str, offset: Annotated[int, Query(ge=0, le=1 << 62)], digest: Digest = ""
) -> Any:
    """The part that begins at ``offset``, at most 64 MB. It counts when the answer says so; offset 0 begins again."""
    found = push_actions.add_part(
        upload, offset, pieces(request), _digest(digest), most=BODY, by=actor(request), at=timezone.now()
    )
    return _upload(found)


@router.post("/uploads/{upload}/finish", summary="Everything is here: take it in")
@door("exchange.send")
def finish(request: HttpRequest, upload: str, day: date | None = None) -> Any:
    """Checks the file's SHA-256 and takes it in; finished once more, the same answer."""
    return push_actions.finish(
        upload, day=day, by=actor(request), at=timezone.now(), purpose=request.access.purpose
    )


def _upload(found: push_actions.UploadLine) -> dict[str, Any]:
    return {
        "upload": found.id, "dataset": found.dataset, "size": found.size, "received": found.received,
        "batch": found.batch or None, "expires_at": found.expires_at,
    }  # fmt: skip


def _format(content_type: str) -> str:
    found = FORMATS.get(content_type.partition(";")[0].strip().lower())
    if found is None:
        raise Refusal("doors.wrong_content", known=", ".join(FORMATS))
    return found


def _is_theirs(request: HttpRequest, dataset: str) -> bool:
    """A system has the datasets of its scope, an officer those of the department; who has none sees all."""
    own, contract = scope(request), find_contract(dataset)
    if own is not None:
        return dataset in own.datasets
    department = actor(request).department
    return contract is not None and (not department or contract.department == department)


def _sendable(request: HttpRequest, dataset: str) -> str:
    if not _is_theirs(request, dataset):
        raise Refusal("doors.dataset_out_of_scope", dataset=dataset)
    return dataset


def _sender(request: HttpRequest, *, is_waiting: bool) -> Sender:
    """Whose batches the caller may see: the same as ``_theirs`` says of one."""
    theirs = tuple(c.id for c in list_contracts() if _is_theirs(request, c.id))
    return Sender(actor(request).account if scope(request) is not None else None, theirs, is_waiting)


def _theirs(request: HttpRequest, batch: str) -> queries.BatchDetail:
    """A batch the caller may see: a system its own, an officer those of department and place."""
    if scope(request) is None:
        return senders.get_theirs(batch, actor(request))
    try:
        found = queries.get_batch(batch)
    except Refusal:
        raise Refusal("doors.batch_not_theirs", batch=batch[:60]) from None
    if found.accepted_by != actor(request).account or not _is_theirs(request, found.dataset):
        raise Refusal("doors.batch_not_theirs", batch=batch[:60])
    return found


def _digest(header: str) -> str:
    """The SHA-256 of a ``Content-Digest`` header in hex; nothing where there is none. One that cannot be checked is refused:
    who states it relies on it."""
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "sha-256":
            try:
                return base64.b64decode(value.strip().strip(":"), validate=True).hex() or "0"
            except (ValueError, binascii.Error):
                raise Refusal("doors.digest_unread") from None
    if header.strip():
        raise Refusal("doors.digest_unread")
    return ""


def _check_digest(header: str, sha256: str) -> None:
    if (stated := _digest(header)) and stated != sha256:
        raise Refusal("doors.digest_differs")

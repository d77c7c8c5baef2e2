"""Reading the log: checkpoints, proofs, and the entries somebody may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from anju.kernel.refusal import Refusal
from anju.trust.log import Entry, decode, leaf_hash
from anju.trust.log.checkpoints import Note
from anju.trust.store import ledger
from anju.trust.store.models import LogCheckpoint, LogEntry

CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with its place in the tree."""

    seq: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class SignedPoint:
    """A checkpoint as it is published."""

    size: int
    root: bytes
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A proof for one entry: its leaf hash, the tree it stands in, the hashes of RFC 6962, the signed note."""

    seq: int
    size: int
    leaf: bytes
    root: bytes
    hashes: tuple[bytes, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Consistency:
    """A proof that the later tree continues the earlier one."""

    prior: int
    size: int
    prior_root: bytes
    root: bytes
    hashes: tuple[bytes, ...]


def notes() -> list[Note]:
    """Every checkpoint, oldest first."""
    return [
        Note.parse(text) for text in LogCheckpoint.objects.order_by("size").values_list("note", flat=True)
    ]


def checkpoints(limit: int = 50, before: int | None = None) -> list[SignedPoint]:
    """The newest checkpoints, or those smaller than ``before``."""
    found = LogCheckpoint.objects.order_by("-size")
    if before is not None:
        found = found.filter(size__lt=before)
    return [SignedPoint(c.size, bytes(c.root), c.note, c.at) for c in found[:limit]]


def latest() -> SignedPoint | None:
    """The newest checkpoint."""
    return next(iter(checkpoints(1)), None)


def prove_inclusion(seq: int, size: int | None = None) -> Inclusion:
    """That entry ``seq`` stands in the tree of a checkpoint (the newest, or that of ``size``).

    Reads tiles only, so it tells nothing but hashes. Refuses what no checkpoint covers yet.
    """
    point = _point(size)
    if not 0 <= seq < point.size:
        raise Refusal("log.not_covered", seq=seq, size=point.size)
    tree = ledger.tree(point.size)
    leaf = tree.get_leaf(seq + 1)
    return Inclusion(seq, point.size, leaf, point.root, tuple(tree.inclusion(seq)), point.note)


def prove_consistency(prior: int, size: int | None = None) -> Consistency:
    """That the tree of a checkpoint continues that of an earlier size."""
    point = _point(size)
    if not 0 < prior <= point.size:
        raise Refusal("log.not_covered", seq=prior, size=point.size)
    tree = ledger.tree(point.size)
    return Consistency(prior, point.size, tree.root(prior), point.root, tuple(tree.consistency(prior)))


def _point(size: int | None) -> SignedPoint:
    found = LogCheckpoint.objects.order_by("-size")
    point = (found.filter(size=size) if size is not None else found).first()
    if point is None:
        raise Refusal("log.no_such_checkpoint", size=size if size is not None else 0)
    return SignedPoint(point.size, bytes(point.root), point.note, point.at)


def entry_leaf(seq: int) -> bytes | None:
    """The leaf hash of an entry the caller may read, computed from the entry itself."""
    data = LogEntry.objects.filter(seq=seq).values_list("data", flat=True).first()
    return None if data is None else leaf_hash(data.encode())


def looks_at(person_code: str, limit: int = 100, before: int | None = None) -> list[Placed]:
    """What was done about a person, newest first."""
    found = LogEntry.objects.filter(person_code=person_code).exclude(person_code="")
    return _page(found, limit, before)


def entries(
    limit: int = 100, before: int | None = None, *, account: str = "", action: str = "", person_code: str = ""
) -> list[Placed]:
    """Entries newest first, narrowed by exact matches; row security decides what the web sees."""
    found = LogEntry.objects.all()
    for name, value in (("account", account), ("action", action), ("person_code", person_code)):
        if value:
            found = found.filter(**{name: value})
    return _page(found, limit, before)


def _page(found: object, limit: int, before: int | None) -> list[Placed]:
    if before is not None:
        found = found.filter(seq__lt=before)  # type: ignore[attr-defined]
    rows = found.order_by("-seq").values_list("seq", "data")[:limit]  # type: ignore[attr-defined]
    return [Placed(seq, decode(data)) for seq, data in rows]


def lines(first: int, past: int) -> Iterator[tuple[int, bytes]]:
    """Places and exact bytes of a run of entries, streamed."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT seq, data FROM trust_logentry WHERE seq >= %s AND seq < %s ORDER BY seq", [first, past]
        )
        while rows := cursor.fetchmany(CHUNK):
            yield from ((seq, data.encode()) for seq, data in rows)


def get_entry(seq: int) -> Placed:
    """One entry; refuses one that is not there or not to be seen."""
    data = LogEntry.objects.filter(seq=seq).values_list("data", flat=True).first()
    if data is None:
        raise Refusal("log.entry.not_found", seq=seq)
    return Placed(seq, decode(data))


def checkpoint_at(size: int | None) -> SignedPoint | None:
    """The checkpoint of a size (None: the newest), or None."""
    try:
        return _point(size)
    except Refusal:
        return None

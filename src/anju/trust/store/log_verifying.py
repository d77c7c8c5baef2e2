"""Verifying the log in the database against its tiles, its checkpoints, the published file and the witness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import connection, transaction

from anju.kernel.refusal import Refusal
from anju.trust.log.checkpoints import Note, Verifier
from anju.trust.log.entries import leaf_hash
from anju.trust.log.tiles import WIDTH, split
from anju.trust.log.verifying import Finding, Frontier, Report, Row, Verification
from anju.trust.store import ledger, log_keys, log_published
from anju.trust.store.models import LogCheckpoint, LogPending, LogTile

CHUNK = 5000


def verify(progress: Callable[[int], None] = lambda _: None) -> Report:
    """The whole log as it is now, in one snapshot."""
    with transaction.atomic():
        if not connection.savepoint_ids:  # the outermost transaction, which may still choose
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        witnesses = log_published.witness_verifiers()
        verifiers = [*log_keys.verifiers(), *witnesses]
        kept, broken = _kept_notes()
        published = log_published.published()
        work = Verification([*kept, *published], verifiers, ledger.read_tiles)
        work.findings.extend(broken)
        for place in work.run(_rows()):
            progress(place)
        sizes = {note.checkpoint.size for note in kept}
        for note in published:
            if note.checkpoint.size not in sizes:
                work.find("log.checkpoint_removed", size=note.checkpoint.size)
        _witnessed(work, kept, witnesses)
        _leftovers(work)
        return work.report()


def _rows() -> Iterator[Row]:
    """Every entry in order of its place, through a server-side cursor."""
    holds = log_keys.entry_checker()
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT seq, at, account, region, action, person_code, data, mac FROM trust_logentry ORDER BY seq"
        )
        while rows := cursor.fetchmany(CHUNK):
            for seq, at, account, region, action, person_code, data, mac in rows:
                line = data.encode()
                yield Row(
                    seq,
                    line,
                    holds(mac, seq, line),
                    _agrees(line, at, account, region, action, person_code),
                )


def _agrees(line: bytes, at: datetime, *beside: str) -> bool:
    try:
        told = ledger.columns(line)
        return datetime.fromisoformat(told[0]) == at and told[1:] == beside
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _kept_notes() -> tuple[list[Note], list[Finding]]:
    """Checkpoints of the database; one whose columns do not say what its note says is a finding."""
    notes, broken = [], []
    for row in LogCheckpoint.objects.order_by("size"):
        try:
            note = Note.parse(row.note)
            told = note.checkpoint
            notes.append(note)
            if (told.size, told.root, told.origin) != (row.size, bytes(row.root), log_keys.origin()):
                broken.append(Finding("log.checkpoint_changed", facts={"size": row.size}))
        except Refusal:
            broken.append(Finding("log.checkpoint_changed", facts={"size": row.size}))
    return notes, broken


def _witnessed(work: Verification, kept: list[Note], witnesses: list[Verifier]) -> None:
    """Every kept checkpoint carries a witness's line, and the witness saw no more than there is."""
    for note in kept:
        if all(note.witnessed_at(v) is None for v in witnesses):
            work.find("log.not_witnessed", size=note.checkpoint.size)
    seen = log_published.read_witness()
    if seen.size > work.size:
        work.find("log.cut", work.size, seen.size - 1, size=seen.size)
    elif seen.size and all(n.checkpoint.root != seen.root for n in kept):
        work.find("log.checkpoint_removed", size=seen.size)


def _leftovers(work: Verification) -> None:
    """Waiting entries that were changed, and tiles that belong to no entry."""
    for row in LogPending.objects.order_by("id"):
        if not log_keys.pending_holds(row.mac, row.lines.encode()):
            work.find("log.pending_changed", row=row.id)
    wanted, size, level = set(), work.size, 0
    while size:
        wanted.add((level, -(-size // 256)))
        size //= 256
        level += 1
    counts = dict(wanted)
    for level, index in LogTile.objects.values_list("level", "index"):
        if index >= counts.get(level, 0) or index < 0:
            work.find("log.tile_without_entries", level=level, tile=index)


def first_difference(size: int, root: bytes) -> int | None:
    """First place among ``size`` entries that is missing or does not hash to its leaf; None when all agree with root.

    When every entry hashes to its leaf but the root differs, the place is ``size``.
    """
    frontier, expected = Frontier(), 0
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT seq, data FROM trust_logentry WHERE seq < %s ORDER BY seq", [size])
        tile: list[bytes] = []
        while rows := cursor.fetchmany(CHUNK):
            for seq, data in rows:
                if seq % WIDTH == 0:
                    tile = split(ledger.read_tiles([(0, seq // WIDTH)]).get((0, seq // WIDTH), b""))
                leaf = leaf_hash(data.encode())
                if seq != expected or seq % WIDTH >= len(tile) or tile[seq % WIDTH] != leaf:
                    return expected
                frontier.add(leaf)
                expected += 1
    return expected if expected < size or frontier.root() != root else None

"""The sequencer: gives waiting entries their place in the tree, and signs how far the tree has come.

One at a time (an advisory lock). A run is one transaction: entries, tiles and the outbox move together, so a process
killed at any moment leaves the log as it was before or after, never between. Runs as the owner of the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from django.db import connection, transaction

from anju.trust.log import StoredTree, checkpoints, grow, leaf_hash
from anju.trust.log.checkpoints import Checkpoint, Note
from anju.trust.log.tiles import Place, edge
from anju.trust.sealing import sealer
from anju.trust.sealing.suites import NATIONAL, suite
from anju.trust.store import log_keys, log_published
from anju.trust.store.models import LogCheckpoint, LogEntry, LogPending

LOCK = 0x616E6A75
COPIED = 500
"""Entries sent to the database in one piece."""
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
ROWS, BYTES = 5000, 16 * 2**20
"""Outbox rows and bytes taken at once; a row holds one transaction's entries."""


def size() -> int:
    """How many entries the tree has."""
    last = LogEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    return 0 if last is None else int(last) + 1


def read_tiles(places: Sequence[Place]) -> dict[Place, bytes]:
    """Tiles by level and index; missing ones are left out."""
    if not places:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.level, t.index, t.hashes FROM trust_logtile t"
            " JOIN unnest(%s::smallint[], %s::bigint[]) AS p(level, index) USING (level, index)",
            [[level for level, _ in places], [index for _, index in places]],
        )
        return {(level, index): bytes(hashes) for level, index, hashes in cursor.fetchall()}


def tree(of: int | None = None) -> StoredTree:
    """The tree as stored, for proofs."""
    return StoredTree(size() if of is None else of, read_tiles)


def sequence() -> int:
    """Move waiting entries into the tree; return how many. Returns 0 at once while another process does it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                return 0
        taken, lines = _waiting()
        if lines:
            _append(size(), lines)
        LogPending.objects.filter(id__in=taken).delete()
    return len(lines)


def _waiting() -> tuple[list[int], list[bytes]]:
    """Outbox rows to move now, oldest first. A row that is not as it was written stays, for verification to name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, lines, mac FROM trust_logpending WHERE id IN ("
            " SELECT id FROM (SELECT id, sum(octet_length(lines)) OVER (ORDER BY id) AS upto, octet_length(lines) AS own"
            " FROM (SELECT id, lines FROM trust_logpending ORDER BY id LIMIT %s) AS first) AS counted"
            " WHERE upto - own < %s) ORDER BY id",
            [ROWS, BYTES],
        )
        rows = cursor.fetchall()
    whole = [(i, told) for i, text, mac in rows if log_keys.pending_holds(mac, told := text.encode())]
    return [i for i, _ in whole], [line for _, told in whole for line in told.split(b"\n")]


def _append(first: int, lines: list[bytes]) -> None:
    leaves: list[bytes] = []
    edges = read_tiles(edge(first))
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY trust_logentry (seq, at, account, region, action, person_code, data, mac) FROM STDIN"
        ) as copy:
            # In small pieces: while the database stores one, the next is hashed and written out here.
            for begin in range(0, len(lines), COPIED):
                piece, place = lines[begin : begin + COPIED], first + begin
                rows = zip(piece, log_keys.entry_macs(place, piece), strict=True)
                copy.write("".join(_copied(seq, line, mac) for seq, (line, mac) in enumerate(rows, place)))
                leaves += map(leaf_hash, piece)
        cursor.executemany(
            "INSERT INTO trust_logtile (level, index, hashes) VALUES (%s, %s, %s)"
            " ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes",
            [(level, index, hashes) for (level, index), hashes in grow(first, leaves, edges).items()],
        )


def _copied(seq: int, line: bytes, mac: bytes) -> str:
    """One row in COPY's text form. A line without a backslash holds no character that COPY would read otherwise."""
    told, data = columns(line), line.decode()
    if "\\" in data:
        told = tuple(t.translate(ESCAPES) for t in told)
        data = data.translate(ESCAPES)
    return "\t".join((str(seq), *told, data, "\\\\x" + mac.hex())) + "\n"


def columns(line: bytes) -> tuple[str, ...]:
    """What stands beside ``data`` so that an entry can be found: at, account, region, action, person code."""
    told = orjson.loads(line)
    kind, _, code = told["subject"].partition(":")
    region = told["office"].rpartition(":")[2]
    return told["at"], told["account"], region, told["action"], code if kind == "person" else ""


def sequence_all() -> int:
    """Move everything that waits now; return how many."""
    total = 0
    while moved := sequence():
        total += moved
    return total


def checkpoint(at: datetime) -> Note:
    """Sign the tree as it stands, have it witnessed, keep and publish it. The same size signs anew with a new time."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        stored = tree()
        made = Checkpoint(log_keys.origin(), stored.get_size(), stored.root())
        note = checkpoints.sign(made, made.origin, sealer().ring.newest("log").secret)
        if suite() is NATIONAL:
            note = checkpoints.add_national(note, made.origin, sealer().ring.newest("sign").secret)
        note = log_published.witness(note, at, stored)
        LogCheckpoint.objects.update_or_create(
            size=made.size, defaults={"root": made.root, "note": note.text(), "at": at}
        )
    log_published.publish(note)
    return note


def latest() -> LogCheckpoint | None:
    """The newest checkpoint kept."""
    return LogCheckpoint.objects.order_by("-size").first()

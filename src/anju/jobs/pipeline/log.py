"""The keeper beside the server, the log's bundles, and the proof that a restored log is unbroken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from anju.jobs import database
from anju.jobs.pipeline import notices
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import day_of
from anju.trust.log import bundle

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
CHECKPOINT_SECONDS = 30
"""A checkpoint this often while entries come; never rarer than every minute."""
QUIET_SECONDS = 50
"""Also without new entries: well below the minute, because looking and signing take their time."""
AWAY_SECONDS = 1
"""How long a database that is away may come back by itself before an embedded one is started again."""
ERASE_SECONDS = 30
"""How often the keeper looks for erasures to carry out and for the schedule of retention."""


def keep(stop: threading.Event, poll: float = POLL_SECONDS) -> None:
    """Sequence waiting entries and sign checkpoints until ``stop`` is set. Several keepers do no harm."""
    from django.db import OperationalError, close_old_connections, connection

    beside = [threading.Thread(target=work, args=(stop,)) for work in (_erase, notices.keep)]
    for thread in beside:
        thread.start()
    signed_at, signed_size = 0.0, -1
    while not stop.is_set():
        try:
            close_old_connections()
            moved = _sequence_all()
            now = time.monotonic()
            due = CHECKPOINT_SECONDS if moved or signed_size < 0 else QUIET_SECONDS
            if signed_size < 0 or now - signed_at >= due:
                signed_size = checkpoint()
                signed_at = now
        except OperationalError:
            # The database restarts or is away; what waits is safe in it.
            stop.wait(AWAY_SECONDS)
            if not stop.is_set():
                database.revive()
        stop.wait(poll)
    connection.close()
    for thread in beside:
        thread.join()


def _erase(stop: threading.Event) -> None:
    """Beside the sequencer: ordered erasures and approved runs are carried out, and the next plan is counted.

    In a thread of its own, because rewriting a lake may take longer than a checkpoint may wait.
    """
    from django.db import connection

    from anju.jobs.pipeline import retention

    while not stop.wait(ERASE_SECONDS):
        try:
            retention.work()
            retention.plan_if_due(day_of(datetime.now(UTC)))
        except Exception as broken:  # the sequencer must go on; the order waits and is tried again
            logger.error("erasure failed and is tried again: %s", type(broken).__name__)
        finally:
            connection.close()


def _sequence_all() -> int:
    from anju.trust.store import ledger

    return ledger.sequence_all()


def checkpoint() -> int:
    """Sequence what waits and sign; return the size signed."""
    from anju.trust.store import ledger

    ledger.sequence_all()
    return ledger.checkpoint(datetime.now(UTC)).checkpoint.size


def head() -> dict[str, object] | None:
    """Size and root (hex) of the log with everything sequenced; for a backup's manifest. None: no log yet."""
    from django.db import connection

    if "trust_logentry" not in connection.introspection.table_names():
        return None
    _sequence_all()
    from anju.trust.store import ledger

    tree = ledger.tree()
    return {"size": tree.get_size(), "root": tree.root().hex()}


def prove_restored(told: dict[str, object] | None) -> None:
    """The restored log, cut to the backup's size, is the log that was backed up; else a refusal that says where.

    The proof needs no key: every entry hashes to its leaf, and the leaves to the root the backup recorded. What was
    published after the backup was made is gone with its entries: that is said in a log entry of its own.
    """
    if told is None:
        return
    from anju.trust.access import system
    from anju.trust.store import ledger, log, log_published, log_verifying

    size, root = int(str(told["size"])), bytes.fromhex(str(told["root"]))
    broken = log_verifying.first_difference(size, root)
    if broken is not None:
        raise Refusal("restore.log_broken", size=size, first=broken)
    tree = ledger.tree()
    lost = log_published.accept_restore(tree.get_size(), tree.root())
    detail: dict[str, str | int] = {"size": tree.get_size(), "published": lost}
    log.record(system("restore"), "backup.make", datetime.now(UTC), detail=detail)


def export(path: Path, *, with_entries: bool, progress: Callable[[int], None] = lambda _: None) -> int:
    """Write a bundle of the whole log up to a fresh checkpoint; return its size."""
    from anju.trust.store import log_keys, log_published, log_queries

    size = checkpoint()
    notes = log_queries.notes()
    manifest = bundle.Manifest(log_keys.origin(), size, with_entries)
    keys = [*log_keys.verifiers(), *log_published.witness_verifiers()]
    bundle.write(path, manifest, notes, keys, _leaves(size), _lines(size, progress) if with_entries else ())
    return size


def _leaves(size: int) -> Iterator[bytes]:
    from anju.trust.store import ledger

    for index in range(-(-size // 256)):
        yield ledger.read_tiles([(0, index)])[0, index][: 32 * (size - 256 * index)]


def _lines(size: int, progress: Callable[[int], None]) -> Iterator[bytes]:
    from anju.trust.store import log_queries

    for seq, line in log_queries.lines(0, size):
        if seq % 5000 == 0:
            progress(seq)
        yield line

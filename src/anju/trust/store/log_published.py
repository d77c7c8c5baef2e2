"""What leaves the database: the published checkpoints, and the witness who remembers the last one it saw.

``ANJU_HOME/log/checkpoint`` is the newest note; ``checkpoints.txt`` keeps all of them, one line each. The witness has a
key file of its own (``ANJU_WITNESS``, better on another disk or machine) and signs only what continues what it signed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anju.kernel import home
from anju.kernel.refusal import Refusal
from anju.trust.log import StoredTree, checkpoints
from anju.trust.log.checkpoints import Checkpoint, Note, Verifier
from anju.trust.log.proofs import is_consistent
from anju.trust.store import log_keys

TAIL = 16 * 2**10


@dataclass(frozen=True, slots=True)
class Witness:
    """The witness's secret and the newest checkpoint it signed."""

    secret: bytes
    size: int
    root: bytes


def witness_path() -> Path:
    """Where the witness keeps its key and what it last saw."""
    stated = os.environ.get("ANJU_WITNESS")
    return Path(stated) if stated else home.keys() / "witness.json"


def read_witness() -> Witness:
    """The witness as it is; made with a fresh key when there is none yet."""
    path = witness_path()
    if not path.exists():
        fresh = secrets.token_bytes(32)
        _write(path, {"secret": b64encode(fresh).decode(), "size": 0, "root": ""}, 0o600)
        _announce(log_keys.witness_verifier(fresh))
    told = json.loads(path.read_text())
    return Witness(b64decode(told["secret"]), int(told["size"]), b64decode(told["root"]))


def _announce(verifier: Verifier) -> None:
    """A witness's public key goes into the published list, where it stays when the witness is replaced."""
    with (folder() / "witnesses.txt").open("a", encoding="utf-8") as stream:
        stream.write(f"{verifier}\n")


def witness_verifier() -> Verifier:
    """The present witness's public key."""
    return log_keys.witness_verifier(read_witness().secret)


def witness_verifiers() -> list[Verifier]:
    """The public keys of the present witness and of those before it."""
    present, listed = witness_verifier(), folder() / "witnesses.txt"
    former = listed.read_text(encoding="utf-8").split() if listed.exists() else []
    return [present, *(v for v in map(Verifier.parse, former) if v != present)]


def accept_restore(size: int, root: bytes) -> int:
    """After a restore by the operator: what was published beyond the restored size is set aside, and the witness goes
    on from there. Returns up to which size entries were lost (``size`` when none were)."""
    notes, seen = published(), read_witness()
    lost = max([seen.size, *(n.checkpoint.size for n in notes)], default=size)
    beyond = [n for n in notes if n.checkpoint.size > size]
    if beyond:
        with (folder() / "checkpoints.lost.txt").open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(n.text(), ensure_ascii=False) + "\n" for n in beyond)
        kept = [n for n in notes if n.checkpoint.size <= size]
        text = "".join(json.dumps(n.text(), ensure_ascii=False) + "\n" for n in kept)
        _write_text(folder() / "checkpoints.txt", text, 0o644)
    if seen.size > size:
        told = {"secret": b64encode(seen.secret).decode(), "size": size, "root": b64encode(root).decode()}
        _write(witness_path(), told, 0o600)
    return max(lost, size)


def witness(note: Note, at: datetime, stored: StoredTree) -> Note:
    """The note with the witness's line. Refuses when the tree does not continue what the witness saw."""
    seen, now = read_witness(), note.checkpoint
    if now.size < seen.size or not _continues(seen, now, stored):
        raise Refusal("log.witness_refuses", seen=seen.size, size=now.size)
    signed = checkpoints.cosign(note, log_keys.witness_name(), seen.secret, int(at.timestamp()))
    _write(
        witness_path(),
        {"secret": b64encode(seen.secret).decode(), "size": now.size, "root": b64encode(now.root).decode()},
        0o600,
    )
    return signed


def _continues(seen: Witness, now: Checkpoint, stored: StoredTree) -> bool:
    if seen.size == 0:
        return True
    try:
        return is_consistent(
            seen.size, seen.root, now.size, now.root, stored.consistency(seen.size, now.size)
        )
    except LookupError:
        return False


def folder() -> Path:
    """Where checkpoints are published as files."""
    place = home.home() / "log"
    place.mkdir(exist_ok=True)
    return place


def publish(note: Note) -> None:
    """Write the newest checkpoint whole, and add it to the history when it is a new size."""
    history = folder() / "checkpoints.txt"
    last = _last(history)
    if last is None or last.checkpoint.size < note.checkpoint.size:
        with history.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(note.text(), ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    _write_text(folder() / "checkpoint", note.text(), 0o644)


def published() -> list[Note]:
    """Every published checkpoint of the history file, oldest first; a line cut off by a crash is passed over."""
    history = folder() / "checkpoints.txt"
    return _notes(history.read_bytes().splitlines()) if history.exists() else []


def _last(history: Path) -> Note | None:
    if not history.exists():
        return None
    with history.open("rb") as stream:
        stream.seek(max(0, history.stat().st_size - TAIL))
        notes = _notes(stream.read().splitlines())
    return notes[-1] if notes else None


def _notes(lines: list[bytes]) -> list[Note]:
    notes = []
    for line in lines:
        with contextlib.suppress(ValueError, Refusal):
            notes.append(Note.parse(json.loads(line)))
    return notes


def _write(path: Path, told: dict[str, object], mode: int) -> None:
    _write_text(path, json.dumps(told), mode)


def _write_text(path: Path, text: str, mode: int) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)

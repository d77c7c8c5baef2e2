"""The key ring: every key of a deployment, with its use and suite. The newest one of a use is the one that works.

Keys come from the file ``ANJU_HOME/keys/ring.json`` (made on first use, readable by its owner alone), or from the
environment variable ``ANJU_KEYS`` (the same JSON), and may be wrapped by a key service (``ANJU_KMS``): then the file
holds only what the service can unwrap. Keys never enter the database, the repository or a log.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from anju.kernel import home
from anju.kernel.refusal import Refusal
from anju.trust.sealing.suites import SUITES, suite

USES = ("seal", "index", "sign", "log")
"""Sealing values, blind indexes, signatures of documents, signatures and codes of the log."""
ALWAYS_INTERNATIONAL = frozenset({"log"})
"""Checkpoints must verify with the public tools of their format (Ed25519), whatever the suite; see log/checkpoints."""
ID_BYTES = 4


class Kms(Protocol):
    """A key service: wraps and unwraps a secret without ever giving its own key away."""

    def wrap(self, secret: bytes) -> bytes:
        """The wrapped form of ``secret``."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """The secret inside ``wrapped``; raises when it was not wrapped by this service."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """One key: eight hex digits, what for, which suite, the secret (never printed), when made."""

    id: str
    use: str
    suite: str
    secret: bytes = field(repr=False)
    made_at: str


@dataclass(frozen=True, slots=True)
class Ring:
    """All keys, oldest first."""

    keys: tuple[Key, ...]

    def of(self, use: str) -> tuple[Key, ...]:
        """Keys of one use, newest first."""
        return tuple(k for k in reversed(self.keys) if k.use == use)

    def newest(self, use: str) -> Key:
        """The key that works now for ``use``; refuses when there is none."""
        found = self.of(use)
        if not found:
            raise Refusal("trust.no_key", use=use)
        return found[0]

    def get(self, key_id: str) -> Key:
        """The key with this id; refuses an unknown one."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise Refusal("trust.unknown_key", key=key_id)

    def with_new(self, use: str, suite_name: str, made_at: str) -> Ring:
        """This ring with one more key, now the newest of its use."""
        taken = {k.id[:4] for k in self.keys}  # indexes carry only two bytes of the id
        while (key := make_key(use, suite_name, made_at)).id[:4] in taken:
            continue
        return Ring((*self.keys, key))

    def without(self, key_id: str) -> Ring:
        """This ring without one key. Refuses to drop the newest of a use: nothing could be written any more."""
        key = self.get(key_id)
        if self.newest(key.use).id == key_id:
            raise Refusal("trust.key_in_use", key=key_id, use=key.use)
        return Ring(tuple(k for k in self.keys if k.id != key_id))


def make_key(use: str, suite_name: str, made_at: str) -> Key:
    """A fresh random key."""
    if use not in USES:
        raise Refusal("trust.unknown_use", use=use)
    suite_name = "international" if use in ALWAYS_INTERNATIONAL else suite_name
    length = suite(suite_name).secret_bytes if use == "seal" else 32
    return Key(secrets.token_hex(ID_BYTES), use, suite_name, secrets.token_bytes(length), made_at)


def fresh(suite_name: str, made_at: str) -> Ring:
    """A ring with one key of every use."""
    return rotated(Ring(()), USES, suite_name, made_at)


def service() -> Kms | None:
    """The key service named by ``ANJU_KMS`` (``package.module:factory``), or None."""
    stated = os.environ.get("ANJU_KMS")
    if not stated:
        return None
    module, _, factory = stated.partition(":")
    made: Kms = getattr(importlib.import_module(module), factory)()
    return made


def to_json(ring: Ring, kms: Kms | None = None) -> str:
    """The ring as text; secrets wrapped when a key service is given."""
    listed = [
        {
            "id": k.id,
            "use": k.use,
            "suite": k.suite,
            "made_at": k.made_at,
            ("wrapped" if kms else "secret"): base64.b64encode(
                kms.wrap(k.secret) if kms else k.secret
            ).decode(),
        }
        for k in ring.keys
    ]
    return json.dumps({"keys": listed}, indent=1)


def from_json(text: str, kms: Kms | None = None) -> Ring:
    """A ring from its text; refuses anything that is not one, without repeating its content."""
    try:
        return Ring(tuple(_key(entry, kms) for entry in json.loads(text)["keys"]))
    except (ValueError, KeyError, TypeError) as broken:
        raise Refusal("trust.broken_ring") from broken


def _key(entry: dict[str, Any], kms: Kms | None) -> Key:
    if entry["use"] not in USES or entry["suite"] not in SUITES or len(entry["id"]) != 2 * ID_BYTES:
        raise ValueError
    if "wrapped" in entry:
        if kms is None:
            raise Refusal("trust.kms_needed")
        secret = kms.unwrap(base64.b64decode(entry["wrapped"]))
    else:
        secret = base64.b64decode(entry["secret"], validate=True)
    return Key(entry["id"], entry["use"], entry["suite"], secret, entry["made_at"])


def path() -> Path:
    """Where the ring's file is: ``ANJU_KEY_FILE``, or under ANJU_HOME."""
    stated = os.environ.get("ANJU_KEY_FILE")
    return Path(stated) if stated else home.keys() / "ring.json"


def load() -> Ring | None:
    """The ring as it is now, or None when there is no file yet. Refuses a file others may read."""
    if stated := os.environ.get("ANJU_KEYS"):
        return from_json(stated, service())
    place = path()
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise Refusal("trust.ring_readable", path=str(place))
    return from_json(place.read_text(), service())


def save(ring: Ring, *, only_new: bool = False) -> None:
    """Write the ring's file whole or not at all; with ``only_new`` an existing file stays (the first writer wins)."""
    if os.environ.get("ANJU_KEYS"):
        raise Refusal("trust.ring_in_environment")
    place = path()
    handle, part = tempfile.mkstemp(dir=place.parent)  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as stream:
        stream.write(to_json(ring, service()))
        stream.flush()
        os.fsync(stream.fileno())
    if not only_new:
        Path(part).replace(place)
        return
    with contextlib.suppress(FileExistsError):
        os.link(part, place)
    Path(part).unlink()


def stamp() -> object:
    """Something that changes whenever the ring may have changed. Asked at every use: a few microseconds."""
    get = os.environ.get
    if stated := get("ANJU_KEYS"):
        return stated
    place = get("ANJU_KEY_FILE") or get("ANJU_HOME", ".anju") + "/keys/ring.json"
    try:
        found = os.stat(place)  # noqa: PTH116 - pathlib takes ten times as long
    except FileNotFoundError:
        return None
    return place, found.st_mtime_ns, found.st_ino


def rotated(ring: Ring, uses: Iterable[str], suite_name: str, made_at: str) -> Ring:
    """The ring with a new key for each of ``uses``; earlier keys stay, to open what they sealed."""
    for use in uses:
        ring = ring.with_new(use, suite_name, made_at)
    return ring

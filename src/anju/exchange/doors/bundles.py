"""Bundles: a file carried between separated networks, signed, chained to the one before it, sealed for its receiver.

Layout: ``MAGIC``, the length of the list (8 bytes), the list (JSON, signed like a receipt), then the parts one after the
other - inside a vault when the receiver has a key. The list names every part with size and SHA-256, the sender, the
receiver, the number in the sequence and the hash of the list before: nothing can be left out, changed, repeated,
reordered or given to somebody else unnoticed. A bundle's hash is the hash of its list.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from anju.exchange.doors import receipts
from anju.kernel.refusal import Refusal
from anju.trust import vault
from anju.trust.sealing import Ring, suite

MAGIC = b"ANJUBDL1"
LONGEST_LIST = 64 << 20
PIECE = 1 << 20
PART_NAME = re.compile(r"[a-z0-9_-]{1,80}\.(parquet|ndjson)")
FIRST = "0" * 64
"""What the first bundle of a sequence names as the one before it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a bundle: ``kind`` batch or changes, and what is told of it."""

    name: str
    kind: str
    size: int
    sha256: str
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A bundle's signed list, checked."""

    sender: str
    receiver: str
    number: int
    previous: str
    made_at: str
    sealed: str
    parts: tuple[Part, ...]
    hash: str


def part_of(path: Path, kind: str, told: Mapping[str, Any], name: str = "") -> Part:
    """A file as a part."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Part(name or path.name, kind, path.stat().st_size, digest, told)


def write(
    target: BinaryIO,
    head: Mapping[str, Any],
    files: Sequence[tuple[Part, Path]],
    ring: Ring,
    receiver_key: str = "",
) -> str:
    """Write a bundle; ``head``: sender, receiver, number, previous, made_at. Returns its hash."""
    mine = X25519PrivateKey.generate() if receiver_key else None
    listed = [
        {"name": p.name, "kind": p.kind, "size": p.size, "sha256": p.sha256, "told": dict(p.told)}
        for p, _ in files
    ]
    sealed = mine.public_key().public_bytes_raw().hex() if mine else ""
    text = receipts.signed({**head, "sealed": sealed, "parts": listed}, ring).encode()
    target.write(MAGIC + struct.pack(">Q", len(text)) + text)
    body: BinaryIO = target
    if mine is not None:
        secret = _shared(mine, bytes.fromhex(receiver_key))
        body = cast(BinaryIO, vault.Writer(target, secret, suite()))
    for _part, path in files:
        with path.open("rb") as stream:
            while piece := stream.read(PIECE):
                body.write(piece)
    if mine is not None:
        body.close()
    return hashlib.sha256(text).hexdigest()


def read_list(source: BinaryIO, keys: Sequence[Mapping[str, str]] | None) -> Listing:
    """The list of a bundle, its signature checked against ``keys`` (None: only read, to learn who sent it)."""
    head = source.read(len(MAGIC) + 8)
    if len(head) != len(MAGIC) + 8 or not head.startswith(MAGIC):
        raise Refusal("doors.not_a_bundle")
    (length,) = struct.unpack(">Q", head[len(MAGIC) :])
    text = source.read(length) if length <= LONGEST_LIST else b""
    if len(text) != length or not text:
        raise Refusal("doors.not_a_bundle")
    try:
        told = json.loads(text) if keys is None else _verified(text.decode(), keys)
        parts = tuple(
            Part(p["name"], p["kind"], int(p["size"]), p["sha256"], p["told"]) for p in told["parts"]
        )
        listing = Listing(
            str(told["sender"]), str(told["receiver"]), int(told["number"]), str(told["previous"]), str(told["made_at"]),
            str(told["sealed"]), parts, hashlib.sha256(text).hexdigest(),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as broken:
        raise Refusal("doors.not_a_bundle") from broken
    names = [p.name for p in parts]
    if len(set(names)) != len(names) or not all(PART_NAME.fullmatch(n) for n in names):
        raise Refusal("doors.not_a_bundle")
    return listing


def _verified(text: str, keys: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    try:
        return receipts.verified(text, keys)
    except Refusal as refusal:
        if refusal.code == "doors.unknown_signer":
            raise
        raise Refusal("doors.bundle_changed", part="list") from refusal


def parts(
    source: BinaryIO, listing: Listing, own_key: bytes | None
) -> Iterator[tuple[Part, Iterator[bytes]]]:
    """Every part with its content, in order; each must be read whole. Refuses what differs from the list."""
    body = source
    if listing.sealed:
        if own_key is None:
            raise Refusal("doors.bundle_sealed")
        secret = _shared(X25519PrivateKey.from_private_bytes(own_key), bytes.fromhex(listing.sealed))
        try:
            body = cast(BinaryIO, BufferedReader(vault.Reader(source, secret), PIECE))
        except Refusal as refusal:
            raise Refusal("doors.bundle_changed", part="seal") from refusal
    for part in listing.parts:
        yield part, _content(body, part)
    if _read(body, 1, "end"):
        raise Refusal("doors.bundle_changed", part="end")


def _content(body: BinaryIO, part: Part) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), part.size
    while left:
        piece = _read(body, min(PIECE, left), part.name)
        if not piece:
            raise Refusal("doors.bundle_changed", part=part.name)
        left -= len(piece)
        digest.update(piece)
        yield piece
    if digest.hexdigest() != part.sha256:
        raise Refusal("doors.bundle_changed", part=part.name)


def _read(body: BinaryIO, size: int, part: str) -> bytes:
    """The next bytes; what does not unseal was changed or cut off on the way."""
    try:
        return body.read(size)
    except Refusal as refusal:
        raise Refusal("doors.bundle_changed", part=part) from refusal


def _shared(private: X25519PrivateKey, public: bytes) -> bytes:
    """The vault's secret between a key made for this bundle and the receiver's own."""
    try:
        agreed = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as broken:
        raise Refusal("doors.bundle_sealed") from broken
    return HKDF(SHA256(), 32, None, b"anju bundle").derive(agreed)


def public_of(private: bytes) -> str:
    """The public half of a receiver's key, in hex."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw().hex()


def new_private() -> bytes:
    """A fresh receiver's key."""
    return X25519PrivateKey.generate().private_bytes_raw()

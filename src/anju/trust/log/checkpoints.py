"""Checkpoints: the size and root of the tree, signed. C2SP forms: signed-note, tlog-checkpoint, tlog-cosignature.

A checkpoint is three lines (origin, size, root), an empty line, and one line per signature. The log signs with
Ed25519; a witness that has seen every earlier checkpoint signs with another key and its own time. Under the national
suite a third line carries an SM2 signature, which public tools skip.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from anju.kernel.refusal import Refusal
from anju.trust.sealing.suites import INTERNATIONAL, NATIONAL

DASH = "— "
ED25519 = b"\x01"
COSIGNATURE = b"\x04"
SM2 = b"\xffsm2-with-sm3"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under its name: ``kind`` is one of ED25519, COSIGNATURE, SM2."""

    name: str
    kind: bytes
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that name the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    def __str__(self) -> str:
        """The note's verifier-key form: name+id+key."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self.kind + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """A verifier from ``name+id+key``; refuses one whose id does not fit."""
        try:
            name, stated, key = text.strip().split("+", 2)
            raw = base64.b64decode(key, validate=True)
            kind = SM2 if raw.startswith(SM2) else raw[:1]
            made = cls(name, kind, raw[len(kind) :])
            if made.id.hex() != stated or kind not in (ED25519, COSIGNATURE, SM2):
                raise ValueError
        except ValueError as broken:
            raise Refusal("log.broken_key") from broken
        return made


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Origin, number of entries, root hash (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, body: str) -> Checkpoint:
        """A checkpoint from its signed text; refuses anything that is not one."""
        lines = body.split("\n")
        try:
            origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
            if not origin or size != str(int(size)) or len(root) != 32 or int(size) < 0:
                raise ValueError
        except (ValueError, IndexError) as broken:
            raise Refusal("log.broken_checkpoint") from broken
        made = cls(origin, int(size), root)
        if made.body() != body:
            raise Refusal("log.broken_checkpoint")
        return made


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: name, key id, bytes (for a cosignature: 8 bytes of time, then the signature)."""

    name: str
    key_id: bytes
    raw: bytes

    def line(self) -> str:
        """The line as it stands in the note."""
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.raw).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signatures."""

    body: str
    signatures: tuple[Signature, ...]

    def text(self) -> str:
        """The whole note."""
        return self.body + "\n" + "".join(s.line() for s in self.signatures)

    @property
    def checkpoint(self) -> Checkpoint:
        """What was signed."""
        return Checkpoint.parse(self.body)

    def signed_by(self, verifier: Verifier) -> bool:
        """Whether one of the lines is a good signature of this key."""
        return any(
            s.name == verifier.name and s.key_id == verifier.id and _holds(verifier, s.raw, self.body)
            for s in self.signatures
        )

    def witnessed_at(self, verifier: Verifier) -> int | None:
        """Seconds since 1970 of this witness's good signature, or None."""
        for s in self.signatures:
            if s.key_id == verifier.id and verifier.kind == COSIGNATURE and self.signed_by(verifier):
                return int.from_bytes(s.raw[:8], "big")
        return None

    @classmethod
    def parse(cls, text: str) -> Note:
        """A note from its text; refuses anything that is not one."""
        body, gap, tail = text.partition("\n\n")
        lines = tail.splitlines()
        if not gap or not lines or not all(line.startswith(DASH) for line in lines):
            raise Refusal("log.broken_checkpoint")
        try:
            signatures = []
            for line in lines:
                name, encoded = line.removeprefix(DASH).split(" ")
                raw = base64.b64decode(encoded, validate=True)
                signatures.append(Signature(name, raw[:4], raw[4:]))
        except ValueError as broken:
            raise Refusal("log.broken_checkpoint") from broken
        return cls(body + "\n", tuple(signatures))


def _holds(verifier: Verifier, raw: bytes, body: str) -> bool:
    if verifier.kind == ED25519:
        return INTERNATIONAL.verify(verifier.public, raw, body.encode())
    if verifier.kind == COSIGNATURE:
        message = _witnessed(int.from_bytes(raw[:8], "big"), body)
        return len(raw) == 72 and INTERNATIONAL.verify(verifier.public, raw[8:], message)
    return NATIONAL.verify(verifier.public, raw, body.encode())


def _witnessed(second: int, body: str) -> bytes:
    return f"cosignature/v1\ntime {second}\n{body}".encode()


def sign(checkpoint: Checkpoint, name: str, secret: bytes) -> Note:
    """A note with the log's own Ed25519 signature."""
    verifier = Verifier(name, ED25519, INTERNATIONAL.public(secret))
    body = checkpoint.body()
    return Note(body, (Signature(name, verifier.id, INTERNATIONAL.sign(secret, body.encode())),))


def add_national(note: Note, name: str, secret: bytes) -> Note:
    """The note with one more line: SM2 with SM3."""
    verifier = Verifier(name, SM2, NATIONAL.public(secret))
    raw = NATIONAL.sign(secret, note.body.encode())
    return Note(note.body, (*note.signatures, Signature(name, verifier.id, raw)))


def cosign(note: Note, name: str, secret: bytes, second: int) -> Note:
    """The note with a witness's line, said at ``second``; an earlier line of the same witness is replaced."""
    verifier = Verifier(name, COSIGNATURE, INTERNATIONAL.public(secret))
    raw = second.to_bytes(8, "big") + INTERNATIONAL.sign(secret, _witnessed(second, note.body))
    others = tuple(s for s in note.signatures if s.key_id != verifier.id)
    return Note(note.body, (*others, Signature(name, verifier.id, raw)))

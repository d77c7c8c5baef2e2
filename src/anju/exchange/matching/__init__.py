"""Private matching: usable but not visible.

Two parties learn how many people both hold - or one learns which of *its own* the other holds too - and nothing
else. The asker blinds its list with a key of its own, the answerer blinds it once more and adds its own list blinded;
only what both hold meets. The protocol is Diffie-Hellman private set intersection over P-256, by OpenMined's library.

Owns: the three messages (question, answer, result) and the form in which people are compared.
May import: kernel. Never: writes an item in the clear, keeps the answerer's list.

A party that invents a list of candidates can ask whether they are in the other's: agree on the longest list and keep
the log of who asked. That limit is part of the answer command.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import private_set_intersection.python as psi

from anju.kernel.refusal import Refusal

QUESTION, ANSWER, SECRET = b"ANJUPSQ2", b"ANJUPSA2", b"ANJUPSK3"
DIGEST = 32
FALSE_MATCHES = 1e-9
"""Chance of any false match; the answer is sent as plain blinded points, so it is in fact none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to send, and the secret to keep until the answer comes."""

    question: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class Matched:
    """How many of the asker's items the answerer holds too; which ones (places in the asker's list), if agreed."""

    count: int
    places: tuple[int, ...] | None


def item(*parts: str) -> str:
    """What is compared: parts of usual width, stripped, upper case, joined. Both parties give the same parts in the same order."""
    plain = [unicodedata.normalize("NFKC", p).strip().upper() for p in parts]
    if not all(plain) or not plain:
        raise Refusal("matching.empty_part")
    return "\x1f".join(plain)


def ask(items: Sequence[str], *, only_count: bool) -> Asked:
    """A question about a list of distinct items. ``only_count``: not even the asker learns which ones match."""
    if not items:
        raise Refusal("matching.empty_list")
    if len(set(items)) != len(items):
        raise Refusal("matching.repeated_items", count=len(items) - len(set(items)))
    client = psi.client.CreateWithNewKey(not only_count)
    request = client.CreateRequest(list(items)).SerializeToString()
    head = bytes([only_count]) + struct.pack(">I", len(items))
    question = _packed(QUESTION, head + request)
    kept = bytes([only_count]) + _digest(question) + _of_list(items) + client.GetPrivateKeyBytes()
    return Asked(question, _packed(SECRET, kept))


def answer(question: bytes, items: Iterable[str], *, longest: int, allow_which: bool) -> bytes:
    """The answerer's message: the question blinded once more, and its own list blinded.

    Refuses a question longer than ``longest``, and one that wants to know *which* unless ``allow_which``.
    """
    only_count, asked, request = _read_question(question)
    if asked > longest:
        raise Refusal("matching.too_long", asked=asked, longest=longest)
    if not only_count and not allow_which:
        raise Refusal("matching.which_not_allowed")
    held = sorted(set(items))
    if not held:
        raise Refusal("matching.empty_list")
    server = psi.server.CreateWithNewKey(not only_count)
    setup: bytes = server.CreateSetupMessage(
        FALSE_MATCHES, asked, held, psi.DataStructure.RAW
    ).SerializeToString()
    reply: bytes = server.ProcessRequest(request).SerializeToString()
    return _packed(ANSWER, _digest(question) + struct.pack(">Q", len(setup)) + setup + reply)


def read(answered: bytes, secret: bytes, items: Sequence[str] | None = None) -> Matched:
    """The result, for the asker alone: opened with the secret of the question. Refuses another question's answer, and
    ``items`` that are not the list in the order it was asked about: places would name other people."""
    body, kept = _unpacked(ANSWER, answered), _unpacked(SECRET, secret)
    only_count, kept = bool(kept[0]), kept[1:]
    asked, listed, key = kept[:DIGEST], kept[DIGEST : 2 * DIGEST], kept[2 * DIGEST :]
    if items is not None and _of_list(items) != listed:
        raise Refusal("matching.other_list")
    if body[:DIGEST] != asked:  # it would open, and say that nobody is in both
        raise Refusal("matching.other_question")
    body = body[DIGEST:]
    try:
        (length,) = struct.unpack(">Q", body[:8])
        client = psi.client.CreateFromKey(key, not only_count)
        setup, reply = psi.ServerSetup(), psi.Response()
        setup.ParseFromString(body[8 : 8 + length])
        reply.ParseFromString(body[8 + length :])
        if only_count:
            return Matched(int(client.GetIntersectionSize(setup, reply)), None)
        places = tuple(sorted(client.GetIntersection(setup, reply)))
    except Refusal:
        raise
    except Exception as broken:  # protobuf and the native library raise many kinds
        raise Refusal("matching.not_a_message") from broken
    return Matched(len(places), places)


def _read_question(question: bytes) -> tuple[bool, int, psi.Request]:
    body = _unpacked(QUESTION, question)
    request = psi.Request()
    try:
        (asked,) = struct.unpack(">I", body[1:5])
        request.ParseFromString(body[5:])
    except Exception as broken:
        raise Refusal("matching.not_a_message") from broken
    only_count = bool(body[0])
    if len(request.encrypted_elements) != asked or request.reveal_intersection == only_count:
        raise Refusal("matching.not_a_message")
    return only_count, asked, request


def _of_list(items: Sequence[str]) -> bytes:
    return _digest("\x1e".join(items).encode())


def _packed(magic: bytes, body: bytes) -> bytes:
    """A message with its digest: what is damaged on the way is noticed, not counted."""
    return magic + _digest(body) + body


def _unpacked(magic: bytes, message: bytes) -> bytes:
    body = message[len(magic) + DIGEST :]
    if not body or not message.startswith(magic + _digest(body)):
        raise Refusal("matching.not_a_message")
    return body


def _digest(message: bytes) -> bytes:
    return hashlib.sha256(message).digest()

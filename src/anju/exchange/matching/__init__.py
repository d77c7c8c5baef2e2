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

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import private_set_intersection.python as psi

from anju.kernel.refusal import Refusal

QUESTION, ANSWER, SECRET = b"ANJUPSQ1", b"ANJUPSA1", b"ANJUPSK1"
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
    """What is compared: parts stripped, upper case, joined. Both parties must give the same parts in the same order."""
    if not parts or not all(p.strip() for p in parts):
        raise Refusal("matching.empty_part")
    return "\x1f".join(p.strip().upper() for p in parts)


def ask(items: Sequence[str], *, only_count: bool) -> Asked:
    """A question about a list of distinct items. ``only_count``: not even the asker learns which ones match."""
    if not items:
        raise Refusal("matching.empty_list")
    if len(set(items)) != len(items):
        raise Refusal("matching.repeated_items", count=len(items) - len(set(items)))
    client = psi.client.CreateWithNewKey(not only_count)
    request = client.CreateRequest(list(items)).SerializeToString()
    head = bytes([only_count]) + struct.pack(">I", len(items))
    return Asked(QUESTION + head + request, SECRET + bytes([only_count]) + client.GetPrivateKeyBytes())


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
    return ANSWER + struct.pack(">Q", len(setup)) + setup + reply


def read(answered: bytes, secret: bytes) -> Matched:
    """The result, for the asker alone: opened with the secret of the question."""
    if not answered.startswith(ANSWER) or not secret.startswith(SECRET):
        raise Refusal("matching.not_a_message")
    only_count, key = bool(secret[len(SECRET)]), secret[len(SECRET) + 1 :]
    body = answered[len(ANSWER) :]
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
    if not question.startswith(QUESTION) or len(question) < len(QUESTION) + 5:
        raise Refusal("matching.not_a_message")
    at = len(QUESTION)
    request = psi.Request()
    try:
        request.ParseFromString(question[at + 5 :])
    except Exception as broken:
        raise Refusal("matching.not_a_message") from broken
    (asked,) = struct.unpack(">I", question[at + 1 : at + 5])
    only_count = bool(question[at])
    if len(request.encrypted_elements) != asked or request.reveal_intersection == only_count:
        raise Refusal("matching.not_a_message")
    return only_count, asked, request

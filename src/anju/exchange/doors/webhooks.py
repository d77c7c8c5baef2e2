"""A notice handed to a department's own system: a signed JSON over HTTPS, to a public address unless the deployment allows others.

Signed is ``name.time.body`` with the deployment's newest signing key, whose public half is published. The name is the same for every
try, the time is the try's: a receiver that remembers names, and refuses old times, is told each thing once and by nobody else.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from anju.kernel.refusal import Refusal
from anju.trust.sealing import Ring
from anju.trust.sealing.suites import suite

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PATIENCE = 10.0
"""Seconds for each step of a try; three times that for the whole."""
LONGEST = 500
READ = 4096
"""Bytes of an answer that are read; only its status counts."""
SCHEMES = {"international": "v1a", "national": "sm2"}
"""What a signature begins with, by suite: Ed25519, SM2 with SM3."""
_THROUGH_IPV6 = ipaddress.ip_network("64:ff9b::/96")


class NotTakenError(Exception):
    """The other side did not take it; the message is a status or a kind of error, never a text of theirs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook is: the parts of its URL, and the addresses its host has now, all of them allowed."""

    url: SplitResult
    port: int
    addresses: tuple[str, ...]


def own_networks() -> tuple[Network, ...]:
    """Networks beside the public one that notices may go to: ``ANJU_WEBHOOK_NETWORKS``, such as ``10.2.0.0/16``."""
    stated = os.environ.get("ANJU_WEBHOOK_NETWORKS", "")
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in stated.split(",") if one.strip())
    except ValueError as broken:
        raise Refusal("notices.bad_networks") from broken


def find(url: str) -> Place:
    """Where a URL leads. Refuses one that is none, is not HTTPS, is not found, or leads where notices may not go.

    Plain HTTP is for the deployment's own networks alone.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as broken:
        raise Refusal("notices.no_webhook") from broken
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST
    if (
        not plain
        or parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
        or parts.fragment
    ):
        raise Refusal("notices.no_webhook")
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise Refusal("notices.host_not_found") from unknown
    addresses = tuple(dict.fromkeys(str(told[4][0]) for told in found))
    own = own_networks()
    for address in addresses:
        one = ipaddress.ip_address(address.partition("%")[0])
        is_own = any(one in network for network in own)
        if not is_own and not _is_public(one):
            raise Refusal("notices.private_address")
        if not is_own and parts.scheme == "http":
            raise Refusal("notices.no_webhook")
    return Place(parts, port, addresses)


def _is_public(address: Address) -> bool:
    """Whether an address, or the one it stands for, is one of the public network."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _THROUGH_IPV6:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


def shown(url: str) -> str:
    """A URL without what may be a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def letter(told: Mapping[str, Any], name: str, second: int, ring: Ring) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a notice. ``second``: of the try, since 1970."""
    body = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    key = ring.newest("sign")
    raw = suite(key.suite).sign(key.secret, signed(name, second, body))
    return body, {
        "Content-Type": "application/json; charset=utf-8", "User-Agent": "Anju", "Webhook-Id": name,
        "Webhook-Timestamp": str(second), "Webhook-Key": key.id,
        "Webhook-Signature": f"{SCHEMES[key.suite]},{base64.b64encode(raw).decode()}",
    }  # fmt: skip


def signed(name: str, second: int, body: bytes) -> bytes:
    """The bytes that are signed."""
    return f"{name}.{second}.".encode() + body


def post(place: Place, body: bytes, headers: Mapping[str, str]) -> None:
    """Hand a notice over; raises ``NotTakenError`` unless the answer is 2xx. Redirects are not followed.

    The connection goes to an address that was looked at, not to what the name may mean a moment later.
    """
    target = place.url.path or "/"
    if place.url.query:
        target += f"?{place.url.query}"
    link = http.client.HTTPConnection(place.url.hostname or "", place.port, timeout=PATIENCE)
    ending = threading.Timer(3 * PATIENCE, _end, [link])
    ending.daemon = True
    ending.start()
    try:
        _join(link, place)
        link.request("POST", target, body, dict(headers))
        answer = link.getresponse()
        status = answer.status
        answer.read(READ)
    except (OSError, http.client.HTTPException, ValueError) as broken:
        raise NotTakenError(type(broken).__name__) from None
    finally:
        ending.cancel()
        link.close()
    if not 200 <= status < 300:
        raise NotTakenError(f"HTTP {status}")


def _join(link: http.client.HTTPConnection, place: Place) -> None:
    """Connect to the first address that answers."""
    is_sealed = place.url.scheme == "https"
    link.default_port = 443 if is_sealed else 80
    for number, address in enumerate(place.addresses, start=1):
        try:
            link.sock = socket.create_connection((address, place.port), PATIENCE)
            if is_sealed:
                link.sock = ssl.create_default_context().wrap_socket(link.sock, server_hostname=link.host)
        except OSError:
            link.close()
            if number == len(place.addresses):
                raise
        else:
            return


def _end(link: http.client.HTTPConnection) -> None:
    """Whoever answers a letter at a time is not waited for."""
    with suppress(OSError):
        if link.sock is not None:
            link.sock.shutdown(socket.SHUT_RDWR)

"""What somebody typed into a search box, carried in an address without being readable there.

A name or a number in an address ends in browser histories, proxies and logs. A search is therefore posted,
sealed for this account, and the list is shown under ``?q=<token>``: paging, sorting, going back and
reloading work as with any list. A token opens for its own account only, for one day.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

LASTS_SECONDS = 24 * 3600


def _box(account: object) -> Fernet:
    key = hashlib.sha256(f"anju.search|{settings.SECRET_KEY}|{account}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def seal(text: str, account: object) -> str:
    """A token for ``text`` that only ``account`` can open; empty for nothing."""
    return _box(account).encrypt(text.encode()).decode().rstrip("=") if text else ""


def open_sealed(token: str, account: object) -> str:
    """The text of a token; empty when it is foreign, broken or too old: the search is then simply begun anew."""
    if not token:
        return ""
    try:
        padded = token + "=" * (-len(token) % 4)
        return _box(account).decrypt(padded.encode(), ttl=LASTS_SECONDS).decode()
    except (InvalidToken, UnicodeError):
        return ""

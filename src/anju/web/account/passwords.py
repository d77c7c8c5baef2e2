"""Passwords that are too easily guessed: by anyone, by whoever knows this place, or because they leaked elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pypinyin import lazy_pinyin
from zxcvbn import zxcvbn

from anju.kernel import packs

GUESSES = 10.0
"""Guesses needed, as a power of ten, by zxcvbn's estimate."""
LEFT = 6
"""Letters that must be left when the words of this place are taken away."""
LONGEST = 72
"""zxcvbn looks at no more."""
SHA1 = 40


class Guessable:
    """Refuses what zxcvbn guesses quickly, and what is made of words that belong to this place."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError."""
        own = [str(getattr(user, n, "") or "").lower() for n in ("username", "email")]
        mine = [part for told in own for part in re.split(r"\W+", told) if len(part) > 2]
        found = zxcvbn(password[:LONGEST], user_inputs=[*words(), *mine])
        if found["guesses_log10"] < GUESSES or _left(password, mine) < LEFT:
            raise ValidationError(
                _("太容易被猜到：请避开地名、单位、日期和常见词，用几个不相干的词更好。"), code="guessable"
            )

    def get_help_text(self) -> str:
        """For the form."""
        return _("不要用地名、单位名、日期或常见词凑成密码。")


def _left(password: str, mine: list[str]) -> int:
    """How many letters are left without the words of this place; a foreign script's letter counts as three."""
    rest = password.lower()
    for word in (*mine, *words()):
        rest = rest.replace(word, " ")
    return sum((1 if c.isascii() else 3) for c in rest if c.isalpha())


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The pack's words and the names of its places, in characters and in letters; the longest first."""
    found = packs.find_file("trust/passwords.yaml")
    told = {str(w).lower() for w in packs.read_yaml(found)["words"]} if found else set()
    regions = packs.find_file("regions.csv")
    for line in regions.read_text(encoding="utf-8").splitlines()[1:] if regions else ():
        name = line.split(",")[3]
        told |= {name, "".join(lazy_pinyin(name)), name[:-1], "".join(lazy_pinyin(name[:-1]))}
    return tuple(sorted((w for w in told if len(w) > 1), key=lambda w: (-len(w), w)))


class Breached:
    """Refuses what stands in a list of leaked passwords kept on this machine (``ANJU_BREACHED``); without one, nothing.

    The list is the usual one: a line for each, the SHA-1 in capital hex, perhaps a colon and a count, in order.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError. A list that is named and cannot be read fails loudly: no password passes unchecked."""
        stated = os.environ.get("ANJU_BREACHED")
        if stated and is_listed(Path(stated), password):
            raise ValidationError(_("这个密码出现在已泄露的密码清单中，请换一个。"), code="breached")

    def get_help_text(self) -> str:
        """For the form."""
        return _("不要用在别处泄露过的密码。")


def is_listed(path: Path, password: str) -> bool:
    """Whether the list holds the password: halved again and again, so that forty gigabytes take forty looks."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as stream:
        low, high = 0, stream.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            stream.seek(middle)
            if middle:
                stream.readline()  # the rest of a line begun before
            at, line = stream.tell(), stream.readline()
            if not line or line[:SHA1] > wanted:
                high = middle
            elif line[:SHA1] == wanted:
                return True
            else:
                low = max(at, middle + 1)
        stream.seek(0)
        return stream.read(SHA1) == wanted

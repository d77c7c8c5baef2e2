"""Places: which division codes lie in the subtree of another.

Codes are two digits each for province, city and county, three each for sub-district, community and grid
(GB/T 2260, GB/T 10114; a grid's 15 digits are our own). Zeros at the end of a code stand for "all of it".
"""

from __future__ import annotations

from functools import lru_cache

WHOLE = "*"
"""The region of an actor whose place is the whole deployment."""

CUTS = (2, 4, 6, 9, 12, 15)
PAST = "~"
"""Sorts after every digit: a subtree is ``prefix <= code < prefix + PAST`` in byte order."""


@lru_cache(maxsize=4096)
def prefix(code: str) -> str:
    """The significant digits of a division code: 990100 -> 9901, 990102001000 -> 990102001. Raises ValueError."""
    if not code.isdigit() or len(code) not in CUTS:
        raise ValueError("not a division code")
    for start, end in reversed(tuple(zip((0, *CUTS), CUTS, strict=False))):
        if end <= len(code) and code[start:end].strip("0"):
            return code[:end]
    raise ValueError("not a division code")


def within(code: str | None, region: str) -> bool:
    """Whether ``code`` lies in the subtree of ``region``. Unknown or broken codes lie in the whole alone."""
    if region == WHOLE:
        return True
    try:
        return code is not None and prefix(code).startswith(prefix(region))
    except ValueError:
        return False


def bounds(region: str) -> tuple[str, str]:
    """First code of the subtree and the first past it, in byte order. Nothing for a broken region."""
    if region == WHOLE:
        return "0", PAST
    try:
        return prefix(region), prefix(region) + PAST
    except ValueError:
        return PAST, PAST

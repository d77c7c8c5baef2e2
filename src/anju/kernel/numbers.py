"""Whole numbers as people type them into addresses and forms.

``str.isdigit`` holds for "²" and "٣" too, which ``int`` does not read, or reads as another digit; and a number of twenty
digits is more than a database has room for.
"""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[0-9]{1,18}")


def whole(stated: str | None) -> int | None:
    """The number in ``stated``, from 0 up to eighteen digits; None where it is none."""
    return int(stated) if stated and _WHOLE.fullmatch(stated) else None

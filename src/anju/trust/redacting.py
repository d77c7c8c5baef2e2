"""Ordinary logs without people in them: numbers of persons and the database's quotations of rows are blotted out."""

from __future__ import annotations

import logging
import re

BLOT = "█"
NUMBERS = re.compile(r"(?<!\d)(\d{17}[\dXx]|\d{15}|1\d{10})(?!\d)")
QUOTED_ROW = re.compile(r"^(?P<indent>\s*)(DETAIL|CONTEXT|STATEMENT|HINT|QUERY|PARAMETERS):.*$", re.MULTILINE)
KEY_VALUE = re.compile(r"\((?P<column>[a-z_, ]+)\)=\([^)]*\)")


def redact(text: str) -> str:
    """``text`` with citizen numbers, phones and the values PostgreSQL quotes in its errors blotted out.

    Names cannot be told from other words; that is why nothing that writes a log line puts one in.
    """
    text = QUOTED_ROW.sub(rf"\g<indent>\2: {BLOT}", text)
    text = KEY_VALUE.sub(rf"(\g<column>)=({BLOT})", text)
    return NUMBERS.sub(BLOT, text)


class Formatter(logging.Formatter):
    """Formats like any other, then blots; the traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """One log line without people in it."""
        return redact(super().format(record))

"""ANJU_HOME: the one folder of everything Anju keeps by itself."""

from __future__ import annotations

import os
from pathlib import Path

from anju.kernel.refusal import Refusal

UNSPOKEN = frozenset("\"'$`\\")
"""Characters that PostgreSQL's starter hands to a shell, and that end a text in SQL."""


def home() -> Path:
    """The folder named by ``ANJU_HOME``, or ``.anju`` in the current folder; made when missing.

    Raises: Refusal ``home.odd_name``, ``home.cannot_make``.
    """
    folder = Path(os.environ.get("ANJU_HOME", ".anju")).expanduser().resolve()
    if UNSPOKEN.intersection(str(folder)):
        raise Refusal("home.odd_name", path=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cannot:
        raise Refusal("home.cannot_make", path=folder, said=cannot.strerror) from None
    return folder


def lake() -> Path:
    """The folder of Parquet files."""
    return home() / "lake"


def keys() -> Path:
    """The folder of key files, readable by its owner alone."""
    folder = home() / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder

"""ANJU_HOME: the one folder of everything Anju keeps by itself."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder named by ``ANJU_HOME``, or ``.anju`` in the current folder; made when missing."""
    folder = Path(os.environ.get("ANJU_HOME", ".anju")).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lake() -> Path:
    """The folder of Parquet files."""
    return home() / "lake"


def keys() -> Path:
    """The folder of key files, readable by its owner alone."""
    folder = home() / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder

"""Passing files: every run has a folder of its own under ``ANJU_HOME/spill``, gone with the run.

A run holds a lock in its folder, which the system frees when the process ends in whatever way. So the next run tells the
folders of killed runs from those of living ones, and takes the former away.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from anju.kernel.home import home

ALIVE = "alive"
"""File in a folder that its run holds locked."""
TURN = ".turn"
"""File that whoever begins holds locked meanwhile: nobody takes a folder away before its run has locked it."""
FORGOTTEN = 24 * 3600
"""Seconds after which something without a lock goes: an earlier version's, or what was half removed."""


@contextmanager
def place(name: str) -> Iterator[Path]:
    """A folder readable by its owner alone, gone afterwards; what killed runs left goes first."""
    found, lock = _claim(name)
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)
        os.close(lock)


@lru_cache(maxsize=1)
def of_this_process() -> Path:
    """A folder that is gone when this process ends, for those whom it cannot tell when a run does."""
    opening = place("process")
    found = opening.__enter__()
    atexit.register(opening.__exit__, None, None, None)
    return found


def hold_temporary_files() -> None:
    """Temporary files of this process (sent files, above all) stand where they are swept, not in the system's folder."""
    tempfile.tempdir = str(of_this_process())


def sweep() -> None:
    """Take away what killed runs left, and nothing of a living one."""
    with _turn() as top:
        _sweep(top)


def _claim(name: str) -> tuple[Path, int]:
    with _turn() as top:
        _sweep(top)
        found = top / f"{name}-{os.getpid()}-{secrets.token_hex(4)}"
        found.mkdir(mode=0o700)
        lock = os.open(found / ALIVE, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return found, lock


@contextmanager
def _turn() -> Iterator[Path]:
    top = _top()
    top.mkdir(mode=0o700, exist_ok=True)
    turn = os.open(top / TURN, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield top
    finally:
        os.close(turn)


def _top() -> Path:
    """Below the home; where there is none, and a command needs none, a folder of this account beside other temporary files:
    no home is made in whatever folder somebody links a list in."""
    if "ANJU_HOME" in os.environ or Path(".anju").is_dir():
        return home() / "spill"
    top = Path(tempfile.gettempdir()) / f"anju-{os.getuid()}"
    top.mkdir(mode=0o700, exist_ok=True)
    return top if top.stat().st_uid == os.getuid() and not top.is_symlink() else home() / "spill"


def _sweep(top: Path) -> None:
    for path in top.iterdir():
        if path.name != TURN and _is_left(path):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_left(path: Path) -> bool:
    try:
        lock = os.open(path / ALIVE, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        with suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime > FORGOTTEN
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True

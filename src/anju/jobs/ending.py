"""Processes that end with the one that began them, also when that one was killed and could tell nobody."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""
BESIDE = "ANJU_BESIDE"
"""Set by a server for its workers and its keeper: its own process number."""


def end_with_parent() -> None:
    """From now on this process gets SIGTERM when its parent dies (Linux; elsewhere nothing happens). A worker left behind
    would go on answering at its port, with old code and nobody to end it."""
    parent = os.environ.get(BESIDE)
    if parent is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1 and parent != "1":  # died before this was said
        os.kill(os.getpid(), signal.SIGTERM)

"""What the web process is handed, because rooms open no engines and web does not import jobs.

The work is imported when it is first asked for: a command that only needs the database does not load the engines.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def give() -> None:
    """Let pages and API take files in, try rules on the library's people, and say why records are one person."""
    from anju.exchange.store import actions, push_actions, why_queries
    from anju.policy import library

    actions.TAKER = _later("intake", "take_upload")
    push_actions.TAKER = _later("doors", "take")
    library.EVERYONE = _later("trials", "everyone")
    library.PREPARING = _later("trials", "preparing")
    library.PERSON = _later("trials", "person")
    why_queries.EXPLAINER = _later("linkage", "explain")


def _later(pipeline: str, name: str) -> Callable[..., Any]:
    def work(*said: Any, **named: Any) -> Any:
        return getattr(import_module(f"anju.jobs.pipeline.{pipeline}"), name)(*said, **named)

    return work

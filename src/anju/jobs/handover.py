"""What the web process is handed, because rooms open no engines and web does not import jobs."""

from __future__ import annotations


def give() -> None:
    """Let pages and API take files in."""
    from anju.exchange.store import actions
    from anju.jobs.pipeline import intake

    actions.TAKER = intake.take_upload

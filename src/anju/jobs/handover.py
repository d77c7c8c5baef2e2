"""What the web process is handed, because rooms open no engines and web does not import jobs."""

from __future__ import annotations


def give() -> None:
    """Let pages and API take files in, and try rules on the library's people."""
    from anju.exchange.store import actions, push_actions
    from anju.jobs.pipeline import doors, intake, trials
    from anju.policy import library

    actions.TAKER = intake.take_upload
    push_actions.TAKER = doors.take
    library.EVERYONE = trials.everyone
    library.PERSON = trials.person

"""What the web process is handed, because rooms open no engines and web does not import jobs."""

from __future__ import annotations


def give() -> None:
    """Let pages and API take files in, try rules on the library's people, and say why records are one person."""
    from anju.exchange.store import actions, push_actions, review_queries
    from anju.jobs.pipeline import doors, intake, linkage, trials
    from anju.policy import library

    actions.TAKER = intake.take_upload
    push_actions.TAKER = doors.take
    library.EVERYONE = trials.everyone
    library.PERSON = trials.person
    review_queries.EXPLAINER = linkage.explain

"""Senders hear unasked: what there is to tell is collected and sent, by command, or every few minutes beside the server."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

logger = logging.getLogger(__name__)
TELL_SECONDS = 300


def tell(at: datetime) -> dict[str, int]:
    """Collect and send; how many are ``new``, ``sent``, ``put_off``, ``failed``, with ``nobody`` to go to."""
    from anju.exchange.store import notice_actions, notice_delivery

    return {"new": notice_actions.collect(at), **notice_delivery.deliver(at)}


def keep(stop: threading.Event) -> None:
    """Tell every few minutes until ``stop`` is set. Several that do so do no harm: each notice is made and begun once."""
    from django.db import connection

    while not stop.wait(TELL_SECONDS):
        try:
            tell(datetime.now(UTC))
        except Exception as broken:  # others of this process must go on; what is written down is tried again
            logger.error("telling senders failed and is tried again: %s", type(broken).__name__)
        finally:
            connection.close()

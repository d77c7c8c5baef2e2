"""Whose a batch is: whom its held rows, which show people as they were sent, may be shown to."""

from __future__ import annotations

from anju.exchange.contracts import find_contract
from anju.exchange.store.queries import BatchDetail, get_batch
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.places import WHOLE
from anju.trust.store import access_queries


def is_theirs(batch: BatchDetail, actor: Actor) -> bool:
    """Whether rows of a batch may be shown to ``actor``, or given up by them.

    An officer has the datasets of the department; who works for a place, what offices of the place sent. Nobody says of a
    held row where its person lives, so a batch that other places sent stays shut.
    """
    contract = find_contract(batch.dataset)
    if actor.department and (contract is None or contract.department != actor.department):
        return False
    return actor.region == WHOLE or batch.accepted_by in access_queries.accounts_within(actor.region)


def get_theirs(batch: str, actor: Actor) -> BatchDetail:
    """A batch whose rows ``actor`` may see; refuses another as if there were none: ``doors.batch_not_theirs``."""
    try:
        found = get_batch(batch)
    except Refusal:
        raise Refusal("doors.batch_not_theirs", batch=batch[:60]) from None
    if not is_theirs(found, actor):
        raise Refusal("doors.batch_not_theirs", batch=batch[:60])
    return found

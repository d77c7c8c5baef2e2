"""Access: may this actor do this, about this subject, for this purpose - and why.

The narrow front door. Roles, actions and purposes are data in ``packs/<place>/trust``; ``decide`` is pure.
"""

from anju.trust.access.deciding import decide, purposes_for
from anju.trust.access.model import (
    Action,
    Actor,
    Circumstance,
    Decision,
    Purpose,
    Reason,
    Role,
    Subject,
    system,
)
from anju.trust.access.rules import Rules, rules

__all__ = [
    "Action",
    "Actor",
    "Circumstance",
    "Decision",
    "Purpose",
    "Reason",
    "Role",
    "Rules",
    "Subject",
    "decide",
    "purposes_for",
    "rules",
    "system",
]

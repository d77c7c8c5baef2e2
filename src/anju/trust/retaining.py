"""How long each aspect of a person's file is kept, and on whose word; read from the packs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anju.kernel import packs
from anju.kernel.refusal import Refusal

EVENTS = ("left", "ended", "observed")


@dataclass(frozen=True, slots=True)
class Keeping:
    """``days`` after the event (None: for as long as it has not come), and the legal basis."""

    days: int | None
    after: str
    basis: str


def keepings() -> Mapping[str, Keeping]:
    """The rule of every aspect. Refuses a file that names an unknown event or no basis."""
    found = packs.find_file("trust/retention.yaml")
    told = packs.read_yaml(found) if found else {}
    wrong = [
        aspect
        for aspect, rule in told.items()
        if rule.get("after") not in EVENTS or not rule.get("basis") or set(rule) != {"days", "after", "basis"}
    ]
    if wrong:
        raise Refusal("trust.broken_retention", aspects=", ".join(wrong))
    return {aspect: Keeping(**rule) for aspect, rule in told.items()}

"""Decisions that are made one by one (stays, jobs, family ties), whichever they are: taken back, told apart."""

from __future__ import annotations

from datetime import datetime

from anju.register import spells, ties
from anju.register.store import showing_spells, showing_ties
from anju.register.store.models import Settlement
from anju.trust.sealing import sealer


def restore(code: str, case: Settlement, former: str, at: datetime) -> None:
    """What was shown before a decision stands again; ``former``: ids of those rows, with commas between."""
    rows, value = [int(row) for row in former.split(",") if row], sealer().open(case.value)
    if case.field == ties.FIELD:
        showing_ties.restore(code, ties.unpack(value), rows, at)
    else:
        showing_spells.restore(code, spells.unpack(value), rows, at)


def is_same(one: Settlement, other: Settlement) -> bool:
    """Whether two decisions are about the same stay, job or tie."""
    told = [sealer().open(case.value) for case in (one, other)]
    if one.field == ties.FIELD:
        return ties.unpack(told[0]).is_about(ties.unpack(told[1]))
    return spells.unpack(told[0]).key == spells.unpack(told[1]).key

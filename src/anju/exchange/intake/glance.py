"""What most texts are is seen at a glance, without a statement of SQL: they stand as they are, or are plain days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from anju.exchange.intake import days
from anju.exchange.intake.compile import Reading
from anju.exchange.intake.usual import USUAL, Marks

ITSELF = frozenset({"t0", "v0", "b0"})
"""Outputs of a reading that are the text itself, where it is usual; the others are empty then."""
EPOCH = date(1970, 1, 1)


def at_a_glance(reading: Reading, texts: pa.Array) -> tuple[Marks, dict[str, pa.Array]]:
    """Which texts are usual ones, without fault; and what they are read as, by output. The rest of each output is not told."""
    if reading.type in USUAL:
        empty = pa.nulls(len(texts), pa.string())
        return USUAL[reading.type](texts), {n: texts if n in ITSELF else empty for n in reading.gives}
    if reading.type == "date":
        return _days(reading, texts)
    return np.zeros(len(texts), dtype=bool), {}


def _days(reading: Reading, texts: pa.Array) -> tuple[Marks, dict[str, pa.Array]]:
    usual, month, day = days.read(texts)
    stated = days.solar(month, day) + np.int32(reading.day_after)
    if reading.latest is not None:
        usual &= stated <= (reading.latest - EPOCH).days
    told = {"t0": texts, "v0": pa.array(stated).view(pa.date32())}
    if "m0" in reading.gives:
        there, lunar = days.lunar(month, day)
        told["m0"] = pa.array(lunar, mask=~there).view(pa.date32())
    return usual, {name: told[name] for name in reading.gives}

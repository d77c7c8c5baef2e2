"""What most texts are is seen at a glance, without a statement of SQL: they stand as they are, or are plain days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anju.exchange.contracts.model import ADDRESS_PARTS
from anju.exchange.intake import days, doorplates
from anju.exchange.intake.compile import Reading
from anju.exchange.intake.usual import USUAL, Marks

ITSELF = frozenset({"t0", "v0", "b0"})
"""Outputs of a reading that are the text itself, where it is usual; the others are empty then."""
EPOCH = date(1970, 1, 1)


ADDRESS = frozenset(f"t0_{part}" for part in ADDRESS_PARTS)
SHORTEST = "1号"
"""A number behind a street, so that the street can be looked up as an address."""
Recall: TypeAlias = Callable[[str, pa.Array], pa.Table]
Glance: TypeAlias = tuple[Marks, dict[str, pa.Array]]


def at_a_glance(reading: Reading, texts: pa.Array, recall: Recall) -> Glance:
    """Which texts are usual ones, without fault; and what they are read as, by output. The rest of each output is not told.

    ``recall`` reads texts of which there are few.
    """
    if reading.type in USUAL:
        empty = pa.nulls(len(texts), pa.string())
        return USUAL[reading.type](texts), {n: texts if n in ITSELF else empty for n in reading.gives}
    if reading.type == "date":
        return _days(reading, texts)
    if reading.type == "address" and set(reading.gives) >= ADDRESS:
        return _addresses(reading, texts, recall)
    return np.zeros(len(texts), dtype=bool), {}


def _days(reading: Reading, texts: pa.Array) -> Glance:
    usual, month, day = days.read(texts)
    stated = days.solar(month, day) + np.int32(reading.day_after)
    if reading.latest is not None:
        usual &= stated <= (reading.latest - EPOCH).days
    told = {"t0": texts, "v0": pa.array(stated).view(pa.date32())}
    if "m0" in reading.gives:
        there, lunar = days.lunar(month, day)
        told["m0"] = pa.array(lunar, mask=~there).view(pa.date32())
    return usual, {name: told[name] for name in reading.gives}


def _addresses(reading: Reading, texts: pa.Array, recall: Recall) -> Glance:
    """Region and street are looked up once for all the house numbers behind them: these say nothing about those."""
    plates = doorplates.read(texts)
    if not plates.usual.any():
        return plates.usual, {}
    coded = pc.dictionary_encode(plates.before)
    asked = pc.binary_join_element_wise(coded.dictionary, SHORTEST, "")
    told = recall(reading.sql, asked)
    as_stated = pc.and_(pc.equal(told["t0_address"], asked), pc.equal(told["t0_number"], SHORTEST[0]))
    sound = pc.fill_null(pc.and_(as_stated, pc.equal(told["faults"], 0)), False).to_numpy()
    values = {"t0": texts, "v0": texts, "t0_address": texts}
    values |= {f"t0_{part}": written for part, written in plates.parts.items()}
    for name in ("t0_region", "t0_street"):
        short = pc.dictionary_encode(told[name].combine_chunks())
        values[name] = pa.DictionaryArray.from_arrays(short.indices.take(coded.indices), short.dictionary)
    return plates.usual & sound[coded.indices.to_numpy()], {name: values[name] for name in reading.gives}

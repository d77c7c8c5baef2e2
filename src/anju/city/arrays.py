"""Column work shared by the city's modules: repeatable chance, and strings by table and by joining."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = "np.ndarray[Any, Any]"
Text: TypeAlias = "pa.Array[Any]"

EPOCH = np.datetime64("1900-01-01", "D")
"""Days are counted from here (int32) wherever the city holds a date as a number."""
NEVER = np.int32(-1)
"""A day that is not there."""


def chance(seed: int, *names: str) -> np.random.Generator:
    """A stream of random numbers of its own for each name, so that one stage never disturbs another."""
    words = [zlib.crc32(name.encode()) for name in names]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed & 0xFFFFFFFF, *words])))


def quota(weights: Array, total: int) -> Array:
    """Whole numbers proportional to ``weights`` that sum to ``total`` exactly (largest remainders)."""
    shares = np.asarray(weights, dtype=float) / float(np.sum(weights)) * total
    counts = np.floor(shares).astype(np.int64)
    rest = int(total - counts.sum())
    counts[np.argsort(-(shares - counts), kind="stable")[:rest]] += 1
    return np.asarray(counts)


def within(sizes: Array) -> Array:
    """0, 1, 2 … inside each group of the given sizes, the groups one after the other."""
    ends = np.cumsum(sizes)
    return np.asarray(np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes))


def rank_in_group(keys: Array) -> Array:
    """For each row how many earlier rows have the same key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else np.empty(0, int)
    sizes = np.diff(np.r_[starts, len(keys)])
    rank = np.empty(len(keys), dtype=np.int64)
    rank[order] = within(sizes)
    return rank


def table(values: Sequence[str | None]) -> Text:
    """A small table of strings to take from."""
    return pa.array(values, pa.string())


def take(values: Text, index: Array) -> Text:
    """The strings at ``index``; a negative index gives null."""
    bad = index < 0
    if bad.any():
        return values.take(pa.array(np.where(bad, 0, index), mask=bad))
    return values.take(pa.array(index))


def joined(*parts: Text | str) -> Text:
    """Strings put together row by row; null where any part is null."""
    return pc.binary_join_element_wise(*parts, "")


def coalesced(*parts: Text | str) -> Text:
    """Strings put together row by row; a null part counts as empty."""
    return pc.binary_join_element_wise(*parts, "", null_handling="skip")


def chosen(mask: Array, yes: Text | str | None, no: Text | str | None) -> Text:
    """``yes`` where the mask holds, else ``no``; None means null."""
    typed = [pa.scalar(v, pa.string()) if v is None or isinstance(v, str) else v for v in (yes, no)]
    return pc.if_else(pa.array(mask), *typed)


def numbered(values: Array, width: int = 0) -> Text:
    """Whole numbers as strings, with leading zeros up to ``width``."""
    text = pa.array(values).cast(pa.string())
    return pc.utf8_lpad(text, width, "0") if width else text


def day_number(day: Any) -> int:
    """A date as days since the epoch."""
    return int(np.datetime64(day, "D").astype(np.int64) - EPOCH.astype(np.int64))


def dates(days: Array) -> Text:
    """Day numbers as Arrow dates; ``NEVER`` is null."""
    shifted = days.astype(np.int32) + np.int32(EPOCH.astype(np.int64))
    return pa.array(shifted, pa.int32(), mask=days < 0).cast(pa.date32())

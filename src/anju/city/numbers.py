"""Invented numbers, many at a time: citizen numbers, phones, credit codes. All have the right check character.

Source: GB 11643 (citizen numbers), GB 32100 and GB 11714 (credit codes).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from anju.city.arrays import EPOCH, Array, Text, rank_in_group
from anju.kernel.identifiers import (
    CITIZEN_CHECKS,
    CITIZEN_WEIGHTS,
    CREDIT_ALPHABET,
    CREDIT_WEIGHTS,
    INVENTED_PREFIX,
)

PHONE_PREFIX = "12"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ZERO = ord("0")


def text_of(characters: Array) -> Text:
    """Rows of ASCII bytes (n x width) as strings."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    buffers = [
        None,
        pa.py_buffer(offsets),
        pa.py_buffer(np.ascontiguousarray(characters, dtype=np.uint8)),
    ]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def digits(values: Array, width: int) -> Array:
    """Whole numbers as rows of ``width`` ASCII digits, leading zeros kept."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values.astype(np.int64)[:, None] // powers % 10 + _ZERO).astype(np.uint8)


def calendar(days: Array) -> Array:
    """Day numbers as whole numbers YYYYMMDD."""
    stamps = EPOCH + days.astype("timedelta64[D]")
    months = stamps.astype("datetime64[M]")
    number = months.astype(int)
    day = (stamps - months.astype("datetime64[D]")).astype(int) + 1
    return np.asarray((number // 12 + 1970) * 10_000 + (number % 12 + 1) * 100 + day)


def citizen_numbers(county: Array, born: Array, sex: Array) -> Array:
    """Rows of 18 ASCII characters, all different: 99, four digits of the county of first issue, birthday,
    sequence (odd for men), check.

    Units: ``county`` whole numbers of six digits; ``born`` day numbers; ``sex`` 1 male, 2 female.
    """
    tail = county % 10_000
    parity = (sex == 1).astype(np.int64)
    group = (tail * 100_000 + born) * 2 + parity
    start = (group * 2_654_435_761) % 499
    rank = rank_in_group(group)
    if (rank >= 499).any():
        raise ValueError("more than 499 people of one sex were born in one county on one day")
    sequence = 2 * ((start + rank + 1) % 500) + parity
    body = np.concatenate(
        [
            np.tile(np.frombuffer(INVENTED_PREFIX.encode(), np.uint8), (len(born), 1)),
            digits(tail, 4),
            digits(calendar(born), 8),
            digits(sequence, 3),
        ],
        axis=1,
    )
    return np.concatenate([body, citizen_checks(body)[:, None]], axis=1)


def citizen_checks(body: Array) -> Array:
    """The check characters of rows of 17 ASCII digits."""
    total = (body.astype(np.int64) - _ZERO) @ np.array(CITIZEN_WEIGHTS)
    return np.asarray(np.frombuffer(CITIZEN_CHECKS.encode(), np.uint8)[total % 11])


def phones(count: int, first: int = 0) -> Text:
    """Different mobile numbers beginning with 12; ``first`` moves on along one fixed scattering."""
    scattered = (np.arange(first, first + count, dtype=np.int64) * 618_033_989 + 271_828_183) % 1_000_000_000
    body = np.tile(np.frombuffer(PHONE_PREFIX.encode(), np.uint8), (count, 1))
    return text_of(np.concatenate([body, digits(scattered, 9)], axis=1))


def credit_codes(kind: Array, district: Array, serial: Array) -> Text:
    """Unified social credit codes: two characters of kind, six of the invented district, nine of the body."""
    letters = np.frombuffer(CREDIT_ALPHABET.encode(), np.uint8)
    value = np.zeros(256, dtype=np.int64)
    value[letters] = np.arange(len(letters))
    body = digits((serial.astype(np.int64) * 7_654_321 + 20_260_701) % 100_000_000, 8)
    left = 11 - ((body.astype(np.int64) - _ZERO) @ np.array(ORGANISATION_WEIGHTS)) % 11
    check = np.where(left == 10, ord("X"), np.where(left == 11, _ZERO, left + _ZERO)).astype(np.uint8)
    first = np.concatenate([kind.astype("S2").view(np.uint8).reshape(-1, 2), digits(district, 6)], axis=1)
    seventeen = np.concatenate([first, body, check[:, None]], axis=1)
    total = value[seventeen] @ np.array(CREDIT_WEIGHTS)
    return text_of(np.concatenate([seventeen, letters[(31 - total % 31) % 31][:, None]], axis=1))

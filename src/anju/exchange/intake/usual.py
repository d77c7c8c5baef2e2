"""Texts that stand as they are: seen at a glance, without a statement of SQL for each of them.

Nine of ten citizen numbers, phones and keys are written as they should be. ``usual`` marks those whose reading is the
text itself, without fault; the forms in SQL read the others, and would read these the same (a test holds it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from anju.exchange.intake.macros import NOBODY, NULL_WORDS
from anju.kernel.identifiers import CITIZEN_CHECKS, CITIZEN_WEIGHTS

Marks = npt.NDArray[np.bool_]
LONGEST = 40
"""Characters up to which there is room for a text in every column: longer ones are looked at."""
DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, *[0] * 87], dtype=np.int16)
CHECKS = np.frombuffer(CITIZEN_CHECKS.encode(), dtype=np.uint8)
LAST_HAN = 0x9FA5
"""The end of the block as every version of Unicode has it."""
CERTAIN = ord("某")
"""Stands for a name that is not told: what holds it is looked at."""
NO_NAMES = pa.array([word for word in (*NULL_WORDS, *NOBODY) if len(word.encode()) % 3 == 0], pa.string())
WEIGHTS = np.array(CITIZEN_WEIGHTS[:17], dtype=np.float32)


def letters(texts: pa.Array, size: int) -> tuple[Marks, npt.NDArray[np.uint8]]:
    """Which texts have ``size`` bytes, and those bytes as a table, a row each."""
    fits = pc.fill_null(pc.equal(pc.binary_length(texts), size), False)
    marks = fits.to_numpy(zero_copy_only=False)
    chosen = texts if marks.all() else texts.filter(fits)
    data = np.frombuffer(chosen.buffers()[2] or b"", dtype=np.uint8)
    begin = np.frombuffer(chosen.buffers()[1], dtype=np.int32)[chosen.offset] if len(chosen) else 0
    return marks, data[begin : begin + size * len(chosen)].reshape(len(chosen), size)


def citizen_no(texts: pa.Array) -> Marks:
    """18 characters, a real day before 2200, the check character right (GB 11643)."""
    marks, written = letters(texts, 18)
    digits = written[:, :17] - np.uint8(48)
    # Not ``@``: a matrix product wakes a thread per core, and each spins long after its part is done.
    check = CHECKS[np.einsum("ij,j->i", digits.astype(np.float32), WEIGHTS).astype(np.int32) % 11]
    tens = digits[:, 6:14:2].astype(np.int16) * 10 + digits[:, 7:14:2]
    year, month, day = tens[:, 0] * 100 + tens[:, 1], tens[:, 2] % 100, tens[:, 3]
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = DAYS[month] + (is_leap & (month == 2))
    sound = (digits < 10).all(axis=1) & (written[:, 17] == check) & (digits[:, 0] > 0)
    marks[marks] = sound & (tens[:, 2] < 13) & (day > 0) & (day <= last) & (year > 0) & (year < 2200)
    return marks


def phone(texts: pa.Array) -> Marks:
    """Eleven digits, the first of them 1."""
    marks, written = letters(texts, 11)
    marks[marks] = (written[:, 0] == ord("1")) & ((written - np.uint8(48)) < 10).all(axis=1)
    return marks


def name(texts: pa.Array) -> Marks:
    """One to eight characters of the common Han block, and no word for *nothing* or *nobody*."""
    size = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
    marks: Marks = (size > 0) & (size <= 24) & (size % 3 == 0)
    if not marks.any():
        return marks
    chosen = texts if marks.all() else texts.filter(pa.array(marks))
    begin = np.frombuffer(chosen.buffers()[1], dtype=np.int32)[
        chosen.offset : chosen.offset + len(chosen) + 1
    ]
    a, b, c = np.frombuffer(chosen.buffers()[2], dtype=np.uint8)[begin[0] : begin[-1]].reshape(-1, 3).T
    code = (a.astype(np.uint16) << np.uint16(12)) | ((b & 63).astype(np.uint16) << np.uint16(6)) | (c & 63)
    is_han = (a >> 4 == 14) & (b >> 6 == 2) & (c >> 6 == 2) & (code >= 0x4E00) & (code <= LAST_HAN)
    is_han &= code != CERTAIN
    if not is_han.all():
        marks[marks] = np.logical_and.reduceat(is_han, (begin[:-1] - begin[0]) // 3)
    marks &= ~pc.is_in(texts, value_set=NO_NAMES).to_numpy(zero_copy_only=False)
    return marks


def text(texts: pa.Array) -> Marks:
    """Printable ASCII without blanks, longer than any word for *nothing*; no formula, no rounded number, none too long."""
    size = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
    marks: Marks = (size > 6) & (size <= LONGEST)
    if not marks.any():
        return marks
    begin = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2], dtype=np.uint8)
    plain = ((data - np.uint8(33)) < 94) & (data != ord("+"))
    if not plain[begin[0] : begin[-1]].all():
        odd = np.concatenate(([0], np.cumsum(~plain, dtype=np.int32)))
        marks &= odd[begin[1:]] == odd[begin[:-1]]
    first = data[begin[:-1][marks]]
    marks[marks] = (first != ord("=")) & (first != ord("@")) & (first != ord("'"))
    return marks


USUAL: Mapping[str, Callable[[pa.Array], Marks]] = {
    "citizen_no": citizen_no,
    "name": name,
    "phone": phone,
    "text": text,
}
"""By type of field; the others have none."""

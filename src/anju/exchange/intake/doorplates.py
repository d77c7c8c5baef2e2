"""What stands behind the street of an address, read at a glance: 815号99幢409室, 602号3幢2单元603室, 12号3-2-101.

A city's addresses are millions, the streets they begin with thousands: what stands before the first digit is handed back, to
be looked up once for each. The forms in SQL read every writing, and would read these the same (a test holds it).

Grain: one address. Units: bytes of UTF-8. Unknown: a text that is not usual is left to the forms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from anju.exchange.intake.usual import Marks

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
MOST_RUNS = 4
"""A number and three pieces: building, unit, room."""
LONGEST_RUN, LONGEST_TEXT = 8, 300
DIGIT, UPPER, LOWER = 1, 2, 4
KINDS = np.zeros(128, np.uint8)
KINDS[ord("0") : ord("9") + 1] = DIGIT
KINDS[ord("A") : ord("Z") + 1] = UPPER
KINDS[ord("a") : ord("z") + 1] = LOWER
WORDS = ("", "-", "号", "栋", "幢", "座", "号楼", "单元", "室", "房")
"""What may stand between two runs of digits and letters, and behind the last."""
UNKNOWN = len(WORDS)
DASH, NUMBER, UNIT = WORDS.index("-"), WORDS.index("号"), WORDS.index("单元")


def _these(*words: str) -> Marks:
    marks = np.zeros(len(WORDS) + 1, dtype=bool)
    marks[[WORDS.index(word) for word in words]] = True
    return marks


IS_LEAD = _these("-", "栋", "幢", "座", "号楼")
"""What makes the run before it a building."""
ALLOWED = (
    _these("号"),
    IS_LEAD | _these("", "单元", "室", "房"),
    _these("", "-", "单元", "室", "房"),
    _these("", "室", "房"),
)
"""What may stand behind a text's first run, and behind each of the others."""
_NUMBERS = [int.from_bytes(word.encode(), "little") for word in WORDS]
_ORDER = np.argsort(_NUMBERS).astype(np.uint8)
_CODES = np.array(_NUMBERS, np.uint64)[_ORDER]
MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
FIRST_BYTE = np.uint64(255)


@dataclass(frozen=True, slots=True)
class Plates:
    """``usual`` texts; ``before``: what stands before the first digit (others: empty); the parts, null where not written."""

    usual: Marks
    before: pa.Array
    parts: dict[str, pa.Array]


def read(texts: pa.Array) -> Plates:
    """Read house numbers in their usual writings."""
    text = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[text[0] : text[-1]]
    text = text - text[0]
    runs = _Runs(data, text)
    count = runs.last - runs.first
    usual: Marks = (
        (count > 0) & (count <= MOST_RUNS) & (np.diff(text) <= LONGEST_TEXT) & runs.no_small_letters
    )
    if texts.null_count:
        usual &= pc.is_valid(texts).to_numpy(zero_copy_only=False)
    if not usual.any():
        return Plates(usual, pa.nulls(len(texts), pa.string()), {})
    first = runs.at(0)
    usual &= runs.is_number[first] & (runs.word[first] == NUMBER)
    for n in range(MOST_RUNS):
        there, at = count > n, runs.at(n)
        usual &= ~there | (runs.is_sound[at] & ALLOWED[n][runs.word[at]])
    return Plates(usual, _before(data, text, usual, runs), _parts(runs, count, usual))


class _Runs:
    """Runs of digits and letters in texts that lie one behind the other; all places are bytes.

    ``begin`` and ``size`` of each; which ``word`` follows it; whether it ``is_sound``, and whether it ``is_number``: of digits
    alone. ``first`` and ``last`` (exclusive) are those of each text.
    """

    def __init__(self, data: Bytes, text: Places) -> None:
        at = np.flatnonzero(data < 128)
        kinds = KINDS[data[at]]
        edges = np.searchsorted(at, text)
        is_part = (kinds & (DIGIT | UPPER)) > 0
        begun = is_part.copy()
        begun[1:] &= ~(is_part[:-1] & (np.diff(at) == 1))
        behind = edges[:-1][edges[:-1] < len(at)]
        begun[behind] = is_part[behind]
        chosen = np.flatnonzero(begun)
        self.begin = at[chosen].astype(np.int32)
        told = _counted(begun)
        self.first, self.last = told[edges[:-1]], told[edges[1:]]
        self.size = np.diff(_counted(is_part)[np.append(chosen, len(at))])
        eight = _by_eight(data)
        self.key = eight[self.begin] & MASKS[np.minimum(self.size, 8)]
        self.is_sound = (self.size <= LONGEST_RUN) & (self.key & FIRST_BYTE != ord("0"))
        self.is_number = np.ones(len(chosen), bool)
        if (letters := kinds & UPPER).any():
            self.is_number = np.diff(_counted(letters > 0)[np.append(chosen, len(at))]) == 0
        self.no_small_letters = np.ones(len(text) - 1, bool)
        if (letters := kinds & LOWER).any():
            self.no_small_letters = np.diff(_counted(letters > 0)[edges]) == 0
        ends = np.minimum(np.append(self.begin[1:], len(data)), np.repeat(text[1:], self.last - self.first))
        end = self.begin + self.size
        length = ends - end
        code = eight[np.minimum(end, len(eight) - 1)] & MASKS[np.minimum(length, 7)]
        found = np.minimum(np.searchsorted(_CODES, code), len(_CODES) - 1)
        self.word = np.where(_CODES[found] == code, _ORDER[found], UNKNOWN)

    def at(self, n: int) -> Places:
        """The place of the ``n``-th run of each text among all; of another text's, where there is none."""
        return np.minimum(self.first + n, len(self.begin) - 1)


def _by_eight(data: Bytes) -> npt.NDArray[np.uint64]:
    """Eight bytes from each place on as one number, the first the smallest."""
    padded = np.concatenate([data, np.zeros(8, np.uint8)])
    return np.ndarray((len(data) + 1,), "<u8", padded, strides=(1,))


def _counted(marks: Marks) -> Places:
    """How many marks stand before each place, and before the end."""
    counted = np.zeros(len(marks) + 1, np.int32)
    np.cumsum(marks, dtype=np.int32, out=counted[1:])
    return counted


def _before(data: Bytes, text: Places, usual: Marks, runs: _Runs) -> pa.Array:
    """What stands before the first run of usual texts, byte by byte; of the others nothing."""
    begin, end = text[:-1][usual], runs.begin[runs.first[usual]]
    size = np.zeros(len(text), np.int32)
    size[1:][usual] = end - begin
    turn = np.zeros(len(data) + 1, np.int8)
    turn[begin] = 1
    turn[end] -= 1
    kept = data[np.cumsum(turn[:-1], dtype=np.int8).view(bool)]
    places = np.cumsum(size, dtype=np.int32)
    return pa.StringArray.from_buffers(len(usual), pa.py_buffer(places), pa.py_buffer(kept))


def _parts(runs: _Runs, count: Places, usual: Marks) -> dict[str, pa.Array]:
    """Which run is which part. Behind a room nothing more is told, as the forms have it."""
    m, k = runs.word[runs.at(1)], runs.word[runs.at(2)]
    leads, is_unit = IS_LEAD[m], m == UNIT
    deep = leads & ((k == UNIT) | (k == DASH)) & (count > 2)
    wanted = {
        "number": np.zeros(len(count), np.int32),
        "building": np.where(leads, 1, MOST_RUNS),
        "unit": np.where(deep, 2, np.where(is_unit, 1, MOST_RUNS)),
        "room": np.where(deep, 3, np.where(leads | is_unit, 2, 1)),
    }
    coded = pc.dictionary_encode(pa.array(runs.key))
    codes = coded.indices.to_numpy()
    written = np.frombuffer(coded.dictionary.to_numpy().astype("<u8").tobytes(), "S8").astype("U8")
    return {name: _listed(codes, written, runs.first + n, usual & (count > n)) for name, n in wanted.items()}


def _listed(codes: Places, written: npt.NDArray[np.str_], at: Places, there: Marks) -> pa.Array:
    """Values as places in a short list of those that occur."""
    code = codes[at[there]]
    occurs = np.bincount(code, minlength=len(written)) > 0
    place = np.zeros(len(there), np.int32)
    place[there] = (np.cumsum(occurs, dtype=np.int32) - 1)[code]
    return pa.DictionaryArray.from_arrays(
        pa.array(place, mask=~there), pa.array(written[occurs], pa.string())
    )

"""The dossier: what every source says of one person's own fields, packed into one text to be sealed.

Records are separated by RS (0x1E), their parts by US (0x1F): day, dataset, record key, batch (without the dataset's
name in front), one character that tells which fields are stated (``STATED_FROM`` plus a bit for each of ``FIELDS``),
then a part for each stated value that is not the one shown: the field's place and the value. A record of the former
form, one part per field (empty: not stated, ``=``: the value shown), is read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from anju.kernel.refusal import Refusal

FIELDS = ("name", "citizen_no", "sex", "born_on", "phone", "hukou_region", "education", "marital")
RECORD_MARK = "\x1e"
PART_MARK = "\x1f"
SHOWN = "="
HEAD = 4
STATED_FROM = 256


@dataclass(frozen=True, slots=True)
class Said:
    """One record of one source: what it states of the person."""

    observed_on: date | None
    dataset: str
    record_key: str
    batch: str
    values: Mapping[str, str]


def unpack(packed: str, shown: Mapping[str, str | None]) -> tuple[Said, ...]:
    """Every record of a packed dossier, newest first; ``shown`` fills what the records share with it."""
    found = [_record(line.split(PART_MARK), shown) for line in packed.split(RECORD_MARK) if line]
    return tuple(
        sorted(found, key=lambda s: (s.observed_on or date.min, s.dataset, s.record_key), reverse=True)
    )


def _record(parts: list[str], shown: Mapping[str, str | None]) -> Said:
    if len(parts) <= HEAD:
        raise Refusal("register.broken_dossier", parts=len(parts))
    day, dataset, key, batch = parts[:HEAD]
    stated, *others = parts[HEAD:]
    if len(stated) == 1 and (bits := ord(stated) - STATED_FROM) in range(1 << len(FIELDS)):
        values = {f: shown.get(f) or "" for place, f in enumerate(FIELDS) if bits >> place & 1}
        values |= {FIELDS[int(other[0])]: other[1:] for other in others}
    elif len(parts) == HEAD + len(FIELDS):
        told = dict(zip(FIELDS, parts[HEAD:], strict=True))
        values = {f: (shown.get(f) or "") if v == SHOWN else v for f, v in told.items() if v}
    else:
        raise Refusal("register.broken_dossier", parts=len(parts))
    batch = f"{dataset}{batch}" if batch.startswith("-") else batch
    return Said(date.fromisoformat(day) if day else None, dataset, key, batch, values)

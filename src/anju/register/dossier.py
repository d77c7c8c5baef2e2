"""The dossier: what every source says of one person's own fields, packed into one text to be sealed.

Records are separated by RS (0x1E), their parts by US (0x1F): day, dataset, record key, batch, then one part
per field of ``FIELDS``. A part is empty (not stated), ``=`` (the value shown) or the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from anju.kernel.refusal import Refusal

FIELDS = ("name", "citizen_no", "sex", "born_on", "phone", "hukou_region", "education", "marital")
RECORD_MARK = "\x1e"
PART_MARK = "\x1f"
SHOWN = "="
HEAD = 4


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
    if len(parts) != HEAD + len(FIELDS):
        raise Refusal("register.broken_dossier", parts=len(parts))
    day, dataset, key, batch = parts[:HEAD]
    values = {
        name: (shown.get(name) or "") if part == SHOWN else part
        for name, part in zip(FIELDS, parts[HEAD:], strict=True)
        if part
    }
    return Said(date.fromisoformat(day) if day else None, dataset, key, batch, values)


def pack(said: Iterable[Said], shown: Mapping[str, str | None]) -> str:
    """Records as a packed dossier: what ``unpack`` reads, with what they share with ``shown`` shortened."""
    return RECORD_MARK.join(
        PART_MARK.join(
            [
                s.observed_on.isoformat() if s.observed_on else "",
                s.dataset,
                s.record_key,
                s.batch,
                *(_part(s.values.get(f), shown.get(f)) for f in FIELDS),
            ]
        )
        for s in said
    )


def _part(value: str | None, shown: str | None) -> str:
    if not value:
        return ""
    return SHOWN if value == shown else value

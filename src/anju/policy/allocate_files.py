"""Applicants and schools read from CSV, for the command line and for pages alike; all faults of the rows at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import numpy as np

from anju.kernel.refusal import Refusal
from anju.policy.allocate import NONE, Applicants

MOST_FAULTS = 5


def read(applicants: str, schools: str) -> tuple[Applicants, np.ndarray, list[str]]:
    """Applicants, places per school and the schools' names, from the texts of two CSV files.

    ``applicants``: reference, points (whole), choices (names of schools joined by ``;``), optionally bands (joined by ``;``,
    0 comes first). ``schools``: school, places. Refuses missing columns and rows that do not fit, naming the first few lines.
    """
    names, places = _schools(schools)
    index = {name: i for i, name in enumerate(names)}
    rows: list[tuple[str, int, list[int], list[int]]] = []
    faults: list[str] = []
    for line, told in _rows(applicants, ("reference", "points", "choices")):
        wishes = [c.strip() for c in told["choices"].split(";") if c.strip()]
        unknown = [c for c in wishes if c not in index]
        bands = [b for b in (told.get("bands") or "").split(";") if b.strip()]
        if unknown or not _is_whole(told["points"]) or not all(map(_is_whole, bands)):
            faults.append(f"applicants:{line}" + (f" ({unknown[0]}?)" if unknown else ""))
        elif bands and len(bands) != len(wishes):
            faults.append(f"applicants:{line} (bands)")
        elif len(set(wishes)) != len(wishes):
            faults.append(f"applicants:{line} (twice)")
        else:
            rows.append(
                (
                    told["reference"].strip(),
                    int(told["points"]),
                    [index[c] for c in wishes],
                    list(map(int, bands)),
                )
            )
    _refuse(faults)
    return _applicants(rows), np.array(places, dtype=np.int64), names


def _schools(text: str) -> tuple[list[str], list[int]]:
    names: list[str] = []
    places: list[int] = []
    faults = []
    for line, told in _rows(text, ("school", "places")):
        name = told["school"].strip()
        if not name or name in names or not _is_whole(told["places"]) or int(told["places"]) < 0:
            faults.append(f"schools:{line}")
            continue
        names.append(name)
        places.append(int(told["places"]))
    _refuse(faults)
    return names, places


def _rows(text: str, needed: Iterable[str]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    missing = [n for n in needed if n not in (reader.fieldnames or ())]
    if missing:
        raise Refusal("policy.allocation_input", problem=", ".join(missing))
    rows = [(at, {k: v or "" for k, v in row.items() if k}) for at, row in enumerate(reader, 2)]
    if not rows:
        raise Refusal("policy.allocation_input", problem="0")
    return rows


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("-").isdigit()


def _refuse(faults: list[str]) -> None:
    if faults:
        more = f" … (+{len(faults) - MOST_FAULTS})" if len(faults) > MOST_FAULTS else ""
        raise Refusal("policy.allocation_input", problem=", ".join(faults[:MOST_FAULTS]) + more)


def _applicants(rows: list[tuple[str, int, list[int], list[int]]]) -> Applicants:
    width = max((len(r[2]) for r in rows), default=1) or 1
    wishes = np.full((len(rows), width), NONE, dtype=np.int64)
    bands = np.zeros((len(rows), width), dtype=np.int64)
    for at, (_, _, named, mine) in enumerate(rows):
        wishes[at, : len(named)] = named
        bands[at, : len(mine)] = mine
    points = np.array([r[1] for r in rows], dtype=np.int64)
    return Applicants([r[0] for r in rows], points, wishes, bands if any(r[3] for r in rows) else None)

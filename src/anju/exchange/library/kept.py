"""What a run keeps beside its tables, so that the next one need not resolve everybody: the small tables that everybody's
records decide, and a description of what it read.

Grain: ``street_said`` one row per street and district, ``employer_said`` per statement about an employer,
``official_said`` per housing record, ``repeated`` per record sent again, ``repeat`` per person and dataset.
Unknown: as in the tables of the run. Raises: nothing. Source: the tables a run on DuckDB has just made.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from anju.exchange.library import measures, names
from anju.exchange.library.inputs import Inputs
from anju.exchange.library.places import EMPLOYER_TOLD, PARTS
from anju.exchange.library.rules import Rules
from anju.exchange.library.settled import OVERRULED
from anju.exchange.library.standing import GONE
from anju.kernel import packs
from anju.kernel.engine import Engine

FOLDER = "kept"
STATE = "state.json"
OWN = "own"
"""Copies of our own records as they were read, under ``FOLDER``."""
LINKED = "linked"
"""The linkage's assignment as it was read, hard-linked."""
OFFICIAL = ("official", "code", *PARTS, "address")
EMPLOYER = ("dataset", "is_register", "seen", "credit_code", *(c for c, _ in EMPLOYER_TOLD), "n")
REPEATED = ("record_id", "batch", "row_no")
REPEAT = ("person_code", "dataset", "extra")
GROWING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "official_said": ("official", OFFICIAL),
    "employer_said": ("credit_code", EMPLOYER),
    "repeated": ("record_id", REPEATED),
    "repeat": ("person_code", REPEAT),
}
"""Tables that grow by parts: the column by which rows are superseded, the columns."""


@dataclass(frozen=True, slots=True)
class Before:
    """A former run: its folder and what it says of itself."""

    folder: Path
    told: Mapping[str, Any]

    @property
    def kept(self) -> Path:
        """Where it keeps what the next run needs."""
        return self.folder / FOLDER

    @property
    def as_of(self) -> date:
        """The day it was resolved for."""
        return date.fromisoformat(self.told["as_of"])

    @property
    def batches(self) -> tuple[str, ...]:
        """Ids of the batches it read, our own apart, in their order."""
        return tuple(self.told["batches"])

    def own(self, name: str) -> Path | None:
        """A file of our own records as it read them."""
        path = self.kept / OWN / name
        return path if path.is_file() else None

    @property
    def assignment(self) -> tuple[Path, ...]:
        """The assignment it read."""
        own = self.own("assignment.parquet")
        return (*sorted((self.kept / LINKED).glob("*.parquet")), *((own,) if own else ()))


def keep(
    engine: Engine,
    inputs: Inputs,
    rules: Rules,
    out: Path,
    counted: Mapping[str, measures.Counted],
    codes: Sequence[Path] = (),
) -> None:
    """Write what a whole run keeps. ``repeat`` and the tables of its steps must be there still."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    engine.save("SELECT street, district, n FROM street_said", folder / "street_said.parquet")
    for name, query in (
        ("official_said", f"SELECT {', '.join(OFFICIAL)} FROM official_said"),
        ("employer_said", f"SELECT {', '.join(EMPLOYER)} FROM employer_said"),
        (
            "repeated",
            "SELECT r.record_id, b.batch, CAST(r.newest % 4294967296 AS UINTEGER) AS row_no "
            "FROM repeated AS r JOIN batch_order AS b ON b.seq = r.newest // 4294967296",
        ),
        (
            "repeat",
            "SELECT n.person_code, r.dataset, r.extra FROM repeat AS r JOIN person_no AS n ON r.pid = n.pid",
        ),
    ):
        engine.save(query, folder / f"{name}.parquet")
    describe(inputs, rules, out, counted, codes)


def describe(
    inputs: Inputs,
    rules: Rules,
    out: Path,
    counted: Mapping[str, measures.Counted],
    codes: Sequence[Path] = (),
) -> None:
    """Write what a run read, and of our own records and the assignment a copy or a link. ``codes``: files of every code
    ever given."""
    folder = out / FOLDER
    (folder / OWN).mkdir(parents=True, exist_ok=True)
    (folder / LINKED).mkdir(exist_ok=True)
    own = own_files(inputs)
    for name, path in own.items():
        shutil.copy2(path, folder / OWN / name)
    linked = [p for p in inputs.assignment if p not in own.values()]
    for place, path in enumerate(linked):
        _link(path, folder / LINKED / f"{place:06d}.parquet")
    told = {
        "how": how(rules),
        "as_of": inputs.as_of.isoformat(),
        "batches": {b.id: prints(b.path) for b in inputs.batches if not _is_own(b.id)},
        "aspects": aspects(inputs),
        "assignment": [prints(p) for p in linked],
        "codes": [prints(p) for p in codes],
        "counted": {dataset: [c.aspect, c.records] for dataset, c in counted.items()},
    }
    (folder / STATE).write_text(json.dumps(told), encoding="utf-8")


def _link(path: Path, there: Path) -> None:
    """A hard link; a copy where the two lie on different disks: the next run then resolves everybody."""
    try:
        there.hardlink_to(path)
    except OSError:
        shutil.copy2(path, there)


def read(folder: Path) -> Before | None:
    """What a former run kept; None where it kept nothing."""
    path = folder / FOLDER / STATE
    return Before(folder, json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def forget(folder: Path) -> None:
    """Take away what the next run would build on: it resolves everybody."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def may_follow(before: Before, inputs: Inputs, rules: Rules) -> bool:
    """Whether a run can be built on a former one: the same rules, the same code, batches only added, nothing rewritten."""
    told = before.told
    now = {b.id: b.path for b in inputs.batches if not _is_own(b.id)}
    stood = [i for i in now if i in told["batches"]]
    aspect = aspects(inputs)
    return bool(
        told["how"] == how(rules)
        and tuple(stood) == before.batches
        and all(told["batches"][i] == prints(now[i]) for i in stood)
        and all(aspect.get(d, a) == a for d, a in told["aspects"].items())
        and all(
            prints(p) == seen
            for p, seen in zip(
                sorted((before.kept / LINKED).glob("*.parquet")), told["assignment"], strict=True
            )
        )
    )


def own_files(inputs: Inputs) -> dict[str, Path]:
    """Our own records and what was decided, by file name."""
    own = [b.path for b in inputs.batches if _is_own(b.id)]
    beside = [own[0].with_name(n) for n in ("assignment.parquet", OVERRULED)] if own else []
    told = [p for p in (inputs.decided, inputs.decided_kin) if p]
    return {p.name: p for p in (*own, *beside, *told) if p.is_file()}


def aspects(inputs: Inputs) -> dict[str, list[str]]:
    """What each dataset speaks of."""
    return {d: sorted({c.partition(".")[0] for c in inputs.columns[d] if "." in c}) for d in inputs.datasets}


def prints(path: Path) -> list[int]:
    """What tells a file from another, and from itself rewritten; the same in a copy of the home that keeps times."""
    told = path.stat()
    return [told.st_size, told.st_mtime_ns]


def _is_own(batch: str) -> bool:
    return batch.startswith("own-")


def how(rules: Rules) -> str:
    """One text for how values are resolved: the rules, the tables of names, the very code."""
    return hashlib.sha256(f"{rules!r}{_code()}".encode()).hexdigest()


@lru_cache(maxsize=1)
def _code() -> str:
    here = Path(__file__).parent
    told = hashlib.sha256()
    tables = (packs.find_file(f"codes/{name}") for name in names.FILES)
    for path in (*sorted(here.glob("*.py")), *(t for t in tables if t)):
        told.update(path.read_bytes())
    return told.hexdigest()


__all__ = ["FOLDER", "GONE", "Before", "describe", "forget", "how", "keep", "may_follow", "read"]

"""Allocations of school places: prepared with a committed seed, run step by step, kept with a proof anyone can check."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from anju.kernel.home import home
from anju.kernel.refusal import Refusal
from anju.policy import allocate, allocate_files
from anju.policy.rank import commit
from anju.services.store.models import Allocation
from anju.trust.access import Actor
from anju.trust.places import within as lies_within
from anju.trust.store import log

METHODS = {"serial": allocate.serial_dictatorship, "deferred": allocate.deferred_acceptance}
STEPS = ("reading", "allocating", "checking", "writing")
STUCK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class AllocationView:
    """One allocation. ``seed`` is empty until it is run."""

    number: int
    title: str
    method: str
    seed_hash: str
    seed: str
    state: str
    step: str
    applicants: int
    result: dict[str, Any] | None
    proof_sha256: str
    made_at: datetime
    done_at: datetime | None


@transaction.atomic
def prepare(
    title: str, method: str, applicants: str, schools: str, region: str, *, by: Actor, at: datetime, purpose: str
) -> int:  # fmt: skip
    """Keep both files and put the hash of a secret seed out. Refuses files that do not fit together."""
    if method not in METHODS or not title.strip():
        raise Refusal("policy.allocation_input", problem=method or "title")
    pool, _places, _names = allocate_files.read(applicants, schools)
    seed = secrets.token_hex(24)
    made = Allocation.objects.create(
        title=title.strip()[:120], method=method, region=region, seed=seed, seed_hash=commit(seed), applicants=len(pool.references),
        made_at=at, made_by=by.account,
    )  # fmt: skip
    folder = _folder(made.id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "applicants.csv").write_text(applicants, encoding="utf-8")
    (folder / "schools.csv").write_text(schools, encoding="utf-8")
    _tell(made.id, "prepared", by=by, at=at, purpose=purpose)
    return int(made.id)


@transaction.atomic
def start(number: int, *, by: Actor, at: datetime, purpose: str) -> None:
    """Take an allocation up for running. Refuses one that is done or being run."""
    found = Allocation.objects.select_for_update().filter(id=number).first()
    if found is None or not lies_within(found.region, by.region):
        raise Refusal("services.no_allocation", number=number)
    is_stuck = found.state == "running" and (found.done_at is None or at - found.done_at > STUCK)
    if found.state not in ("prepared", "failed") and not is_stuck:
        raise Refusal("services.list_state", number=number)
    found.state, found.step, found.done_at = "running", STEPS[0], at
    found.save(update_fields=["state", "step", "done_at"])
    _tell(number, "run", by=by, at=at, purpose=purpose)


def work(number: int) -> None:
    """Run it: read, allocate, check, write the proof. The step at hand stands in its row. Ends as done or failed."""
    try:
        _work(number)
    except Exception:
        Allocation.objects.filter(id=number).update(state="failed", done_at=timezone.now())
        raise


def _work(number: int) -> None:
    found, folder = Allocation.objects.get(id=number), _folder(number)
    texts = [(folder / f"{name}.csv").read_text(encoding="utf-8") for name in ("applicants", "schools")]
    pool, places, names = allocate_files.read(texts[0], texts[1])
    _step(number, "allocating")
    result = METHODS[found.method](pool, places, found.seed, found.seed_hash)
    _step(number, "checking")
    if allocate.verify(pool, result):
        raise Refusal("services.allocation_unfair")
    _step(number, "writing")
    text = json.dumps(allocate.proof(pool, result, names), ensure_ascii=False)
    path = folder / "proof.json"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)
    filled = np.bincount(result.assigned[result.assigned >= 0], minlength=len(places))
    told = {
        "placed": int((result.assigned >= 0).sum()),
        "by_choice": [int(n) for n in np.bincount(result.choice)[1:]],
        "schools": [
            {"school": name, "places": int(places[i]), "filled": int(filled[i]), "line": None if cut is None else {"band": cut[0], "points": cut[1]}}
            for i, (name, cut) in enumerate(zip(names, result.cutoffs, strict=True))
        ],
    }  # fmt: skip
    Allocation.objects.filter(id=number).update(
        state="done", step="", result=told, proof_file=path.name, done_at=timezone.now(),
        proof_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )  # fmt: skip


def list_allocations(within: str, limit: int = 100) -> tuple[AllocationView, ...]:
    """Allocations of a region, the newest first."""
    rows = (a for a in Allocation.objects.defer("result").iterator() if lies_within(a.region, within))
    return tuple(_view(a) for a in islice(rows, limit))


def get_allocation(number: int, within: str) -> AllocationView:
    """One allocation of a region; refuses a number there is not."""
    found = Allocation.objects.filter(id=number).first()
    if found is None or not lies_within(found.region, within):
        raise Refusal("services.no_allocation", number=number)
    return _view(found)


def proof_of(number: int, within: str) -> Path:
    """The proof's file; refuses an allocation of another region, and one that is not done."""
    path = _folder(number) / "proof.json"
    if get_allocation(number, within).state != "done" or not path.is_file():
        raise Refusal("services.no_allocation", number=number)
    return path


def _folder(number: int) -> Path:
    return home() / "allocations" / str(number)


def _step(number: int, step: str) -> None:
    Allocation.objects.filter(id=number).update(step=step, done_at=timezone.now())


def _view(found: Allocation) -> AllocationView:
    return AllocationView(
        found.id, found.title, found.method, found.seed_hash, found.seed if found.state == "done" else "", found.state, found.step,
        found.applicants, found.result if "result" not in found.get_deferred_fields() else None, found.proof_sha256,
        found.made_at, found.done_at,
    )  # fmt: skip


def _tell(number: int, what: str, *, by: Actor, at: datetime, purpose: str) -> None:
    log.record(
        by, "places.allocate", at, purpose=purpose, subject="", detail={"allocation": number, "step": what}
    )

"""Public statistics: released by a steward through the disclosure gate, then anyone's.

Each release is kept as it was shown. Tables of the same library run know of each other, so that no cell hidden in one can
be worked out with another; a table is released no more often than the pack says, so that two cannot be subtracted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from anju.insight.tables import Table, get_table
from anju.kernel.refusal import Refusal
from anju.register.store.queries.counts import count_residents
from anju.register.store.queries.quality import latest_run
from anju.trust import places
from anju.trust.access import Actor
from anju.trust.disclosure import TOTAL, Rules, cell, noisy_counts, protect
from anju.trust.rights import catalogue
from anju.trust.sealing import sealer
from anju.trust.store import log, release_queries
from anju.trust.store.release_actions import lock, release
from anju.trust.store.rights_actions import YearlyBudget

HERE = ZoneInfo("Asia/Shanghai")
POPULATION = "residents"


def publish(name: str, *, by: Actor, at: datetime) -> int:
    """Release a table as the newest library has it; return the release's id.

    Refuses who does not act for the whole place, what comes too soon, and what the gate cannot make safe.
    """
    table = get_table(name)
    if by.region != places.WHOLE:
        raise Refusal("disclosure.needs_whole")
    with transaction.atomic():
        lock()
        today = at.astimezone(HERE).date()
        _not_too_soon(table, today)
        run = latest_run()
        if run is None:
            raise Refusal("library.nothing_accepted")
        on = run.as_of or today
        counts = _labelled(table, count_residents(table.dimensions, on))
        cells = _private(table, counts, by, at) if table.gate == "private" else _protected(counts, run.id)
        question = hashlib.sha256(f"{name}|{run.id}".encode()).hexdigest()
        answer = {
            "table": name, "run": run.id, "as_of": on.isoformat(), "dimensions": list(table.dimensions),
            "cells": [[*map(_value, key), value] for key, value in sorted(cells.items())],
        }  # fmt: skip
        made = release(question, f"{table.zh} / {table.en}", answer, _rules_told(table), by=by, at=at)
        log.record(by, "statistics.release", at, detail={"table": name, "run": run.id, "cells": len(cells)})
    return made


def _value(part: str) -> str:
    return part if part == TOTAL else part.partition("=")[2]


def _not_too_soon(table: Table, today: date) -> None:
    last = release_queries.last_release(table.name)
    if last is not None:
        next_on = last.released_at.astimezone(HERE).date() + timedelta(days=table.every_days)
        if next_on > today:
            raise Refusal("disclosure.too_soon", days=table.every_days, next_on=next_on)


def _labelled(table: Table, counts: Mapping[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    """Keys whose parts say their dimension, so that one group has one name in every table."""
    return {
        tuple(f"{d}={part}" for d, part in zip(table.dimensions, key, strict=True)): count
        for key, count in counts.items()
    }


def _protected(counts: Mapping[tuple[str, ...], int], run: int) -> dict[tuple[str, ...], int | None]:
    told = catalogue()["disclosure"]
    rules = Rules(told["minimum"], told["base"])
    shown = protect(counts, rules, sealer().ring.newest("index").secret, _earlier(run))
    return {key: cell_.value for key, cell_ in shown.items()}


def _earlier(run: int) -> dict[frozenset[str], int | None]:
    """What other protected tables of the same run already showed, or hid (None)."""
    found: dict[frozenset[str], int | None] = {}
    for answer in release_queries.answers_of_run(run):
        if get_table(answer["table"]).gate == "protected":
            for *parts, value in answer["cells"]:
                key = tuple(
                    part if part == TOTAL else f"{d}={part}"
                    for d, part in zip(answer["dimensions"], parts, strict=True)
                )
                found[cell(key)] = value
    return found


def _private(
    table: Table, counts: Mapping[tuple[str, ...], int], by: Actor, at: datetime
) -> dict[tuple[str, ...], int | None]:
    """Every combination of the values gets noise - empty ones too, or their absence would tell."""
    values = [sorted({key[i] for key in counts}) for i in range(len(table.dimensions))]
    keys: list[tuple[str, ...]] = [()]
    for dimension in values:
        keys = [(*key, value) for key in keys for value in dimension]
    asked = {"\x1f".join(key): counts.get(key, 0) for key in keys}
    noisy = noisy_counts(asked, table.epsilon, YearlyBudget(POPULATION, by, at), table.name)
    return {tuple(key.split("\x1f")): value for key, value in noisy.items()}


def _rules_told(table: Table) -> dict[str, Any]:
    told = catalogue()["disclosure"]
    if table.gate == "private":
        return {"gate": table.gate, "epsilon": table.epsilon}
    return {"gate": table.gate, "minimum": told["minimum"], "base": told["base"]}

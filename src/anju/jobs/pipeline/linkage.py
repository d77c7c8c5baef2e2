"""The linkage run: accepted batches in, ``ANJU_HOME/linkage/current`` out, moved into place whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anju.exchange.linkage import learning, parameters
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.link import LinkSummary, link, link_delta
from anju.exchange.linkage.mentions import Batch, mentions
from anju.jobs.engine import DuckEngine
from anju.kernel.home import home
from anju.kernel.refusal import Refusal


SAID = "decisions.json"
"""Lies in a run's folder: the words of people it has followed."""


def folder() -> Path:
    """Where linkage keeps its runs."""
    path = home() / "linkage"
    path.mkdir(parents=True, exist_ok=True)
    return path


def current() -> Path | None:
    """The folder of the newest whole run, or None before the first."""
    path = folder() / "current"
    return path.resolve() if (path / "summary.json").is_file() else None


def get_current() -> Path:
    """The folder of the newest whole run. Raises ``linkage.never_run``."""
    found = current()
    if found is None:
        raise Refusal("linkage.never_run")
    return found


def decisions() -> list[Decision]:
    """What people decided about pairs, the latest word on each pair. Needs the database.

    A file ``decisions.ndjson`` of the time before the review queue is taken in once.
    """
    from anju.exchange.store import review_actions, review_queries

    path = folder() / "decisions.ndjson"
    if path.is_file():
        told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        words = ((int(w["record_a"]), int(w["record_b"]), bool(w["is_same"])) for w in told)
        review_actions.take_in(words, datetime.now(UTC))
        path.replace(path.with_suffix(".taken-in"))
    return review_queries.decisions()


@contextmanager
def opened(memory: str = "4GB") -> Iterator[DuckEngine]:
    """An engine for one run, closed afterwards."""
    engine = DuckEngine(folder() / "spill", memory=memory)
    try:
        yield engine
    finally:
        engine.close()


def accepted() -> list[Batch]:
    """Every accepted batch in the order of acceptance. Needs the database."""
    from anju.exchange.store import queries

    return [Batch(b.id, b.dataset, b.path, place) for place, b in enumerate(queries.accepted_batches())]


def run(told: Callable[[str], None] | None = None, full: bool = False) -> LinkSummary:
    """Link every accepted record and make the result the current one. Killed at any moment, the former stays.

    After the first run only what changed since is linked against the library, unless ``full`` or most has changed.
    """
    from anju.jobs.pipeline import retention

    retention.sweep()  # what was erased and sent again goes before anything reads it
    weights = parameters.read("han", HAN_COMPARISONS)
    before, batches, said = current(), accepted(), decisions()
    fresh = _fresh(before, batches)
    with opened() as engine:
        mentions(engine, batches)
        part = folder() / "run.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        if before is None or full or len(fresh) * 2 > len(batches):
            summary = link(engine, "mentions", before, said, weights, part, told=told)
        else:
            engine.scan("lk_fresh", [b.path for b in fresh] or [batches[0].path])
            changed = (
                "SELECT record_id FROM lk_fresh" if fresh else "SELECT record_id FROM lk_fresh WHERE FALSE"
            )
            reopened = _reopened(before, said)
            changed = f"{changed} UNION {reopened}" if reopened else changed
            summary = link_delta(engine, "mentions", changed, before, said, weights, part, reopened, told=told)
    (part / SAID).write_text(json.dumps(sorted(_pair(d) for d in said)), encoding="utf-8")
    (part / "batches.json").write_text(json.dumps([str(b.id) for b in batches]), encoding="utf-8")
    keep(part, f"run-{summary.run:06d}")
    return summary


def _fresh(before: Path | None, batches: list[Batch]) -> list[Batch]:
    """Batches the run before did not see."""
    path = before / "batches.json" if before else None
    seen = set(json.loads(path.read_text(encoding="utf-8"))) if path and path.is_file() else set()
    return [b for b in batches if str(b.id) not in {str(s) for s in seen}]


def _pair(word: Decision) -> tuple[int, int, bool]:
    return word.record_a, word.record_b, word.is_same


def _reopened(before: Path, said: list[Decision]) -> str:
    """Query of all records of the people whom a word concerns that is new, or was taken back, since the run before."""
    path = before / SAID
    heard = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    fresh = {_pair(d) for d in said} ^ {(a, b, same) for a, b, same in heard}
    if not fresh:
        return ""
    listed = ", ".join(f"({r})" for r in sorted({r for a, b, _ in fresh for r in (a, b)}))
    return f"""SELECT b.record_id FROM lk_before AS b SEMI JOIN (
        SELECT t.person_code FROM lk_before AS t WHERE t.record_id IN (
            SELECT CAST(r AS UBIGINT) FROM (VALUES {listed}) AS w(r))
    ) AS p ON p.person_code = b.person_code"""


def learn() -> dict[str, Any]:
    """New parameters from the accepted records, in their written form."""
    with opened() as engine:
        mentions(engine, accepted())
        return learning.learn(
            engine, "mentions", parameters.read("han", HAN_COMPARISONS), datetime.now(UTC).date()
        )


def explain(code: str) -> dict[str, Any]:
    """Why a person's records are one person. Raises ``linkage.unknown_code``.

    ``records`` with how they were joined, ``evidence`` the model weighed inside the cluster or that is to be asked,
    ``events`` of the code.
    """
    done = get_current()
    with opened(memory="1GB") as engine:
        for name in ("assignment", "edges", "codes", "events"):
            engine.scan(name, [done / f"{name}.parquet"])
        asked = code.strip().upper().replace("'", "")
        now = engine.rows(f"SELECT current_code FROM codes WHERE person_code = '{asked}'")
        if not now:
            raise Refusal("linkage.unknown_code")
        held = engine.rows(
            f"SELECT record_id, how, weight FROM assignment WHERE person_code = '{now[0][0]}' ORDER BY record_id"
        )
        listed = ", ".join(str(r[0]) for r in held) or "0"
        columns = ", ".join(f"{c.name}_level, {c.name}_weight" for c in HAN_COMPARISONS)
        edges = engine.rows(
            f"""SELECT record_a, record_b, weight, outcome, reason, {columns} FROM edges
            WHERE record_a IN ({listed}) OR record_b IN ({listed}) ORDER BY weight DESC LIMIT 200"""
        )
        events = engine.rows(
            f"""SELECT run, kind, person_code, other_code, reason FROM events
            WHERE '{now[0][0]}' IN (person_code, other_code) OR '{asked}' IN (person_code, other_code) ORDER BY run"""
        )
    return {
        "code": now[0][0],
        "records": [{"record_id": r, "how": h, "weight": w} for r, h, w in held],
        "evidence": [_evidence(e) for e in edges],
        "events": [
            dict(zip(("run", "kind", "person_code", "other_code", "reason"), e, strict=True)) for e in events
        ],
    }


def _evidence(edge: tuple[Any, ...]) -> dict[str, Any]:
    a, b, weight, outcome, reason, *told = edge
    reasons = [
        {"comparison": c.name, "zh": c.zh, "level": told[2 * i], "weight": round(told[2 * i + 1], 2)}
        for i, c in enumerate(HAN_COMPARISONS)
        if told[2 * i] != "missing"
    ]
    reasons.sort(key=lambda r: -abs(r["weight"]))
    return {
        "record_a": a,
        "record_b": b,
        "weight": weight,
        "outcome": outcome,
        "reason": reason,
        "reasons": reasons,
    }


def keep(part: Path, name: str) -> None:
    """Move a finished run into place and point ``current`` to it; runs older than the last two go."""
    done = folder() / name
    shutil.rmtree(done, ignore_errors=True)
    part.rename(done)
    link_to = folder() / "current.new"
    link_to.unlink(missing_ok=True)
    link_to.symlink_to(done.name)
    link_to.replace(folder() / "current")
    for old in sorted(folder().glob("run-*"))[:-2]:
        shutil.rmtree(old, ignore_errors=True)

"""The review queue follows the linkage: after a run its open questions are there, and questions it settled are gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from anju.exchange.linkage import state
from anju.exchange.review import questions
from anju.jobs.pipeline import linkage

DONE = "asked.json"
"""Lies in a run's folder once its questions are in the queue, so that a killed process asks again."""


def follow(force: bool = False) -> tuple[int, int] | None:
    """Put the newest run's questions into the queue, once. Returns open and gone, or None when there was nothing to do."""
    done = linkage.current()
    if done is None or ((done / DONE).is_file() and not force):
        return None
    from anju.exchange.store import change_actions, review_actions
    from anju.register.store.queries import cases

    change_actions.given(parted(done))
    found = collect(done)
    where = cases.regions_of({code for q in found for code in (q.person_a, q.person_b)})
    run = int(json.loads((done / "summary.json").read_text(encoding="utf-8"))["run"])
    counted = review_actions.ask(found, where, run=run, at=datetime.now(UTC))
    (done / DONE).write_text(json.dumps({"open": counted[0], "gone": counted[1]}), encoding="utf-8")
    return counted


def after_publish() -> dict[str, int]:
    """What people have to do about the published library: contradictions to settle, questions where people live now.

    Idempotent, and called after a publish that found nothing new too: a killed one is made up for.
    """
    from anju.exchange.store import review_actions
    from anju.register.store import settling

    at = datetime.now(UTC)
    follow()
    return settling.follow(at) | {"questions_moved": review_actions.place(at)}


def parted(done: Path) -> list[tuple[str, str]]:
    """Codes that people were split from in a run, each with the code of the other person."""
    run = int(json.loads((done / "summary.json").read_text(encoding="utf-8"))["run"])
    told = pq.read_table(state.parts(done, "events")[-1]).to_pylist()
    return [(e["person_code"], e["other_code"]) for e in told if e["kind"] == "split" and e["run"] == run]


def collect(done: Path) -> tuple[questions.Question, ...]:
    """The open questions of a run, with what a reviewer is to see."""
    batches = [b for b in linkage.accepted() if "person.name" in pq.read_schema(b.path).names]
    if not batches or not pq.read_metadata(done / "review.parquet").num_rows:
        return ()
    held = frozenset(name for b in batches for name in pq.read_schema(b.path).names)
    with linkage.opened(memory="2GB") as engine:
        for name in ("review", "edges"):
            engine.scan(f"rv_{name}", [done / f"{name}.parquet"])
        linkage.scan(engine, "rv_assignment", done)
        engine.scan("rv_batch", [b.path for b in batches])
        return questions.collect(engine, held, [(b.id, b.order) for b in batches])

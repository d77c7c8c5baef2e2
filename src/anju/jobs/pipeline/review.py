"""The review queue follows the linkage: after a run its open questions are there, and questions it settled are gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anju.exchange.linkage import state
from anju.exchange.review import questions
from anju.jobs.pipeline import linkage

DONE = "asked.json"
"""Lies in a run's folder once its questions are in the queue, so that a killed process asks again."""

SAME_WEIGHT = 0.001
"""The queue keeps weights to the third place."""


def follow(force: bool = False) -> tuple[int, int] | None:
    """Put the newest run's questions into the queue, once. Returns open and gone, or None when there was nothing to do."""
    done = linkage.current()
    if done is None or ((done / DONE).is_file() and not force):
        return None
    from anju.exchange.store import change_actions, review_actions
    from anju.register.store.queries import cases

    change_actions.given(parted(done))
    kept = [] if force else _still_asked(done)
    found = collect(done, kept)
    where = cases.regions_of({code for q in found for code in (q.person_a, q.person_b)})
    run = int(json.loads((done / "summary.json").read_text(encoding="utf-8"))["run"])
    counted = review_actions.ask(found, where, run=run, at=datetime.now(UTC), kept=kept)
    (done / DONE).write_text(json.dumps({"open": counted[0], "gone": counted[1]}), encoding="utf-8")
    return counted


def after_publish(cases: dict[str, int] | None = None) -> dict[str, int]:
    """What people have to do about the published library: contradictions to settle, questions where people live now.

    ``cases``: what the load has done about contradictions already.

    Idempotent, and called after a publish that found nothing new too: a killed one is made up for.
    """
    from anju.exchange.store import review_actions
    from anju.register.store import settling

    at = datetime.now(UTC)
    follow()
    return (settling.follow(at) if cases is None else cases) | {"questions_moved": review_actions.place(at)}


def parted(done: Path) -> list[tuple[str, str]]:
    """Codes that people were split from in a run, each with the code of the other person."""
    run = int(json.loads((done / "summary.json").read_text(encoding="utf-8"))["run"])
    told = pq.read_table(state.parts(done, "events")[-1]).to_pylist()
    return [(e["person_code"], e["other_code"]) for e in told if e["kind"] == "split" and e["run"] == run]


def _still_asked(done: Path) -> list[tuple[int, int]]:
    """Questions of the run before that a delta left as they were: as strong, and about people who were not merged, split or
    described otherwise. What a new record adds to their people is shown from the next whole run on."""
    from anju.exchange.store import review_queries

    run = int(json.loads((done / "summary.json").read_text(encoding="utf-8"))["run"])
    events, touched = done / f"events-{run:06d}.parquet", done / f"{state.TOUCHED}.parquet"
    if not events.is_file() or not touched.is_file():
        return []
    changed = set(pq.read_table(touched)["person_code"].to_pylist())
    for event in pq.read_table(events, filters=[("kind", "!=", "minted")]).to_pylist():
        changed |= {event["person_code"], event["other_code"]}
    weighed: dict[tuple[int, int], float] = {}
    for pair in pq.read_table(
        done / "review.parquet", columns=["record_a", "record_b", "weight"]
    ).to_pylist():
        two = min(pair["record_a"], pair["record_b"]), max(pair["record_a"], pair["record_b"])
        weighed[two] = max(pair["weight"], weighed.get(two, pair["weight"]))
    return [
        (a, b)
        for a, b, person_a, person_b, weight in review_queries.asked(run - 1)
        if abs(weighed.get((a, b), inf) - weight) < SAME_WEIGHT and not changed & {person_a, person_b}
    ]


def collect(done: Path, kept: Sequence[tuple[int, int]] = ()) -> tuple[questions.Question, ...]:
    """The open questions of a run but those ``kept``, with what a reviewer is to see."""
    batches = [b for b in linkage.accepted() if "person.name" in pq.read_schema(b.path).names]
    if not batches or not pq.read_metadata(done / "review.parquet").num_rows:
        return ()
    held = frozenset(name for b in batches for name in pq.read_schema(b.path).names)
    with linkage.opened(memory="2GB") as engine:
        for name in ("asked", "edges"):
            engine.scan(f"rv_{name}", [done / f"{name.replace('asked', 'review')}.parquet"])
        told = ((pa.array([pair[side] for pair in kept], pa.uint64())) for side in (0, 1))
        engine.load("rv_kept", pa.table(dict(zip(("a", "b"), told, strict=True))))
        engine.run(
            """CREATE OR REPLACE VIEW rv_review AS SELECT r.* FROM rv_asked AS r ANTI JOIN rv_kept AS k
            ON k.a = least(r.record_a, r.record_b) AND k.b = greatest(r.record_a, r.record_b)"""
        )
        linkage.scan(engine, "rv_assignment", done)
        engine.scan("rv_batch", [b.path for b in batches])
        return questions.collect(engine, held, [(b.id, b.order) for b in batches])

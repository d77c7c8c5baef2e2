"""The review queue follows the linkage: after a run its open questions are there, and questions it settled are gone."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anju.exchange.linkage import state
from anju.exchange.linkage.mentions import Batch
from anju.exchange.review import questions
from anju.jobs.engine import DuckEngine
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
    with linkage.opened(memory="2GB") as engine:
        kept = [] if force else _still_asked(engine, done)
        found = collect(engine, done, kept)
    where = cases.regions_of({code for q in found for code in (q.person_a, q.person_b)})
    run = _run(done)
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
    run = _run(done)
    told = pq.ParquetFile(state.parts(done, "events")[-1]).read().to_pylist()
    return [(e["person_code"], e["other_code"]) for e in told if e["kind"] == "split" and e["run"] == run]


def _still_asked(engine: DuckEngine, done: Path) -> list[tuple[int, int]]:
    """Questions of the run before that a delta left as they were: as strong, about people who were not merged or split and
    whose records state nothing that is not shown. What nobody states any more is shown until the next whole run."""
    from anju.exchange.store import review_queries

    run = _run(done)
    events, touched = done / f"events-{run:06d}.parquet", done / f"{state.TOUCHED}.parquet"
    if not events.is_file() or not touched.is_file():
        return []
    changed = {
        code for e in _rows(events) if e["kind"] != "minted" for code in (e["person_code"], e["other_code"])
    }
    weighed: dict[tuple[int, int], float] = {}
    told = pq.ParquetFile(done / "review.parquet").read(columns=["record_a", "record_b", "weight"])
    for a, b, weight in zip(*(column.to_pylist() for column in told.columns), strict=True):
        two = (a, b) if a < b else (b, a)
        weighed[two] = max(weight, weighed.get(two, weight))
    sent = set(pq.ParquetFile(touched).read().column("person_code").to_pylist())
    kept, doubtful = [], {}
    for a, b, person_a, person_b, weight in review_queries.asked(run - 1):
        if abs(weighed.get((a, b), inf) - weight) >= SAME_WEIGHT or changed & {person_a, person_b}:
            continue
        if sent & {person_a, person_b}:
            doubtful[a, b] = {person_a, person_b} & sent
        else:
            kept.append((a, b))
    if not doubtful:
        return kept
    people = set().union(*doubtful.values())
    said = _said_again(engine, done, people)
    shown = review_queries.shown(run - 1, people)
    return kept + [
        pair
        for pair, some in doubtful.items()
        if pair in shown and all(_shows(side, said) for side in shown[pair] if side["person"] in some)
    ]


def _rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return found


@dataclass(slots=True)
class _Said:
    """How many records a person has, and of those that arrived since the run before what each states; None: nothing."""

    records: int = 0
    news: list[tuple[int, dict[str, str] | None]] = field(default_factory=list)


def _shows(side: dict[str, Any], said: dict[str, _Said]) -> bool:
    """Whether one side of a question shows all that its person's records state now."""
    now, values = said.get(side["person"], _Said()), side["values"]
    return now.records == side["records"] and all(
        stated is not None
        and str(record) != side["record"]
        and all(not value or value in values.get(name, ()) for name, value in stated.items())
        for record, stated in now.news
    )


def _said_again(engine: DuckEngine, done: Path, people: Collection[str]) -> dict[str, _Said]:
    """What the records that arrived since the run before state of some people."""
    before = linkage.batches_of(linkage.folder() / f"run-{_run(done) - 1:06d}")
    fresh = [b for b in linkage.accepted() if before and b.id not in before]
    said: dict[str, _Said] = {code: _Said() for code in people} if fresh else {}
    if not fresh:
        return said
    engine.load("rv_some", pa.table({"person_code": pa.array(list(people))}))
    linkage.seats(engine, "rv_their", done, {"person": "SELECT hash(person_code) FROM rv_some"})
    engine.run(
        "CREATE OR REPLACE TEMP TABLE rv_theirs AS SELECT t.* FROM rv_their AS t SEMI JOIN rv_some AS s "
        "ON s.person_code = t.person_code"
    )
    for code, count in engine.rows("SELECT person_code, count(*) FROM rv_theirs GROUP BY person_code"):
        said[code].records = count
    engine.scan("rv_batch", [b.path for b in fresh])
    seen = questions.stated(engine, _held(fresh), [(b.id, b.order) for b in fresh], "rv_theirs")
    gone = {r for (r,) in engine.rows("SELECT record_id FROM rv_batch WHERE is_deleted")}
    for code, record in engine.rows("SELECT person_code, record_id FROM rv_theirs"):
        if record in seen:
            said[code].news.append((record, None if record in gone else questions.plain(seen[record])))
    return said


def collect(
    engine: DuckEngine, done: Path, kept: Sequence[tuple[int, int]] = ()
) -> tuple[questions.Question, ...]:
    """The open questions of a run but those ``kept``, with what a reviewer is to see."""
    batches = [b for b in linkage.accepted() if "person.name" in pq.read_schema(b.path).names]
    if not batches or not pq.read_metadata(done / "review.parquet").num_rows:
        return ()
    engine.scan("rv_asked", [done / "review.parquet"])
    state.scan_edges(engine, "rv_edges", state.parts(done, "edges"))
    told = (pa.array([pair[side] for pair in kept], pa.uint64()) for side in (0, 1))
    engine.load("rv_kept", pa.table(dict(zip(("a", "b"), told, strict=True))))
    engine.run(
        """CREATE OR REPLACE TABLE rv_review AS SELECT r.* FROM rv_asked AS r ANTI JOIN rv_kept AS k
        ON k.a = least(r.record_a, r.record_b) AND k.b = greatest(r.record_a, r.record_b)"""
    )
    asked = "SELECT record_a FROM rv_review UNION ALL SELECT record_b FROM rv_review"
    linkage.seats(engine, "rv_asked_seat", done, {"record": asked})
    linkage.seats(
        engine,
        "rv_assignment",
        done,
        {"record": asked, "person": "SELECT hash(person_code) FROM rv_asked_seat"},
    )
    engine.scan("rv_batch", [b.path for b in batches])
    return questions.collect(engine, _held(batches), [(b.id, b.order) for b in batches])


def _held(batches: Sequence[Batch]) -> frozenset[str]:
    return frozenset(name for b in batches for name in pq.read_schema(b.path).names)


def _run(done: Path) -> int:
    return int(json.loads((done / "summary.json").read_text(encoding="utf-8"))["run"])

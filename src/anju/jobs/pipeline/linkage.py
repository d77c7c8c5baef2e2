"""The linkage run: accepted batches in, ``ANJU_HOME/linkage/current`` out, moved into place whole."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from anju.exchange.linkage import learning, parameters, shelf, shelves, state
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.link import link, link_delta, may_link_delta
from anju.exchange.linkage.mentions import Batch, mentions
from anju.exchange.linkage.written import LinkSummary
from anju.jobs import engines, scratch
from anju.jobs.engine import DuckEngine
from anju.kernel.home import home
from anju.kernel.refusal import Refusal

SAID = "decisions.json"
"""Lies in a run's folder: the words of people it has followed."""
MUCH = 5
"""When more than one record in so many is new, everything is linked."""


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


def taken_back() -> list[tuple[int, str]]:
    """Records and the codes they had before merges that people took back. Needs the database."""
    from anju.exchange.store import review_queries

    return review_queries.back()


@contextmanager
def opened(memory: str = "4GB", name: str = "duckdb") -> Iterator[Any]:
    """An engine for one run, closed afterwards. ``name``: duckdb or spark; empty: as the installation says."""
    with scratch.place("linkage") as spill:
        engine = engines.opened(name, spill, memory)
        try:
            yield engine
        finally:
            engine.close()


def accepted() -> list[Batch]:
    """Every accepted batch in the order of acceptance. Needs the database."""
    from anju.exchange.store import queries

    return [Batch(b.id, b.dataset, b.path, place) for place, b in enumerate(queries.accepted_batches())]


def run(told: Callable[[str], None] | None = None, full: bool = False, engine_name: str = "") -> LinkSummary:
    """Link every accepted record and make the result the current one. Killed at any moment, the former stays.

    After the first run only what changed since is linked against the library, unless ``full``, much is new, or
    the former run cannot be built upon (``may_link_delta``): another engine's (``engine_name``) cannot.
    """
    with _alone():
        return _run(told, full, engine_name)


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time: two would write into one folder. The system frees the lock when the process ends in whatever way."""
    with (folder() / ".running").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal("linkage.already_linking") from None
        yield


def _run(told: Callable[[str], None] | None, full: bool, engine_name: str) -> LinkSummary:
    from anju.jobs.pipeline import retention

    retention.sweep()  # what was erased and sent again goes before anything reads it
    weights, said, back = parameters.read("han", HAN_COMPARISONS), decisions(), taken_back()
    before, batches = current(), accepted()
    fresh = _fresh(before, batches)
    with opened(name=engine_name) as engine:
        part, summary = _empty_part(), None
        if before and not full and not _much(fresh, batches) and may_link_delta(engine, before):
            reopened = _arrive(engine, before, said, fresh, batches)
            gone = "SELECT record_id FROM arrived_gone"
            summary = link_delta(
                engine, "arriving_mentions", gone, before, said, weights, part, reopened, told=told, back=back
            )
        if summary is None:
            part = _empty_part()
            mentions(engine, batches)
            summary = link(engine, "mentions", before, said, weights, part, told=told, back=back)
    (part / SAID).write_text(json.dumps(sorted(_pair(d) for d in said)), encoding="utf-8")
    (part / "batches.json").write_text(json.dumps([str(b.id) for b in batches]), encoding="utf-8")
    keep(part, f"run-{summary.run:06d}")
    return summary


def _empty_part() -> Path:
    part = folder() / "run.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    return part


def _arrive(
    engine: DuckEngine, before: Path, said: list[Decision], fresh: list[Batch], batches: list[Batch]
) -> str:
    """Views ``arriving_mentions`` and ``arrived_gone`` of a delta; returns the query of records that a word reopens."""
    mentions(engine, fresh, "arrived")
    scan(engine, "lk_stood_before", before)
    query = _reopened(before, said)
    if not query:
        engine.run("CREATE OR REPLACE VIEW arriving_mentions AS SELECT * FROM arrived")
        return ""
    engine.run(f"CREATE OR REPLACE TABLE lk_reopened AS {query}")
    mentions(engine, batches, "every_mention")
    engine.run(
        """CREATE OR REPLACE TABLE arriving_mentions AS SELECT m.* FROM every_mention AS m
        WHERE m.record_id IN (SELECT record_id FROM lk_reopened)"""
    )
    mentions(engine, fresh, "arrived")
    engine.run(
        """INSERT INTO arriving_mentions SELECT a.* FROM arrived AS a
        WHERE a.record_id NOT IN (SELECT record_id FROM arriving_mentions)"""
    )
    return "SELECT record_id FROM lk_reopened"


def batches_of(run_folder: Path) -> set[str]:
    """The batches that a run saw; none where it is not there any more."""
    path = run_folder / "batches.json"
    return {str(b) for b in json.loads(path.read_text(encoding="utf-8"))} if path.is_file() else set()


def _fresh(before: Path | None, batches: list[Batch]) -> list[Batch]:
    """Batches the run before did not see."""
    seen = batches_of(before) if before else set()
    return [b for b in batches if str(b.id) not in seen]


def _much(fresh: list[Batch], batches: list[Batch]) -> bool:
    """Whether so much is new that linking everything is the better way."""
    new, every = (sum(pq.read_metadata(b.path).num_rows for b in some) for some in (fresh, batches))
    return bool(new * MUCH > every)


def start_afresh() -> None:
    """Forget how people were described: the next run links everything. For erasure, after records left the lake."""
    for run_folder in folder().glob("run-*"):
        state.forget(run_folder)


def scan(engine: DuckEngine, name: str, done: Path, columns: tuple[str, ...] = ()) -> None:
    """View ``name``: record_id, person_code and further ``columns`` (how, weight) of every current record of a run."""
    state.scan_assignment(engine, name, state.parts(done, "assignment"), columns)


def seats(engine: DuckEngine, name: str, done: Path, asked: Mapping[str, str]) -> None:
    """View ``name``: record_id and person_code at least of the current records that queries of keys name (rules of
    ``shelves.SEATS``); of every record where a run keeps no shelf."""
    base = ""
    if shelves.SEATS.place(done).is_dir():
        base = f"{name}_base"
        shelf.take(engine, shelves.SEATS, done, base, asked, ("record_id", "person_code"))
    state.scan_assignment(engine, name, state.parts(done, "assignment"), base=base)


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
    return f"""SELECT b.record_id FROM lk_stood_before AS b SEMI JOIN (
        SELECT t.person_code FROM lk_stood_before AS t WHERE t.record_id IN (
            SELECT CAST(r AS UBIGINT) FROM (VALUES {listed}) AS w(r))
    ) AS p ON p.person_code = b.person_code"""


def learn() -> dict[str, Any]:
    """New parameters from the accepted records, in their written form."""
    from anju.kernel.workdays import day_of

    with opened() as engine:
        mentions(engine, accepted())
        return learning.learn(
            engine, "mentions", parameters.read("han", HAN_COMPARISONS), day_of(datetime.now(UTC))
        )


def explain(code: str) -> dict[str, Any]:
    """Why a person's records are one person. Raises ``linkage.unknown_code``.

    ``records`` with how they were joined, ``evidence`` the model weighed inside the cluster or that is to be asked (whose
    each of its two records is beside it),
    ``events`` of the code.
    """
    done = get_current()
    with opened(memory="1GB") as engine:
        scan(engine, "assignment", done, ("how", "weight"))
        state.scan_codes(engine, "codes", state.parts(done, "codes"))
        engine.scan("events", state.parts(done, "events"))
        state.scan_edges(engine, "edges", state.parts(done, "edges"))
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
        others = ", ".join(str(r) for r in sorted({r for e in edges for r in e[:2]})) or "0"
        whose = dict(
            engine.rows(f"SELECT record_id, person_code FROM assignment WHERE record_id IN ({others})")
        )
        events = engine.rows(
            f"""SELECT run, kind, person_code, other_code, reason FROM events
            WHERE '{now[0][0]}' IN (person_code, other_code) OR '{asked}' IN (person_code, other_code) ORDER BY run"""
        )
    return {
        "code": now[0][0],
        "records": [{"record_id": r, "how": h, "weight": w} for r, h, w in held],
        "evidence": [_evidence(e, whose) for e in edges],
        "events": [
            dict(zip(("run", "kind", "person_code", "other_code", "reason"), e, strict=True)) for e in events
        ],
    }


def _evidence(edge: tuple[Any, ...], whose: dict[int, str]) -> dict[str, Any]:
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
        "person_a": whose.get(a, ""),
        "person_b": whose.get(b, ""),
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

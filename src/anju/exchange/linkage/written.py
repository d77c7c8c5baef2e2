"""What a run leaves in its folder: the files of ``state``, and a summary of what it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anju.exchange.linkage import shelves, state
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.steps import LinkEngine, Steps


@dataclass(frozen=True, slots=True)
class LinkSummary:
    """What a run did; counts of rows, seconds per step."""

    run: int
    records: int
    people: int
    by_key: int
    by_model: int
    alone: int
    to_review: int
    minted: int
    merged: int
    split: int
    pairs: int
    blocks_dropped: int
    seconds: float
    steps: dict[str, float] = field(default_factory=dict)
    blocks: list[dict[str, Any]] = field(default_factory=list)


def hashed_by(engine: LinkEngine) -> str:
    """A value that changes when an engine hashes otherwise; what a run keeps is hashed."""
    made = engine.rows("SELECT hash('安居', 1)")[0][0]
    return f"{made}/{state.FORM}"


def tell(engine: LinkEngine, out: Path, summary: LinkSummary) -> None:
    """Write ``summary.json``."""
    told = {**asdict(summary), "hash": hashed_by(engine)}
    (out / "summary.json").write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def _edges() -> tuple[str, str]:
    """Queries: the evidence of every pair weighed; the pairs to ask, with what a decision is worth."""
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in HAN_COMPARISONS)
    edges = f"SELECT record_a, record_b, weight, outcome, reason, {told} FROM lk_decided"
    review = """SELECT record_a, record_b, weight, 1 / (1 + abs(weight)) AS worth, reason FROM lk_decided
        WHERE outcome = 'ask'"""
    return edges, review


def save(steps: Steps, out: Path, lasting: bool) -> None:
    """Write the files of a whole run; ``lasting``: with what the next delta needs to know of everyone."""
    engine = steps.engine
    engine.save(
        "SELECT c.record_id, k.person_code, c.how, c.weight FROM lk_cluster AS c JOIN lk_code AS k ON k.cluster = c.cluster",
        out / "assignment.parquet",
        plain=True,
    )
    edges, review = _edges()
    engine.save(edges, out / "edges.parquet")
    engine.save(review, out / "review.parquet", sort="worth DESC, record_a, record_b")
    engine.save("SELECT * FROM lk_events_before UNION ALL SELECT * FROM lk_event", out / "events.parquet")
    engine.save(
        """SELECT b.person_code, b.run, b.current_code FROM lk_codes_before AS b
        ANTI JOIN lk_codes AS c ON c.person_code = b.person_code
        UNION ALL SELECT person_code, run, current_code FROM lk_codes""",
        out / "codes.parquet",
    )
    engine.save("SELECT record_id, person_code FROM lk_lapsed_now", out / state.LAPSED)
    if lasting:
        _keep(steps, out)
    if lasting and shelves.has_shelves(engine):
        for shelf, file in ((shelves.SEATS, "assignment"), (shelves.CODES, "codes")):
            engine.scan("lk_kept", [out / f"{file}.parquet"])
            shelves.keep(engine, shelf, "SELECT * FROM lk_kept", out)


def _keep(steps: Steps, out: Path, suffix: str = "", only: str = "", names: str = "lk_name") -> None:
    """What the next delta needs to know: of everyone, or of the records of the query ``only``."""
    engine = steps.engine
    shelves.keep(engine, shelves.PEOPLE, state.people_sql(steps, only), out, suffix)
    shelves.keep(engine, shelves.AROUND, state.around_sql(steps, only), out, suffix)
    shelves.keep(engine, shelves.NAMES, f"SELECT * FROM {names}", out, suffix)
    engine.save(state.spelled_sql(names), out / f"spelled{suffix}.parquet")
    engine.save(state.counts_sql(fresh=bool(suffix)), out / f"counts{suffix}.parquet")


def save_delta(steps: Steps, out: Path, suffix: str) -> None:
    """Write a delta's parts beside the files it builds on; questions are written whole."""
    engine = steps.engine
    engine.save("SELECT * FROM lk_change", out / f"assignment{suffix}.parquet")
    engine.save("SELECT * FROM lk_event", out / f"events{suffix}.parquet")
    engine.save("SELECT person_code, run, current_code FROM lk_codes", out / f"codes{suffix}.parquet")
    engine.save("SELECT DISTINCT person_code FROM lk_former", out / f"{state.TOUCHED}.parquet")
    edges, review = _edges()
    engine.save(
        f"{edges} UNION ALL {state.stale_sql(3 + 2 * len(HAN_COMPARISONS))}", out / f"edges{suffix}.parquet"
    )
    stand = f"""SELECT r.* FROM lk_review_before AS r ANTI JOIN ({state.AGAIN}) AS s ON s.record_id = r.record_a
        ANTI JOIN ({state.AGAIN}) AS t ON t.record_id = r.record_b
        ANTI JOIN lk_decided AS d ON d.record_a = r.record_a AND d.record_b = r.record_b"""
    engine.save(
        f"{review} UNION ALL {stand}",
        out / "review.parquet",
        sort="worth DESC, record_a, record_b",
    )
    new = "SELECT record_id FROM lk_unsettled"
    _keep(steps, out, suffix, new, "lk_name_new")
    stated = " OR ".join(f"a.{c} IS NOT NULL" for c in state.AROUND)
    engine.save(
        f"""SELECT k.person, {", ".join(f"a.{c}" for c in state.AROUND)} FROM lk_known AS k
        JOIN lk_arrived AS a ON a.record_id = k.record_id WHERE {stated}""",
        out / f"around{suffix}k.parquet",
    )


def summary_of(
    steps: Steps, run: int, seconds: float, out: Path, before: Mapping[str, Any] | None = None
) -> LinkSummary:
    """What a run did. ``before``: the summary of the run a delta builds on."""
    rows = steps.engine.rows
    events = {str(k): int(n) for k, n in rows("SELECT kind, count(*) FROM lk_event GROUP BY kind")}
    blocks = rows("SELECT rule, blocks, pairs, largest, dropped FROM lk_block ORDER BY pairs DESC")
    how, people = _counted(steps, out, before)
    steps.engine.scan("lk_review_now", [out / "review.parquet"])
    return LinkSummary(
        run=run,
        records=sum(how.values()),
        people=people
        + (events.get("minted", 0) + events.get("returned", 0) - events.get("merged", 0) if before else 0),
        by_key=how.get("key", 0),
        by_model=how.get("model", 0),
        alone=how.get("alone", 0),
        to_review=int(rows("SELECT count(*) FROM lk_review_now")[0][0]),
        minted=events.get("minted", 0),
        merged=events.get("merged", 0),
        split=events.get("split", 0),
        pairs=steps.count("lk_pair"),
        blocks_dropped=sum(int(b[4]) for b in blocks),
        seconds=round(seconds, 3),
        steps={k: round(v, 3) for k, v in steps.seconds.items()},
        blocks=[
            {
                "rule": b[0],
                "blocks": int(b[1]),
                "pairs": int(b[2]),
                "largest": int(b[3]),
                "dropped": int(b[4]),
            }
            for b in blocks
        ],
    )


def _counted(steps: Steps, out: Path, before: Mapping[str, Any] | None) -> tuple[dict[str, int], int]:
    """Records by how they were joined, and people: counted in a whole run, carried on in a delta."""
    rows = steps.engine.rows
    if before is None:
        steps.engine.scan("lk_assigned_now", [out / "assignment.parquet"])
        found = rows("SELECT how, count(*) FROM lk_assigned_now GROUP BY how")
        return {str(h): int(n) for h, n in found}, steps.count("lk_code")
    how = {"key": int(before["by_key"]), "model": int(before["by_model"]), "alone": int(before["alone"])}
    how["review"] = int(before["records"]) - sum(how.values())
    for h, n in rows("SELECT how, count(*) FROM lk_former GROUP BY how"):
        how[str(h)] -= int(n)
    placed = """SELECT c.how FROM lk_change AS c SEMI JOIN lk_arrived AS a ON a.record_id = c.record_id
        UNION ALL SELECT s.how FROM lk_stayed AS s ANTI JOIN lk_change AS c ON c.record_id = s.record_id"""
    for h, n in rows(f"SELECT how, count(*) FROM ({placed}) AS p GROUP BY how"):
        how[str(h)] = how.get(str(h), 0) + int(n)
    return how, int(before["people"])

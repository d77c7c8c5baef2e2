"""One linkage run: mentions in, an assignment of every record to a person out, with evidence, questions and events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anju.exchange.linkage import blocking, codes, decisions, features, incremental, keys, model, outcomes
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.names import prepare_characters
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import LinkEngine, Steps

PEOPLE = (
    "k.person_code, v.is_anchor, v.raw, v.name, v.born, v.lunar, v.sex, v.digits, v.record, "
    "n.sound, n.near_sound, n.given, n.bag"
)
"""Columns of ``people.parquet``: how each person is described, ready for the next delta's blocking."""


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


def link(
    engine: LinkEngine,
    mentions: str,
    previous: Path | None,
    said: Sequence[Decision],
    parameters: Parameters,
    out: Path,
    mint: codes.Mint = codes.mint_codes,
    told: Callable[[str], None] | None = None,
) -> LinkSummary:
    """Link every record of the view ``mentions``; write Parquet files and ``summary.json`` into ``out``.

    Grain: ``assignment.parquet`` has one row per mention. ``previous`` is the folder of the run before, whose codes
    are kept. Units: weights are bits. Unknown: a record that nothing links is a person of its own.
    """
    begun = time.perf_counter()
    steps = Steps(engine, told)
    run = _before(steps, previous)
    prepare_characters(steps)
    _compare(steps, mentions, parameters, said, None)
    codes.assign(steps, run, mint)
    steps.timed("save", lambda: _save(steps, out))
    summary = _summary(steps, run, time.perf_counter() - begun)
    _tell(out, summary)
    steps.clear()
    return summary


def link_delta(
    engine: LinkEngine,
    mentions: str,
    changed: str,
    previous: Path,
    said: Sequence[Decision],
    parameters: Parameters,
    out: Path,
    reopened: str = "",
    mint: codes.Mint = codes.mint_codes,
    told: Callable[[str], None] | None = None,
) -> LinkSummary:
    """Link the changed records (a query of ``record_id``) against the library of ``previous``; write a whole result.

    Everyone whom no changed record may concern keeps their code without being looked at. ``mentions`` holds every
    current record, changed or not; records that are gone leave the assignment. ``reopened`` (a query of ``record_id``)
    are those a person's word concerns: they are weighed anew even where number and name tell whose they are.
    """
    begun = time.perf_counter()
    steps = Steps(engine, told)
    run = _before(steps, previous)
    engine.scan("lk_people", [previous / "people.parquet"])
    prepare_characters(steps)
    incremental.known(steps, mentions, changed, reopened)
    incremental.affected(steps, mentions, parameters)
    incremental.subset(steps, mentions)
    people = int(engine.rows("SELECT count(DISTINCT person_code) FROM lk_people")[0][0])
    _compare(steps, "lk_subset", parameters, said, people)
    incremental.claims(steps)
    codes.assign(steps, run, mint, before="lk_claimed")
    incremental.whole(steps, mentions)
    steps.timed("save", lambda: _save(steps, out, delta=True))
    summary = _summary(steps, run, time.perf_counter() - begun, "lk_whole")
    _tell(out, summary)
    steps.clear()
    return summary


def _compare(
    steps: Steps, mentions: str, parameters: Parameters, said: Sequence[Decision], library: int | None
) -> None:
    """Make ``lk_cluster`` and everything before it. ``library``: people there are, when mentions are only some."""
    keys.profiles(steps, mentions, parameters)
    keys.numbers(steps)
    keys.mistyped(steps, mentions)
    keys.members(steps)
    keys.open_records(steps, mentions)
    if library is not None:
        incremental.standing(steps)
    keys.key_groups(steps, mentions, parameters, stood=library is not None)
    features.variants(steps)
    features.context(steps, mentions)
    people = library or int(steps.engine.rows("SELECT count(DISTINCT grp) FROM lk_variant")[0][0])
    weighed = replace(parameters, prior=1 / max(people, 1000))
    blocking.block(steps, weighed)
    features.features(steps, mentions, weighed)
    model.score(steps, HAN_COMPARISONS, weighed)
    outcomes.decide(steps, HAN_COMPARISONS, weighed)
    decisions.load(steps, said)
    decisions.settle(steps)
    outcomes.cluster(steps)
    decisions.apply(steps)


def _tell(out: Path, summary: LinkSummary) -> None:
    (out / "summary.json").write_text(
        json.dumps(asdict(summary), ensure_ascii=False, indent=1), encoding="utf-8"
    )


def _before(steps: Steps, previous: Path | None) -> int:
    engine = steps.engine
    if previous is None:
        nothing = {
            "before": "CAST(0 AS UBIGINT) AS record_id, '' AS person_code",
            "codes_before": "'' AS person_code, 0 AS run, '' AS current_code",
            "events_before": "0 AS run, '' AS kind, '' AS person_code, '' AS other_code, '' AS reason",
        }
        for name, columns in nothing.items():
            engine.run(f"CREATE OR REPLACE VIEW lk_{name} AS SELECT {columns} WHERE FALSE")
        return 1
    engine.scan("lk_before", [previous / "assignment.parquet"])
    for name in ("codes", "events", "edges", "review"):
        engine.scan(f"lk_{name}_before", [previous / f"{name}.parquet"])
    summary: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
    return int(summary["run"]) + 1


def _save(steps: Steps, out: Path, delta: bool = False) -> None:
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in HAN_COMPARISONS)
    engine = steps.engine
    fresh = """SELECT c.record_id, k.person_code, c.how, c.weight
        FROM lk_cluster AS c JOIN lk_code AS k ON k.cluster = c.cluster"""
    engine.save("SELECT * FROM lk_whole" if delta else fresh, out / "assignment.parquet")
    edges = f"SELECT record_a, record_b, weight, outcome, reason, {told} FROM lk_decided"
    review = """SELECT record_a, record_b, weight, 1 / (1 + abs(weight)) AS worth, reason FROM lk_decided
        WHERE outcome = 'ask'"""
    people = f"SELECT {PEOPLE} FROM lk_variant AS v JOIN lk_grp_code AS k ON k.grp = v.grp LEFT JOIN lk_name AS n ON n.raw = v.raw"
    steps.table("lk_grp_code", _group_codes(bool(steps.count("lk_word"))))
    if delta:
        edges = f"{edges} UNION ALL SELECT * FROM lk_edges_before WHERE {_untouched()}"
        review = f"{review} UNION ALL SELECT * FROM lk_review_before WHERE {_untouched()}"
        people = f"""{people} UNION ALL SELECT * FROM lk_people
            WHERE person_code NOT IN (SELECT person_code FROM lk_affected)"""
    engine.save(edges, out / "edges.parquet")
    engine.save(review, out / "review.parquet", sort="worth DESC, record_a, record_b")
    engine.save("SELECT * FROM lk_events_before UNION ALL SELECT * FROM lk_event", out / "events.parquet")
    engine.save("SELECT * FROM lk_codes", out / "codes.parquet")
    engine.save(people, out / "people.parquet")


def _group_codes(bent: bool) -> str:
    """Query (grp, person_code). Where people's decisions bent clusters, groups are followed through their records."""
    if not bent:
        return """WITH grouped AS (SELECT DISTINCT grp FROM lk_variant)
            SELECT g.grp, k.person_code FROM grouped AS g LEFT JOIN lk_part AS p ON p.node = g.grp
            JOIN lk_code AS k ON k.cluster = coalesce(p.part, g.grp)"""
    return """SELECT DISTINCT coalesce(g.grp, m.node) AS grp, k.person_code FROM lk_cluster AS c
        JOIN lk_member AS m ON m.record_id = c.record_id LEFT JOIN lk_group AS g ON g.node = m.node
        JOIN lk_code AS k ON k.cluster = c.cluster"""


def _untouched() -> str:
    return " AND ".join(f"{r} NOT IN (SELECT record_id FROM lk_subset)" for r in ("record_a", "record_b"))


def _summary(steps: Steps, run: int, seconds: float, assigned: str = "lk_cluster") -> LinkSummary:
    rows = steps.engine.rows
    how: dict[str, int] = {
        str(k): int(n) for k, n in rows(f"SELECT how, count(*) FROM {assigned} GROUP BY how")
    }
    events = {str(k): int(n) for k, n in rows("SELECT kind, count(*) FROM lk_event GROUP BY kind")}
    blocks = rows("SELECT rule, blocks, pairs, largest, dropped FROM lk_block ORDER BY pairs DESC")
    return LinkSummary(
        run=run,
        records=sum(how.values()),
        people=int(
            rows(
                "SELECT count(*) FROM lk_code"
                if assigned == "lk_cluster"
                else f"SELECT count(DISTINCT person_code) FROM {assigned}"
            )[0][0]
        ),
        by_key=how.get("key", 0),
        by_model=how.get("model", 0),
        alone=how.get("alone", 0),
        to_review=int(rows("SELECT count(*) FROM lk_decided WHERE outcome = 'ask'")[0][0]),
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

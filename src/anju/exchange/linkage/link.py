"""One linkage run: mentions in, an assignment of every record to a person out, with evidence, questions and events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anju.exchange.linkage import blocking, codes, decisions, features, keys, model, outcomes
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.names import prepare_characters
from anju.exchange.linkage.parameters import Parameters
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
    keys.profiles(steps, mentions, parameters)
    keys.numbers(steps)
    keys.mistyped(steps, mentions)
    keys.members(steps)
    keys.open_records(steps, mentions)
    keys.key_groups(steps, mentions, parameters)
    features.variants(steps)
    features.context(steps, mentions)
    people = max(int(engine.rows("SELECT count(DISTINCT grp) FROM lk_variant")[0][0]), 1000)
    weighed = replace(parameters, prior=1 / people)
    blocking.block(steps, weighed)
    features.features(steps, mentions, weighed)
    model.score(steps, HAN_COMPARISONS, weighed)
    outcomes.decide(steps, HAN_COMPARISONS, weighed)
    decisions.load(steps, said)
    decisions.settle(steps)
    outcomes.cluster(steps)
    decisions.apply(steps)
    codes.assign(steps, run, mint)
    steps.timed("save", lambda: _save(steps, out))
    summary = _summary(steps, run, time.perf_counter() - begun)
    (out / "summary.json").write_text(
        json.dumps(asdict(summary), ensure_ascii=False, indent=1), encoding="utf-8"
    )
    steps.clear()
    return summary


def _before(steps: Steps, previous: Path | None) -> int:
    engine = steps.engine
    if previous is None:
        steps.table("lk_before", "SELECT CAST(0 AS UBIGINT) AS record_id, '' AS person_code WHERE FALSE")
        steps.table("lk_codes_before", "SELECT '' AS person_code, 0 AS run, '' AS current_code WHERE FALSE")
        return 1
    engine.scan("lk_before", [previous / "assignment.parquet"])
    engine.scan("lk_codes_before", [previous / "codes.parquet"])
    summary: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
    return int(summary["run"]) + 1


def _save(steps: Steps, out: Path) -> None:
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in HAN_COMPARISONS)
    engine = steps.engine
    engine.save(
        "SELECT c.record_id, k.person_code, c.how, c.weight FROM lk_cluster AS c JOIN lk_code AS k ON k.cluster = c.cluster",
        out / "assignment.parquet",
    )
    engine.save(
        f"SELECT record_a, record_b, weight, outcome, reason, {told} FROM lk_decided", out / "edges.parquet"
    )
    engine.save(
        """SELECT record_a, record_b, weight, 1 / (1 + abs(weight)) AS worth, reason FROM lk_decided
           WHERE outcome = 'ask' ORDER BY worth DESC""",
        out / "review.parquet",
    )
    engine.save("SELECT * FROM lk_event", out / "events.parquet")
    engine.save("SELECT * FROM lk_codes", out / "codes.parquet")


def _summary(steps: Steps, run: int, seconds: float) -> LinkSummary:
    rows = steps.engine.rows
    how: dict[str, int] = {
        str(k): int(n) for k, n in rows("SELECT how, count(*) FROM lk_cluster GROUP BY how")
    }
    events = {str(k): int(n) for k, n in rows("SELECT kind, count(*) FROM lk_event GROUP BY kind")}
    blocks = rows("SELECT rule, blocks, pairs, largest, dropped FROM lk_block ORDER BY pairs DESC")
    return LinkSummary(
        run=run,
        records=sum(how.values()),
        people=steps.count("lk_code"),
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

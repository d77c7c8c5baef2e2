"""One linkage run: mentions in, an assignment of every record to a person out, with evidence, questions and events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anju.exchange.linkage import (
    blocking,
    codes,
    decisions,
    features,
    incremental,
    keys,
    model,
    outcomes,
    state,
    surroundings,
)
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.names import prepare_characters
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import LinkEngine, Steps, one_lane

MOST_PARTS = 31
"""After so many deltas everything is linked anew."""


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
    back: Sequence[codes.Back] = (),
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
    _compare(steps, parameters, said, None)
    codes.assign(steps, run, mint, back=back)
    steps.timed("save", lambda: _save(steps, out))
    summary = _summary(steps, run, time.perf_counter() - begun, out)
    _tell(engine, out, summary)
    steps.clear()
    return summary


def may_link_delta(engine: LinkEngine, previous: Path) -> bool:
    """Whether a delta may build on a run: its files are there and few, and this engine hashes as its engine did."""
    told: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
    return (
        all((previous / f"{kind}.parquet").is_file() for kind in state.KINDS)
        and len(state.parts(previous, "assignment")) < MOST_PARTS
        and told.get("hash") == _hash(engine)
    )


def link_delta(
    engine: LinkEngine,
    arrived: str,
    gone: str,
    previous: Path,
    said: Sequence[Decision],
    parameters: Parameters,
    out: Path,
    reopened: str = "",
    mint: codes.Mint = codes.mint_codes,
    told: Callable[[str], None] | None = None,
    back: Sequence[codes.Back] = (),
) -> LinkSummary | None:
    """Link the records of the view ``arrived`` (new or sent again) against the library of ``previous``.

    ``gone`` is a query of the record ids that were withdrawn. Everyone whom no arrived record may concern keeps their
    code without being looked at; ``out`` holds the former files and a part with the changes. ``reopened`` (a query of
    ``record_id``) are all records of the people whom a new word concerns; they stand among the arrived and are weighed
    anew. None when a decision parts records of one person that was not reopened: that needs a whole run (``link``).
    """
    begun = time.perf_counter()
    with one_lane(engine):
        steps = Steps(engine, told)
        run = _before(steps, previous)
        for kind in ("people", "around", "names", "spelled"):
            engine.scan(f"lk_{kind}", state.parts(previous, kind))
        _aliases(steps, previous)
        prepare_characters(steps)
        steps.table("lk_gone", gone)
        incremental.known(steps, arrived, reopened)
        before: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
        people = max(int(before["people"]), 1)
        incremental.affected(steps, arrived, said, replace(parameters, prior=1 / max(people, 1000)))
        if _must_part(steps, said):
            steps.clear()
            return None
        described = incremental.subset(steps)
        _name(steps)
        keys.describe(steps, described)
        _compare(steps, parameters, said, people)
        incremental.claims(steps)
        codes.assign(steps, run, mint, before="lk_claimed", given="lk_given", back=back)
        incremental.changes(steps)
        state.inherit(previous, out)
        steps.timed("save", lambda: _save_delta(steps, out, f"-{run:06d}"))
        summary = _summary(steps, run, time.perf_counter() - begun, out, before)
        _tell(engine, out, summary)
        steps.clear()
        return summary


def _aliases(steps: Steps, previous: Path) -> None:
    """Table ``lk_alias``: people that were merged away since the last whole run, and who they are now."""
    later = state.parts(previous, "codes")[1:]
    if later:
        steps.engine.scan("lk_codes_since", later)
    moved = "SELECT person_code FROM lk_codes_since WHERE current_code <> person_code"
    steps.table(
        "lk_alias",
        f"""SELECT hash(c.person_code) AS person, hash(c.current_code) AS root FROM lk_codes_before AS c
        SEMI JOIN ({moved}) AS m ON m.person_code = c.person_code"""
        if later
        else "SELECT hash(person_code) AS person, hash(current_code) AS root FROM lk_codes_before WHERE FALSE",
    )


def _must_part(steps: Steps, said: Sequence[Decision]) -> bool:
    """Whether two records that a person held to be different are one person now."""
    apart = ", ".join(f"({d.record_a}, {d.record_b})" for d in said if not d.is_same)
    return bool(
        apart
        and steps.engine.rows(
            f"""SELECT 1 FROM (VALUES {apart}) AS w(a, b) JOIN lk_decided_person AS x ON x.record_id = w.a
            JOIN lk_decided_person AS y ON y.record_id = w.b AND y.person = x.person
            WHERE x.person NOT IN (SELECT person FROM lk_reopened_person) LIMIT 1"""
        )
    )


def _name(steps: Steps) -> None:
    """``lk_name`` with the names of the library's people; ``lk_name_new``: names that the library does not know."""
    steps.table("lk_name_new", "SELECT n.* FROM lk_name AS n ANTI JOIN lk_names AS k ON k.raw_id = n.raw_id")
    steps.table(
        "lk_name_every",
        """SELECT * FROM lk_name UNION ALL
        SELECT k.* FROM lk_name_known AS k SEMI JOIN lk_library AS l ON l.raw_id = k.raw_id ANTI JOIN lk_name AS n ON n.raw_id = k.raw_id""",
    )
    steps.rename("lk_name_every", "lk_name")


def _compare(steps: Steps, parameters: Parameters, said: Sequence[Decision], library: int | None) -> None:
    """From ``lk_profile`` and ``lk_record`` to ``lk_cluster``. ``library``: people there are, when these are only some."""
    keys.numbers(steps)
    keys.mistyped(steps, incremental.ONE_NUMBER if library is not None else "")
    keys.members(steps)
    if library is not None:
        incremental.standing(steps)
    keys.key_groups(steps, parameters, stood=library is not None)
    features.loose(steps)
    surroundings.context(steps)
    people = library or steps.count("lk_anchor") + _open_groups(steps)
    weighed = replace(parameters, prior=1 / max(people, 1000))
    blocking.block(steps, weighed, incremental.FRESH if library is not None else "")
    features.variants(steps)
    features.frequencies(steps, people, library is not None)
    blocking.likely(steps, weighed)
    features.features(steps, weighed, library is not None)
    model.score(steps, HAN_COMPARISONS, weighed)
    outcomes.decide(steps, HAN_COMPARISONS, weighed)
    decisions.load(steps, said)
    decisions.settle(steps)
    outcomes.cluster(steps)
    decisions.apply(steps)


def _open_groups(steps: Steps) -> int:
    return int(steps.engine.rows("SELECT count(DISTINCT grp) FROM lk_loose")[0][0])


def _hash(engine: LinkEngine) -> str:
    """A value that changes when an engine hashes otherwise; what a run keeps is hashed."""
    made = engine.rows("SELECT hash('安居', 1)")[0][0]
    return f"{made}/{state.FORM}"


def _tell(engine: LinkEngine, out: Path, summary: LinkSummary) -> None:
    told = {**asdict(summary), "hash": _hash(engine)}
    (out / "summary.json").write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


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
    state.scan_assignment(engine, "lk_before", state.parts(previous, "assignment"), ("how", "weight"))
    state.scan_codes(engine, "lk_codes_before", state.parts(previous, "codes"))
    engine.scan("lk_events_before", state.parts(previous, "events"))
    for name in ("edges", "review"):
        engine.scan(f"lk_{name}_before", [previous / f"{name}.parquet"])
    summary: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
    return int(summary["run"]) + 1


def _edges() -> tuple[str, str]:
    """Queries: the evidence of every pair weighed; the pairs to ask, with what a decision is worth."""
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in HAN_COMPARISONS)
    edges = f"SELECT record_a, record_b, weight, outcome, reason, {told} FROM lk_decided"
    review = """SELECT record_a, record_b, weight, 1 / (1 + abs(weight)) AS worth, reason FROM lk_decided
        WHERE outcome = 'ask'"""
    return edges, review


def _save(steps: Steps, out: Path) -> None:
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
    state.keep(steps, out)
    state.keep_names(engine, out)


def _save_delta(steps: Steps, out: Path, suffix: str) -> None:
    engine = steps.engine
    engine.save("SELECT * FROM lk_change", out / f"assignment{suffix}.parquet")
    engine.save("SELECT * FROM lk_event", out / f"events{suffix}.parquet")
    engine.save("SELECT person_code, run, current_code FROM lk_codes", out / f"codes{suffix}.parquet")
    engine.save("SELECT DISTINCT person_code FROM lk_former", out / f"{state.TOUCHED}.parquet")
    stale = """SELECT {0}.* FROM lk_{0}_before AS {0}
        ANTI JOIN (SELECT record_id FROM lk_arrived UNION SELECT record_id FROM lk_gone) AS s ON s.record_id = {0}.record_a
        ANTI JOIN (SELECT record_id FROM lk_arrived UNION SELECT record_id FROM lk_gone) AS t ON t.record_id = {0}.record_b
        ANTI JOIN lk_decided AS d ON d.record_a = {0}.record_a AND d.record_b = {0}.record_b"""
    edges, review = _edges()
    engine.save(f"{edges} UNION ALL {stale.format('edges')}", out / "edges.parquet")
    engine.save(
        f"{review} UNION ALL {stale.format('review')}",
        out / "review.parquet",
        sort="worth DESC, record_a, record_b",
    )
    new = "SELECT record_id FROM lk_unsettled"
    state.keep(steps, out, suffix, new)
    stated = " OR ".join(f"a.{c} IS NOT NULL" for c in state.AROUND)
    engine.save(
        f"""SELECT k.person, {", ".join(f"a.{c}" for c in state.AROUND)} FROM lk_known AS k
        JOIN lk_arrived AS a ON a.record_id = k.record_id WHERE {stated}""",
        out / f"around{suffix}k.parquet",
    )
    state.keep_names(engine, out, suffix, "lk_name_new")


def _summary(
    steps: Steps, run: int, seconds: float, out: Path, before: Mapping[str, Any] | None = None
) -> LinkSummary:
    rows = steps.engine.rows
    events = {str(k): int(n) for k, n in rows("SELECT kind, count(*) FROM lk_event GROUP BY kind")}
    blocks = rows("SELECT rule, blocks, pairs, largest, dropped FROM lk_block ORDER BY pairs DESC")
    how, people = _counted(steps, out, before)
    steps.engine.scan("lk_review_now", [out / "review.parquet"])
    return LinkSummary(
        run=run,
        records=sum(how.values()),
        people=people + (events.get("minted", 0) - events.get("merged", 0) if before else 0),
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
    placed = "SELECT c.how FROM lk_change AS c SEMI JOIN lk_arrived AS a ON a.record_id = c.record_id"
    for h, n in rows(f"SELECT how, count(*) FROM ({placed}) AS p GROUP BY how"):
        how[str(h)] = how.get(str(h), 0) + int(n)
    return how, int(before["people"])

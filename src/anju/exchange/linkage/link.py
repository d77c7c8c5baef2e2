"""One linkage run: mentions in, an assignment of every record to a person out, with evidence, questions and events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
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
    profiles,
    shelves,
    state,
    surroundings,
    written,
)
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.names import prepare_characters
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import LinkEngine, Steps, one_lane
from anju.exchange.linkage.written import LinkSummary

MOST_PARTS = 31
"""After so many deltas everything is linked anew."""


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
    lasting: bool = True,
) -> LinkSummary:
    """Link every record of the view ``mentions``; write Parquet files and ``summary.json`` into ``out``.

    Grain: ``assignment.parquet`` has one row per mention. ``previous`` is the folder of the run before, whose codes
    are kept. Units: weights are bits. Unknown: a record that nothing links is a person of its own. ``lasting``: keep what a
    delta needs to build on this run.
    """
    begun = time.perf_counter()
    steps = Steps(engine, told)
    run = _before(steps, previous)
    prepare_characters(steps)
    profiles.profiles(steps, mentions, parameters)
    _compare(steps, parameters, said, None)
    stood = codes.assign(steps, run, mint, back=back)
    codes.lapse(steps, stood)
    steps.timed("save", lambda: written.save(steps, out, lasting))
    summary = written.summary_of(steps, run, time.perf_counter() - begun, out)
    written.tell(engine, out, summary)
    steps.clear()
    return summary


def may_link_delta(engine: LinkEngine, previous: Path) -> bool:
    """Whether a delta may build on a run: its files are there and few, and this engine hashes as its engine did."""
    told: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
    return (
        all(state.is_kept(previous, kind) for kind in state.KINDS)
        and len(state.parts(previous, "assignment")) < MOST_PARTS
        and told.get("hash") == written.hashed_by(engine)
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
        library = shelves.Library(steps, previous)
        _aliases(steps, library, previous)
        before: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
        run = int(before["run"]) + 1
        prepare_characters(steps)
        steps.table("lk_gone", gone)
        incremental.known(steps, library, arrived, said, reopened)
        people = max(int(before["people"]), 1)
        incremental.affected(steps, library, arrived, said, replace(parameters, prior=1 / max(people, 1000)))
        if _must_part(steps, said):
            steps.clear()
            return None
        described = incremental.subset(steps, library)
        _name(steps)
        profiles.describe(steps, described)
        _compare(steps, parameters, said, people)
        incremental.newcomers(steps)
        incremental.returning(steps, library, previous)
        codes.assign(steps, run, mint, incremental.CLAIMED, "lk_given", back)
        incremental.changes(steps, library)
        state.inherit(previous, out)
        engine.scan("lk_edges_before", state.parts(previous, "edges"))
        engine.scan("lk_review_before", [previous / "review.parquet"])
        steps.timed("save", lambda: written.save_delta(steps, out, f"-{run:06d}"))
        summary = written.summary_of(steps, run, time.perf_counter() - begun, out, before)
        written.tell(engine, out, summary)
        steps.clear()
        return summary


def _aliases(steps: Steps, library: shelves.Library, previous: Path) -> None:
    """Table ``lk_alias``: people that were merged away since the last whole run, and who they are now."""
    later = state.parts(previous, "codes")[1:]
    steps.engine.scan("lk_codes_since", later or state.parts(previous, "codes"))
    moved = f"SELECT person_code FROM lk_codes_since WHERE {bool(later)} AND current_code <> person_code"
    library.codes(f"SELECT hash(person_code) FROM ({moved}) AS m")
    steps.table(
        "lk_alias",
        f"""SELECT hash(c.person_code) AS person, hash(c.current_code) AS root FROM lk_codes_before AS c
        SEMI JOIN ({moved}) AS m ON m.person_code = c.person_code""",
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
        SELECT k.* FROM lk_names AS k SEMI JOIN lk_library AS l ON l.raw_id = k.raw_id ANTI JOIN lk_name AS n ON n.raw_id = k.raw_id""",
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
        steps.table("lk_lapsed", "SELECT record_id, person_code FROM lk_before")
        return 1
    state.scan_assignment(engine, "lk_before", state.parts(previous, "assignment"), ("how", "weight"))
    state.scan_codes(engine, "lk_codes_before", state.parts(previous, "codes"))
    engine.scan("lk_events_before", state.parts(previous, "events"))
    lapsed = state.scan_lapsed(engine, "lk_lapsed_kept", previous)
    withdrawn = state.withdrawn_sql(engine, "lk_withdrawn", previous)
    steps.table("lk_lapsed", f"{lapsed} UNION {withdrawn}")
    summary: dict[str, Any] = json.loads((previous / "summary.json").read_text(encoding="utf-8"))
    return int(summary["run"]) + 1

"""Erasures across a gap: a peer hears which records it was sent are erased here, and erases those it has from us alone.

What travels is a record's tombstone: its hash and dataset, no content. The receiver looks for it among the records that came
in that sender's bundles. A record that somebody else sent here as well stays: it is held on its own ground, and the receipt
says how many those are. Killed after the bundle counts, the orders and tombstones say what is left to do.

Grain: one record. Raises: nothing. Source: ``trust.store.erasing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anju.exchange.doors import bundles
from anju.exchange.doors.bundles import Part
from anju.exchange.store import bundle_actions
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import erasure, linkage, retention
from anju.kernel.engine import literal
from anju.kernel.home import home
from anju.register.store import queries as register
from anju.register.store.queries import entries
from anju.trust.access import Actor
from anju.trust.store import erasing, erasure_actions, erasure_queries

KIND = "erasures"
"""Kind of a bundle's part: Parquet with ``record_id`` and ``dataset``."""
GROUND = "sender"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a peer's erasures came to: records that are erased here too, and those somebody else sent as well."""

    erased: int = 0
    kept: int = 0


def write(place: Path, since: str) -> tuple[Part | None, str]:
    """The tombstones set after ``since`` (an earlier answer's second half; empty: all) as a part; none when there is none."""
    found, until = erasing.told_since(since)
    if not found:
        return None, since
    path = place / "erasures.parquet"
    numbers, datasets = zip(*found, strict=True)
    table = pa.table(
        {"record_id": pa.array(numbers, pa.uint64()), "dataset": pa.array(datasets, pa.string())}
    )
    pq.write_table(table, path, compression="zstd")
    return bundles.part_of(path, KIND, {"rows": len(found)}), until


def take(path: Path, peer: str, *, by: Actor, at: datetime) -> Taken:
    """Bury what the peer's part names, and order the erasure of those of whom nothing else is held here. Call in the bundle's
    transaction, one at a time with publications; ``finish`` after it."""
    theirs, others = bundle_actions.paths_by_sender(peer)
    with erasure.opened() as engine:
        kept = _find(engine, path, [home() / p for p in theirs], [home() / p for p in others])
        erased = erasing.bury(erasure.entomb(engine), at)
        for code in _whole(engine):
            region = register.person_region(code)
            erasure_actions.order_erasure(code, region, GROUND, by=by, at=at, purpose="retention")
    return Taken(erased, kept)


def finish(done: Taken) -> None:
    """Carry out what was ordered, and take the buried records out of every file."""
    if done.erased:
        retention.work()
        retention.sweep()


def _find(engine: DuckEngine, listed: Path, theirs: Sequence[Path], others: Sequence[Path]) -> int:
    """Make the table ``due`` (as ``erasure.find_due``) of the records that came from the peer alone; return how many of the
    listed ones came from elsewhere too."""
    engine.run(
        f"CREATE TEMP TABLE told AS SELECT DISTINCT record_id, dataset FROM read_parquet({literal(str(listed))})"
    )
    for name, paths in (("came", theirs), ("own", others)):
        engine.run(f"CREATE TEMP TABLE {name} (record_id UBIGINT)")
        if paths:
            engine.scan("raw", list(paths))
            engine.run(
                f"INSERT INTO {name} SELECT DISTINCT r.record_id FROM raw AS r SEMI JOIN told AS t ON t.record_id = r.record_id"
            )
    linked = linkage.current()
    engine.run("CREATE TEMP TABLE who (record_id UBIGINT, person_code VARCHAR)")
    if linked is not None:
        linkage.scan(engine, "assignment", linked)
        engine.run("INSERT INTO who SELECT record_id, person_code FROM assignment")
    engine.run(
        "CREATE TEMP TABLE due AS SELECT t.record_id, t.dataset, coalesce(w.person_code, '') AS person_code FROM told AS t "
        "SEMI JOIN came AS c ON c.record_id = t.record_id ANTI JOIN own AS o ON o.record_id = t.record_id "
        "LEFT JOIN who AS w ON w.record_id = t.record_id"
    )
    ((kept,),) = engine.rows("SELECT count(*) FROM came SEMI JOIN own ON came.record_id = own.record_id")
    return int(kept)


def _whole(engine: DuckEngine) -> list[str]:
    """People of whom nothing else is held: no other record, nothing entered or settled here, no order under way."""
    found = [
        str(code)
        for (code,) in engine.rows(
            "SELECT w.person_code FROM who AS w LEFT JOIN due AS d ON w.record_id = d.record_id "
            "GROUP BY w.person_code HAVING count(d.record_id) = count(*) ORDER BY w.person_code"
        )
    ]
    left = entries.spoken_of(found) | {e.person_code for e in erasure_queries.open_erasures()}
    return [code for code in found if code not in left]

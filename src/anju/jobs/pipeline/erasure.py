"""Deletion carried out: what is past its term leaves PostgreSQL, the lake, the linkage and the library, and stays away.

A record is due when every fact it states is past its term (``packs/*/trust/retention.yaml``); a person is gone when no
record is left. First PostgreSQL, in one transaction that also sets a tombstone for every record; then the Parquet
files, each replaced whole. Killed in between, the tombstones say what is left to do: run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from anju.exchange.library import kept
from anju.exchange.library.standing import Standing
from anju.jobs import scratch
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import facts, linkage
from anju.kernel.engine import literal
from anju.kernel.home import lake
from anju.register import canon
from anju.trust.retaining import Keeping, keepings

ENDS = {
    "stay": "stay.end_on",
    "job": "job.end_on",
    "enrolment": "enrolment.end_on",
    "permit": "permit.valid_until",
    "aid": "aid.closed_on",
}
"""Where a fact says that it ended."""
ABOUT_NOBODY = frozenset({"dwelling", "employer"})
WHO = frozenset({"person", "kin"})
"""Aspects that only say whose record it is, when it states a fact beside them."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a run would erase: records by dataset, and the people of whom nothing is left."""

    records: dict[str, int]
    people: tuple[str, ...]


@contextmanager
def opened() -> Iterator[DuckEngine]:
    """An engine for one run, closed afterwards."""
    with scratch.place("erasure") as spill:
        engine = DuckEngine(spill, memory="2GB")
        try:
            yield engine
        finally:
            engine.close()


def library_folder() -> Path | None:
    """The newest published run's folder, or None before the first."""
    from anju.register.store import runs

    newest = runs.newest()
    return lake() / newest.folder if newest and newest.folder else None


def find_due(
    engine: DuckEngine, as_of: date, only: str = "", *, all_of_it: bool = False, buried: bool = False
) -> Due:
    """Make the table ``due`` (record_id, dataset, person_code) and say what is in it.

    ``only``: one person; with ``all_of_it`` everything about them, whatever its term; with ``buried`` what lies under a
    tombstone already. Nothing linked or published
    yet: nothing is due. Raises: Refusal trust.broken_retention.
    """
    from anju.exchange.store import queries

    engine.run("CREATE OR REPLACE TEMP TABLE due (record_id UBIGINT, dataset VARCHAR, person_code VARCHAR)")
    library, linked = library_folder(), linkage.current()
    if library is None or linked is None:
        return Due({}, ())
    linkage.scan(engine, "assignment", linked)
    whose = f" WHERE person_code = {literal(only)}" if only else ""
    engine.run(f"CREATE OR REPLACE TEMP TABLE who AS SELECT record_id, person_code FROM assignment{whose}")
    _left(engine, library)
    if buried:
        _tombstones(engine)
    paths: dict[str, list[Path]] = {}
    for batch in queries.accepted_batches():
        paths.setdefault(batch.dataset, []).append(batch.path)
    terms = keepings()
    for dataset, files in sorted(paths.items()):
        engine.scan("raw", files)
        held = {row[0] for row in engine.rows("DESCRIBE SELECT * FROM raw")}
        if "person.name" in held:
            over = "r.record_id IN (SELECT record_id FROM buried)" if buried else ""
            over = over or ("TRUE" if all_of_it else _is_over(held, terms, as_of))
            engine.run(
                f"INSERT INTO due SELECT r.record_id, {literal(dataset)}, any_value(w.person_code) FROM raw AS r "
                "JOIN who AS w ON r.record_id = w.record_id LEFT JOIN gone AS g ON w.person_code = g.person_code "
                f"GROUP BY r.record_id HAVING bool_and({over})"
            )
    counted = dict(engine.rows("SELECT dataset, count(*) FROM due GROUP BY dataset ORDER BY dataset"))
    whole = engine.rows(
        "SELECT w.person_code FROM who AS w LEFT JOIN due AS d ON w.record_id = d.record_id "
        "GROUP BY w.person_code HAVING count(d.record_id) = count(*) ORDER BY w.person_code"
    )
    return Due({k: int(v) for k, v in counted.items()}, tuple(code for (code,) in whole))


def _left(engine: DuckEngine, library: Path) -> None:
    """``gone``: people who no longer live here, and the day their last stay ended. Who has no stay at all is not gone."""
    stays = Standing(engine, library, "left_").scan("stay")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE gone AS SELECT person_code, max(coalesce(end_on, presumed_end_on)) AS left_on "
        f"FROM {stays} GROUP BY person_code HAVING bool_and(coalesce(end_on, presumed_end_on) IS NOT NULL)"
    )


def _is_over(held: set[str], terms: dict[str, Keeping] | object, as_of: date) -> str:
    """SQL: whether every fact a record states is past its term. A record that states none goes with its person."""
    kept: dict[str, Keeping] = dict(terms)  # type: ignore[call-overload]
    facts = [
        a for a in canon.ASPECTS.values()
        if a.name not in WHO | ABOUT_NOBODY and any(c in held for c in a.qualified())
    ]  # fmt: skip
    parts, stated = [], []
    for aspect in facts:
        told = " OR ".join(f'r."{c}" IS NOT NULL' for c in aspect.qualified() if c in held)
        stated.append(f"({told})")
        parts.append(f"(NOT ({told}) OR {_term_over(aspect.name, kept[aspect.name], held, as_of)})")
    alone = _term_over("person", kept["person"], held, as_of)
    if not parts:
        return alone
    return f"({' AND '.join(parts)}) AND (({' OR '.join(stated)}) OR {alone})"


def _term_over(aspect: str, term: Keeping, held: set[str], as_of: date) -> str:
    if term.days is None:
        return "FALSE"
    day = "g.left_on" if term.after == "left" else "r.observed_on"
    if term.after == "ended":
        column = ENDS.get(aspect, "")
        if column not in held:
            return "FALSE"
        day = f'r."{column}"'
    return f"coalesce({day} + {term.days} <= DATE '{as_of.isoformat()}', FALSE)"


def entomb(engine: DuckEngine) -> pa.Table:
    """The records of ``due``, for tombstones: record_id as text, dataset."""
    return engine.connection.sql(
        "SELECT CAST(record_id AS VARCHAR) AS record_id, dataset FROM due"
    ).to_arrow_table()


NAMED = (
    ("dwelling.landlord_name", "dwelling.landlord_phone", "dwelling.region"),
    ("landlord_name", "landlord_phone", "region"),
)
"""Columns of batches and of the library that name somebody beside what the row is about, with phone and community."""


def names_of(engine: DuckEngine, people: tuple[str, ...]) -> set[tuple[str, str]]:
    """Names with phones that the records of these people state, and those the register knows them by."""
    from anju.exchange.store import queries
    from anju.trust.store import named

    found = named.of_people(people)
    found |= named.where_they_let(found)
    linked = linkage.current()
    if not people or linked is None:
        return found
    linkage.scan(engine, "assignment", linked)
    listed = ", ".join(literal(code) for code in people)
    for batch in queries.accepted_batches():
        engine.scan("raw", [batch.path])
        held = {row[0] for row in engine.rows("DESCRIBE SELECT * FROM raw")}
        if {"person.name", "person.phone"} <= held:
            found |= set(
                engine.rows(
                    'SELECT DISTINCT r."person.name", r."person.phone" FROM raw AS r JOIN assignment AS a '
                    f"ON r.record_id = a.record_id WHERE a.person_code IN ({listed}) "
                    "AND r.\"person.name\" <> '' AND r.\"person.phone\" <> ''"
                )
            )
    return found


def _blot_named(engine: DuckEngine, path: Path, held: set[str]) -> int:
    """Blot out of one file whoever lies under a name's tombstone; the row stays, it is about something else."""
    from anju.trust.store import named

    changed = 0
    for name, phone, region in NAMED:
        if not {name, phone, region} <= held:
            continue
        beside = f"""coalesce(nullif(t."{phone}", ''), '{named.AT}' || t."{region}")"""
        pairs = engine.rows(
            f'SELECT DISTINCT "{name}", {beside} FROM read_parquet({literal(str(path))}) AS t'
        )
        gone = named.buried((str(a), str(b)) for a, b in pairs if a and b)
        if gone:
            listed = ", ".join(f"({literal(a)}, {literal(b)})" for a, b in gone)
            hit = f'(t."{name}", {beside}) IN ({listed})'
            blots = ", ".join(f'CASE WHEN {hit} THEN NULL ELSE t."{c}" END AS "{c}"' for c in (name, phone))
            order = "row_no" if "row_no" in held else ""
            engine.save(
                f"SELECT * REPLACE ({blots}) FROM read_parquet({literal(str(path))}) AS t", path, order
            )
            changed += 1
    return changed


def purge_files(engine: DuckEngine, people: tuple[str, ...]) -> int:
    """Take buried records, and the people of whom nothing is left, out of every Parquet file; return the files changed.

    Batches are searched by record, the linkage and the library by record and by person; whoever is named in a record
    about something else is blotted out of it. Codes and their events stay: a code is for life and says nothing.
    """
    _tombstones(engine)
    listed = ", ".join(f"({literal(code)})" for code in people) or "(NULL)"
    engine.run(f"CREATE OR REPLACE TEMP TABLE erased AS SELECT * FROM (VALUES {listed}) AS e(person_code)")
    changed = blotted = 0
    library = lake() / "library"
    for path in _files():
        if not path.is_file():  # forgotten with its run
            continue
        before = changed + blotted
        held = {row[0] for row in engine.rows(f"DESCRIBE SELECT * FROM read_parquet('{path}')")}
        gone = _condition(held)
        if gone and engine.rows(f"SELECT 1 FROM read_parquet('{path}') AS t WHERE {gone} LIMIT 1"):
            _rewrite(engine, path, gone, "row_no" if "row_no" in held else "")
            changed += 1
        blotted += _blot_named(engine, path, held)
        if people and path.stem.partition("-")[0] == "kin" and "relative_code" in held:
            changed += _forget_relatives(engine, path)
        if changed + blotted > before and path.is_relative_to(library):
            # the next publication resolves everybody
            kept.forget(library / path.relative_to(library).parts[0])
    if changed or people:
        facts.forget()
    if changed:
        linkage.start_afresh()  # how people are described is learned anew by the next run
    if people:
        shutil.rmtree(
            lake() / "library" / "own", ignore_errors=True
        )  # written anew from the entries by the next run
    return changed + blotted


def _tombstones(engine: DuckEngine) -> None:
    from anju.trust.store import erasing

    engine.run("CREATE OR REPLACE TEMP TABLE buried (record_id UBIGINT)")
    for chunk in erasing.tombstones():
        listed = ", ".join(f"({number})" for number in chunk)
        engine.run(f"INSERT INTO buried SELECT CAST(n AS UBIGINT) FROM (VALUES {listed}) AS v(n)")


def _files() -> list[Path]:
    return [
        *sorted((lake() / "batches").rglob("*.parquet")),
        *sorted((lake() / "library").rglob("*.parquet")),
        *(p for p in sorted(linkage.folder().rglob("*.parquet")) if not p.name.startswith(("codes", "events"))),
    ]  # fmt: skip


def _condition(held: set[str]) -> str:
    parts = [
        f"t.{column} IN (SELECT record_id FROM buried)"
        for column in ("record_id", "record_a", "record_b")
        if column in held
    ]
    if "person_code" in held:
        parts.append("t.person_code IN (SELECT person_code FROM erased)")
    return " OR ".join(parts)


def _rewrite(engine: DuckEngine, path: Path, gone: str, order: str) -> None:
    engine.save(f"SELECT * FROM read_parquet('{path}') AS t WHERE ({gone}) IS NOT TRUE", path, order)


def _forget_relatives(engine: DuckEngine, path: Path) -> int:
    """What somebody says of a relative is theirs; only the way to the erased person's file is cut."""
    hit = "t.relative_code IN (SELECT person_code FROM erased)"
    if not engine.rows(f"SELECT 1 FROM read_parquet('{path}') AS t WHERE {hit} LIMIT 1"):
        return 0
    cut = f"CASE WHEN {hit} THEN '' ELSE t.relative_code END AS relative_code"
    engine.save(f"SELECT * REPLACE ({cut}) FROM read_parquet('{path}') AS t", path)
    return 1

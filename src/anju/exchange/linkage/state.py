"""The files of a run: what readers read, and what the next delta needs to know about everyone.

A whole run writes each file once. A delta writes only what it changed, as a further part beside hard links to the
files it builds on: ``assignment.parquet``, ``assignment-000002.parquet`` … Of several parts that speak of a record or a
code the last counts; a record without a code is gone.

For the next delta a run keeps ``people`` (the ways each person is described), ``around`` (what surrounds them, hashed)
``names`` (made comparable) and ``spelled`` (the romanised forms each name may take). A person is the hash of their code.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from anju.exchange.linkage.keys import NUMBER_DAY
from anju.exchange.linkage.names import DAY_CODES
from anju.exchange.linkage.steps import LinkEngine, Steps
from anju.kernel.engine import Engine

TOUCHED = "touched"
"""A file of a delta: the people one of whose records was sent again or withdrawn."""
FORM = 5
"""Counts the changes of what these files hold: a delta builds on a run of the same form only."""
KINDS = ("assignment", "codes", "events", "people", "around", "names", "spelled")
"""Files that grow by parts."""
AROUND = ("phone", "room", "employer", "kin_number", "kin_phone", "household")
PEOPLE = f"person, raw_id, tags, {', '.join(DAY_CODES)}, number, stated, sex, born, lunar, county, n, record, is_anchor"


def parts(folder: Path, kind: str) -> list[Path]:
    """The files of one kind, oldest first."""
    return [folder / f"{kind}.parquet", *sorted(folder.glob(f"{kind}-*.parquet"))]


def inherit(previous: Path, out: Path) -> None:
    """Put the files of a former run into ``out`` without copying them."""
    for kind in KINDS:
        for path in parts(previous, kind):
            os.link(path, out / path.name)


def scan_assignment(engine: Engine, name: str, paths: Sequence[Path], columns: Sequence[str] = ()) -> None:
    """View ``name``: record_id, person_code and further ``columns`` of every current record."""
    _newest(engine, name, paths, "record_id", ("person_code", *columns))


def scan_codes(engine: Engine, name: str, paths: Sequence[Path]) -> None:
    """View ``name``: person_code, run, current_code - every code ever given and the one that answers for it."""
    _newest(engine, name, paths, "person_code", ("run", "current_code"))


def codes_sql(paths: Sequence[Path]) -> str:
    """DuckDB query (person_code, current_code) over the files of codes, without views."""
    read = [
        f"SELECT {i} AS place, person_code, current_code FROM read_parquet('{p}')"
        for i, p in enumerate(paths)
    ]
    if len(read) == 1:
        return read[0]
    every = " UNION ALL ".join(read)
    return f"SELECT person_code, arg_max(current_code, place) AS current_code FROM ({every}) AS e GROUP BY person_code"


def _newest(engine: Engine, name: str, paths: Sequence[Path], key: str, columns: Sequence[str]) -> None:
    wanted = ", ".join((key, *columns))
    engine.scan(f"{name}_base", [paths[0]])
    if len(paths) == 1:
        engine.run(f"CREATE OR REPLACE VIEW {name} AS SELECT {wanted} FROM {name}_base")
        return
    for place, path in enumerate(paths[1:]):
        engine.scan(f"{name}_part{place}", [path])
    every = " UNION ALL ".join(
        f"SELECT {place} AS place, {wanted} FROM {name}_part{place}" for place in range(len(paths) - 1)
    )
    engine.run(
        f"""CREATE OR REPLACE TABLE {name}_later AS
        WITH every AS ({every}),
        ranked AS (SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY place DESC) AS newest FROM every)
        SELECT {wanted} FROM ranked WHERE newest = 1"""
    )
    kept = ", ".join(f"b.{c}" for c in (key, *columns))
    engine.run(
        f"""CREATE OR REPLACE VIEW {name} AS
        SELECT {kept} FROM {name}_base AS b ANTI JOIN {name}_later AS p ON p.{key} = b.{key}
        UNION ALL SELECT {wanted} FROM {name}_later WHERE {columns[-1] if key == "person_code" else columns[0]} IS NOT NULL"""
    )


def keep(steps: Steps, out: Path, suffix: str = "", only: str = "") -> None:
    """Write what the next delta needs to know. ``only``: a query of the record ids to tell of, all when empty."""
    engine = steps.engine
    bent = bool(steps.count("lk_word"))
    seats = (
        "lk_seat AS s"
        if not bent
        else "(SELECT m.node, min(c.cluster) AS cluster FROM lk_cluster AS c JOIN lk_member AS m ON m.record_id = c.record_id GROUP BY m.node) AS s"
    )
    home = f"SELECT s.node, hash(k.person_code) AS person FROM {seats} JOIN lk_code AS k ON k.cluster = s.cluster"
    some = (
        f"AND p.profile IN (SELECT m.profile FROM lk_member AS m SEMI JOIN ({only}) AS w ON w.record_id = m.record_id)"
        if only
        else ""
    )
    new = f"SEMI JOIN ({only}) AS w ON w.record_id = m.record_id" if only else ""
    engine.save(
        f"""WITH home AS ({home}), told AS (
            SELECT node, raw_id, tags, number, stated, sex, born, lunar, county, n, record, TRUE AS is_anchor FROM lk_placed AS p
            WHERE is_anchor {some}
            UNION ALL
            SELECT node, raw_id, tags, CAST(NULL AS BIGINT), stated, sex, born, lunar, county, count(*), min(record_id), FALSE
            FROM lk_open AS p WHERE TRUE {some} GROUP BY node, raw_id, tags, stated, sex, born, lunar, county
        )
        SELECT {PEOPLE} FROM (
            SELECT *, {", ".join(f"{sql} AS {name}" for name, sql in DAY_CODES.items())} FROM (
                SELECT *, CAST(coalesce(born, {NUMBER_DAY}) AS BIGINT) AS day FROM told) AS d
        ) AS t JOIN home AS h ON h.node = t.node""",
        out / f"people{suffix}.parquet",
        plain=True,
    )
    stated = " OR ".join(f"m.{c} IS NOT NULL" for c in AROUND)
    engine.save(
        f"""WITH home AS ({home})
        SELECT h.person, {", ".join(f"m.{c}" for c in AROUND)} FROM lk_member AS m {new} JOIN home AS h ON h.node = m.node
        WHERE {stated}""",
        out / f"around{suffix}.parquet",
        plain=True,
    )


def keep_names(engine: LinkEngine, out: Path, suffix: str = "", names: str = "lk_name") -> None:
    """Write names made comparable (``names``), and each with every spelling it may take (``spelled``)."""
    engine.save(f"SELECT * FROM {names}", out / f"names{suffix}.parquet")
    engine.save(
        f"""SELECT raw_id, hash(spelling) AS spelling_id
        FROM (SELECT raw_id, unnest(spellings) AS spelling FROM {names}) AS u WHERE spelling <> ''""",
        out / f"spelled{suffix}.parquet",
    )

"""The files of a run: what readers read, and what the next delta needs to know about everyone.

A whole run writes each file once. A delta writes only what it changed, as a further part beside hard links to the
files it builds on: ``assignment.parquet``, ``assignment-000002.parquet`` … Of several parts that speak of a record or a
code the last counts; a record without a code is gone.

For the next delta a run keeps ``people`` (the ways each person is described), ``around`` (what surrounds them, hashed),
``names`` (made comparable), ``spelled`` (the romanised forms each name may take) and ``counts`` (how many people have a name,
or state an employer). A person is the hash of their code. A whole run on DuckDB keeps people, around and names on *shelves*
(``shelf``), folders in which rows are looked up, and beside their files the assignment (``seats``) and codes (``issued``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from anju.exchange.linkage.steps import Steps
from anju.kernel.engine import Engine

TOUCHED = "touched"
"""A file of a delta: the people one of whose records was sent again or withdrawn."""
LAPSED = "lapsed.parquet"
"""A file of a whole run: the last known records of people who had none left, so that one who comes back is who they were."""
FORM = 8
"""Counts the changes of what these files hold: a delta builds on a run of the same form only."""
KINDS = ("assignment", "codes", "events", "edges", "people", "around", "names", "spelled", "counts")
"""Files that grow by parts."""
PRIVATE = ("people", "around", "names", "spelled", "counts")
"""Of these, what tells how people are described."""
AGAIN = "SELECT record_id FROM lk_arrived UNION SELECT record_id FROM lk_gone"
"""Query of a delta's records: new, sent again or withdrawn."""
AROUND = ("phone", "room", "employer", "kin_number", "kin_phone", "household")
PEOPLE = (
    "person",
    "raw_id",
    "tags",
    "number",
    "stated",
    "sex",
    "born",
    "lunar",
    "county",
    "n",
    "record",
    "is_anchor",
)


def parts(folder: Path, kind: str) -> list[Path]:
    """The files of one kind, oldest first."""
    return [folder / f"{kind}.parquet", *sorted(folder.glob(f"{kind}-*.parquet"))]


def inherit(previous: Path, out: Path) -> None:
    """Put the files of a former run into ``out`` without copying them."""
    for path in (p for kind in KINDS for p in parts(previous, kind) if p.is_file()):
        os.link(path, out / path.name)
    if (previous / LAPSED).is_file():
        os.link(previous / LAPSED, out / LAPSED)
    for path in sorted(previous.glob("*.shelf/*")):
        (out / path.parent.name).mkdir(exist_ok=True)
        os.link(path, out / path.parent.name / path.name)


def is_kept(folder: Path, kind: str) -> bool:
    """Whether a run still has its files of one kind."""
    return (folder / f"{kind}.parquet").is_file() or (folder / f"{kind}.shelf").is_dir()


def forget(folder: Path) -> None:
    """Take away from a run how people are described, and whatever could be looked up."""
    for path in (p for kind in PRIVATE for p in parts(folder, kind)):
        path.unlink(missing_ok=True)
    for shelf in folder.glob("*.shelf"):
        shutil.rmtree(shelf)


def scan_assignment(
    engine: Engine, name: str, paths: Sequence[Path], columns: Sequence[str] = (), base: str = ""
) -> None:
    """View ``name``: record_id, person_code and further ``columns`` of every current record; of the first file only the
    rows of the table ``base``, where one is named."""
    _newest(engine, name, paths, "record_id", ("person_code", *columns), base)


def scan_codes(engine: Engine, name: str, paths: Sequence[Path], base: str = "") -> None:
    """View ``name``: person_code, run, current_code - every code ever given and the one that answers for it. ``base`` as in
    ``scan_assignment``."""
    _newest(engine, name, paths, "person_code", ("run", "current_code"), base)


def stale_sql(columns: int) -> str:
    """Query of rows of a part of edges: records of ``lk_edges_before`` that were sent again or withdrawn, each as an edge to
    itself, with so many empty columns more. What was weighed of them before counts no more."""
    return f"""SELECT n.record_id, n.record_id{", NULL" * columns} FROM (
            SELECT record_a AS record_id FROM lk_edges_before UNION SELECT record_b FROM lk_edges_before
        ) AS n SEMI JOIN ({AGAIN}) AS s ON s.record_id = n.record_id"""


def scan_edges(engine: Engine, name: str, paths: Sequence[Path]) -> None:
    """View ``name``: the evidence of every pair that was weighed and counts still."""
    for place, path in enumerate(paths):
        engine.scan(f"{name}_part{place}", [path])
    every = " UNION ALL ".join(f"SELECT {p} AS place, * FROM {name}_part{p}" for p in range(len(paths)))
    engine.run(
        f"""CREATE OR REPLACE VIEW {name} AS
        WITH every AS ({every}),
        stale AS (SELECT record_a AS record, max(place) AS since FROM every WHERE record_a = record_b GROUP BY record_a),
        newest AS (
            SELECT e.*, row_number() OVER (PARTITION BY e.record_a, e.record_b ORDER BY e.place DESC) AS turn FROM every AS e
            LEFT JOIN stale AS s ON s.record = e.record_a LEFT JOIN stale AS t ON t.record = e.record_b
            WHERE e.record_a <> e.record_b AND e.place >= coalesce(s.since, 0) AND e.place >= coalesce(t.since, 0)
        )
        SELECT * EXCLUDE (place, turn) FROM newest WHERE turn = 1"""
    )


def scan_lapsed(engine: Engine, name: str, previous: Path) -> str:
    """Query (record_id, person_code): records of people who had none left at the last whole run, and have had none since."""
    if not (previous / LAPSED).is_file():
        return "SELECT CAST(0 AS UBIGINT) AS record_id, '' AS person_code WHERE FALSE"
    engine.scan(name, [previous / LAPSED])
    later = parts(previous, "assignment")[1:]
    if not later:
        return f"SELECT record_id, person_code FROM {name}"
    engine.scan(f"{name}_since", later)
    return f"""SELECT l.record_id, l.person_code FROM {name} AS l
        ANTI JOIN {name}_since AS s ON s.person_code = l.person_code"""


def withdrawn_sql(engine: Engine, name: str, previous: Path) -> str:
    """Query (record_id, person_code): records withdrawn since the last whole run, and whose they were."""
    files = parts(previous, "assignment")
    for place, path in enumerate(files):
        engine.scan(f"{name}_part{place}", [path])
    gone = " UNION ".join(
        f"SELECT record_id FROM {name}_part{p} WHERE person_code IS NULL" for p in range(1, len(files))
    )
    if not gone:
        return "SELECT CAST(0 AS UBIGINT) AS record_id, '' AS person_code WHERE FALSE"
    every = " UNION ALL ".join(
        f"SELECT {p} AS place, e.record_id, e.person_code FROM {name}_part{p} AS e "
        f"SEMI JOIN ({gone}) AS g ON g.record_id = e.record_id WHERE e.person_code IS NOT NULL"
        for p in range(len(files))
    )
    return f"""SELECT record_id, person_code FROM (
            SELECT e.*, row_number() OVER (PARTITION BY record_id ORDER BY place DESC) AS newest FROM ({every}) AS e
        ) AS n WHERE newest = 1"""


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


def _newest(
    engine: Engine, name: str, paths: Sequence[Path], key: str, columns: Sequence[str], base: str
) -> None:
    wanted = ", ".join((key, *columns))
    if not base:
        base = f"{name}_base"
        engine.scan(base, [paths[0]])
    if len(paths) == 1:
        engine.run(f"CREATE OR REPLACE VIEW {name} AS SELECT {wanted} FROM {base}")
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
        SELECT {kept} FROM {base} AS b ANTI JOIN {name}_later AS p ON p.{key} = b.{key}
        UNION ALL SELECT {wanted} FROM {name}_later WHERE {columns[-1] if key == "person_code" else columns[0]} IS NOT NULL"""
    )


def _home(steps: Steps) -> str:
    """Query (node, person): whose every node is."""
    seats = "lk_seat AS s"
    if steps.count("lk_word"):
        seats = """(SELECT m.node, min(c.cluster) AS cluster FROM lk_cluster AS c
            JOIN lk_member AS m ON m.record_id = c.record_id GROUP BY m.node) AS s"""
    return f"SELECT s.node, hash(k.person_code) AS person FROM {seats} JOIN lk_code AS k ON k.cluster = s.cluster"


def people_sql(steps: Steps, only: str = "") -> str:
    """Query: the ways people are described. ``only``: a query of the record ids to tell of, all when empty."""
    some = (
        f"AND p.profile IN (SELECT m.profile FROM lk_member AS m SEMI JOIN ({only}) AS w ON w.record_id = m.record_id)"
        if only
        else ""
    )
    return f"""WITH home AS ({_home(steps)}), told AS (
            SELECT node, raw_id, tags, number, stated, sex, born, lunar, county, n, record, TRUE AS is_anchor FROM lk_placed AS p
            WHERE is_anchor {some}
            UNION ALL
            SELECT node, raw_id, tags, CAST(NULL AS BIGINT), stated, sex, born, lunar, county, count(*), min(record_id), FALSE
            FROM lk_open AS p WHERE TRUE {some} GROUP BY node, raw_id, tags, stated, sex, born, lunar, county
        )
        SELECT {", ".join(PEOPLE)} FROM told AS t JOIN home AS h ON h.node = t.node"""


def around_sql(steps: Steps, only: str = "") -> str:
    """Query: what surrounds people, one row per record that states anything. ``only`` as in ``people_sql``."""
    stated = " OR ".join(f"m.{c} IS NOT NULL" for c in AROUND)
    new = f"SEMI JOIN ({only}) AS w ON w.record_id = m.record_id" if only else ""
    return f"""WITH home AS ({_home(steps)})
        SELECT h.person, {", ".join(f"m.{c}" for c in AROUND)} FROM lk_member AS m {new} JOIN home AS h ON h.node = m.node
        WHERE {stated}"""


def counts_sql(fresh: bool = False) -> str:
    """Query (kind, value, n): how many people have each name and state each employer; ``fresh``: of the new ones only."""
    new = """SEMI JOIN (SELECT k.cluster FROM lk_code AS k JOIN lk_event AS e ON e.person_code = k.person_code
            WHERE e.kind = 'minted') AS f ON f.cluster = s.cluster"""
    return f"""WITH seated AS (SELECT s.node, s.cluster FROM lk_seat AS s {new if fresh else ""}),
        named AS (
            SELECT p.name_id, s.cluster FROM lk_placed AS p JOIN seated AS s ON s.node = p.node WHERE p.is_anchor
            UNION SELECT o.name_id, s.cluster FROM lk_open AS o JOIN seated AS s ON s.node = o.node
        ),
        employed AS (
            SELECT DISTINCT m.employer, s.cluster FROM lk_member AS m JOIN seated AS s ON s.node = m.node
            WHERE m.employer IS NOT NULL
        )
        SELECT 'name' AS kind, name_id AS value, count(*) AS n FROM named WHERE name_id IS NOT NULL GROUP BY name_id
        UNION ALL SELECT 'employer', employer, count(*) FROM employed GROUP BY employer"""


def spelled_sql(names: str = "lk_name") -> str:
    """Query (raw_id, spelling_id): each name with every spelling it may take."""
    return f"""SELECT raw_id, hash(spelling) AS spelling_id
        FROM (SELECT raw_id, unnest(spellings) AS spelling FROM {names}) AS u WHERE spelling <> ''"""

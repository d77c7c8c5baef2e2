"""Which records stand otherwise than in the former run, what they said then and say now, and whom they are about.

Grain: ``changed`` one row per record that arrived, was sent again, withdrawn, or is about somebody else now (some turn out
the same); ``stood`` and ``stands`` whom these were and are about; ``person_changed`` one row per person of theirs, or about
whom something else was decided; ``was_<table>`` and ``now_<table>`` what these records contribute to each table of a run.
Raises: nothing. Source: ``records``, the assignment of both runs, decisions. DuckDB only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anju.exchange.library import facts, family, measures, places
from anju.exchange.library.catalogue import TABLES
from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.kept import FOLDER, GROWING, LINKED, OFFICIAL, Before, own_files, prints
from anju.exchange.library.records import NOW, THEN, Records
from anju.exchange.library.settled import OVERRULED
from anju.exchange.library.standing import Standing
from anju.exchange.linkage.state import scan_assignment
from anju.kernel.engine import Engine

PLACES = (
    "told_stay",
    "told_dwelling",
    "street_said",
    "official_said",
    "street_district",
)
ROUNDS = 5
"""A street or a house that lies elsewhere now changes further records, and these others; so many times at most."""


@dataclass
class Counts:
    """How many records of each dataset speak of each aspect, of the changed ones: aspect -> dataset -> records."""

    was: dict[str, dict[str, int]] = field(default_factory=dict)
    now: dict[str, dict[str, int]] = field(default_factory=dict)


def find(records: Records, before: Before, most: float) -> Counts | None:
    """Make the tables of this module; None when they concern more than the share ``most`` of all people."""
    engine = records.engine
    _stood(engine, before)
    scan_assignment(engine, "assignment", records.inputs.assignment)
    scan_assignment(engine, "assignment_then", before.assignment)
    engine.run(f"CREATE OR REPLACE TEMP TABLE changed AS {_changed(records, before)}")
    engine.run(f"CREATE OR REPLACE TEMP TABLE said_of AS {_said_of(records.inputs, before, engine)}")
    ((everybody,),) = engine.rows("SELECT count(*) FROM stood_person")
    for _ in range(ROUNDS):
        ((some,),) = engine.rows(_count_people(engine))
        if some > most * max(everybody, 1):
            return None
        records.take(
            "SELECT record_id FROM changed UNION ALL "
            "SELECT a.record_id FROM assignment AS a SEMI JOIN person_changed AS p ON p.person_code = a.person_code"
        )
        records.newest()
        _tell_places(records, THEN, "was", STREETS_THEN, OFFICIAL_THEN)
        _tell_places(records, NOW, "now", STREETS_NOW, OFFICIAL_NOW)
        if not _more(records):
            now = _tell(records, NOW, "now")
            _spoken(records, THEN)
            return Counts(_tell(records, THEN, "was"), now)
    return None


def _stood(engine: Engine, before: Before) -> None:
    """Views ``stood_<table>`` of the former run's tables, and of what it kept of streets, houses' numbers and employers."""
    standing = Standing(engine, before.folder, "stood_")
    for table in TABLES:
        standing.scan(table)
    engine.scan("stood_street_said", [before.kept / "street_said.parquet"])
    standing.scan("official_said", *GROWING["official_said"], within=FOLDER)
    standing.scan("employer_said", *GROWING["employer_said"], within=FOLDER)


def _changed(records: Records, before: Before) -> str:
    """A query: records that may stand otherwise."""
    engine = records.engine
    parts = ["SELECT CAST(0 AS UBIGINT) AS record_id WHERE FALSE"]
    if records.fresh:
        engine.scan("fresh_record", [b.path for b in records.fresh])
        parts.append("SELECT record_id FROM fresh_record")
    linked = [p for p in records.inputs.assignment if p not in own_files(records.inputs).values()]
    stood = before.told["assignment"]
    if [prints(p) for p in linked[: len(stood)]] == stood:
        if later := linked[len(stood) :]:
            engine.scan("linked_since", later)
            parts.append("SELECT record_id FROM linked_since")
    else:
        scan_assignment(engine, "linked_now", linked)
        scan_assignment(engine, "linked_then", sorted((before.kept / LINKED).glob("*.parquet")))
        parts.append(
            "SELECT coalesce(a.record_id, b.record_id) AS record_id FROM linked_now AS a "
            "FULL JOIN linked_then AS b ON a.record_id = b.record_id WHERE a.person_code IS DISTINCT FROM b.person_code"
        )
    parts += [_own_changed(records, d) for d, states in records.files.items() if _is_own(states)]
    own = _differing(engine, before.own("assignment.parquet"), _own(records.inputs, "assignment.parquet"))
    parts += [f"SELECT record_id FROM ({own}) AS o"] if own else []
    return f"SELECT DISTINCT record_id FROM ({' UNION ALL '.join(parts)}) AS c"


def _is_own(states: object) -> bool:
    return isinstance(states, dict) and any(p.parent.name == "own" for s in states.values() for p in s)


def _own_changed(records: Records, dataset: str) -> str:
    """Records entered here that say something else than before, whatever their place in the file."""
    states = records.files[dataset]
    columns = ", ".join(
        c for (c, *_) in _quoted(records.engine, f"row_{dataset}") if c not in {'"row_no"', '"state"'}
    )
    sides = " UNION ALL BY NAME ".join(
        f"SELECT * EXCLUDE (row_no), {state} AS side FROM all_{dataset}_{state}" for state in states
    )
    shape = f"SELECT * EXCLUDE (row_no, state), 0 AS side FROM row_{dataset} WHERE FALSE"
    return (
        f"SELECT record_id FROM ({shape} UNION ALL BY NAME {sides}) AS s GROUP BY {columns} "
        "HAVING count(DISTINCT side) = 1"
    )


def _quoted(engine: Engine, table: str) -> list[tuple[str]]:
    return [(f'"{name}"',) for (name, *_) in engine.rows(f"DESCRIBE {table}")]


def _own(inputs: Inputs, name: str) -> Path | None:
    return own_files(inputs).get(name)


def _differing(engine: Engine, then: Path | None, now: Path | None) -> str:
    """A query: rows that only one of two files has; empty where there is neither."""
    told = [f"SELECT * FROM read_parquet('{p}')" if p else "" for p in (then, now)]
    if not all(told):
        return next((t for t in told if t), "")
    return f"({told[0]} EXCEPT {told[1]}) UNION ALL ({told[1]} EXCEPT {told[0]})"


def _said_of(inputs: Inputs, before: Before, engine: Engine) -> str:
    """A query: people about whom something is decided that was not, or no longer is."""
    parts = ["SELECT '' AS person_code WHERE FALSE"]
    for name, columns in (
        (OVERRULED, ("person_code",)),
        ("decided.parquet", ("person_code",)),
        ("decided_kin.parquet", ("person_code", "relative_code")),
    ):
        rows = _differing(engine, before.own(name), _own(inputs, name))
        parts += [f"SELECT {c} AS person_code FROM ({rows}) AS d" for c in columns if rows]
    return f"SELECT DISTINCT person_code FROM ({' UNION ALL '.join(parts)}) AS p WHERE person_code <> ''"


def _count_people(engine: Engine) -> str:
    """Make ``stood``, ``stands`` and ``person_changed``; a query of how many there are."""
    for name, assignment in (("stood", "assignment_then"), ("stands", "assignment")):
        engine.run(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT a.record_id, a.person_code FROM {assignment} AS a "
            "SEMI JOIN changed AS c ON c.record_id = a.record_id"
        )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE person_changed AS SELECT person_code FROM stood "
        "UNION SELECT person_code FROM stands UNION SELECT person_code FROM said_of"
    )
    return "SELECT count(*) FROM person_changed"


STREETS_THEN = places.STREET_DISTRICT.replace("street_said", "stood_street_said")
STREET_SAID = """
SELECT street, district, CAST(sum(n) AS BIGINT) AS n FROM (
    SELECT street, district, n FROM stood_street_said
    UNION ALL SELECT street, district, -n FROM was_street_said UNION ALL SELECT street, district, n FROM {now}
) AS s GROUP BY street, district HAVING sum(n) > 0"""
STREETS_NOW = places.STREET_DISTRICT.replace("street_said", f"({STREET_SAID.format(now='street_said')}) AS s")
OFFICIAL_THEN = places.OFFICIAL.replace("official_said", "stood_official_said")
_CELLS = ", ".join(OFFICIAL)
OFFICIAL_PART = f"""
SELECT {_CELLS} FROM (SELECT {_CELLS}, unnest(range(n)) AS place FROM (
    SELECT {_CELLS}, CAST(sum(n) AS BIGINT) AS n FROM (
        SELECT {_CELLS}, 1 AS n FROM stood_official_said
        WHERE official IN (SELECT official FROM was_official_said UNION ALL SELECT official FROM {{now}})
        UNION ALL SELECT {_CELLS}, -1 FROM was_official_said UNION ALL SELECT {_CELLS}, 1 FROM {{now}}
    ) AS s GROUP BY {_CELLS} HAVING sum(n) > 0
) AS g) AS u"""
"""What is said now of the houses that changed records speak of, as often as it is said."""
OFFICIAL_NOW = f"""
SELECT official, min(code) AS code FROM (
    SELECT official, code FROM stood_official_said
    WHERE official NOT IN (SELECT official FROM was_official_said UNION ALL SELECT official FROM official_said)
    UNION ALL SELECT official, code FROM ({OFFICIAL_PART.format(now="official_said")}) AS p
) AS o GROUP BY official"""


def _spoken(records: Records, state: int) -> None:
    """Show the changed records as the run of ``state`` sees them: ``live_<dataset>``, ``person_no``, ``who``, and of
    ``mention`` what others join with."""
    records.show(state, "changed")
    number_people(records.engine, "stood" if state == THEN else "stands")
    inputs = records.inputs
    parts = " UNION ALL ".join(
        f"SELECT record_id, {number} AS ds FROM live_{name}"
        for name, number in numbers(inputs).items()
        if name in inputs.with_aspect("person")
    )
    records.engine.run(
        f"CREATE OR REPLACE TEMP TABLE mention AS SELECT w.pid, r.record_id, r.ds FROM ({parts}) AS r "
        "JOIN who AS w ON r.record_id = w.record_id"
    )


def _tell_places(records: Records, state: int, name: str, streets: str, official: str) -> None:
    """Make ``<name>_<table>`` of what changed records say of places, as the run of ``state`` sees them."""
    engine = records.engine
    engine.run(f"CREATE OR REPLACE TEMP VIEW known_street_district AS {streets}")
    engine.run(f"CREATE OR REPLACE TEMP VIEW known_official AS {official}")
    _spoken(records, state)
    places.addresses(engine, replace(records.inputs, known=frozenset({"street_district", "official"})))
    for table in PLACES:
        engine.run(f"CREATE OR REPLACE TEMP TABLE {name}_{table} AS SELECT * FROM {table}")


def _tell(records: Records, state: int, name: str) -> dict[str, dict[str, int]]:
    """Make ``<name>_employer_said``; return how many of the changed records speak of what, as ``_spoken`` shows them."""
    engine, inputs = records.engine, records.inputs
    places.employers(engine, inputs)
    engine.run(f"CREATE OR REPLACE TEMP TABLE {name}_employer_said AS SELECT * FROM employer_said")
    tables = {
        "told_stay": f"{name}_told_stay",
        "contribution_row": f"({facts.contribution_rows(inputs)})",
        "enrolment_spell": f"({places.enrolment_rows(inputs)})",
        "kin_row": f"({family.rows(inputs)})",
    }
    return {
        aspect: measures.mentioned(engine, inputs, aspect, tables.get(table, table))
        for aspect, table, _ in measures.MAIN_ASPECTS
    }


def number_people(engine: Engine, whose: str) -> None:
    """Make ``person_no`` and ``who`` of a table (record_id, person_code)."""
    engine.run(
        "CREATE OR REPLACE TEMP TABLE person_no AS SELECT person_code, "
        "CAST(row_number() OVER (ORDER BY person_code) AS INTEGER) AS pid "
        f"FROM (SELECT DISTINCT person_code FROM {whose}) AS p"
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE who AS SELECT a.record_id, p.pid "
        f"FROM {whose} AS a JOIN person_no AS p ON a.person_code = p.person_code"
    )


def _more(records: Records) -> bool:
    """Add records to ``changed`` whose street lies in another district now, or whose house number means another house."""
    engine = records.engine
    engine.run(
        "CREATE OR REPLACE TEMP TABLE street_moved AS SELECT coalesce(a.street, b.street) AS street "
        "FROM was_street_district AS a FULL JOIN now_street_district AS b ON a.street = b.street "
        "WHERE a.district IS DISTINCT FROM b.district"
    )
    spoken = "SELECT official FROM was_official_said UNION SELECT official FROM now_official_said"
    then = f"SELECT official, min(code) AS code FROM stood_official_said WHERE official IN ({spoken}) GROUP BY official"
    now = (
        f"SELECT official, min(code) AS code FROM ({OFFICIAL_PART.format(now='now_official_said')}) AS p "
        "GROUP BY official"
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE official_moved AS SELECT coalesce(a.official, b.official) AS official "
        f"FROM ({then}) AS a FULL JOIN ({now}) AS b ON a.official = b.official WHERE a.code IS DISTINCT FROM b.code"
    )
    found = [
        f'SELECT record_id FROM {view} AS r SEMI JOIN {table} AS m ON m.{key} = r."{aspect}.{column}"'
        for dataset, _, view in records.views()
        for aspect in ("stay", "dwelling")
        for table, key, column in (
            ("street_moved", "street", "street"),
            ("official_moved", "official", "dwelling_code"),
        )
        if records.held(dataset, f"{aspect}.{column}") and engine.rows(f"SELECT 1 FROM {table} LIMIT 1")
    ]
    return _added(engine, found)


def _added(engine: Engine, found: Sequence[str]) -> bool:
    if not found:
        return False
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE moved_record AS SELECT DISTINCT record_id FROM ({' UNION ALL '.join(found)}) AS f "
        "WHERE record_id NOT IN (SELECT record_id FROM changed)"
    )
    ((some,),) = engine.rows("SELECT count(*) FROM moved_record")
    engine.run("INSERT INTO changed SELECT record_id FROM moved_record")
    return bool(some)

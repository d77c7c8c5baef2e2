"""A run after another: only those whose rows can differ are resolved, with the same statements, and written as a part.

The result is what resolving everybody would give, row for row. Where that cannot be known beforehand - too many are
touched, a dwelling turns out to lie elsewhere, a dataset begins to speak of something else - nothing is written and
everybody is resolved.

Grain: as in ``catalogue``; files as in ``standing``. Raises: nothing.
Source: the former run (``kept``), ``changes``, ``touched``. DuckDB only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anju.exchange.library import changes, facts, family, kept, measures, people, places, resolve, touched
from anju.exchange.library.catalogue import TABLES
from anju.exchange.library.inputs import Inputs, dataset_rule, numbers
from anju.exchange.library.kept import GROWING, OFFICIAL, Before
from anju.exchange.library.measures import Counted
from anju.exchange.library.periods import current
from anju.exchange.library.records import Records, opened
from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.exchange.library.standing import GONE, KEYS, Standing, inherit, parts
from anju.kernel.engine import Engine, literal

MOST = 0.3
"""When more than this share of the people is touched, everybody is resolved."""
MOST_PARTS = 12
"""So many parts of a table at most: then the run writes each table whole again, without resolving anybody else."""
KNOWN = frozenset({"street_district", "official", "employer_said", "place"})


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote: rows per table in its part; for ``measures.measure`` each dataset's counts and days."""

    tables: dict[str, int]
    counted: dict[str, Counted]
    dated: dict[str, str]


def resolve_some(
    engine: Engine,
    inputs: Inputs,
    rules: Rules,
    before: Before,
    out: Path,
    again: frozenset[str],
    tell: Callable[[str], None] = lambda _: None,
    codes: Sequence[Path] = (),
) -> Written | None:
    """Write ``out`` as the run after ``before``; None, and nothing written, where everybody must be resolved.

    ``again``: people who are resolved even if nothing of theirs changed. ``touched`` (person_code), ``lives`` and the
    views ``new_<table>`` of the rows written, ``person`` and ``discrepancy`` of everybody, are there afterwards.
    ``codes``: see ``kept.describe``.
    """
    tell("what changed")
    records = opened(engine, inputs, before)
    counts = changes.find(records, before, MOST)
    counted = _counted(before, counts) if counts else None
    if counted is None:
        return None
    tell("whom it touches")
    touched.find(records, before.as_of, inputs.as_of, again)
    ((some, everybody),) = engine.rows(
        "SELECT (SELECT count(*) FROM touched), (SELECT count(*) FROM stood_person)"
    )
    if some > MOST * everybody:
        return None
    tell("their records")
    if not _resolve(records, rules):
        return None
    tell("files")
    given = replace(records.inputs, known=KNOWN, wanted="touched_no")
    tables, counted = _write(engine, given, rules, before, out, counted)
    kept.describe(inputs, rules, out, counted, codes)
    return Written(tables, counted, records.dated())


def _counted(before: Before, counts: changes.Counts) -> dict[str, Counted] | None:
    """How many records of each dataset count under which aspect now; None where a dataset's aspect is another."""
    order = [aspect for aspect, _, _ in measures.MAIN_ASPECTS]
    found: dict[str, Counted] = {}
    for dataset, (aspect, records) in before.told["counted"].items():
        earlier = order[: order.index(aspect)]
        left = records + counts.now[aspect].get(dataset, 0) - counts.was[aspect].get(dataset, 0)
        if left < 0 or any(counts.now[a].get(dataset) for a in earlier):
            return None
        if left:  # a dataset may have lost its last record: a decision taken back
            found[dataset] = Counted(aspect, left)
    for aspect in order:
        for dataset, records in counts.now[aspect].items():
            found.setdefault(dataset, Counted(aspect, records))
    return found


def _resolve(records: Records, rules: Rules) -> bool:
    """Every table of a run for the people in ``touched``; False where a dwelling lies elsewhere without their being touched."""
    engine, inputs = records.engine, records.inputs
    engine.run(
        "CREATE OR REPLACE TEMP TABLE read_of AS SELECT a.record_id, a.person_code FROM assignment AS a "
        "SEMI JOIN taken AS t ON t.record_id = a.record_id"
    )
    changes.number_people(engine, "read_of")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE touched_no AS SELECT n.person_code, n.pid FROM person_no AS n "
        "SEMI JOIN touched AS t ON t.person_code = n.person_code"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE dataset_rule AS {dataset_rule(inputs, rules)}")
    _known(engine, inputs)
    given = replace(inputs, known=KNOWN)
    as_of = f"DATE '{inputs.as_of.isoformat()}'"
    people.mentions(engine, given)
    places.addresses(engine, given)
    if not _places(engine, replace(inputs, known=KNOWN - {"place"}), rules):
        return False
    places.stays(engine, given, rules)
    places.employers(engine, given)
    places.jobs(engine, given, rules)
    resolve.lives(engine, as_of)
    resolve.enrolments(engine, given, rules, as_of)
    facts.contributions(engine, given)
    family.hear(engine, given, rules)
    people.resolve(engine, given, rules)
    _others(engine)
    family.resolve(engine, given)
    return True


def _known(engine: Engine, inputs: Inputs) -> None:
    """What everybody's records decide: ``known_street_district``, ``known_official``, ``known_employer_said``."""
    official = changes.OFFICIAL_NOW.replace(" official_said", " now_official_said")
    case = " ".join(f"WHEN {literal(d)} THEN {n}" for d, n in numbers(inputs).items())
    for name, query in (
        ("street_district", "SELECT street, district FROM now_street_district"),
        ("official", official),
        ("employer_said", f"SELECT CASE dataset {case} END AS ds, * FROM employer_now"),
    ):
        engine.run(f"CREATE OR REPLACE TEMP VIEW known_{name} AS {query}")


def _places(engine: Engine, inputs: Inputs, rules: Rules) -> bool:
    """Make ``known_place``: dwellings told of otherwise from their records, others as they stood."""
    places.located(engine, inputs, rules)
    unforeseen = engine.rows(
        "SELECT 1 FROM (SELECT d.dwelling_code AS code, d.region FROM stood_dwelling AS d "
        "SEMI JOIN place_changed AS c ON c.code = d.dwelling_code) AS d "
        "LEFT JOIN place AS p ON p.code = d.code WHERE d.region IS DISTINCT FROM p.region "
        "AND d.code NOT IN (SELECT code FROM place_moving) LIMIT 1"
    )
    needed = "SELECT code FROM told_stay"
    if inputs.decided:
        engine.scan("place_decided", [inputs.decided])
        needed += " UNION ALL SELECT place FROM place_decided UNION ALL SELECT to_place FROM place_decided"
    columns = ", ".join(("region", *places.PARTS, "address"))
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE place_now AS SELECT code, {columns} FROM place "
        "WHERE code IN (SELECT code FROM place_changed) UNION ALL "
        f"SELECT d.dwelling_code AS code, {columns} FROM stood_dwelling AS d "
        f"WHERE d.dwelling_code IN ({needed}) AND d.dwelling_code NOT IN (SELECT code FROM place_changed)"
    )
    engine.run("CREATE OR REPLACE TEMP VIEW known_place AS SELECT * FROM place_now")
    return not unforeseen


def _others(engine: Engine) -> None:
    """People who are only read beside those touched are shown as they were."""
    fields = ", ".join(f"p.{f}" for f in PERSON_FIELDS)
    engine.run("DELETE FROM shown WHERE pid NOT IN (SELECT pid FROM touched_no)")
    engine.run(
        f"INSERT INTO shown BY NAME SELECT n.pid, p.record_count, {fields} FROM stood_person AS p "
        "JOIN person_no AS n ON n.person_code = p.person_code WHERE n.pid NOT IN (SELECT pid FROM touched_no)"
    )


def _write(
    engine: Engine, inputs: Inputs, rules: Rules, before: Before, out: Path, counted: Mapping[str, Counted]
) -> tuple[dict[str, int], dict[str, Counted]]:
    """The run's files: hard links to the former run's and a part of each table."""
    number = 1 + max((int(p.stem.rpartition("-")[2]) for p in parts(before.folder, "person")), default=0)
    inherit(before.folder, out, ("", GONE, kept.FOLDER))
    queries, tables = resolve.queries(inputs, rules), {}
    for name, table in TABLES.items():
        if table.of_person:
            query = resolve.declared(name, queries[name](), "touched_no")
            tables[name] = _part(engine, query, out / f"{name}-{number:06d}.parquet", number)
    _gone(engine, "SELECT person_code FROM touched", "person_code", out, number)
    standing = Standing(engine, out, "whole_")
    tables |= _shared(engine, inputs, rules, standing, number)
    tables["school"] = _schools(engine, inputs, standing)
    repeat = measures.repeats(inputs, {d: c.aspect for d, c in counted.items()})
    _keep(engine, repeat, out, number)
    if number % MOST_PARTS == 0:
        _gather(engine, out)
        standing = Standing(engine, out, "whole_")
    for name in ("person", "discrepancy"):
        engine.run(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {standing.scan(name)}")
    extra = standing.scan("repeat", *GROWING["repeat"], within=kept.FOLDER)
    return tables, measures.with_extra(engine, counted, extra)


def _part(engine: Engine, query: str, path: Path, number: int, name: str = "") -> int:
    """Write a part; ``new_<table>`` shows it."""
    rows = engine.save(f"SELECT *, CAST({number} AS INTEGER) AS part FROM ({query}) AS q", path)
    engine.scan(f"new_{name or path.stem.partition('-')[0]}", [path])
    return rows


def _gone(engine: Engine, codes: str, key: str, out: Path, number: int) -> None:
    """Write the list of keys whose former rows no longer count; ``gone_<key>`` holds them."""
    query = f"SELECT DISTINCT {key} FROM ({codes}) AS g({key}) WHERE {key} IS NOT NULL"
    engine.run(f"CREATE OR REPLACE TABLE gone_{key} AS {query}")
    engine.save(
        f"SELECT *, CAST({number} AS INTEGER) AS part FROM gone_{key}",
        out / GONE / f"{key}-{number:06d}.parquet",
    )


COUNTED = {
    "dwelling": ("dwelling_code", "residents", "place_changed"),
    "employer": ("employer_code", "workers", "employer_changed"),
}
"""Tables with a count of people: their key, the count, the codes that are told of otherwise."""


def _shared(engine: Engine, inputs: Inputs, rules: Rules, standing: Standing, number: int) -> dict[str, int]:
    """Parts of the dwellings and employers that are told of otherwise, or where other people live or work now."""
    whole = standing.scan("person")
    engine.run(f"CREATE OR REPLACE VIEW person AS SELECT * FROM {whole}")
    engine.run(
        "CREATE OR REPLACE TEMP TABLE employer_told AS SELECT * FROM employer_said "
        "WHERE credit_code IN (SELECT code FROM employer_changed)"
    )
    engine.run("CREATE OR REPLACE TEMP TABLE employer_said AS SELECT * FROM employer_told")
    made = {
        "dwelling": places.dwelling_table(inputs, rules),
        "employer": places.employer_table(inputs, rules),
    }
    rows = {}
    for name, (key, count, changed) in COUNTED.items():
        cells = ", ".join(c for c in TABLES[name].columns if c not in {key, count})
        engine.run(
            f"CREATE OR REPLACE TEMP TABLE counted_now AS SELECT c.code, CAST(coalesce(n.n, 0) AS INTEGER) AS n FROM ("
            f"SELECT code FROM {changed} UNION SELECT {key} FROM stood_person WHERE person_code IN (SELECT person_code FROM touched) "
            f"UNION SELECT {key} FROM new_person) AS c LEFT JOIN (SELECT {key} AS code, count(*) AS n FROM {whole} "
            f"GROUP BY {key}) AS n ON n.code = c.code WHERE c.code <> ''"
        )
        engine.run(
            f"CREATE OR REPLACE TEMP TABLE {name}_rows AS "
            f"SELECT q.{key}, {cells}, c.n AS {count} FROM ({resolve.declared(name, made[name])}) AS q JOIN counted_now AS c "
            f"ON c.code = q.{key} WHERE q.{key} IN (SELECT code FROM {changed}) UNION ALL "
            f"SELECT d.{key}, {cells}, c.n FROM stood_{name} AS d JOIN counted_now AS c ON c.code = d.{key} "
            f"WHERE d.{count} <> c.n AND d.{key} NOT IN (SELECT code FROM {changed})"
        )
        path = standing.folder / f"{name}-{number:06d}.parquet"
        columns = ", ".join(TABLES[name].columns)
        rows[name] = _part(engine, f"SELECT {columns} FROM {name}_rows", path, number)
        _gone(
            engine,
            f"SELECT {key} FROM {name}_rows UNION SELECT code FROM {changed}",
            KEYS[name],
            standing.folder,
            number,
        )
    return rows


def _schools(engine: Engine, inputs: Inputs, standing: Standing) -> int:
    """Schools are few: they are told anew from everybody's enrolments."""
    whole = standing.scan("enrolment")
    engine.run(f"CREATE OR REPLACE TEMP TABLE enrolment AS SELECT person_code AS pid, * FROM {whole}")
    now = current("enrolment", f"DATE '{inputs.as_of.isoformat()}'", "school_code, stage")
    engine.run(f"CREATE OR REPLACE TEMP TABLE current_enrolment AS {now}")
    path = standing.folder / "school.parquet"
    rows = resolve.save(engine, "school", places.SCHOOLS, path)
    engine.scan("new_school", [path])
    return rows


def _keep(engine: Engine, repeat: str, out: Path, number: int) -> None:
    """The parts of what a run keeps for the next one."""
    folder, name = out / kept.FOLDER, "{}-" + f"{number:06d}.parquet"
    engine.save(changes.STREET_SAID.format(now="now_street_said"), folder / "street_said.parquet")
    official = changes.OFFICIAL_PART.format(now="now_official_said")
    spoken = "SELECT official FROM was_official_said UNION SELECT official FROM now_official_said"
    told = (
        f"SELECT n.person_code, r.dataset, r.extra FROM ({repeat}) AS r JOIN touched_no AS n ON n.pid = r.pid"
    )
    for table, query in (
        ("official_said", f"SELECT {', '.join(OFFICIAL)} FROM ({official}) AS o"),
        ("employer_said", "SELECT * FROM employer_part"),
        # Our own stand once, at another place of their file each time.
        (
            "repeated",
            "SELECT record_id, batch, row_no FROM newest_changed WHERE NOT starts_with(batch, 'own-')",
        ),
        ("repeat", told),
    ):
        _part(engine, query, folder / name.format(table), number, f"kept_{table}")
    for key, codes in (
        ("official", spoken),
        ("credit_code", "SELECT code FROM employer_changed"),
        ("record_id", "SELECT record_id FROM changed"),
    ):
        _gone(engine, codes, key, out, number)


def _gather(engine: Engine, out: Path) -> None:
    """Write every table of parts whole again; ``new_<table>`` goes on to show the part."""
    for name in KEYS:
        engine.run(f"CREATE OR REPLACE TABLE added_{name} AS SELECT * FROM new_{name}")
        engine.run(f"CREATE OR REPLACE VIEW new_{name} AS SELECT * FROM added_{name}")
    standing = Standing(engine, out, "gather_")
    growing = {name: (key, TABLES[name].columns, "") for name, key in KEYS.items()}
    growing |= {name: (key, columns, kept.FOLDER) for name, (key, columns) in GROWING.items()}
    for name, (key, columns, within) in growing.items():
        view = standing.scan(name, key, columns, within)
        engine.save(f"SELECT * FROM {view}", out / within / f"{name}.parquet", sort=key)
    for name, (_, _, within) in growing.items():
        for path in parts(out / within, name):
            path.unlink()
    for path in (out / GONE).glob("*.parquet"):
        path.unlink()

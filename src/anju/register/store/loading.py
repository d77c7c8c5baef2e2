"""Loading: a finished library goes into PostgreSQL by COPY and MERGE, inside one transaction of the caller.

The first load truncates empty tables in the same transaction (COPY then skips the log where ``wal_level`` is
minimal), drops their indexes and builds them after. A later load closes rows that are no longer true
(``known_to = now()``) and adds those that are new; nothing is deleted or overwritten. ``region`` is no fact with a
history but the key of row security: it follows the person in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, models

from anju.register.store.models import (
    Aid,
    Contribution,
    Discrepancy,
    Dossier,
    Dwelling,
    Employer,
    Enrolment,
    HealthFile,
    Identity,
    Job,
    Kin,
    LandRight,
    Permit,
    Person,
    School,
    Skill,
    Stay,
    TaxYear,
)

LOCK = 7_401_001
"""Key of the advisory lock that lets one publication run at a time."""
IDLE = "WHERE is_live"
"""Ends the definition of an index that nothing a load brings enters: cheaper kept than made again."""
OWN = frozenset({"id", "known_from", "known_to", "is_live"})


@dataclass(frozen=True, slots=True)
class Target:
    """One library table's table here. ``renamed``: column here -> column there; ``sealed``: column -> kind."""

    source: str
    model: type[models.Model]
    key: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """Name of the PostgreSQL table."""
        return self.model._meta.db_table

    @property
    def fields(self) -> tuple[models.Field, ...]:
        """The columns a load fills, in order; sealed ones and their indexes last."""
        mine = [f for f in self.model._meta.concrete_fields if f.name not in OWN and not f.generated]
        return tuple(sorted(mine, key=lambda f: isinstance(f, models.BinaryField)))

    @property
    def plain(self) -> tuple[models.Field, ...]:
        """Columns written as they are."""
        return tuple(f for f in self.fields if not isinstance(f, models.BinaryField))

    @property
    def hidden(self) -> tuple[models.Field, ...]:
        """Sealed columns and blind indexes."""
        return tuple(f for f in self.fields if isinstance(f, models.BinaryField))

    @property
    def of_person(self) -> bool:
        """Whether rows are about one person (and carry the person's region)."""
        return any(f.name == "person_code" for f in self.fields)

    def there(self, column: str) -> str:
        """The library's name of a column here."""
        return self.renamed.get(column, column)


TARGETS: tuple[Target, ...] = (
    Target("person", Identity, ("person_code",)),
    Target("dossier", Dossier, ("person_code",)),
    Target(
        "stay", Stay, ("person_code", "dwelling_code", "stay_region", "begin_on"), {"stay_region": "region"}
    ),
    Target("job", Job, ("person_code", "employer_code", "employer_name", "begin_on")),
    Target(
        "contribution",
        Contribution,
        ("person_code", "scheme", "kind", "from_month"),
        {"insured_region": "region"},
    ),
    Target("enrolment", Enrolment, ("person_code", "school_code", "stage", "begin_on")),
    Target(
        "kin", Kin, ("person_code", "relative_code", "relative_name", "relation", "household", "is_inverse")
    ),
    Target("permit", Permit, ("person_code", "permit_no")),
    Target("tax", TaxYear, ("person_code", "year")),
    Target("skill", Skill, ("person_code", "name", "level")),
    Target(
        "land", LandRight, ("person_code", "land_region", "begin_on", "area_m2"), {"land_region": "region"}
    ),
    Target("aid", Aid, ("person_code", "kind", "opened_on")),
    Target("health", HealthFile, ("person_code", "station_code")),
    Target("discrepancy", Discrepancy, ("person_code", "field")),
    Target("dwelling", Dwelling, ("dwelling_code",)),
    Target("employer", Employer, ("employer_code",)),
    Target("school", School, ("school_code",)),
)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was taken off a table for a first load, to be put back."""

    table: str
    statements: tuple[str, ...]


def run(sql: str, *values: object) -> None:
    """One statement on the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)


def is_empty(table: str) -> bool:
    """Whether the table has no row at all."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
        return not cursor.fetchone()[0]


def hold(*tables: str) -> bool:
    """Keep writers out of the tables until the transaction ends; whether all of them are empty."""
    run(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
    return all(is_empty(table) for table in tables)


def strip(table: str, *referring: str) -> Dropped:
    """Truncate an empty table and take its indexes off, so that a first load is written once.

    ``referring``: empty tables with foreign keys to it; its own primary key then stays, its foreign keys go.
    """
    run(f"TRUNCATE {', '.join((table, *referring))}")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexname, i.indexdef, c.contype FROM pg_indexes i LEFT JOIN pg_constraint c "
            "ON c.conname = i.indexname AND c.conrelid = %s::regclass "
            "WHERE i.tablename = %s AND i.schemaname = current_schema()",
            [table, table],
        )
        indexes = [row for row in cursor.fetchall() if not (referring and row[2] == "p")]
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = ANY(%s)",
            [table, ["p", "u", "f"] if not referring else ["u", "f"]],
        )
        constraints = cursor.fetchall()
    again = []
    for name, definition in constraints:
        run(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for name, definition, constraint in indexes:
        if not constraint and not definition.endswith(IDLE):
            run(f'DROP INDEX "{name}"')
            again.append(definition)
    return Dropped(table, tuple(again))


def restore(dropped: Dropped) -> None:
    """Build the indexes again."""
    for statement in dropped.statements:
        run(statement)


def copy(target: Target, chunks: Iterable[bytes], columns: Sequence[str], *, frozen: bool) -> int:
    """COPY rows of ``columns`` in PostgreSQL's binary form, return how many; ``frozen`` only into a table truncated here."""
    pieces = iter(chunks)
    first = next(pieces, None)
    if first is None:
        return 0
    options = f"FORMAT binary{', FREEZE true' if frozen else ''}"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {target.table} ({', '.join(columns)}) FROM STDIN ({options})") as stream:
            stream.write(first)
            for chunk in pieces:
                stream.write(chunk)
        return int(cursor.rowcount)


def close(target: Target, chunks: Iterable[bytes]) -> int:
    """End every current row whose key arrives (CSV, columns as in ``target.key``); return how many."""
    keys = ", ".join(target.key)
    same = " AND ".join(f"t.{k} IS NOT DISTINCT FROM c.{k}" for k in target.key[1:])
    first = f"t.{target.key[0]} = c.{target.key[0]}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE closing ON COMMIT DROP AS SELECT {keys} FROM {target.table} WITH NO DATA"
        )
        with cursor.copy(f"COPY closing ({keys}) FROM STDIN (FORMAT csv)") as stream:
            for chunk in chunks:
                stream.write(chunk)
        cursor.execute("ANALYZE closing")
        cursor.execute(
            f"MERGE INTO {target.table} AS t USING closing AS c ON {first}{' AND ' + same if same else ''} "
            "AND t.known_to IS NULL WHEN MATCHED THEN UPDATE SET known_to = now()"
        )
        closed = cursor.rowcount
        cursor.execute("DROP TABLE closing")
    return closed


def entered(since: datetime) -> dict[str, frozenset[str]]:
    """People about whom something was entered here ``since`` (the run before began to read), each with the live rows
    that stand. Every entry leaves a live row, also one taken back since."""
    found: dict[str, set[str]] = {}
    for target in TARGETS:
        if not target.of_person:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT person_code, CASE WHEN known_to IS NULL THEN id END FROM {target.table} "
                "WHERE is_live AND (known_to IS NULL OR known_to > %s)",
                [since],
            )
            for code, number in cursor.fetchall():
                found.setdefault(code, set()).update({f"{target.source} {number}"} if number else ())
    return {code: frozenset(rows) for code, rows in found.items()}


def close_people(codes: Sequence[str]) -> None:
    """End every current row about these people: they are loaded anew."""
    for target in TARGETS:
        if codes and target.of_person:
            run(
                f"UPDATE {target.table} SET known_to = now() WHERE person_code = ANY(%s) AND known_to IS NULL",
                list(codes),
            )


def move(chunks: Iterable[bytes]) -> None:
    """People who live in another division now (CSV: person_code, region): every row of theirs follows."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE moved (person_code varchar(13), region varchar(12)) ON COMMIT DROP")
        with cursor.copy("COPY moved FROM STDIN (FORMAT csv)") as stream:
            for chunk in chunks:
                stream.write(chunk)
        cursor.execute("SELECT EXISTS (SELECT 1 FROM moved)")
        if cursor.fetchone()[0]:
            cursor.execute("ANALYZE moved")
            for target in TARGETS:
                if target.of_person:
                    cursor.execute(
                        f"UPDATE {target.table} AS t SET region = m.region FROM moved AS m "
                        "WHERE t.person_code = m.person_code AND t.region IS DISTINCT FROM m.region"
                    )
        cursor.execute("DROP TABLE moved")


def anchor(chunks: Iterable[bytes]) -> None:
    """Every code ever given and where it leads (CSV: code, merged_into): added or redirected, never removed."""
    table = Person._meta.db_table
    if is_empty(table) and hold(table):
        stripped = strip(table)
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} (code, merged_into) FROM STDIN (FORMAT csv, FREEZE true)") as stream,
        ):
            for chunk in chunks:
                stream.write(chunk)
        restore(stripped)
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (code varchar(13), merged_into varchar(13)) ON COMMIT DROP"
        )
        with cursor.copy("COPY arriving FROM STDIN (FORMAT csv)") as stream:
            for chunk in chunks:
                stream.write(chunk)
        cursor.execute("ANALYZE arriving")
        cursor.execute(
            f"MERGE INTO {table} AS p USING arriving AS a ON p.code = a.code "
            "WHEN MATCHED AND p.merged_into IS DISTINCT FROM a.merged_into THEN UPDATE SET merged_into = a.merged_into "
            "WHEN NOT MATCHED THEN INSERT (code, merged_into) VALUES (a.code, a.merged_into)"
        )
        cursor.execute("DROP TABLE arriving")


SAMPLE = 40
"""Statistics target of a load: 12,000 rows of each table tell the planner enough; autovacuum refines it later."""


MUCH = 10
"""A table of which one row in so many is new gets new statistics at once."""


def analyze(table: str, rows: int) -> None:
    """Fresh statistics for the planner after so many new ``rows``; autovacuum sees to small changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        held = cursor.fetchone()[0]
    if rows * MUCH > held:
        run(f"SET LOCAL default_statistics_target = {SAMPLE}")
        run(f"ANALYZE {table}")

"""Who is seen by relatives and households, and which records tell of it: for a run that resolves only some people.

Grain: see each function. Raises: nothing. Source: ``records``, ``changes``. DuckDB only.
"""

from __future__ import annotations

from anju.exchange.library.records import BOTH, Records


def stirred(records: Records) -> None:
    """Table ``stirred``: of the people of changed records those whom relatives may see otherwise.

    The others' records name them alike, all of them, and what changed says nothing of them that the rest does not say,
    nor anything of relatives; no record of theirs was taken from them, and nothing was decided about them.
    """
    engine = records.engine
    engine.run(
        "CREATE OR REPLACE TEMP TABLE of_them AS SELECT a.record_id, a.person_code, c.record_id IS NOT NULL AS is_changed "
        "FROM assignment AS a SEMI JOIN person_changed AS p ON p.person_code = a.person_code "
        "LEFT JOIN changed AS c ON c.record_id = a.record_id"
    )
    told = {
        "name": "person.name",
        "sex": "person.sex",
        "number": "person.citizen_no",
        "phone": "person.phone",
    }
    kin = ("kin.relation", "kin.name", "kin.citizen_no", "kin.phone", "kin.household_no")
    parts = []
    for dataset in records.files:
        columns = ", ".join(
            f'r."{c}" AS {n}' if records.held(dataset, c) else f"CAST(NULL AS VARCHAR) AS {n}"
            for n, c in told.items()
        )
        says = " OR ".join(f'r."{c}" IS NOT NULL' for c in kin if records.held(dataset, c)) or "FALSE"
        parts.append(
            f"SELECT t.person_code, t.is_changed, r.state = {BOTH} AND NOT coalesce(r.is_deleted, FALSE) "
            "AND (n.record_id IS NULL OR n.batch = r.batch AND n.row_no = r.row_no) AS is_live, "
            f"{columns}, {says} AS says_kin FROM row_{dataset} AS r JOIN of_them AS t ON t.record_id = r.record_id "
            "LEFT JOIN newest AS n ON n.record_id = r.record_id"
        )
    engine.run(f"CREATE OR REPLACE TEMP TABLE said_of_them AS {' UNION ALL '.join(parts)}")
    news = " UNION ALL ".join(
        f"SELECT person_code, {value} AS value, {place} AS kind, is_changed, is_live FROM said_of_them WHERE {value} IS NOT NULL"
        for place, value in enumerate(("name", "sex", "number", "name || '|' || phone"))
    )
    engine.run(
        "CREATE OR REPLACE TEMP TABLE stirred AS SELECT person_code FROM said_of "
        "UNION SELECT a.person_code FROM stood AS a ANTI JOIN stands AS b "
        "ON b.record_id = a.record_id AND b.person_code = a.person_code "
        "UNION SELECT person_code FROM said_of_them WHERE is_changed AND says_kin "
        "UNION SELECT person_code FROM said_of_them GROUP BY person_code "
        "HAVING count(DISTINCT name) > 1 OR count(DISTINCT sex) > 1 OR count(DISTINCT number) > 1 "
        f"UNION SELECT person_code FROM (SELECT person_code, value, kind FROM ({news}) AS n "
        "GROUP BY person_code, value, kind HAVING bool_or(is_changed) AND NOT bool_or(is_live AND NOT is_changed)) AS w"
    )


def met(records: Records, people: str, name: str) -> None:
    """Table ``name`` (record_id): records that tell of the relatives or the household of the table ``people``, and those
    by whose number, or name and phone, a relative is found. Their own records are taken already."""
    engine = records.engine
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT record_id FROM ("
        f"SELECT a.record_id FROM assignment AS a SEMI JOIN {people} AS p ON p.person_code = a.person_code "
        "UNION SELECT record_id FROM changed) AS r"
    )
    _keys(records)
    spoken = _matching(
        records,
        {
            "kin_number": ('r."kin.citizen_no" = k.number', ("kin.citizen_no",)),
            "kin_phone": ('r."kin.name" = k.name AND r."kin.phone" = k.phone', ("kin.name", "kin.phone")),
            "kin_house": (
                'r.dataset = k.dataset AND r."kin.household_no" = k.household_no',
                ("kin.household_no",),
            ),
        },
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT record_id FROM ({spoken}) AS s")
    held = _matching(
        records,
        {
            "own_number": ('r."person.citizen_no" = k.number', ("person.citizen_no",)),
            "own_phone": (
                'r."person.name" = k.name AND r."person.phone" = k.phone',
                ("person.name", "person.phone"),
            ),
        },
    )
    engine.run(f"INSERT INTO {name} SELECT DISTINCT record_id FROM ({held}) AS s")


def _keys(records: Records) -> None:
    """Keys to look relatives up by: ``kin_number``, ``kin_phone``, ``kin_house`` in what records say of relatives;
    ``own_number``, ``own_phone`` in what they say of the person, of relatives asked for and of those who name them."""
    engine = records.engine
    own = _union(records, {"number": "person.citizen_no", "name": "person.name", "phone": "person.phone"})
    kin = _union(
        records, {"number": "kin.citizen_no", "name": "kin.name", "phone": "kin.phone", "household_no": "kin.household_no"}
    )  # fmt: skip
    engine.run(f"CREATE OR REPLACE TEMP TABLE own_told AS {own}")
    engine.run(f"CREATE OR REPLACE TEMP TABLE kin_told_of AS {kin}")
    for name, query in (
        ("kin_number", "SELECT DISTINCT number FROM own_told WHERE number IS NOT NULL"),
        (
            "kin_phone",
            "SELECT DISTINCT name, phone FROM own_told WHERE name IS NOT NULL AND phone IS NOT NULL",
        ),
        (
            "kin_house",
            "SELECT DISTINCT dataset, household_no FROM kin_told_of WHERE household_no IS NOT NULL",
        ),
        ("own_number", f"SELECT DISTINCT number FROM ({_named(records)}) AS n WHERE number IS NOT NULL"),
        (
            "own_phone",
            f"SELECT DISTINCT name, phone FROM ({_named(records)}) AS n WHERE name IS NOT NULL AND phone IS NOT NULL",
        ),
    ):
        engine.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")


def _named(records: Records) -> str:
    """A query (number, name, phone): relatives whom these records name, and those of these people whom any record names."""
    parts = [
        "SELECT number, CASE WHEN number IS NULL THEN name END AS name, phone FROM kin_told_of",
    ]
    for dataset, _, view in records.views():
        if records.held(dataset, "kin.citizen_no"):
            parts.append(
                f'SELECT r."kin.citizen_no", NULL, NULL FROM {view} AS r SEMI JOIN kin_number AS k ON k.number = r."kin.citizen_no"'
            )
        if records.held(dataset, "kin.name") and records.held(dataset, "kin.phone"):
            parts.append(
                f'SELECT NULL, r."kin.name", r."kin.phone" FROM {view} AS r '
                'SEMI JOIN kin_phone AS k ON k.name = r."kin.name" AND k.phone = r."kin.phone"'
            )
    return " UNION ALL ".join(parts)


def _union(records: Records, columns: dict[str, str]) -> str:
    """A query over every version of ``theirs`` that was taken: dataset and the named columns, null where there is none."""
    parts = []
    for dataset in records.files:
        if any(records.held(dataset, c) for c in columns.values()):
            told = ", ".join(
                f'r."{c}" AS {n}' if records.held(dataset, c) else f"CAST(NULL AS VARCHAR) AS {n}"
                for n, c in columns.items()
            )
            parts.append(
                f"SELECT r.dataset, {told} FROM row_{dataset} AS r SEMI JOIN theirs AS t ON t.record_id = r.record_id"
            )
    empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {n}" for n in columns)
    return " UNION ALL ".join(parts) or f"SELECT '' AS dataset, {empty} WHERE FALSE"


def _matching(records: Records, keys: dict[str, tuple[str, tuple[str, ...]]]) -> str:
    """A query (record_id): records, of any version, that have one of the keys. ``keys``: table -> condition, columns."""
    parts = ["SELECT CAST(0 AS UBIGINT) AS record_id WHERE FALSE"]
    for table, (condition, needed) in keys.items():
        if not records.engine.rows(f"SELECT 1 FROM {table} LIMIT 1"):
            continue
        parts += [
            f"SELECT r.record_id FROM {view} AS r SEMI JOIN {table} AS k ON {condition}"
            for dataset, _, view in records.views()
            if all(records.held(dataset, c) for c in needed)
        ]
    return " UNION ALL ".join(parts)

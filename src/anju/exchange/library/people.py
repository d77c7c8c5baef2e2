"""One value to show for each field of a person; the others kept.

Order: settled by a person; stated by enough departments; authority; the newest day; the most frequent.

Grain: ``shown`` one row per person; ``chosen`` one row per person and field on which the sources differ.
Unknown: a field no source states is null.
Raises: nothing; a rule that cannot be read is refused when the rules are loaded.
"""

from __future__ import annotations

from anju.exchange.library import names, settled
from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.kernel.engine import Engine
from anju.register.dossier import PART_MARK, RECORD_MARK, STATED_FROM

FIELDS = PERSON_FIELDS
EPOCH = "DATE '1900-01-01'"


def mentions(engine: Engine, inputs: Inputs) -> None:
    """Make ``mention``: what every later step joins its records with."""
    engine.run(f"CREATE OR REPLACE TEMP TABLE mention AS {_mentions(inputs)}")


def resolve(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``spread``, ``differ``, ``shown``, ``name_form``, ``contradiction`` from ``mention``."""
    for name, query in (
        ("spread", _spread(engine.dialect)),
        ("differ", _differ()),
        ("claim", _claims(rules)),
        ("chosen", _CHOSEN),
        ("shown", _shown()),
    ):
        engine.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        if name == "claim":
            settled.yield_to_news(engine, inputs, rules)
    names.prepare(engine)
    names.forms(engine, "SELECT name FROM shown UNION SELECT value FROM claim WHERE field = 0")
    engine.run(f"CREATE OR REPLACE TEMP TABLE contradiction AS {_contradictions(rules)}")
    engine.run("DROP TABLE claim")
    engine.run("DROP TABLE chosen")


def _mentions(inputs: Inputs) -> str:
    """One row per record with a person: who, which dataset, when, what it says; ``head`` is its line in the dossier."""
    parts = []
    for name, number in numbers(inputs).items():
        if name not in inputs.with_aspect("person"):
            continue
        held = inputs.columns[name]
        columns = ", ".join(
            f'CAST("person.{c}" AS {_type(c)}) AS {c}'
            if f"person.{c}" in held
            else f"CAST(NULL AS {_type(c)}) AS {c}"
            for c in (*FIELDS, "born_lunar_on")
        )
        parts.append(
            f"SELECT record_id, {number} AS ds, coalesce(observed_on, sent_on) AS seen, "
            f"{_head(name, held)} AS head, {columns} FROM live_{name}"
        )
    columns = ", ".join(f"r.{c}" for c in ("ds", "seen", "head", *FIELDS, "born_lunar_on"))
    return (
        f"SELECT w.pid, r.record_id, {columns} FROM ({' UNION ALL '.join(parts)}) AS r "
        "JOIN who AS w ON r.record_id = w.record_id"
    )


def _head(dataset: str, held: frozenset[str]) -> str:
    """SQL for day, dataset, key, batch and which fields a record states (see ``register.dossier``)."""
    flags = [
        f'CASE WHEN "person.{f}" IS NULL THEN 0 ELSE {1 << place} END'
        for place, f in enumerate(FIELDS)
        if f"person.{f}" in held
    ]
    stated = f"chr({STATED_FROM} + {' + '.join(flags) or '0'})"
    batch = (
        f"CASE WHEN starts_with(batch, '{dataset}-') THEN substr(batch, {len(dataset) + 1}) ELSE batch END"
    )
    return (
        f"concat(CAST(coalesce(observed_on, sent_on) AS VARCHAR), '{PART_MARK}{dataset}{PART_MARK}', record_key, "
        f"'{PART_MARK}', {batch}, '{PART_MARK}', {stated})"
    )


def _type(column: str) -> str:
    return "DATE" if column in {"born_on", "born_lunar_on"} else "VARCHAR"


def _spread(dialect: str) -> str:
    """One row per person: the smallest value of each field and whether another is stated; how many records, which
    datasets. DuckDB tells values apart by their 64-bit hashes: comparing texts costs it several times as much."""
    told = "CASE WHEN {0} IS NOT NULL THEN hash({0}) END" if dialect == "duckdb" else "{0}"
    hashed = ", ".join(f"{f}, {told.format(f)} AS h_{f}" for f in FIELDS)
    ends = ", ".join(f"min({f}) AS {f}, coalesce(min(h_{f}) <> max(h_{f}), FALSE) AS d_{f}" for f in FIELDS)
    return (
        f"SELECT pid, count(*) AS record_count, bit_or(1 << ds) AS bits, {ends} "
        f"FROM (SELECT pid, ds, {hashed} FROM mention) AS m GROUP BY pid"
    )


_ANY = " OR ".join(f"d_{f}" for f in FIELDS)


def _differ() -> str:
    """People on whom the sources differ, with one flag per field."""
    return f"SELECT pid, {', '.join(f'd_{f}' for f in FIELDS)} FROM spread WHERE {_ANY}"


NUMBER = 1 << 30
"""The citizen number's own voice beside those of the departments."""
_NUMBER_SAYS = {
    "born_on": "replace(CAST(m.born_on AS VARCHAR), '-', '') = substr(m.citizen_no, 7, 8)",
    "sex": "(substr(m.citizen_no, 17, 1) IN ('1', '3', '5', '7', '9')) = (m.sex = '1') AND m.sex IN ('1', '2')",
}


def _claims(rules: Rules) -> str:
    """One row per record and field on which the person's sources differ: the value as text, rank, voices."""
    said = " UNION ALL ".join(
        f"SELECT m.pid, {place} AS field, m.ds, m.seen, CAST(m.{field} AS VARCHAR) AS value, "
        f"{'CAST(m.born_lunar_on AS VARCHAR)' if field == 'born_on' else 'CAST(NULL AS VARCHAR)'} AS other, "
        f"{rules.confirmed.get(field, 99)} AS needed, CASE WHEN {_NUMBER_SAYS.get(field, 'FALSE')} THEN {NUMBER} "
        "ELSE 0 END AS number_says "
        f"FROM mention AS m JOIN differ AS d ON m.pid = d.pid WHERE d.d_{field} AND m.{field} IS NOT NULL"
        for place, field in enumerate(FIELDS)
    )
    return (
        "SELECT c.pid, c.field, c.ds, c.seen, c.value, c.other, c.needed, r.rank, r.dept, r.dept_bit, "
        "r.dept_bit | c.number_says AS voices, "
        f"(9 - r.rank) * 100000 + date_diff('day', {EPOCH}, c.seen) AS weight "
        f"FROM ({said}) AS c JOIN dataset_rule AS r ON c.ds = r.ds AND c.field = r.field"
    )


_CHOSEN = """
WITH said AS (
    SELECT pid, field, value, weight, CASE WHEN weight >= 900000 THEN 1000000000000 ELSE 0 END
        + CASE WHEN voices >= needed THEN voices ELSE 0 END * 1000000000
        + weight * 1000 + least(times, 999) AS rank
    FROM (
        SELECT pid, field, value, max(weight) AS weight, count(*) AS times, min(needed) AS needed,
            CAST(bit_count(bit_or(voices)) AS BIGINT) AS voices
        FROM claim GROUP BY pid, field, value
    ) AS s
),
top AS (SELECT pid, field, max(rank) AS rank FROM said GROUP BY pid, field),
winner AS (
    SELECT s.pid, s.field, min(s.value) AS value, min(s.weight) AS weight
    FROM said AS s JOIN top AS t ON s.pid = t.pid AND s.field = t.field AND s.rank = t.rank
    GROUP BY s.pid, s.field
)
SELECT w.pid, w.field, w.value, w.weight, min(CASE WHEN c.weight = w.weight THEN c.ds END) AS ds,
    max(c.other) AS other, bit_or(c.dept_bit) AS supporters
FROM winner AS w JOIN claim AS c ON w.pid = c.pid AND w.field = c.field AND w.value = c.value
GROUP BY w.pid, w.field, w.value, w.weight
"""


def _shown() -> str:
    """One row per person: the value of each field."""
    wide = ", ".join(
        f"max(CASE WHEN field = {place} THEN value END) AS {f}" for place, f in enumerate(FIELDS)
    )
    columns = ", ".join(f"coalesce(CAST(c.{f} AS {_type(f)}), s.{f}) AS {f}" for f in FIELDS)
    return (
        f"SELECT pid, record_count, {', '.join(FIELDS)} FROM spread WHERE NOT ({_ANY}) UNION ALL "
        f"SELECT s.pid, s.record_count, {columns} FROM (SELECT * FROM spread WHERE {_ANY}) AS s "
        f"LEFT JOIN (SELECT pid, {wide} FROM chosen GROUP BY pid) AS c ON s.pid = c.pid"
    )


def _contradictions(rules: Rules) -> str:
    """One row per person, field and dataset that says what cannot be true beside the value another department holds.

    Of what may change in a life only a department's newest word counts; of what lasts, every record that stands.
    """
    places = {f: place for place, f in enumerate(FIELDS) if rules.comparisons.get(f, "exact") != "none"}
    compared = [
        f"(c.field = {place} AND {_CONTRADICTS[rules.comparisons.get(f, 'exact')]})"
        for f, place in places.items()
    ]
    lasting = ", ".join(str(p) for f, p in places.items() if f in rules.lasting) or "-1"
    changing = ", ".join(str(p) for f, p in places.items() if f not in rules.lasting) or "-1"
    columns = "pid, field, ds, seen, value, other, dept_bit"
    return f"""
WITH newest AS (
    SELECT {columns} FROM claim WHERE field IN ({changing})
    QUALIFY row_number() OVER (PARTITION BY pid, field, dept ORDER BY seen DESC, rank, value, ds) = 1
),
standing AS (SELECT {columns} FROM claim WHERE field IN ({lasting}) UNION ALL SELECT {columns} FROM newest)
SELECT DISTINCT c.pid, c.field, c.ds, w.ds AS shown_ds
FROM standing AS c
JOIN chosen AS w ON c.pid = w.pid AND c.field = w.field AND c.value <> w.value
    AND (w.supporters | c.dept_bit) <> c.dept_bit
LEFT JOIN name_form AS f ON c.field = 0 AND c.value = f.name
LEFT JOIN name_form AS g ON c.field = 0 AND w.value = g.name
WHERE NOT (w.weight >= 900000 AND (9 * 100000 + date_diff('day', {EPOCH}, c.seen)) <= w.weight)
  AND ({" OR ".join(compared)})
"""


_CONTRADICTS = {
    "exact": "TRUE",
    "name": "f.folded <> g.folded AND NOT (f.is_latin <> g.is_latin AND f.pinyin = g.pinyin)",
    "birthday": "coalesce(c.other, '') <> w.value AND coalesce(w.other, '') <> c.value",
    "level": "substr(c.value, 1, 1) <> substr(w.value, 1, 1)",
}


def dossier() -> str:
    """One row per person: every record packed (see ``register.dossier``), in no particular order.

    ``mark`` is the same for the same records in any order: what tells a changed dossier from an unchanged one.
    """
    others = "".join(
        f", CASE WHEN m.{f} <> s.{f} THEN concat('{PART_MARK}{place}', CAST(m.{f} AS VARCHAR)) ELSE '' END"
        for place, f in enumerate(FIELDS)
    )
    shown = ", ".join(f"s.{f}" for f in FIELDS)
    return f"""
WITH said AS (
    SELECT m.pid, CASE WHEN s.pid IS NULL THEN m.head ELSE concat(m.head{others}) END AS said
    FROM mention AS m LEFT JOIN (SELECT s.pid, {shown} FROM shown AS s JOIN differ AS d ON s.pid = d.pid) AS s
        ON m.pid = s.pid
)
SELECT pid, string_agg(said, '{RECORD_MARK}') AS records,
    CAST(sum(CAST(hash(said) % 1099511627776 AS BIGINT)) AS BIGINT) AS mark
FROM said GROUP BY pid
"""

"""One value to show for each field of a person, by authority, then date, then frequency; the others kept.

Grain: ``shown`` one row per person; ``chosen`` one row per person and field on which the sources differ.
Unknown: a field no source states is null.
Raises: nothing; a rule that cannot be read is refused when the rules are loaded.
"""

from __future__ import annotations

from anju.exchange.library import names
from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.kernel.engine import Engine
from anju.register.dossier import PART_MARK, RECORD_MARK, SHOWN

FIELDS = PERSON_FIELDS
EPOCH = "DATE '1900-01-01'"


def resolve(engine: Engine, inputs: Inputs, rules: Rules) -> None:
    """Make ``mention``, ``spread``, ``claim``, ``chosen``, ``shown``, ``name_form``, ``contradiction``."""
    for name, query in (
        ("mention", _mentions(inputs)),
        ("spread", _spread()),
        ("differ", _differ()),
        ("claim", _claims()),
        ("chosen", _CHOSEN),
        ("shown", _shown()),
    ):
        engine.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
    names.prepare(engine)
    names.forms(engine, "SELECT name FROM shown UNION SELECT value FROM claim WHERE field = 0")
    engine.run(f"CREATE OR REPLACE TEMP TABLE contradiction AS {_contradictions(rules)}")


def _mentions(inputs: Inputs) -> str:
    """One row per record with a person: who, which dataset, when, what it says. ``bit`` is the dataset as a bit."""
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
            f"SELECT record_id, {number} AS ds, {1 << number} AS bit, coalesce(observed_on, sent_on) AS seen, "
            f"record_key, batch, {columns} FROM live_{name}"
        )
    columns = ", ".join(
        f"r.{c}" for c in ("ds", "bit", "seen", "record_key", "batch", *FIELDS, "born_lunar_on")
    )
    return (
        f"SELECT w.pid, r.record_id, {columns} FROM ({' UNION ALL '.join(parts)}) AS r "
        "JOIN who AS w ON r.record_id = w.record_id"
    )


def _type(column: str) -> str:
    return "DATE" if column in {"born_on", "born_lunar_on"} else "VARCHAR"


def _spread() -> str:
    """One row per person: the smallest and the greatest value of each field, how many records, which datasets."""
    ends = ", ".join(f"min({f}) AS lo_{f}, max({f}) AS hi_{f}" for f in FIELDS)
    return f"SELECT pid, count(*) AS record_count, bit_or(bit) AS bits, {ends} FROM mention GROUP BY pid"


def _differ() -> str:
    """People on whom the sources differ, with one flag per field."""
    flags = ", ".join(f"lo_{f} <> hi_{f} AS d_{f}" for f in FIELDS)
    return f"SELECT pid, {flags} FROM spread WHERE " + " OR ".join(f"lo_{f} <> hi_{f}" for f in FIELDS)


def _claims() -> str:
    """One row per record and field on which the person's sources differ: the value as text, with its rank."""
    said = " UNION ALL ".join(
        f"SELECT m.pid, {place} AS field, m.ds, m.seen, CAST(m.{field} AS VARCHAR) AS value, "
        f"{'CAST(m.born_lunar_on AS VARCHAR)' if field == 'born_on' else 'CAST(NULL AS VARCHAR)'} AS other "
        f"FROM mention AS m JOIN differ AS d ON m.pid = d.pid WHERE d.d_{field} AND m.{field} IS NOT NULL"
        for place, field in enumerate(FIELDS)
    )
    return (
        "SELECT c.pid, c.field, c.ds, c.seen, c.value, c.other, r.rank, r.dept, "
        f"(9 - r.rank) * 100000 + date_diff('day', {EPOCH}, c.seen) AS weight "
        f"FROM ({said}) AS c JOIN dataset_rule AS r ON c.ds = r.ds AND c.field = r.field"
    )


_CHOSEN = """
WITH said AS (
    SELECT pid, field, value, max(weight) AS weight, count(*) AS times FROM claim GROUP BY pid, field, value
),
top AS (SELECT pid, field, max(weight * 1000 + least(times, 999)) AS rank FROM said GROUP BY pid, field),
winner AS (
    SELECT s.pid, s.field, min(s.value) AS value, min(s.weight) AS weight
    FROM said AS s
    JOIN top AS t ON s.pid = t.pid AND s.field = t.field AND s.weight * 1000 + least(s.times, 999) = t.rank
    GROUP BY s.pid, s.field
)
SELECT w.pid, w.field, w.value, w.weight, min(c.ds) AS ds, min(c.dept) AS dept, max(c.other) AS other
FROM winner AS w
JOIN claim AS c ON w.pid = c.pid AND w.field = c.field AND w.value = c.value AND w.weight = c.weight
GROUP BY w.pid, w.field, w.value, w.weight
"""


def _shown() -> str:
    """One row per person: the value of each field."""
    wide = ", ".join(
        f"max(CASE WHEN field = {place} THEN value END) AS {f}" for place, f in enumerate(FIELDS)
    )
    columns = ", ".join(f"coalesce(CAST(c.{f} AS {_type(f)}), s.lo_{f}) AS {f}" for f in FIELDS)
    return (
        f"SELECT s.pid, s.record_count, {columns} FROM spread AS s "
        f"LEFT JOIN (SELECT pid, {wide} FROM chosen GROUP BY pid) AS c ON s.pid = c.pid"
    )


def _contradictions(rules: Rules) -> str:
    """One row per person, field and dataset whose department's current value cannot be true beside the one shown."""
    compared = [
        f"(c.field = {place} AND {_CONTRADICTS[rules.comparisons.get(field, 'exact')]})"
        for place, field in enumerate(FIELDS)
        if rules.comparisons.get(field, "exact") != "none"
    ]
    fields = ", ".join(
        str(place) for place, f in enumerate(FIELDS) if rules.comparisons.get(f, "exact") != "none"
    )
    return f"""
WITH now_said AS (
    SELECT * FROM claim WHERE field IN ({fields})
    QUALIFY row_number() OVER (PARTITION BY pid, field, dept ORDER BY seen DESC, rank, value, ds) = 1
)
SELECT c.pid, c.field, c.ds, w.ds AS shown_ds
FROM now_said AS c
JOIN chosen AS w ON c.pid = w.pid AND c.field = w.field AND c.dept <> w.dept AND c.value <> w.value
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
    parts = ", ".join(
        f"CASE WHEN m.{f} IS NULL THEN '' WHEN m.{f} = s.{f} THEN '{SHOWN}' ELSE CAST(m.{f} AS VARCHAR) END"
        for f in FIELDS
    )
    return f"""
WITH said AS (
    SELECT m.pid, concat_ws('{PART_MARK}', CAST(m.seen AS VARCHAR), d.dataset, m.record_key, m.batch, {parts}) AS said
    FROM mention AS m
    JOIN shown AS s ON m.pid = s.pid
    JOIN dataset_rule AS d ON m.ds = d.ds AND d.field = 0
)
SELECT pid, string_agg(said, '{RECORD_MARK}') AS records,
    CAST(sum(CAST(hash(said) % 1099511627776 AS BIGINT)) AS BIGINT) AS mark
FROM said GROUP BY pid
"""

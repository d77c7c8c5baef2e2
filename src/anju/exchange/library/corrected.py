"""What people decided about single stays and jobs is laid over what the sources say of them, before spells are merged.

A decision names a spell (person, dwelling or employer, the period stated then) and the period that is right, the place
that is right, or that it never was. Every statement about that spell is cut to the period and taken to the place; what is
stated of the right place in that time is cut, too. It yields when a record of the dataset with authority, seen after the
decision, states a day that it had not stated before and that the decision does not say, or, where the place was put right,
a third place from the same day on: then nothing is cut and the table ``<name>_news`` tells of it. What begins after the
decision is another spell.

Grain: one row per spell, as ``Spells.query`` has it, and one more per decision: the decision is a source of its own.
Units: days, half-open. Unknown: a statement without a begin counts from the day it was seen.
Source: ``Inputs.decided``, written beside our own records. Must stay renderable for Spark.
"""

from __future__ import annotations

from dataclasses import replace

from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.periods import FOREVER, Spells
from anju.exchange.library.rules import UNRANKED, Rules
from anju.exchange.library.settled import DATASET
from anju.kernel.engine import Engine, literal

EVER = "DATE '0001-01-01'"
ENTERED = "counter_entry"
"""Entries made here after a decision know of it: they are not cut."""
MADE = ("ruling", "ruled", "heard", "standing", "news")


def apply(engine: Engine, inputs: Inputs, rules: Rules, spells: Spells, told: str) -> Spells:
    """``spells`` as decided; unchanged where nothing is. ``told``: SQL for the second key of ``q`` as it is shown."""
    name = spells.name
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name}_news AS SELECT CAST(NULL AS INTEGER) AS pid, '' AS dataset WHERE 1 = 0"
    )
    if inputs.decided is None:
        return spells
    engine.scan("decided", [inputs.decided])
    engine.run(f"CREATE OR REPLACE TEMP TABLE {name}_ruling AS {_ruling(name)}")
    if not engine.rows(f"SELECT 1 FROM {name}_ruling LIMIT 1"):
        return spells
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name}_ruled AS SELECT d.*, q.ds, q.dataset, q.seen, q.begin_on AS said_begin_on, "
        f"q.end_on AS said_end_on, d.is_taken_out OR d.to_place <> '' AND q.{spells.key[0]} <> d.to_place AS is_gone "
        f"FROM ({spells.query}) AS q JOIN {name}_ruling AS d ON {_about(spells, told)}"
    )
    deciding = _deciding(inputs, rules, name)
    engine.run(f"CREATE OR REPLACE TEMP TABLE {name}_heard AS {_heard(inputs, name, deciding)}")
    engine.run(f"CREATE OR REPLACE TEMP TABLE {name}_news AS {_news(inputs, spells, deciding)}")
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE {name}_standing AS SELECT d.* FROM {name}_ruling AS d "
        f"LEFT JOIN (SELECT DISTINCT id FROM {name}_news) AS n ON d.id = n.id WHERE n.id IS NULL"
    )
    return replace(spells, query=_cut(spells, told))


def _ruling(name: str) -> str:
    """Decisions with the person's number; a spell lies with the one whose stated period it begins in."""
    return f"""
SELECT d.id, p.pid, d.place, d.told, d.stated_begin_on, coalesce(d.stated_end_on, {FOREVER}) AS stated_end_on,
    d.begin_on, coalesce(d.end_on, {FOREVER}) AS end_on, d.is_taken_out, d.to_place, d.decided_on,
    d.is_taken_out OR d.begin_on <> d.stated_begin_on AS of_begin,
    d.is_taken_out OR coalesce(d.end_on, {FOREVER}) <> coalesce(d.stated_end_on, {FOREVER}) AS of_end,
    CASE WHEN row_number() OVER (PARTITION BY p.pid, d.place, d.told ORDER BY d.stated_begin_on) = 1
        THEN {EVER} ELSE d.stated_begin_on END AS from_on,
    coalesce(lead(d.stated_begin_on) OVER (PARTITION BY p.pid, d.place, d.told ORDER BY d.stated_begin_on), {FOREVER})
        AS until_on
FROM decided AS d JOIN person_no AS p ON d.person_code = p.person_code WHERE d.aspect = {literal(name)}"""


def _about(spells: Spells, told: str) -> str:
    """SQL: the spell ``q`` is the one that ``d`` decides."""
    begin, place = "coalesce(q.begin_on, q.seen)", f"q.{spells.key[0]}"
    return (
        f"q.pid = d.pid AND ({place} = d.place AND {told} = d.told AND {begin} >= d.from_on AND {begin} < d.until_on "
        f"OR d.to_place <> '' AND {place} = d.to_place) "
        f"AND {begin} < d.stated_end_on AND coalesce(q.end_on, {FOREVER}) > d.stated_begin_on "
        f"AND coalesce(q.begin_on, {EVER}) <= d.decided_on AND (q.dataset <> {literal(ENTERED)} OR q.seen <= d.decided_on)"
    )


def _deciding(inputs: Inputs, rules: Rules, name: str) -> tuple[str, ...]:
    """Datasets with the highest authority over the aspect, of those that have sent anything."""
    ranks = {d: rules.datasets[d].rank(name) for d in rules.datasets}
    best = min((r for r in ranks.values() if 0 < r < UNRANKED), default=0)
    return tuple(d for d in inputs.with_aspect(name) if ranks[d] == best)


def _heard(inputs: Inputs, name: str, deciding: tuple[str, ...]) -> str:
    """Every period the deciding datasets had stated of the person by the day of the decision, in any version of a record."""
    days = ", ".join(f"CAST(NULL AS DATE) AS {c}" for c in ("seen", "begin_on", "end_on"))
    parts = [f"SELECT CAST(NULL AS INTEGER) AS pid, {days} WHERE 1 = 0"]
    for dataset in deciding:
        begin, end = (
            f'r."{name}.{c}"' if f"{name}.{c}" in inputs.columns[dataset] else "NULL"
            for c in ("begin_on", "end_on")
        )
        parts.append(
            f"SELECT w.pid, coalesce(r.observed_on, r.sent_on), {begin}, {end} FROM raw_{dataset} AS r "
            f"JOIN who AS w ON r.record_id = w.record_id WHERE {begin} IS NOT NULL OR {end} IS NOT NULL"
        )
    return (
        f"SELECT DISTINCT d.id, coalesce(CAST(h.begin_on AS DATE), {EVER}) AS begin_on, "
        f"coalesce(CAST(h.end_on AS DATE), {FOREVER}) AS end_on FROM ({' UNION ALL '.join(parts)}) AS h "
        f"JOIN {name}_ruling AS d ON h.pid = d.pid AND CAST(h.seen AS DATE) <= d.decided_on"
    )


def _news(inputs: Inputs, spells: Spells, deciding: tuple[str, ...]) -> str:
    """Decisions that yield. That a spell which goes on has ended meanwhile is no word against a decision on it."""
    known, name, place = numbers(inputs), spells.name, spells.key[0]
    listed = ", ".join(str(known[d]) for d in deciding) or "-1"
    end = f"coalesce(r.said_end_on, {FOREVER})"
    return f"""
SELECT DISTINCT r.id, r.pid, r.dataset FROM {name}_ruled AS r
LEFT JOIN {name}_heard AS h ON h.id = r.id AND h.begin_on = coalesce(r.said_begin_on, {EVER}) AND h.end_on = {end}
WHERE h.id IS NULL AND r.ds IN ({listed}) AND r.seen > r.decided_on AND (
    (r.of_begin OR r.is_gone) AND r.said_begin_on <> r.stated_begin_on AND (r.is_gone OR r.said_begin_on <> r.begin_on)
    OR (r.of_end OR r.is_gone) AND {end} <> r.stated_end_on AND NOT (r.is_gone AND r.stated_end_on = {FOREVER})
        AND (r.is_gone OR {end} <> r.end_on AND NOT (r.end_on = {FOREVER} AND {end} > r.decided_on))
)
UNION
SELECT d.id, d.pid, q.dataset FROM ({spells.query}) AS q JOIN {name}_ruling AS d ON q.pid = d.pid
WHERE d.to_place <> '' AND q.ds IN ({listed}) AND q.seen > d.decided_on AND q.begin_on = d.stated_begin_on
    AND q.{place} <> d.place AND q.{place} <> d.to_place AND q.{place} <> ''"""


def _cut(spells: Spells, told: str) -> str:
    """The spells with the decisions that stand laid over them."""
    place, other = spells.key
    said, begin = "".join(f", q.{c}" for c, _, _ in spells.told), "coalesce(q.begin_on, q.seen)"
    unsaid = "".join(f", CAST(NULL AS {kind}) AS {c}" for c, _, kind in spells.told)
    return f"""
SELECT q.pid, q.ds, q.dataset, q.seen, CASE WHEN d.of_begin THEN greatest({begin}, d.begin_on) ELSE q.begin_on END AS begin_on,
    CASE WHEN d.of_end AND d.end_on < {FOREVER} THEN least(coalesce(q.end_on, {FOREVER}), d.end_on)
        WHEN d.of_end AND q.end_on <= d.decided_on THEN NULL ELSE q.end_on END AS end_on,
    CASE WHEN d.to_place <> '' THEN d.to_place ELSE q.{place} END AS {place},
    CASE WHEN d.to_place <> '' THEN '' ELSE coalesce(d.told, q.{other}) END AS {other}{said}
FROM ({spells.query}) AS q LEFT JOIN {spells.name}_standing AS d ON {_about(spells, told)}
WHERE d.id IS NULL OR NOT d.is_taken_out AND {begin} < d.end_on AND coalesce(q.end_on, {FOREVER}) > d.begin_on
UNION ALL
SELECT pid, -1 AS ds, {literal(DATASET)} AS dataset, decided_on AS seen, begin_on,
    CASE WHEN end_on < {FOREVER} THEN end_on END AS end_on, CASE WHEN to_place <> '' THEN to_place ELSE place END AS {place},
    CASE WHEN to_place <> '' THEN '' ELSE told END AS {other}{unsaid}
FROM {spells.name}_standing WHERE NOT is_taken_out"""


def contradictions(rules: Rules) -> str:
    """A query: one row per person and aspect where a decision yielded, as the table of contradictions has it."""
    return " UNION ALL ".join(
        f"SELECT pid, {literal(name)} AS field, {literal(rules.owner(name))} AS owner, min(dataset) AS shown_dataset, "
        f"{literal(DATASET)} AS against FROM {name}_news GROUP BY pid"
        for name in ("stay", "job", "kin")
    )

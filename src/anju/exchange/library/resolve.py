"""From accepted batches and an assignment to the library's tables, in named steps; each can be run by itself.

Grain: see ``catalogue.TABLES``. Units: see there. Unknown: null.
Raises: ``library.nothing_accepted`` when there is no batch.
Source: accepted batches, the assignment of records to people, the rules of the packs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from anju.exchange.library import corrected, facts, family, people, periods, places, ties
from anju.exchange.library import inputs as given
from anju.exchange.library.catalogue import TABLES
from anju.exchange.library.inputs import Inputs
from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.kernel.engine import Engine
from anju.kernel.refusal import Refusal

Step = Callable[[], None]
Tell = Callable[[str], None]


def resolve(
    engine: Engine, inputs: Inputs, rules: Rules, out: Path, tell: Tell = lambda _: None
) -> dict[str, int]:
    """Resolve everything and write ``out/<table>.parquet``; return rows per table. ``tell`` hears each step's name."""
    return dict(steps(engine, inputs, rules, out, tell))


def steps(
    engine: Engine, inputs: Inputs, rules: Rules, out: Path, tell: Tell = lambda _: None
) -> Iterator[tuple[str, int]]:
    """Like ``resolve``, telling each table and its rows as soon as its file is there, so that it can be loaded while
    the next one is made. What takes longest to load comes as early as it can: at the end little is left to wait for.
    ``lives`` (person_code, region) is there before the first.
    """
    if not inputs.batches:
        raise Refusal("library.nothing_accepted")
    as_of = f"DATE '{inputs.as_of.isoformat()}'"
    told = queries(inputs, rules)
    order: tuple[tuple[str, Step, tuple[str, ...]], ...] = (
        ("records", lambda: given.prepare(engine, inputs, rules), ()),
        ("mentions", lambda: people.mentions(engine, inputs), ()),
        ("addresses", lambda: places.addresses(engine, inputs), ()),
        ("stays", lambda: places.stays(engine, inputs, rules), ()),
        ("employers", lambda: places.employers(engine, inputs), ()),
        ("jobs", lambda: places.jobs(engine, inputs, rules), ()),
        ("where people live", lambda: lives(engine, as_of), ("stay", "job")),
        ("enrolments", lambda: enrolments(engine, inputs, rules, as_of), ()),
        ("contributions", lambda: facts.contributions(engine, inputs), ("contribution",)),
        ("heard", lambda: family.hear(engine, inputs, rules), ()),
        ("people", lambda: people.resolve(engine, inputs, rules), ("discrepancy",)),
        ("persons", _nothing, ("person",)),
        ("dossiers", _nothing, ("dossier",)),
        ("families", lambda: family.resolve(engine, inputs), ("kin",)),
        ("places", _nothing, ("dwelling", "employer", "school")),
        ("facts", _nothing, ("enrolment", "permit", "tax", "skill", "land", "aid", "health")),
    )
    for name, step, tables in order:
        tell(name)
        step()
        for table in tables:
            rows = save(engine, table, told[table](), out / f"{table}.parquet", inputs.wanted)
            if table in {"person", "discrepancy"}:  # what places and measures count
                engine.scan(table, [out / f"{table}.parquet"])
            yield table, rows
        for table in _DONE_WITH.get(name, ()):
            engine.run(f"DROP TABLE IF EXISTS {table}")


_DONE_WITH = {
    "stays": ("stay_spell",),
    "jobs": ("job_spell", "employer_by_name"),
    "people": ("plain_name", "hanzi", *(f"{s}_{t}" for s in ("stay", "job") for t in corrected.MADE)),
    "persons": ("stay", "job", "contribution", "spread", "name_form", "rival"),
    "families": ("kin", "kin_told", "together", "by_number", "by_phone", "shown", "differ", *ties.MADE),
    "places": ("told_dwelling", "employer_name", "place"),
}
"""Tables nobody reads after a step: memory for the ones to come."""


def _nothing() -> None:
    """A step whose tables need nothing beside what is there."""


def lives(engine: Engine, as_of: str) -> None:
    """Make ``current_stay``, ``current_job`` and ``lives``: the division each person lives in, else works in."""
    for table, columns in (("stay", "code, told_region"), ("job", "code, told_name")):
        engine.run(
            f"CREATE OR REPLACE TEMP TABLE current_{table} AS {periods.current(table, as_of, columns)}"
        )
    engine.run(f"""
CREATE OR REPLACE TABLE lives AS
SELECT n.pid, n.person_code, coalesce(pl.region, rpad(CASE WHEN st.told_region <> '' THEN st.told_region END, 12, '0'),
    rpad(em.region, 12, '0')) AS region
FROM person_no AS n
LEFT JOIN current_stay AS st ON n.pid = st.pid
LEFT JOIN place AS pl ON st.code = pl.code
LEFT JOIN current_job AS jb ON n.pid = jb.pid
LEFT JOIN ({places.EMPLOYER_REGION}) AS em ON jb.code = em.code""")


def enrolments(engine: Engine, inputs: Inputs, rules: Rules, as_of: str) -> None:
    places.enrolments(engine, inputs, rules)
    now = periods.current("enrolment", as_of, "school_code, stage")
    engine.run(f"CREATE OR REPLACE TEMP TABLE current_enrolment AS {now}")


RECENT_MONTHS = 3
"""A contribution in one of so many months before the day of the run shows that somebody is here."""


def _persons(inputs: Inputs, rules: Rules) -> str:
    """A query: one row per person as the ``person`` table has it, with pid.

    A resident lives, works or learns here on the day of the run, or was insured here lately, or is known here
    without any stay, job or enrolment that could have ended.
    """
    as_of = f"DATE '{inputs.as_of.isoformat()}'"
    police = sum(1 << n for d, n in given.numbers(inputs).items() if d in rules.police_register)
    fields = ", ".join(f"s.{f}" for f in PERSON_FIELDS)
    return f"""
WITH arrived AS (SELECT pid, min(begin_on) AS arrived_on FROM stay GROUP BY pid),
insured AS (
    SELECT pid FROM contribution GROUP BY pid
    HAVING date_diff('month', max(to_month), {as_of}) < {RECENT_MONTHS}
),
spelled AS (SELECT pid FROM stay UNION SELECT pid FROM job UNION SELECT pid FROM enrolment),
contrary AS (SELECT pid, count(DISTINCT field) AS fields FROM contradiction GROUP BY pid)
SELECT s.pid, {fields}, f.folded AS name_key, f.pinyin, f.initials,
    li.region, CASE WHEN st.code <> '' THEN st.code END AS dwelling_code, coalesce(jb.code, '') AS employer_code,
    a.arrived_on, (st.pid IS NOT NULL OR jb.pid IS NOT NULL OR en.pid IS NOT NULL OR ins.pid IS NOT NULL
        OR ls.pid IS NULL) AS is_resident,
    (sp.bits & {police}) <> 0 AS in_police, CAST(s.record_count AS INTEGER) AS record_count,
    CAST(bit_count(sp.bits) AS INTEGER) AS dataset_count, CAST(coalesce(c.fields, 0) AS INTEGER) AS discrepancy_count
FROM shown AS s
JOIN spread AS sp ON s.pid = sp.pid
LEFT JOIN lives AS li ON s.pid = li.pid
LEFT JOIN name_form AS f ON s.name = f.name
LEFT JOIN current_stay AS st ON s.pid = st.pid
LEFT JOIN current_job AS jb ON s.pid = jb.pid
LEFT JOIN current_enrolment AS en ON s.pid = en.pid
LEFT JOIN arrived AS a ON s.pid = a.pid
LEFT JOIN insured AS ins ON s.pid = ins.pid
LEFT JOIN spelled AS ls ON s.pid = ls.pid
LEFT JOIN contrary AS c ON s.pid = c.pid"""


def queries(inputs: Inputs, rules: Rules) -> Mapping[str, Callable[[], str]]:
    """The query of every table, with ``pid`` in place of ``person_code`` where it is about people."""
    return {
        "person": lambda: _persons(inputs, rules),
        "dossier": people.dossier,
        "stay": lambda: _STAYS,
        "job": lambda: _JOBS,
        "enrolment": lambda: "SELECT * FROM enrolment",
        "kin": lambda: _KIN,
        "contribution": lambda: "SELECT * FROM contribution",
        "permit": lambda: facts.permits(inputs),
        "tax": lambda: facts.taxes(inputs, rules),
        "skill": lambda: facts.skills(inputs),
        "land": lambda: facts.lands(inputs, rules),
        "aid": lambda: facts.aids(inputs),
        "health": lambda: facts.health_files(inputs),
        "discrepancy": lambda: _discrepancies(rules),
        "dwelling": lambda: places.dwelling_table(inputs, rules),
        "employer": lambda: places.employer_table(inputs, rules),
        "school": lambda: places.SCHOOLS,
    }


_STAYS = """
SELECT s.pid, s.code AS dwelling_code, coalesce(p.region, rpad(s.told_region, 12, '0')) AS region,
    s.begin_on, s.end_on, s.presumed_end_on, s.dwelling_kind, s.reason, s.confirmed_on, s.registered_on, s.sources
FROM stay AS s LEFT JOIN place AS p ON s.code = p.code
"""
_JOBS = """
SELECT j.pid, j.code AS employer_code, coalesce(n.name, j.told_name) AS employer_name, j.begin_on, j.end_on,
    j.presumed_end_on, j.occupation, j.has_contract, j.wage_fen, j.confirmed_on, j.sources
FROM job AS j LEFT JOIN employer_name AS n ON j.code = n.code
"""
_KIN = """
SELECT k.pid, coalesce(p.person_code, '') AS relative_code, k.relation, k.relative_name, k.household, k.is_inverse,
    k.sources
FROM kin AS k LEFT JOIN person_no AS p ON k.relative = p.pid
"""


def _discrepancies(rules: Rules) -> str:
    fields = " ".join(f"WHEN {place} THEN '{f}'" for place, f in enumerate(PERSON_FIELDS))
    owners = " ".join(
        f"WHEN {place} THEN '{rules.owner(f'person.{f}')}'" for place, f in enumerate(PERSON_FIELDS)
    )
    return f"""
SELECT c.pid, CASE c.field {fields} END AS field, CASE c.field {owners} END AS owner,
    min(w.dataset) AS shown_dataset, array_to_string(list_sort(array_agg(DISTINCT d.dataset)), ';') AS against
FROM contradiction AS c
JOIN dataset_rule AS d ON c.ds = d.ds AND d.field = 0
JOIN dataset_rule AS w ON c.shown_ds = w.ds AND w.field = 0
GROUP BY c.pid, c.field
UNION ALL
{corrected.contradictions(rules)}
"""


def save(engine: Engine, name: str, query: str, path: Path, people: str = "person_no") -> int:
    """Write one table, columns as declared; rows of one person stand together, of the table ``people`` alone."""
    table = TABLES[name]
    if not table.of_person:
        return engine.save(declared(name, query), path, sort=", ".join(table.key))
    order = (
        "" if table.key == ("person_code",) else " ORDER BY q.pid"
    )  # one row each: nothing to bring together
    return engine.save(declared(name, query, people) + order, path)


def declared(name: str, query: str, people: str = "person_no") -> str:
    """A query: the rows of one table with its columns as declared."""
    table = TABLES[name]
    rest = ", ".join(
        f"CAST(q.{f.name} AS {f.type}) AS {f.name}" for f in table.fields if f.name != "person_code"
    )
    if table.of_person:
        return f"SELECT n.person_code, {rest} FROM ({query}) AS q JOIN {people} AS n ON q.pid = n.pid"
    return f"SELECT {rest} FROM ({query}) AS q"


def forget(engine: Engine) -> None:
    """Give back the memory of the tables a run has made."""
    for table in _MADE:
        engine.run(f"DROP TABLE IF EXISTS {table}")


_MADE = [
    "mention",
    "repeat",
    "spread",
    "differ",
    "shown",
    "name_form",
    "plain_name",
    "contradiction",
    "who",
    "person_no",
    "repeated",
    "told_stay",
    "told_dwelling",
    "place",
    "stay",
    "job",
    "job_row",
    "employer_said",
    "official_said",
    "street_said",
    "enrolment",
    "kin",
    "kin_row",
    "kin_told",
    "together",
    "current_stay",
    "current_job",
    "current_enrolment",
    "contribution",
    "contribution_row",
    "rival",
    *(f"{s}_{t}" for s in ("stay", "job") for t in corrected.MADE),
    *ties.MADE,
]

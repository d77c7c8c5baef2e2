"""Of what arrived, which a certain key will join to somebody of the library: only namesakes matter to those.

They are found first, by number, by name and day of the year and by whoever has the same phone, so that likeness is looked
for only for the rest.
"""

from __future__ import annotations

from anju.exchange.linkage import blocking, shelves
from anju.exchange.linkage.names import tag_sql
from anju.exchange.linkage.parameters import Parameters, double_sql
from anju.exchange.linkage.profiles import NUMBER_DAY
from anju.exchange.linkage.shelves import DAY, Library
from anju.exchange.linkage.steps import Steps

LOOKED_AT = ("person", "raw_id", "tags", "number", "born", "sex", "county", "is_anchor")
"""Columns of ``lk_people`` by which certain keys are found."""


def search(steps: Steps, library: Library, parameters: Parameters) -> None:
    """Tables ``lk_search`` (what is asked), ``lk_namesake`` (person, grp, is_certain: people of the name and birthday of a
    description without a number), ``lk_certain`` (grp: those that a certain key will join to a numbered person) and
    ``lk_sought`` (the others, as ``lk_search``). Of a certain one only namesakes matter, so nobody else is looked for."""
    library.show(shelves.NAMES, {"name": "SELECT name_id FROM lk_loose"}, ("raw_id", "name_id"))
    steps.table(
        "lk_same_name",
        "SELECT k.raw_id, k.name_id FROM lk_names AS k SEMI JOIN lk_loose AS l ON l.name_id = k.name_id",
    )
    month = shelves.named_key("s.raw_id", "l.born % 10000")
    asked = {
        "number": f"SELECT {shelves.code_key('number', 'number')} FROM lk_loose",
        "named": f"""SELECT {month} FROM lk_loose AS l JOIN lk_same_name AS s ON s.name_id = l.name_id
            WHERE l.number IS NULL""",
        "person": "SELECT person FROM lk_beside WHERE kind = 'phone' AND is_own",
    }
    library.show(shelves.PEOPLE, asked, LOOKED_AT)
    steps.table("lk_search", _searched())
    steps.table(
        "lk_held_name",
        """SELECT c.value AS name_id, sum(c.n) AS n FROM lk_counts AS c SEMI JOIN lk_loose AS l ON l.name_id = c.value
        WHERE c.kind = 'name' GROUP BY c.value""",
    )
    steps.table("lk_namesake", _namesakes(parameters))
    steps.table("lk_certain", "SELECT DISTINCT grp FROM lk_namesake WHERE is_certain")
    steps.table("lk_sought", "SELECT s.* FROM lk_search AS s ANTI JOIN lk_certain AS c ON c.grp = s.grp")


def _namesakes(parameters: Parameters) -> str:
    """Query (person, grp, is_certain): a certain key is own phone and name, or name, birthday, sex and county; ``_may_be``
    holds whoever has one to be found, the second by what is certain to be weighed."""
    least = f"{rare_sql(parameters)} + CASE WHEN l.digits IS NULL THEN 0 ELSE {double_sql(min(0.0, parameters.weight('number', 'other')))} END"
    best = parameters.best
    rest = best("birth", "same") + best("sex", "same") + best("origin", "same") + best("place", "house")
    enough = double_sql(parameters.ask_from - parameters.prior_weight - rest)
    return f"""
        WITH own AS (SELECT DISTINCT person, grp FROM lk_beside WHERE kind = 'phone' AND is_own),
        named AS (
            SELECT p.person, l.grp, p.born = l.born AS is_born, p.is_anchor AND o.person IS NOT NULL AS has_phone,
                   p.is_anchor AND l.sex = p.sex AND l.county = p.county AND {least} >= {enough} AS fits
            FROM (SELECT person, raw_id, sex, county, is_anchor, {DAY} AS born FROM lk_people) AS p
            JOIN lk_same_name AS s ON s.raw_id = p.raw_id JOIN lk_search AS l ON l.name_id = s.name_id
            LEFT JOIN own AS o ON o.person = p.person AND o.grp = l.grp LEFT JOIN lk_held_name AS h ON h.name_id = l.name_id
            WHERE l.number IS NULL AND (p.born = l.born OR o.person IS NOT NULL)
        )
        SELECT person, grp, bool_or(has_phone AND coalesce(is_born, TRUE) OR coalesce(is_born AND fits, FALSE)) AS is_certain
        FROM named GROUP BY person, grp
    """


def _searched() -> str:
    """Query: the asked descriptions, and whether each may be anybody (``is_free``). One with a number that fits it is its
    number's person, or one whom nobody knows a number of; unless the number is known under names that do not sound like it."""
    near = tag_sql("near", "p.tags"), tag_sql("near", "l.tags")
    return f"""
        WITH strange AS (
            SELECT l.grp FROM lk_loose AS l JOIN lk_people AS p ON p.number = l.number
            GROUP BY l.grp HAVING NOT bool_or({near[0]} = {near[1]})
        )
        SELECT *, number IS NULL OR {DAY} <> {NUMBER_DAY} OR grp IN (SELECT grp FROM strange) AS is_free FROM lk_loose
    """


def rare_sql(parameters: Parameters) -> str:
    """SQL for what the name of a description is worth, from ``lk_held_name`` as ``h``."""
    return blocking.rare_sql(parameters, f"coalesce(h.n, 1) * {double_sql(parameters.prior)}")

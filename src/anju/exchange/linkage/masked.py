"""Numbers and phones of which a list shows the first and last digits alone: 990102********3001, 120****2222.

What is shown is evidence, no more: a birthday stated beside a masked number completes it where the check character
agrees; else a number or phone stands for the one whole value of the list that begins and ends like it, or for itself.
Of several it is the one stated with the same name, or birthday; left open, it is unknown. A number that no birthday
completes tells about the same name only: ten digits are a county's and few of a day's.

Grain: one mention. Unknown: null. Source: the list's own cells, in half-width characters. DuckDB reads lists on either engine.
"""

from __future__ import annotations

from collections.abc import Collection

from anju.exchange.linkage import list_cells
from anju.exchange.linkage.steps import LinkEngine

HIDDEN = "[*xX#●•×_]{2,}"
"""What stands for digits that are not shown."""
HAN_BYTES = 3
"""Of one character: DuckDB's distance counts bytes."""
SHAPES = {
    "person.citizen_no": f"^([1-9][0-9]{{2,13}}){HIDDEN}([0-9]{{0,3}}[0-9]{{3}}[0-9X])$",
    "person.phone": f"^(1[0-9]{{2,6}}){HIDDEN}([0-9]{{4,6}})$",
}
"""Of each column the shape of a masked value: what it begins with, what it ends with."""

TABLES = ("lk_unmasked", "lk_masked", "lk_whole", "lk_fitting", "lk_phone_shown", "lk_citizen_no_shown")


def fill(engine: LinkEngine, columns: Collection[str]) -> str:
    """Name of the table of mentions to read on: ``lk_mention``, or one in which masked values of ``lk_stated`` count."""
    masked = [c for c in SHAPES if c in columns and _any(engine, c)]
    if not masked:
        return "lk_mention"
    found = [_number(engine) if c == "person.citizen_no" else _phone(engine) for c in masked]
    kept = ", ".join(f'{value} AS "{c}"' for values in found for c, value in values.items())
    joins = " ".join(f"LEFT JOIN lk_{c.partition('.')[2]}_shown AS {c[7]} USING (record_id)" for c in masked)
    engine.run(
        f"CREATE OR REPLACE TABLE lk_unmasked AS SELECT t.* REPLACE ({kept}) FROM lk_mention AS t {joins}"
    )
    return "lk_unmasked"


def _bare(column: str) -> str:
    return f"""upper(translate("{column}", ' -''`', ''))"""


def _any(engine: LinkEngine, column: str) -> bool:
    return bool(
        engine.rows(
            f"SELECT count(*) FROM lk_stated WHERE regexp_full_match({_bare(column)}, '{SHAPES[column]}')"
        )[0][0]
    )


def _shown(engine: LinkEngine, column: str) -> None:
    """Table ``lk_masked``: record_id, head and tail of what is shown, name and birthday stated beside it; ``lk_whole``: value,
    name and birthday of every whole value."""
    bare, shape = _bare(column), SHAPES[column]
    engine.run(
        f"""CREATE OR REPLACE TABLE lk_masked AS
        SELECT m.record_id, m."person.name" AS name, m."person.born_on" AS born,
               regexp_extract(s.bare, '{shape}', 1) AS head, regexp_extract(s.bare, '{shape}', 2) AS tail
        FROM (SELECT unique_id, {bare} AS bare FROM lk_stated WHERE regexp_full_match({bare}, '{shape}')) AS s
        JOIN lk_mention AS m ON m.record_id = CAST(s.unique_id AS UBIGINT)"""
    )
    engine.run(
        f"""CREATE OR REPLACE TABLE lk_whole AS
        SELECT DISTINCT "{column}" AS value, "person.name" AS name, "person.born_on" AS born
        FROM lk_mention WHERE "{column}" IS NOT NULL"""
    )
    engine.run(
        f"""CREATE OR REPLACE TABLE lk_fitting AS
        SELECT m.record_id, w.value, coalesce({_alike("w.name", "m.name")}, FALSE) AS is_named, coalesce(w.born = m.born, FALSE) AS is_born
        FROM lk_masked AS m JOIN lk_whole AS w ON right(w.value, 4) = right(m.tail, 4)
        WHERE starts_with(w.value, m.head) AND ends_with(w.value, m.tail)"""
    )


def _alike(a: str, b: str) -> str:
    """SQL: the same name, or one of three characters and more that differs in one other than the first."""
    return (
        f"({a} = {b} OR length({a}) > 2 AND length({b}) > 2 AND substring({a}, 1, 1) = substring({b}, 1, 1) "
        f"AND levenshtein({a}, {b}) <= {HAN_BYTES})"
    )


def _phone(engine: LinkEngine) -> dict[str, str]:
    """Table ``lk_phone_shown``: the whole phone of the list that fits, or what is shown."""
    _shown(engine, "person.phone")
    engine.run(
        """CREATE OR REPLACE TABLE lk_phone_shown AS
        SELECT m.record_id, any_value(CASE WHEN f.record_id IS NULL THEN concat(substring(m.head, 1, 3), '****', right(m.tail, 4))
            WHEN f.n = 1 THEN f.one WHEN f.named = 1 THEN f.by_name WHEN f.named = 0 AND f.dated = 1 THEN f.by_birthday END) AS value
        FROM lk_masked AS m LEFT JOIN (
            SELECT record_id, count(DISTINCT value) AS n, min(value) AS one,
                   count(DISTINCT value) FILTER (is_named) AS named, min(value) FILTER (is_named) AS by_name,
                   count(DISTINCT value) FILTER (is_born) AS dated, min(value) FILTER (is_born) AS by_birthday
            FROM lk_fitting GROUP BY record_id
        ) AS f USING (record_id) GROUP BY m.record_id"""
    )
    return {"person.phone": 'coalesce(p.value, t."person.phone")'}


def _number(engine: LinkEngine) -> dict[str, str]:
    """Table ``lk_citizen_no_shown``: the number that the birthday completes; else what stands for it; and what it shows
    besides: county, and from digits that are shown birthday and sex."""
    _shown(engine, "person.citizen_no")
    completed = "concat(substring(head, 1, 6), strftime(born, '%Y%m%d'), right(tail, 4))"
    engine.run(
        f"""CREATE OR REPLACE TABLE lk_citizen_no_shown AS
        WITH joined AS (
            SELECT *, CASE WHEN length(head) >= 6 AND born IS NOT NULL THEN {completed} END AS whole FROM lk_masked
        ),
        checked AS (
            SELECT *, starts_with(whole, head) AND ends_with(whole, tail)
                AND {list_cells.check_character("whole")} = right(whole, 1) AS is_sound FROM joined
        ),
        fitting AS (
            SELECT record_id, count(DISTINCT value) AS n, count(DISTINCT value) FILTER (is_named) AS named,
                   min(value) FILTER (is_named) AS by_name
            FROM lk_fitting GROUP BY record_id
        ),
        shown AS (SELECT substring(head, 1, 6) AS begun, right(tail, 4) AS ended, name FROM lk_masked WHERE length(head) >= 6),
        named AS (SELECT begun, ended, name, count(*) AS n, min(name) OVER (PARTITION BY begun, ended) AS least FROM shown GROUP BY begun, ended, name),
        agreed AS (
            SELECT *, bool_and({_alike("name", "least")}) OVER (PARTITION BY begun, ended) AS is_one FROM named
        ),
        alike AS (
            SELECT begun, ended, name, CASE WHEN is_one THEN least WHEN n > 1 THEN name END AS whose FROM agreed
        )
        SELECT c.record_id, CASE WHEN c.is_sound THEN c.whole END AS whole,
               CASE WHEN coalesce(c.is_sound, FALSE) OR c.born IS NOT NULL THEN NULL WHEN f.named = 1 THEN f.by_name
                    WHEN f.n IS NULL
                    THEN concat(a.begun, translate(substring(md5(concat(a.whose, '|', a.begun, a.ended)), 1, 8), 'abcdef', '012345'), a.ended) END AS stands_for,
               CASE WHEN length(c.head) >= 6 THEN substring(c.head, 1, 6) END AS county,
               CASE WHEN length(c.head) = 14 THEN CAST(try_strptime(substring(c.head, 7, 8), '%Y%m%d') AS DATE) END AS born,
               CASE WHEN CAST(substring(right(c.tail, 2), 1, 1) AS INTEGER) % 2 = 1 THEN '1' ELSE '2' END AS sex
        FROM checked AS c LEFT JOIN fitting AS f ON f.record_id = c.record_id
        LEFT JOIN alike AS a ON a.begun = substring(c.head, 1, 6) AND a.ended = right(c.tail, 4) AND a.name = c.name
            AND length(c.head) >= 6 AND a.whose IS NOT NULL"""
    )
    return {
        "person.citizen_no": 'coalesce(c.whole, t."person.citizen_no")',
        "person.citizen_no_stated": 'CASE WHEN c.record_id IS NULL THEN t."person.citizen_no_stated" ELSE c.stands_for END',
        "person.hukou_region": 'coalesce(t."person.hukou_region", c.county)',
        "person.born_on": 'coalesce(t."person.born_on", c.born)',
        "person.sex": 'coalesce(t."person.sex", c.sex)',
    }

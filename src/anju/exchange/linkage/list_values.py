"""What the cells of a list state, cleaned for comparing: for lists that are not in Chinese.

One spelling for each day, number and name; what stands for nothing, and what far too many share, is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from anju.exchange.linkage.columns import COARSE, ListColumn
from anju.exchange.linkage.guess import NOTHING
from anju.exchange.linkage.steps import Steps
from anju.kernel.engine import literal

SHARED = 20
"""A number, phone or address of mail that more rows with different names state says nothing about a person."""
OFTEN = 20
"""A birthday stated so many times as often as others stands for unknown."""
DAYS = ("%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y")  # fmt: skip

MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y")
"""How files write days in which the month comes first."""
LETTERS = ("øłđðßæœþı", "olddsaoti")
"""Letters that are no others with an accent, as people type them who do not have them."""


def prepare(steps: Steps, columns: Sequence[ListColumn], source: str) -> None:
    """Table ``lk_feature`` from the table ``source`` (unique_id, file_no and a text column for each of ``columns``)."""
    cleaned = ", ".join(f"{_clean(c, _month_first(steps, c, source))} AS {c.id}" for c in columns)
    steps.table("lk_list", f"SELECT unique_id, file_no, {cleaned} FROM {source}")
    _without_common(steps, columns)
    fine = [c for c in columns if c.kind not in COARSE]
    for c in fine:
        steps.table(
            f"lk_often_{c.id}",
            f"""WITH t AS (SELECT count({c.id}) AS n FROM lk_list)
            SELECT l.{c.id}, count(*) / max(t.n) AS tf_{c.id} FROM lk_list AS l CROSS JOIN t
            WHERE l.{c.id} IS NOT NULL GROUP BY l.{c.id}""",
        )
    often = ", ".join(f"o_{c.id}.tf_{c.id}" for c in fine)
    joins = " ".join(f"LEFT JOIN lk_often_{c.id} AS o_{c.id} ON o_{c.id}.{c.id} = l.{c.id}" for c in fine)
    steps.table(
        "lk_feature",
        f"""SELECT l.*, l.unique_id AS grp, FALSE AS is_anchor, l.unique_id AS record {", " + often if often else ""} FROM lk_list AS l {joins}""",
    )
    steps.drop(*(f"lk_often_{c.id}" for c in fine))


def _month_first(steps: Steps, column: ListColumn, source: str) -> tuple[int, ...]:
    """The files that write 12/31/1990: more of their days have a month before than behind the day."""
    if column.kind != "birthday":
        return ()
    parts = [
        f"TRY_CAST(regexp_extract({column.id}, '^ *(\\d+)[-/.](\\d+)[-/.]\\d{{4}}', {n}) AS INTEGER) > 12"
        for n in (1, 2)
    ]
    found = steps.engine.rows(
        f"SELECT file_no, count(*) FILTER ({parts[0]}) AS day, count(*) FILTER ({parts[1]}) AS month FROM {source} GROUP BY file_no"
    )
    return tuple(sorted(int(no) for no, day, month in found if month > day))


def _clean(column: ListColumn, month_first: Sequence[int] = ()) -> str:
    text = f"lower(trim({column.id}))"
    unknown = ", ".join(literal(word) for word in sorted(NOTHING - {"0"}))
    text = f"CASE WHEN {text} NOT IN ({unknown}) THEN {text} END"
    if column.kind == "birthday":
        bare = f"translate({text}, '-/. ', '')"
        usual, turned = (
            f"CAST(try_strptime({text}, [{', '.join(literal(f) for f in formats)}]) AS DATE)"
            for formats in (DAYS, [*MONTH_FIRST, *DAYS])
        )
        files = ", ".join(map(str, month_first))
        day = f"CASE WHEN file_no IN ({files}) THEN {turned} ELSE {usual} END" if files else usual
        text = f"CASE WHEN {day} > DATE '1900-01-01' THEN strftime({day}, '%Y%m%d') WHEN {bare} NOT LIKE '19000101%' THEN {bare} END"
    elif column.kind in ("number", "citizen_no", "phone"):
        bare = f"translate({text}, '-/. ()+', '')"
        text = f"CASE WHEN NOT regexp_full_match({bare}, '(0+|1+|2+|3+|4+|5+|6+|7+|8+|9+|1234567?8?9?0?)') THEN {bare} END"
    elif column.kind in ("name", "given_name", "surname"):
        if column.kind == "name":  # Smith, John
            text = f"regexp_replace({text}, '^([^,]+), *([^,]+)$', '\\2 \\1')"
        text = f"translate(strip_accents({text}), {literal(LETTERS[0])}, {literal(LETTERS[1])})"
        text = f"regexp_replace({text}, '[^0-9a-zà-ÿ\u0100-\u024f\u0370-\u04ff\u4e00-\u9fff]+', ' ', 'g')"
    return f"nullif(trim({text}), '')"


def _without_common(steps: Steps, columns: Sequence[ListColumn]) -> None:
    """Take numbers, phones and birthdays that far too many share out of ``lk_list``."""
    named = next((c.id for c in columns if c.kind in ("surname", "name", "given_name")), "unique_id")
    common = {}
    for c in columns:
        if c.kind in ("number", "citizen_no", "phone", "email"):
            common[c.id] = (
                f"SELECT {c.id} FROM lk_list WHERE {c.id} IS NOT NULL GROUP BY 1 HAVING count(DISTINCT {named}) > {SHARED}"
            )
        elif c.kind == "birthday":
            common[
                c.id
            ] = f"""SELECT {c.id} FROM (SELECT {c.id}, count(*) AS n FROM lk_list WHERE {c.id} IS NOT NULL GROUP BY 1) AS b
                QUALIFY n >= {SHARED} AND n > {OFTEN} * avg(n) OVER ()"""
    if common:
        kept = ", ".join(
            f"CASE WHEN {c} NOT IN ({values}) THEN {c} END AS {c}" for c, values in common.items()
        )
        steps.table("lk_list_kept", f"SELECT * REPLACE ({kept}) FROM lk_list")
        steps.rename("lk_list_kept", "lk_list")

"""Facts for rules, worked out from the library: one row per person, one column per fact, as of a cut-off day.

Grain: one row per person of the library's ``person`` table. Units: months, days and counts whole; money in fen.
Unknown: NULL wherever the library has no record of the kind - no record is not the same as none; 0 only where
records of the kind exist and none of them counts. Raises: Refusal register.unknown_measure.
Source: each fact's ``computed`` entry in ``packs/<place>/facts`` names table and measure; the measures are here.

Contribution months count up to and with the cut-off's month; periods count up to and with the cut-off day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from anju.kernel.engine import literal
from anju.kernel.refusal import Refusal
from anju.policy.catalogue import Fact

SPOUSE = ("10", "11", "12")
INSURANCES = ("pension", "medical", "unemployment", "injury")
PERIODS = {
    "stay": ("begin_on", "coalesce(end_on, presumed_end_on)"),
    "job": ("begin_on", "coalesce(end_on, presumed_end_on)"),
    "enrolment": ("begin_on", "end_on"),
    "permit": ("issued_on", "valid_until + INTERVAL 1 DAY"),
}
GROUPS = """
    p.sex AS group_sex,
    CASE WHEN p.born_on IS NULL THEN NULL WHEN date_sub('year', p.born_on, {on}) < 25 THEN '16-24'
         WHEN date_sub('year', p.born_on, {on}) < 35 THEN '25-34' WHEN date_sub('year', p.born_on, {on}) < 45 THEN '35-44'
         WHEN date_sub('year', p.born_on, {on}) < 55 THEN '45-54' ELSE '55+' END AS group_age_band,
    p.education AS group_education,
    left(p.hukou_region, 2) AS group_origin,
    e.industry AS group_sector,
    CASE WHEN k.spouse AND k.child THEN 'couple_with_children' WHEN k.spouse THEN 'couple'
         WHEN k.child THEN 'parent_with_children' ELSE 'single' END AS group_family
"""
"""Groups for audits and quotas, beside the facts: never part of a rule."""


@dataclass(frozen=True, slots=True)
class Question:
    """One programme's facts as of one day. ``place`` is the division prefix of the city (``9901``); ``code`` one person."""

    facts: tuple[Fact, ...]
    cutoff: date
    place: str
    code: str = ""

    @property
    def on(self) -> str:
        """The cut-off as SQL."""
        return f"DATE '{self.cutoff.isoformat()}'"

    @property
    def narrowed(self) -> str:
        """Keeps every step to one person, when one is asked for - and to the spouse the person's facts may need."""
        if not self.code:
            return ""
        return f"person_code IN ('{self.code}', (SELECT max(relative_code) FROM kin WHERE person_code = '{self.code}' AND relation IN {SPOUSE}))"


def is_computed(fact: Fact) -> bool:
    """Whether the library can say anything about a fact."""
    role, _, rest = fact.key.partition(".")
    return fact.computed is not None and (not rest or role == "spouse" or rest in fact_kinds())


def fact_kinds() -> tuple[str, ...]:
    """Suffixes of a month fact: kinds of months other than normal ones."""
    return ("back_paid", "transferred_in", "overlapping")


def facts_sql(question: Question, kept: Iterable[str] = ()) -> str:
    """One SELECT over the library's tables (DuckDB dialect): person_code, each fact's column, the groups, ``kept``."""
    steps = _Steps(question)
    columns = [
        "p.person_code",
        *(f'{steps.column(fact)} AS "{fact.column}"' for fact in question.facts),
        GROUPS.format(on=question.on).strip(),
        *(f"p.{name}" for name in kept),
    ]
    joins = "\n".join(f"LEFT JOIN {n} ON {n}.person_code = p.person_code" for n in steps.joined)
    spouse = (
        "LEFT JOIN couple ON couple.person_code = p.person_code\n"
        + "\n".join(
            f"LEFT JOIN {n} AS s_{n} ON s_{n}.person_code = couple.spouse_code"
            for n in sorted(steps.of_spouse)
        )
        if steps.of_spouse
        else ""
    )
    where = f"WHERE p.person_code = '{question.code}'" if question.code else ""
    return (
        f"WITH {steps.text()}\nSELECT {', '.join(columns)}\nFROM person p\n"
        f"LEFT JOIN employer e ON e.employer_code = p.employer_code\n"
        f"LEFT JOIN household k ON k.person_code = p.person_code\n{joins}\n{spouse}\n{where}"
    )


class _Steps:
    """Named steps, each a table with ``person_code`` and a column ``v`` per measure; shared by facts that ask the same."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.named: dict[str, str] = {}
        self.joined: list[str] = []
        self.of_spouse: set[str] = set()
        listed = "('" + "', '".join(SPOUSE) + "')"
        where = f"WHERE {question.narrowed}" if question.code else ""
        self.named["household"] = (
            f"SELECT person_code, bool_or(relation IN {listed}) AS spouse, bool_or(left(relation, 1) IN ('2', '3')) AS child "
            f"FROM kin {where} GROUP BY person_code"
        )

    def text(self) -> str:
        """The steps as common table expressions."""
        return ",\n".join(f"{name} AS (\n  {body}\n)" for name, body in self.named.items())

    def column(self, fact: Fact) -> str:
        """The expression of one fact's column; NULL when the library knows nothing of it."""
        kind = sql_type_of(fact)
        if not is_computed(fact) or fact.computed is None:
            return f"CAST(NULL AS {kind})"
        role, _, rest = fact.key.partition(".")
        of_spouse = bool(rest) and role == "spouse"
        told = dict(fact.computed)
        month_kind = rest if rest in fact_kinds() else "normal"
        if told["table"] == "person":
            value = _of_person(told, fact, self.question.place, "sp" if of_spouse else "p")
            if of_spouse:
                self._couple()
                self._name("sp", "SELECT * FROM person")
                self.of_spouse.add("sp")
                value = value.replace("sp.", "s_sp.")
            return f"CAST({value} AS {kind})"
        measure = MEASURES.get(told["measure"])
        if measure is None:
            raise Refusal("register.unknown_measure", fact=fact.key, measure=told["measure"])
        name = self._name(*measure(self.question, told, fact, month_kind))
        if of_spouse:
            self._couple()
            self.of_spouse.add(name)
            return f"CAST(s_{name}.v AS {kind})"
        if name not in self.joined:
            self.joined.append(name)
        return f"CAST({name}.v AS {kind})"

    def _name(self, name: str, body: str) -> str:
        self.named.setdefault(name, body)
        return name

    def _couple(self) -> None:
        where = f"AND person_code = '{self.question.code}'" if self.question.code else ""
        self._name(
            "couple",
            f"SELECT person_code, max(relative_code) AS spouse_code FROM kin "
            f"WHERE relation IN {SPOUSE} AND relative_code IS NOT NULL {where} GROUP BY person_code",
        )


def sql_type_of(fact: Fact) -> str:
    """The DuckDB type of a fact's column, as the rules machine expects it."""
    from anju.policy.sql.facts_table import sql_type

    return sql_type(fact.type)


def _of_person(told: Mapping[str, Any], fact: Fact, place: str, alias: str) -> str:
    field = f"{alias}.{told['field']}"
    match told["measure"]:
        case "value":
            return field
        case "equals":
            return f"({field} = '{told['value']}')"
        case "in":
            return f"({field} IN ({_quoted(told['values'])}))"
        case "in_place":
            return f"starts_with({field}, '{place}')"
        case "gb4658":
            return _coded(field, fact)
    raise Refusal("register.unknown_measure", fact=fact.key, measure=told["measure"])


def _coded(field: str, fact: Fact) -> str:
    """A national code as the option it stands for; a code that no option claims stays unknown."""
    cases = " ".join(f"WHEN {field} IN ({_quoted(o.also)}) THEN '{o.code}'" for o in fact.options if o.also)
    return f"CASE {cases} END"


def _quoted(values: Iterable[object]) -> str:
    return ", ".join(literal(str(v)) for v in values)


Measure = Callable[[Question, Mapping[str, Any], Fact, str], tuple[str, str]]


def _where(question: Question, told: Mapping[str, Any], *more: str) -> str:
    """Conditions of a step: the person asked for, the fact's own filter, and ``more``."""
    stated = [
        f"{name} IN ({_quoted(v if isinstance(v, list) else [v])})"
        for name, v in told.get("where", {}).items()
    ]
    every = [c for c in (question.narrowed, *stated, *more) if c]
    return " AND ".join(every) or "true"


def _tail(told: Mapping[str, Any]) -> str:
    """What tells two steps of one table and measure apart."""
    stated = "_".join(f"{k}_{v}" for k, v in sorted(told.get("where", {}).items()))
    return "".join(
        c if c.isalnum() else "_" for c in f"{told.get('field', '')}{told.get('gaps', '')}{stated}"
    )


def _months_by_kind(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """Months of one kind, each calendar month once; 0 where the scheme is known but not this kind."""
    scheme = told.get("scheme")
    name = f"months_{scheme or 'any'}_{kind}"
    clipped = f"least(to_month, date_trunc('month', {question.on})::DATE + INTERVAL 1 MONTH)"
    schemes = f"scheme IN ({_quoted([scheme] if scheme else INSURANCES)})"
    if kind == "overlapping":
        return (
            name,
            f"SELECT person_code, 0 AS v FROM contribution WHERE {_where(question, told, schemes)} GROUP BY 1",
        )
    if scheme:
        return name, (
            f"SELECT person_code, coalesce(sum(greatest(date_diff('month', from_month, {clipped}), 0)) "
            f"FILTER (WHERE kind = '{kind}'), 0) AS v FROM contribution WHERE {_where(question, told, schemes)} GROUP BY person_code"
        )
    merged = _merged(
        f"SELECT person_code, from_month AS b, {clipped} AS e FROM contribution "
        f"WHERE {_where(question, told, schemes, f'kind = {chr(39)}{kind}{chr(39)}', f'from_month <= {question.on}')}"
    )
    return (
        name,
        f"SELECT person_code, sum(date_diff('month', b, e)) AS v FROM ({merged}) GROUP BY person_code",
    )


def _run_months(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """Months of the unbroken run that reaches the cut-off's month or the one before (payments post a month late)."""
    scheme = told.get("scheme")
    schemes = f"scheme IN ({_quoted([scheme] if scheme else INSURANCES)})"
    clipped = f"least(to_month, date_trunc('month', {question.on})::DATE + INTERVAL 1 MONTH)"
    merged = _merged(
        f"SELECT person_code, from_month AS b, {clipped} AS e FROM contribution "
        f"WHERE {_where(question, told, schemes, f'kind = {chr(39)}{kind}{chr(39)}', f'from_month <= {question.on}')}"
    )
    reaches = f"e >= date_trunc('month', {question.on})::DATE"
    return (
        f"run_{scheme or 'any'}_{kind}",
        f"SELECT person_code, coalesce(max(date_diff('month', b, e)) FILTER (WHERE {reaches}), 0) AS v "
        f"FROM ({merged}) GROUP BY person_code",
    )


def _merged(periods: str) -> str:
    """Periods ``b`` to ``e`` of each person with overlapping and touching ones made one."""
    return (
        "SELECT person_code, min(b) AS b, max(e) AS e FROM ("
        "SELECT person_code, b, e, sum(starts) OVER (PARTITION BY person_code ORDER BY b, e ROWS UNBOUNDED PRECEDING) AS island FROM ("
        "SELECT person_code, b, e, CASE WHEN b <= max(e) OVER (PARTITION BY person_code ORDER BY b, e "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS starts "
        f"FROM ({periods}) WHERE e > b)) GROUP BY person_code, island"
    )


def _periods(question: Question, told: Mapping[str, Any]) -> str:
    """Merged periods of a table up to and with the cut-off day."""
    begin, end = PERIODS[told["table"]]
    past = f"({question.on} + INTERVAL 1 DAY)::DATE"
    return _merged(
        f"SELECT person_code, {begin} AS b, least(coalesce({end}, {past})::DATE, {past}) AS e FROM {told['table']} "
        f"WHERE {_where(question, told, f'{begin} <= {question.on}')}"
    )


def _full_months(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """Full months: of the run that covers the cut-off (``gaps: restart``), or of all runs with days added up."""
    name = f"full_{told['table']}_{_tail(told)}"
    if told["gaps"] == "restart":
        covers = f"e > {question.on}"
        return name, (
            f"SELECT person_code, coalesce(max(date_sub('month', b, e)) FILTER (WHERE {covers}), 0) AS v "
            f"FROM ({_periods(question, told)}) GROUP BY person_code"
        )
    days = "date_diff('day', (b + to_months(date_sub('month', b, e)::INTEGER))::DATE, e)"
    return name, (
        f"SELECT person_code, sum(date_sub('month', b, e)) + sum({days}) // 30 AS v "
        f"FROM ({_periods(question, told)}) GROUP BY person_code"
    )


def _covered_days(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """Days of the run that covers the cut-off; 0 when none does."""
    return f"days_{told['table']}_{_tail(told)}", (
        f"SELECT person_code, coalesce(max(date_diff('day', b, e)) FILTER (WHERE e > {question.on}), 0) AS v "
        f"FROM ({_periods(question, told)}) GROUP BY person_code"
    )


def _valid_on(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """Whether a period covers the cut-off day; no record at all stays unknown."""
    begin, end = PERIODS[told["table"]]
    covers = f"{begin} <= {question.on} AND coalesce({end} > {question.on}, true)"
    return f"valid_{told['table']}_{_tail(told)}", (
        f"SELECT person_code, bool_or({covers}) AS v FROM {told['table']} WHERE {_where(question, {})} GROUP BY person_code"
        if not told.get("where")
        else f"SELECT person_code, bool_or({covers} AND {_where(question, told)}) AS v FROM {told['table']} "
        f"WHERE {_where(question, {})} GROUP BY person_code"
    )


def _edge(function: str) -> Measure:
    def measure(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
        return f"{function}_{told['table']}_{_tail(told)}", (
            f"SELECT person_code, {function}({told['field']}) AS v FROM {told['table']} "
            f"WHERE {_where(question, told)} GROUP BY person_code"
        )

    return measure


def _best(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """The best code a person has, in the order of the fact's options (last is best)."""
    codes = _quoted(o.code for o in fact.options)
    return f"best_{told['table']}_{_tail(told)}", (
        f"SELECT person_code, list_value({codes})[max(list_position(list_value({codes}), {_coded(told['field'], fact)}))] AS v "
        f"FROM {told['table']} WHERE {_where(question, told)} GROUP BY person_code"
    )


def _sum(question: Question, told: Mapping[str, Any], fact: Fact, kind: str) -> tuple[str, str]:
    """The sum of one column over a look-back of whole years before the cut-off (``years``; all when left out)."""
    since = f"year > {question.cutoff.year - int(told['years'])} - 1" if told.get("years") else ""
    return f"sum_{told['table']}_{_tail(told)}_{told.get('years', '')}", (
        f"SELECT person_code, sum({told['field']}) AS v FROM {told['table']} "
        f"WHERE {_where(question, told, since, f'year <= {question.cutoff.year}')} GROUP BY person_code"
    )


MEASURES: dict[str, Measure] = {
    "months_by_kind": _months_by_kind,
    "run_months": _run_months,
    "full_months": _full_months,
    "covered_days": _covered_days,
    "valid_on": _valid_on,
    "first": _edge("min"),
    "last": _edge("max"),
    "best": _best,
    "sum": _sum,
}

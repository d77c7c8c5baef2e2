"""Names, literals, conditions and derived values as SQL. Unknown is NULL throughout, as SQL's own logic has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from anju.kernel.engine import literal
from anju.policy import days
from anju.policy.bound import Bound
from anju.policy.model import (
    Age,
    All,
    AnyOf,
    Choose,
    Combine,
    Compare,
    Condition,
    Elapsed,
    Not,
    Tally,
)
from anju.policy.values import Type

ENTRY = "r"
"""The lambda's variable: one entry of a list."""


UNDECIDED = -(10**16)
"""Outweighs any real total of a list."""


def quoted(name: str) -> str:
    """A column name: a dot becomes two underscores."""
    return '"' + name.replace(".", "__").replace('"', '""') + '"'


def text(value: str) -> str:
    """A text literal."""
    return literal(value)


def day(value: date) -> str:
    """A date literal."""
    return f"DATE '{value.isoformat()}'"


def either(*parts: str) -> str:
    """``a OR b``; FALSE when there is nothing that could hold."""
    kept = list(dict.fromkeys(p for p in parts if p != "FALSE"))
    if "TRUE" in kept:
        return "TRUE"
    if not kept:
        return "FALSE"
    return kept[0] if len(kept) == 1 else "(" + " OR ".join(kept) + ")"


def both(*parts: str) -> str:
    """``a AND b``; TRUE when nothing is asked."""
    kept = list(dict.fromkeys(p for p in parts if p != "TRUE"))
    if "FALSE" in kept:
        return "FALSE"
    if not kept:
        return "TRUE"
    return kept[0] if len(kept) == 1 else "(" + " AND ".join(kept) + ")"


def _not_below_zero(made: str) -> str:
    """At least 0, and NULL where ``made`` is: GREATEST passes over NULL, so its floor must be NULL with it."""
    return f"GREATEST({made}, {made} * 0)"


@lru_cache(maxsize=64)
def _ages(bound: Bound) -> dict[str, Age]:
    return {d.id: d.how for d in bound.derived if isinstance(d.how, Age)}


@dataclass(frozen=True, slots=True)
class Terms:
    """SQL of the smaller parts of one bound programme. ``dialect``: duckdb or spark (for list functions)."""

    bound: Bound
    dialect: str = "duckdb"

    def type(self, name: str) -> Type:
        """The type of a fact, derived value or ``.field`` of a list."""
        programme = self.bound.programme
        for use in programme.uses:
            if use.key == name:
                return use.fact.type
            if name.startswith(".") and (found := use.fact.type.field_type(name[1:])):
                return found
        return next(d.type for d in self.bound.derived if d.id == name)

    def name(self, name: str) -> str:
        """A name as a column, or as a field of the list entry at hand; decimals in whole units."""
        if not name.startswith("."):
            return quoted(name)
        return self.whole(f"{ENTRY}.{quoted(name[1:])}", self.type(name))

    @staticmethod
    def whole(expression: str, kind: Type) -> str:
        """A decimal column as a whole number of its last place."""
        return f"CAST(ROUND({expression} * {10**kind.places}) AS BIGINT)" if kind.places else expression

    # --- lists --------------------------------------------------------------------------------------

    def each(self, of: str, expression: str, top: int = 0, *, zero: bool = False) -> str:
        """The sum (or the sum of the ``top`` greatest) of an expression over the entries of a list.

        NULL if the list is unknown, or 0 when ``zero``.
        """
        made = f"list_transform({quoted(of)}, lambda {ENTRY}: CAST({expression} AS BIGINT))"
        if self.dialect == "spark":
            if top:
                made = f"SLICE(SORT_ARRAY({made}, FALSE), 1, {top})"
            added = f"AGGREGATE({made}, CAST(0 AS BIGINT), lambda a, b: a + b)"
            return f"COALESCE({added}, 0)" if zero else added
        if top:
            made = f"list_slice(list_reverse_sort({made}), 1, {top})"
        if zero:
            return f"COALESCE(CAST(list_sum({made}) AS BIGINT), 0)"
        return f"CAST(COALESCE(list_sum({made}), CASE WHEN {quoted(of)} IS NOT NULL THEN 0 END) AS BIGINT)"

    def any_entry(self, of: str, expression: str) -> str:
        """Whether the expression holds for some entry."""
        if expression == "FALSE":
            return "FALSE"
        return f"({self.each(of, f'CASE WHEN {expression} THEN 1 ELSE 0 END', zero=True)} > 0)"

    # --- conditions ---------------------------------------------------------------------------------

    def condition(self, condition: Condition) -> str:
        """A condition: TRUE, FALSE or NULL."""
        if isinstance(condition, Compare):
            return self._compare(condition)
        if isinstance(condition, Not):
            return f"(NOT {self.condition(condition.part)})"
        joint = " AND " if isinstance(condition, All) else " OR "
        assert isinstance(condition, All | AnyOf)
        return "(" + joint.join(self.condition(p) for p in condition.parts) + ")"

    def _compare(self, compare: Compare) -> str:
        name, value = self.name(compare.name), compare.value
        if isinstance(value, bool):
            return name if value == (compare.op == "eq") else f"(NOT {name})"
        if compare.op == "within":
            first, last = self.bound.calendar.within(*value)
            if self.type(compare.name).kind == "date":
                return f"({name} BETWEEN {day(first)} AND {day(last)})"
            return f"({name} BETWEEN {first.year} AND {last.year})"
        if compare.op in ("in", "not_in"):
            return self._listed(name, value, compare.op == "in")
        return self.compared(compare.name, compare.op, value)

    def compared(self, name: str, op: str, value: Any) -> str:
        """One name held against one value; an age against the birthdays it means, so that no age is worked out."""
        if (how := self.ages.get(name)) is not None:
            return self._by_birthday(how, op, value)
        sign = {"eq": "=", "ne": "<>", "ge": ">=", "gt": ">", "le": "<=", "lt": "<"}[op]
        return f"({self.name(name)} {sign} {self.literal(value)})"

    @property
    def ages(self) -> dict[str, Age]:
        """Derived values that are ages."""
        return _ages(self.bound)

    def _by_birthday(self, how: Age, op: str, years: int) -> str:
        born, on = self.name(how.of), self.bound.calendar.day(how.on)

        def reached(years: int) -> str:
            return day(days.born_by(on, years, how.count))

        at_least, more = f"{born} <= {reached(years)}", f"{born} <= {reached(years + 1)}"
        less, at_most = f"{born} > {reached(years)}", f"{born} > {reached(years + 1)}"
        return {
            "ge": f"({at_least})", "gt": f"({more})", "lt": f"({less})", "le": f"({at_most})",
            "eq": f"({at_least} AND {at_most})", "ne": f"({less} OR {more})",
        }[op]  # fmt: skip

    def _listed(self, name: str, values: tuple[Any, ...], is_in: bool) -> str:
        if not values:
            return f"(CASE WHEN {name} IS NOT NULL THEN {'FALSE' if is_in else 'TRUE'} END)"
        listed = ", ".join(self.literal(v) for v in values)
        return f"({name} {'IN' if is_in else 'NOT IN'} ({listed}))"

    @staticmethod
    def literal(value: Any) -> str:
        """A literal of any scalar type."""
        if isinstance(value, str):
            return text(value)
        return day(value) if isinstance(value, date) else str(value)

    # --- derived values -----------------------------------------------------------------------------

    def derived(self, how: Age | Elapsed | Combine | Choose | Tally) -> str:
        """A derived value: a whole number or NULL."""
        if isinstance(how, Age):
            return self._age(how)
        if isinstance(how, Elapsed):
            return self._elapsed(how)
        if isinstance(how, Choose):
            return self._choose(how)
        if isinstance(how, Tally):
            return self._tally(how)
        parts = [self.part(p) for p in how.parts]
        if how.op == "sum_of":
            return "(" + " + ".join(parts) + ")"
        if how.op == "difference":
            return _not_below_zero(f"({parts[0]} - {parts[1]})")
        unknown = either(*(f"{p} IS NULL" for p in parts if not p.lstrip("-").isdigit()))
        pick = "LEAST" if how.op == "least_of" else "GREATEST"
        return f"CASE WHEN NOT {unknown} THEN {pick}({', '.join(parts)}) END"

    def part(self, part: str | int) -> str:
        """A name or a fixed amount."""
        return self.name(part) if isinstance(part, str) else str(part)

    def _age(self, how: Age) -> str:
        born, on = self.name(how.of), self.bound.calendar.day(how.on)
        number = f"(YEAR({born}) * 10000 + MONTH({born}) * 100 + DAY({born}))"
        if how.count == "calendar_years":
            return _not_below_zero(f"({on.year} - YEAR({born}))")
        reached = f"({on.year * 10000 + on.month * 100 + on.day} - {number})"
        if how.count == "started_years":
            reached = f"({reached} + 9999)"
        return _not_below_zero(f"({reached} // 10000)")

    def _elapsed(self, how: Elapsed) -> str:
        begin, until = self.name(how.of), self.bound.calendar.day(how.until)
        if how.unit == "days":
            made = f"DATE_DIFF('day', {begin}, {day(until)})"
        else:
            last = (date(until.year + until.month // 12, until.month % 12 + 1, 1) - date.resolution).day
            months = f"({until.year * 12 + until.month} - YEAR({begin}) * 12 - MONTH({begin}))"
            made = f"({months} - CASE WHEN LEAST(DAY({begin}), {last}) > {until.day} THEN 1 ELSE 0 END)"
        return f"CASE WHEN {begin} < {day(until)} THEN {made} WHEN {begin} >= {day(until)} THEN 0 END"

    def _choose(self, how: Choose) -> str:
        rows: list[str] = []
        for when, of in how.rows:
            if when is None:
                return "CASE " + " ".join(rows) + f" ELSE {self.part(of)} END" if rows else self.part(of)
            made = self.condition(when)
            rows += [f"WHEN {made} THEN {self.part(of)}", f"WHEN {made} IS NULL THEN NULL"]
        return "CASE " + " ".join(rows) + " END"

    def _tally(self, how: Tally) -> str:
        """One pass over the list: an entry that cannot be decided weighs so much below 0 that the whole is unknown."""
        where = "TRUE" if how.where is None else self.condition(how.where)
        amount = "1" if how.field is None else self.name("." + how.field)
        unknown = "FALSE" if how.where is None else f"{where} IS NULL"
        if how.field is not None:
            unknown = either(unknown, both(where, f"{amount} IS NULL"))
        if unknown == "FALSE":
            return self.each(how.of, f"CASE WHEN {where} THEN {amount} ELSE 0 END")
        made = f"CASE WHEN {unknown} THEN {UNDECIDED} WHEN {where} THEN {amount} ELSE 0 END"
        return f"NULLIF(GREATEST({self.each(how.of, made)}, -1), -1)"

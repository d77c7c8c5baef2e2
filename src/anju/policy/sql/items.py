"""Items as SQL. Each gives three expressions: its points (never NULL: unknown gives 0), whether something in it is
unknown, and whether that could take points away. Points are whole multiples of 1 ÷ scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from anju.policy.bound import can_be_negative
from anju.policy.model import Bands, Cases, Flat, Group, Item, Ladder, Per, Row, Shape, Times, falls
from anju.policy.sql.terms import Terms, both, either, text
from anju.policy.values import LARGEST


@dataclass(frozen=True, slots=True)
class Made:
    """SQL of one item: points, unknown, risky."""

    points: str
    unknown: str
    risky: str


class ItemSql:
    """Turns items into SQL, each once; what is inside a group is put into the group's own expression."""

    def __init__(self, terms: Terms) -> None:
        self.terms, self.scale = terms, terms.bound.scale

    def scaled(self, points: Fraction) -> int:
        """Points in whole units; exact by the choice of the scale."""
        whole = points * self.scale
        assert whole.denominator == 1, points
        return whole.numerator

    def item(self, item: Item, *, is_deduction: bool = False) -> Made:
        """One item with all inside it."""
        risky = is_deduction or can_be_negative(item)
        if isinstance(item.shape, Group):
            made = self._group(item, item.shape, risky, is_deduction=is_deduction)
        elif item.for_each:
            made = self._for_each(item, risky)
        else:
            points, unknown = self._modified(item, *self._shape(item.shape))
            limited = self._limited(points, item, unknown)
            made = Made(limited, unknown, unknown if risky else "FALSE")
        if item.when is None:
            return made
        when = self.terms.condition(item.when)
        unknown = either(f"{when} IS NULL", both(when, made.unknown))
        lost = either(f"{when} IS NULL" if risky else "FALSE", both(when, made.risky))
        points = "0" if made.points == "0" else f"CASE WHEN {when} THEN {made.points} ELSE 0 END"
        return Made(points, unknown, lost)

    def _group(self, item: Item, shape: Group, risky: bool, *, is_deduction: bool) -> Made:
        children = [self.item(c, is_deduction=is_deduction) for c in shape.items]
        inner = [c.points for c in children]
        if shape.mode == "sum":
            points = "(" + " + ".join(inner) + ")" if len(inner) > 1 else inner[0]
        else:
            points = f"GREATEST({', '.join(inner)})" if len(inner) > 1 else inner[0]
        points, unknown = self._modified(item, points, "FALSE")
        limited = self._limited(points, item, unknown)
        lost = either(*(c.risky for c in children), unknown if risky else "FALSE")
        return Made(limited, either(*(c.unknown for c in children), unknown), lost)

    def _for_each(self, item: Item, risky: bool) -> Made:
        each, terms = item.for_each, self.terms
        assert each is not None
        points, unknown = self._modified(item, *self._shape(item.shape))
        if each.cap is not None:
            points = f"LEAST({points}, {self.scaled(each.cap)})"
        if unknown != "FALSE":
            points = f"CASE WHEN {unknown} THEN 0 ELSE {points} END"
        if each.where is not None:
            where = terms.condition(each.where)
            points = f"CASE WHEN {where} THEN {points} ELSE 0 END"
            unknown = either(f"{where} IS NULL", both(where, unknown))
        if each.take:
            points = f"GREATEST({points}, 0)"
        total = terms.each(each.of, points, each.take, zero=True)
        is_unknown = either(f"{terms.name(each.of)} IS NULL", terms.any_entry(each.of, unknown))
        limited = self._limited(total, item, f"{terms.name(each.of)} IS NULL")
        return Made(limited, is_unknown, is_unknown if risky else "FALSE")

    # --- modifiers ----------------------------------------------------------------------------------

    def _modified(self, item: Item, points: str, unknown: str) -> tuple[str, str]:
        for times in item.times:
            points, unknown = self._times(points, unknown, times)
        if item.percent_of:
            share = self.terms.name(item.percent_of)
            points = f"COALESCE({divided(f'{points} * {share}', '10000')}, 0)"
            unknown = either(unknown, f"{share} IS NULL")
        if item.divide_by:
            name, plus = item.divide_by
            parts = f"({self.terms.name(name)} + {plus})" if plus else self.terms.name(name)
            points = f"CASE WHEN {parts} > 0 THEN {divided(points, parts)} ELSE 0 END"
            unknown = either(unknown, f"COALESCE({parts} <= 0, TRUE)")
        return points, unknown

    def _times(self, points: str, unknown: str, times: Times) -> tuple[str, str]:
        factor = multiplied(points, times.factor)
        if times.when is None:
            return factor, unknown
        when = self.terms.condition(times.when)
        made = f"CASE WHEN {when} THEN {factor} WHEN NOT {when} THEN {points} ELSE 0 END"
        return made, either(unknown, f"{when} IS NULL")

    def _limited(self, points: str, item: Item, unknown: str) -> str:
        """Floor and cap; what is wholly unknown stays 0 even where the floor is not."""
        limited = points
        if item.floor is not None:
            limited = f"GREATEST({limited}, {self.scaled(item.floor)})"
        if item.cap is not None:
            limited = f"LEAST({limited}, {self.scaled(item.cap)})"
        stays = (item.floor is None or item.floor <= 0) and (item.cap is None or item.cap >= 0)
        if limited == points or stays or unknown == "FALSE":
            return limited
        return f"CASE WHEN {unknown} THEN 0 ELSE {limited} END"

    # --- shapes -------------------------------------------------------------------------------------

    def _shape(self, shape: Shape) -> tuple[str, str]:
        """Points (what is certain of them when unknown) and whether they are unknown."""
        if isinstance(shape, Flat):
            return f"CAST({self.scaled(shape.points)} AS BIGINT)" if shape.points else "0", "FALSE"
        if isinstance(shape, Cases):
            return self._cases(shape)
        assert not isinstance(shape, Group)
        name = self.terms.name(shape.of)
        unknown = f"{name} IS NULL"
        if isinstance(shape, Ladder):
            rows = " ".join(f"WHEN {text(code)} THEN {self.scaled(p)}" for code, p in shape.points)
            return f"CAST(CASE {name} {rows} ELSE 0 END AS BIGINT)", unknown
        return (self._per(shape, name) if isinstance(shape, Per) else self._bands(shape, name)), unknown

    def _cases(self, shape: Cases) -> tuple[str, str]:
        rows, unknown, last, sure = [], "FALSE", 0, falls(shape)
        conditions = [None if r.when is None else self.terms.condition(r.when) for r in shape.rows]
        for row, when in zip(shape.rows, conditions, strict=True):
            if when is None:
                last = self.scaled(row.points)
                break
            rows.append(f"WHEN {when} THEN {self.scaled(row.points)}")
            if not sure:
                rows.append(f"WHEN {when} IS NULL THEN 0")
        for when in reversed([w for w in conditions if w is not None]):
            unknown = either(f"{when} IS NULL", both(f"(NOT {when})", unknown))
        made = f"CASE {' '.join(rows)} ELSE {last} END" if rows else str(last)
        return f"CAST({made} AS BIGINT)", unknown

    def _per(self, shape: Per, name: str) -> str:
        start, each = self.scaled(shape.start), shape.points
        if shape.below is not None:
            left = f"CASE WHEN {name} < {shape.below} THEN {shape.below} - {name} ELSE 0 END"
        elif shape.beyond:
            left = f"CASE WHEN {name} > {shape.beyond} THEN {name} - {shape.beyond} ELSE 0 END"
        else:
            left = f"COALESCE({name}, 0)"
        made = self._stepped(left, shape.step, each, shape.round, shape.max_steps)
        if start:
            made = f"({start} + {made})"
        if shape.active_from:
            return f"CASE WHEN {name} >= {shape.active_from} THEN {made} ELSE 0 END"
        is_open = bool(start) or shape.below is not None
        return f"CASE WHEN {name} IS NOT NULL THEN {made} ELSE 0 END" if is_open else made

    def _stepped(self, left: str, step: int, each: Fraction, how: str, most: int | None = None) -> str:
        """Points for an amount that is not below 0."""
        if how == "exact":
            if most is not None:
                left = f"LEAST({left}, {most * step})"
            return f"({left}) * CAST({self.scaled(each / step)} AS BIGINT)"
        count = f"(({left}) // {step})" if how == "down" else f"((({left}) + {step - 1}) // {step})"
        if step == 1:
            count = f"({left})"
        if most is not None:
            count = f"LEAST({count}, {most})"
        return f"{count} * CAST({self.scaled(each)} AS BIGINT)"

    def _bands(self, shape: Bands, name: str) -> str:
        if shape.mode == "progressive":
            return "(" + " + ".join(self._band_part(r, shape, name) for r in shape.rows) + ")"
        rows: list[str] = []
        last_first = sorted(shape.rows, key=lambda r: -LARGEST if r.low is None else r.low, reverse=True)
        for row, until in zip(last_first, self._ends(last_first), strict=True):
            made = str(self.scaled(row.points))
            if shape.mode == "whole_period":
                assert shape.step
                made = self._stepped(name, shape.step, row.points, shape.round)
            if until is not None:
                rows.append(f"WHEN {self.terms.compared(shape.of, 'ge', until)} THEN 0")
            inside = (
                f"{name} IS NOT NULL" if row.low is None else self.terms.compared(shape.of, "ge", row.low)
            )
            rows.append(f"WHEN {inside} THEN {made}")
        return f"CAST(CASE {' '.join(rows)} ELSE 0 END AS BIGINT)"

    @staticmethod
    def _ends(last_first: Sequence[Row]) -> list[int | None]:
        """Per row: where it ends, if what follows does not begin right there."""
        found: list[int | None] = []
        begins: int | None = None
        for row in last_first:
            found.append(None if row.high == begins else row.high)
            begins = row.low
        return found

    def _band_part(self, row: Row, shape: Bands, name: str) -> str:
        assert shape.step
        low = row.low or 0
        top = name if row.high is None else f"LEAST({name}, {row.high})"
        part = self._stepped(f"{top} - {low}" if low else top, shape.step, row.points, shape.round)
        return f"CASE WHEN {name} > {low} THEN {part} ELSE 0 END"


def divided(points: str, parts: str) -> str:
    """``points ÷ parts`` to the nearest unit, halves away from zero."""
    return (
        f"(CASE WHEN {points} >= 0 THEN (2 * ({points}) + {parts}) // (2 * {parts}) "
        f"ELSE -((-2 * ({points}) + {parts}) // (2 * {parts})) END)"
    )


def multiplied(points: str, factor: Fraction) -> str:
    """``points × factor`` to the nearest unit, halves away from zero."""
    if factor.denominator == 1:
        return f"({points}) * {factor.numerator}"
    return divided(f"({points}) * {factor.numerator}", str(factor.denominator))

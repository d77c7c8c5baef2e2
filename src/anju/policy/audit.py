"""Fair? Pass rates and score gaps by group, what drives a gap, and what would happen otherwise.

Grain: one audit of one service over one facts table. Units: shares of people, points. Unknown: people whose group is
unknown form a group of their own; nobody passes on unknown facts. Groups with fewer than ``least_cell`` people, or
whose passes or failures would be fewer, are not shown. Source: Wilson (1927) for shares; the bootstrap for means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np

from anju.kernel.engine import Engine
from anju.policy.bound import Bound, Rules
from anju.policy.model import Group, Item
from anju.policy.sql import compile_sql
from anju.policy.sql.terms import quoted

TABLE = "anju_audit"
RESAMPLES = 400
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One group: pass rate with its Wilson interval, mean score with its bootstrap interval, gaps to the largest group."""

    column: str
    value: str
    people: int | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    mean: float | None
    mean_low: float | None
    mean_high: float | None
    rate_ratio: float | None
    score_gap: float | None
    is_reference: bool
    is_different: bool
    """Its pass-rate interval does not touch that of the reference group."""


@dataclass(frozen=True, slots=True)
class Driver:
    """How much of a group's score gap one item makes up, in points."""

    column: str
    value: str
    item: str
    zh: str
    en: str
    article: str
    gap: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A check of what would happen otherwise.

    ``flip``: everybody's value of one fact is turned round; ``changed`` counts outcomes that differ.
    ``without``: one item is left out; the pass-rate ratio of the group then stands beside the one now.
    """

    kind: str
    subject: str
    zh: str
    en: str
    column: str | None
    value: str | None
    changed: int | None
    ratio_now: float | None
    ratio_then: float | None


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole audit."""

    service: str
    people: int
    least_cell: int
    groups: tuple[GroupResult, ...]
    drivers: tuple[Driver, ...]
    counterfactuals: tuple[Counterfactual, ...]


def wilson(passed: int, people: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if not people:
        return 0.0, 1.0
    share, z = passed / people, Z95
    middle = (share + z * z / (2 * people)) / (1 + z * z / people)
    half = z / (1 + z * z / people) * sqrt(share * (1 - share) / people + z * z / (4 * people * people))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def bootstrap_mean(values: np.ndarray, counts: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean, from a histogram; exact resampling by multinomial draws."""
    people = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(people, counts / people, size=RESAMPLES)
    means = drawn @ values / people
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def audit(
    engine: Engine,
    source: str,
    bound: Bound,
    groups: Sequence[str],
    *,
    service: str | None = None,
    least_cell: int = 10,
    seed: int = 1,
) -> Audit:
    """Audit one service over ``source`` by each of the columns ``groups``."""
    rules = bound.rules_for(service)
    parts = counted_items(rules)
    query = compile_sql(
        bound, source=source, service=rules.service.id, want=("scores", "passes", "items"), keep=groups
    )
    score = query.scores[rules.service.id].get(rules.service.score)
    columns = [f"{quoted(query.passes[rules.service.id])} AS p"]
    columns.append(f"{quoted(score)} AS s" if score else "CAST(NULL AS BIGINT) AS s")
    columns += [f"{quoted(query.items[rules.service.id][i.id])} AS {quoted('x_' + i.id)}" for i, _ in parts]
    head = ", ".join([*(quoted(g) for g in groups), *columns])
    engine.run(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT {head} FROM ({query.sql}) AS q")
    people = int(engine.rows(f"SELECT count(*) FROM {TABLE}")[0][0])
    results = [r for g in groups for r in _by_group(engine, g, bound.scale, least_cell, seed)]
    drivers = [d for g in groups for d in _drivers(engine, g, parts, bound.scale, results)]
    others = [
        *_flips(engine, source, bound, rules, least_cell),
        *_without(engine, source, bound, rules, drivers, results),
    ]
    return Audit(rules.service.id, people, least_cell, tuple(results), tuple(drivers), tuple(others))


def counted_items(rules: Rules) -> list[tuple[Item, int]]:
    """The lines whose points add up to the qualifying score, with their sign; plain sums are opened."""
    score = rules.score(rules.service.score)
    if score is None:
        return []
    by_id = {i.id: i for i in rules.all_items()}
    found: list[tuple[Item, int]] = []

    def open_(item: Item, sign: int) -> None:
        is_plain = (
            item.cap is None
            and item.floor is None
            and item.when is None
            and not item.times
            and not item.percent_of
        )
        if item.children and getattr(item.shape, "mode", "") == "sum" and is_plain and not item.divide_by:
            for child in item.children:
                open_(child, sign)
        else:
            found.append((item, sign))

    for names, sign in ((score.add, 1), (score.subtract, -1)):
        for name in names:
            if name in by_id:
                open_(by_id[name], sign)
    return found


def _by_group(engine: Engine, column: str, scale: int, least: int, seed: int) -> list[GroupResult]:
    rows = engine.rows(
        f"SELECT CAST({quoted(column)} AS VARCHAR), s, count(*), count(*) FILTER (p) FROM {TABLE} GROUP BY 1, 2"
    )
    table: dict[str | None, list[tuple[Any, ...]]] = {}
    for row in rows:
        table.setdefault(row[0], []).append(row)
    sizes = {value: (sum(r[2] for r in rs), sum(r[3] for r in rs)) for value, rs in table.items()}
    reference = max(sizes, key=lambda v: sizes[v][0])
    base_people, base_passed = sizes[reference]
    base_low, base_high = wilson(base_passed, base_people)
    base_mean = _mean(table[reference], scale)
    found = []
    for value in sorted(sizes, key=lambda v: -sizes[v][0]):
        people, passed = sizes[value]
        name = "—" if value is None else value
        failed = people - passed
        if people < least or 0 < passed < least or 0 < failed < least:
            found.append(
                GroupResult(
                    column,
                    name,
                    None if people < least else people,
                    None,
                    None,
                    None,
                    None,
                    None,
                    None,
                    None,
                    None,
                    value == reference,
                    False,
                )
            )
            continue
        low, high = wilson(passed, people)
        mean, span = _mean(table[value], scale), _span(table[value], scale, seed)
        ratio = (passed / people) / (base_passed / base_people) if base_passed else None
        gap = mean - base_mean if mean is not None and base_mean is not None else None
        found.append(
            GroupResult(
                column, name, people, passed / people, low, high, mean, *span, ratio, gap, value == reference,
                low > base_high or high < base_low,
            )
        )  # fmt: skip
    return found


def _histogram(rows: Sequence[tuple[Any, ...]], scale: int) -> tuple[np.ndarray, np.ndarray]:
    known = [(r[1], r[2]) for r in rows if r[1] is not None]
    return np.array([k[0] / scale for k in known]), np.array([k[1] for k in known], dtype=np.int64)


def _mean(rows: Sequence[tuple[Any, ...]], scale: int) -> float | None:
    values, counts = _histogram(rows, scale)
    return float((values * counts).sum() / counts.sum()) if counts.size else None


def _span(rows: Sequence[tuple[Any, ...]], scale: int, seed: int) -> tuple[float | None, float | None]:
    values, counts = _histogram(rows, scale)
    return bootstrap_mean(values, counts, seed) if counts.size else (None, None)


def _drivers(
    engine: Engine, column: str, parts: Sequence[tuple[Item, int]], scale: int, results: Sequence[GroupResult]
) -> list[Driver]:
    """Mean points of each line, group against reference: what adds up to the gap."""
    shown = {r.value: r for r in results if r.column == column and r.score_gap is not None}
    reference = next((r.value for r in shown.values() if r.is_reference), None)
    if reference is None or not parts:
        return []
    means = ", ".join(f"avg({quoted('x_' + i.id)})" for i, _ in parts)
    rows = engine.rows(f"SELECT CAST({quoted(column)} AS VARCHAR), {means} FROM {TABLE} GROUP BY 1")
    table = {("—" if r[0] is None else r[0]): r[1:] for r in rows}
    found = []
    for value, result in shown.items():
        if value == reference:
            continue
        for at, (item, sign) in enumerate(parts):
            gap = sign * (float(table[value][at]) - float(table[reference][at])) / scale
            share = gap / result.score_gap if result.score_gap else None
            found.append(Driver(column, value, item.id, item.zh, item.en, item.article, gap, share))
    found.sort(key=lambda d: (d.value, -abs(d.gap)))
    return found


def _flips(engine: Engine, source: str, bound: Bound, rules: Rules, least: int) -> list[Counterfactual]:
    """Turn every yes/no fact about the person (not about what they did) round, and count outcomes that change."""
    found = []
    personal = ("is_male", "is_married", "is_unmarried", "spouse_has_local_hukou")
    for use in bound.programme.uses:
        if use.key not in personal:
            continue
        changed = _changed_by_turning(engine, source, bound, rules, use.fact.column)
        hidden = None if 0 < changed < least else changed
        found.append(Counterfactual("flip", use.key, use.zh, use.en, None, None, hidden, None, None))
    return found


def _changed_by_turning(engine: Engine, source: str, bound: Bound, rules: Rules, column: str) -> int:
    """People whose outcome differs once the yes/no ``column`` is turned round."""
    name, service = quoted(column), rules.service.id
    columns = [u.fact.column for u in bound.programme.uses]
    now = compile_sql(bound, source=source, service=service, want=("passes",), keep=columns)
    kept = ", ".join(quoted(c) for c in columns if c != column)
    head = f"{kept + ', ' if kept else ''}NOT {name} AS {name}, {quoted(now.passes[service])} AS p_now"
    then = compile_sql(
        bound,
        source=f"(SELECT {head} FROM ({now.sql}) AS n) AS t",
        service=service,
        want=("passes",),
        keep=["p_now"],
    )
    told = f"count(*) FILTER ({quoted(then.passes[service])} <> p_now)"
    return int(engine.rows(f"SELECT {told} FROM ({then.sql}) AS q")[0][0])


def without_item(bound: Bound, rules: Rules, name: str) -> Bound:
    """The same rules with one item giving nothing."""

    def emptied(item: Item) -> Item:
        if item.id == name:
            return Item(item.id, item.zh, item.en, item.article)
        if isinstance(item.shape, Group):
            return replace(item, shape=Group(item.shape.mode, tuple(emptied(c) for c in item.children)))
        return item

    other = replace(
        rules,
        items=tuple(emptied(i) for i in rules.items),
        deductions=tuple(emptied(i) for i in rules.deductions),
    )
    return replace(bound, rules=tuple(other if r is rules else r for r in bound.rules))


def _without(
    engine: Engine,
    source: str,
    bound: Bound,
    rules: Rules,
    drivers: Sequence[Driver],
    results: Sequence[GroupResult],
) -> list[Counterfactual]:
    """Leave out the item that drives each clear gap most, and see the pass-rate ratio then."""
    found = []
    for result in results:
        mine = [d for d in drivers if (d.column, d.value) == (result.column, result.value)]
        if rules.service.line is None or result.is_reference or not result.is_different or not mine:
            continue
        worst = mine[0]
        reference = next(r.value for r in results if r.column == result.column and r.is_reference)
        rates = _rates(
            engine, source, without_item(bound, rules, worst.item), rules.service.id, result.column
        )
        ratio = rates[result.value] / rates[reference] if rates.get(reference) else None
        found.append(
            Counterfactual(
                "without",
                worst.item,
                worst.zh,
                worst.en,
                result.column,
                result.value,
                None,
                result.rate_ratio,
                ratio,
            )
        )
    return found


def _rates(engine: Engine, source: str, bound: Bound, service: str, column: str) -> Mapping[str, float]:
    query = compile_sql(bound, source=source, service=service, want=("passes",), keep=[column])
    rows = engine.rows(
        f"SELECT CAST({quoted(column)} AS VARCHAR), avg(CASE WHEN {quoted(query.passes[service])} THEN 1.0 ELSE 0.0 END) "
        f"FROM ({query.sql}) AS q GROUP BY 1"
    )
    return {("—" if r[0] is None else r[0]): float(r[1]) for r in rows}

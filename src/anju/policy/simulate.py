"""Tried on everyone: the same people under the rules as they are and as they might be. Counts only.

Grain: one simulation of one service over one facts table. Units: people; points. Unknown: nobody passes on what is
unknown; people whose matter stays open are counted apart. Small cells are not shown, nor what would give them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from anju.kernel import packs
from anju.kernel.engine import Engine
from anju.kernel.refusal import Refusal
from anju.policy.bound import Bound
from anju.policy.quota import Hider, QuotaUse, fill, suppress
from anju.policy.sql import compile_sql
from anju.policy.sql.query import definitions
from anju.policy.sql.terms import quoted

TABLE = "anju_simulation"
BINS = 24


@dataclass(frozen=True, slots=True)
class Bin:
    """People by score, from ``low`` (included) to ``high`` (excluded)."""

    low: Fraction
    high: Fraction
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One side: how many qualify, where the line falls for the quota, who is admitted, what it costs."""

    qualified: int | None
    open: int | None
    mean_score: float | None
    line: Fraction | None
    """The lowest score admitted from the places open to all; None where there is no quota."""
    admitted: int | None
    quota: tuple[QuotaUse, ...]
    cost_yuan: int | None
    has_quota: bool = False


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Gains and losses of one group; None where too few to show."""

    column: str
    value: str
    people: int | None
    before: int | None
    after: int | None
    gain: int | None
    lose: int | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """The whole result."""

    service: str
    people: int
    gain: int | None
    lose: int | None
    admitted_gain: int | None
    """People who get a place after the change and did not before; as ``gain`` where there is no quota."""
    admitted_lose: int | None
    before: Outcome
    after: Outcome
    distribution: tuple[Bin, ...]
    groups: tuple[GroupChange, ...]
    least_cell: int


def simulate(
    engine: Engine,
    source: str,
    before: Bound,
    after: Bound,
    *,
    service: str | None = None,
    groups: Sequence[str] = (),
    places: int | None = None,
    cost_per_10000_yuan: int = 0,
    least_cell: int = 10,
) -> Simulation:
    """Run both sets of rules over the table ``source`` in one pass and compare. ``places`` overrides the quota.

    Refuses a group that is no column. The table needs a column for every fact of either programme.
    """
    ids = [b.rules_for(service).service.id for b in (before, after)]
    _materialise(engine, source, before, after, ids, groups)
    total = _rows(engine, "count(*), count(*) FILTER (p1 AND NOT p0), count(*) FILTER (p0 AND NOT p1)")[0]
    hide = Hider(least_cell)
    sides = [
        _side(engine, i, b, ids[i], places, cost_per_10000_yuan, hide) for i, b in enumerate((before, after))
    ]
    held = [
        _admitted(i, b, ids[i], side) for i, (b, side) in enumerate(zip((before, after), sides, strict=True))
    ]
    moved = _rows(
        engine,
        f"count(*) FILTER ({held[1]} AND NOT {held[0]}), count(*) FILTER ({held[0]} AND NOT {held[1]})",
    )[0]
    return Simulation(
        ids[0], total[0], hide(total[1]), hide(total[2]), hide(moved[0]), hide(moved[1]), sides[0], sides[1],
        _distribution(engine, before, after, hide), _groups(engine, groups, least_cell), least_cell,
    )  # fmt: skip


def _materialise(
    engine: Engine, source: str, before: Bound, after: Bound, ids: Sequence[str], groups: Sequence[str]
) -> None:
    """One projection over the facts: score, pass, open, category of both sides, and the groups."""
    keep = list(dict.fromkeys([*(u.fact.column for u in after.programme.uses), *groups]))
    want = ("scores", "passes", "outcome", "category")
    may_share = definitions(before) == definitions(after)
    first = compile_sql(
        before, source=source, service=ids[0], want=want, keep=keep, expose="b_" if may_share else ""
    )
    shared = dict(first.worked_out)
    head = ", ".join(
        [*(quoted(k) for k in [*keep, *dict.fromkeys(shared.values())]), *_columns(before, ids[0], first, 0)]
    )
    inner = f"(SELECT {head} FROM ({first.sql}) AS b)"
    carried = ["s0", "r0", "p0", "o0", "c0", *groups]
    second = compile_sql(
        after,
        source=inner + " AS b2",
        service=ids[1],
        want=want,
        keep=[*carried, *dict.fromkeys(shared.values())],
        shared=shared,
    )
    head = ", ".join([*(quoted(k) for k in carried), *_columns(after, ids[1], second, 1)])
    engine.run(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT {head} FROM ({second.sql}) AS a")


def _columns(bound: Bound, service: str, query: Any, side: int) -> list[str]:
    rules = bound.rules_for(service)
    scores = query.scores[service]
    score = scores.get(rules.service.score)
    ranked = scores.get(rules.service.ranking.score) if rules.service.ranking else score
    none = "CAST(NULL AS BIGINT)"
    return [
        f"{quoted(score) if score else none} AS s{side}",
        f"{quoted(ranked) if ranked else none} AS r{side}",
        f"{quoted(query.passes[service])} AS p{side}",
        f"{quoted(query.outcome[service])} IS NULL AS o{side}",
        f"{quoted(query.category[service])} AS c{side}",
    ]


def _rows(engine: Engine, select: str, rest: str = "") -> list[tuple[Any, ...]]:
    return engine.rows(f"SELECT {select} FROM {TABLE} {rest}")


def _side(
    engine: Engine, side: int, bound: Bound, service: str, places: int | None, cost: int, hide: Hider
) -> Outcome:
    rules = bound.rules_for(service)
    passed, open_, mean = _rows(
        engine, f"count(*) FILTER (p{side}), count(*) FILTER (o{side}), avg(s{side}) FILTER (p{side})"
    )[0]
    ranking = rules.service.ranking
    quota = places if places is not None else (ranking.places if ranking else None)
    line: Fraction | None = None
    uses: tuple[QuotaUse, ...] = ()
    admitted = passed
    if quota is not None:
        counts = _rows(engine, f"c{side}, r{side}, count(*)", f"WHERE p{side} GROUP BY 1, 2")
        line_units, taken, uses = fill(
            ranking, quota, [(c, s, n) for c, s, n in counts if s is not None], hide
        )
        line = None if line_units is None else Fraction(line_units, bound.scale)
        admitted = taken
    return Outcome(
        hide(passed), hide(open_), None if mean is None or hide(passed) is None else float(mean) / bound.scale,
        line, hide(admitted), uses, None if hide(admitted) is None else admitted * cost // 10_000, quota is not None,
    )  # fmt: skip


def _admitted(side: int, bound: Bound, service: str, outcome: Outcome) -> str:
    """Who has a place, as SQL: above the open line, or above the line of their own category."""
    if not outcome.has_quota:
        return f"p{side}"
    ways = [] if outcome.line is None else [f"r{side} >= {int(outcome.line * bound.scale)}"]
    ranking = bound.rules_for(service).service.ranking
    lines = {use.category: use.line for use in outcome.quota if use.category is not None}
    for index, category in enumerate(ranking.categories if ranking else ()):
        if (line := lines.get(category.id)) is not None:
            ways.append(f"(c{side} = {index} AND r{side} >= {line})")
    return f"(p{side} AND COALESCE({' OR '.join(ways) or 'FALSE'}, FALSE))"


def _distribution(engine: Engine, before: Bound, after: Bound, hide: Hider) -> tuple[Bin, ...]:
    spans = _rows(engine, "min(s0), max(s0), min(s1), max(s1)")[0]
    if any(s is None for s in spans):
        return ()
    low = min(Fraction(spans[0], before.scale), Fraction(spans[2], after.scale))
    high = max(Fraction(spans[1], before.scale), Fraction(spans[3], after.scale))
    width = _round_width((high - low) / BINS)
    first = low // width * width
    edges = [first + width * i for i in range(int((high - first) // width) + 2)]
    found = []
    for side, bound in enumerate((before, after)):
        unit = int(width * bound.scale) or 1
        start = int(first * bound.scale)
        rows = _rows(engine, f"(s{side} - {start}) // {unit}, count(*)", "GROUP BY 1")
        found.append({int(k): n for k, n in rows if k is not None})
    return tuple(
        Bin(a, b, hide(found[0].get(i, 0)), hide(found[1].get(i, 0)))
        for i, (a, b) in enumerate(pairwise(edges))
    )


def _round_width(width: Fraction) -> Fraction:
    """1, 2 or 5 times a power of ten, not below ``width``; at least a hundredth."""
    size = Fraction(1, 100)
    while True:
        for step in (1, 2, 5):
            if size * step >= width:
                return size * step
        size *= 10


def _groups(engine: Engine, columns: Sequence[str], least: int) -> tuple[GroupChange, ...]:
    found: list[GroupChange] = []
    for column in columns:
        rows = _rows(
            engine,
            f"{quoted(column)}, count(*), count(*) FILTER (p0), count(*) FILTER (p1), "
            "count(*) FILTER (p1 AND NOT p0), count(*) FILTER (p0 AND NOT p1)",
            "GROUP BY 1 ORDER BY 2 DESC",
        )
        hidden = [suppress([r[i] for r in rows], least) for i in range(1, 6)]
        found += [
            GroupChange(column, "—" if row[0] is None else str(row[0]), *(h[at] for h in hidden))
            for at, row in enumerate(rows)
        ]
    return tuple(found)


def plain(value: Any) -> Any:
    """Results (dataclasses as mappings, exact fractions) as JSON's own types."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else round(float(value), 6)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def assumed() -> dict[str, int]:
    """Numbers a what-if assumes beside the rules, from the packs."""
    path = packs.find_file("simulation.yaml")
    return {k: int(v["value"]) for k, v in (packs.read_yaml(path) if path else {}).items()}


def need_columns(available: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a group that is no column of the population."""
    for column in wanted:
        if column not in available:
            raise Refusal("policy.no_group_column", asked=column, known=", ".join(sorted(available)) or "—")

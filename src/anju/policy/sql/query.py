"""One bound programme as one query: facts, derived values, items, scores, outcomes - each a projection of the last.

Grain: one row per row of the facts table. Units: points in whole multiples of 1 ÷ ``Query.scale``.
Unknown: NULL facts give 0 points; ``outcome`` is NULL where the matter is open. Numbers in the table must not be
negative. No joins, no aggregates: any engine streams it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from anju.policy.bound import Bound, Rules, risky_items
from anju.policy.model import Item, Score
from anju.policy.scale import grid, never_negative
from anju.policy.sql.items import ItemSql, Made, divided, multiplied
from anju.policy.sql.terms import Terms, both, either, quoted

WANTS = frozenset({"scores", "passes", "outcome", "items", "unknown", "conditions", "category"})


@dataclass(frozen=True, slots=True)
class Query:
    """SQL and what its columns are called.

    ``scores[service][score]``, ``items[service][item]`` … name columns; scores and items are whole multiples of
    1 ÷ ``scale``. ``facts`` are the columns it reads.
    """

    sql: str
    scale: int
    facts: tuple[str, ...]
    outcome: Mapping[str, str] = field(default_factory=dict)
    passes: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    items: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    category: Mapping[str, str] = field(default_factory=dict)
    worked_out: Mapping[str, str] = field(default_factory=dict)


class _Builder:
    def __init__(self, bound: Bound, dialect: str) -> None:
        self.bound = bound
        self.terms = Terms(bound, dialect)
        self.items = ItemSql(self.terms)
        self.is_alone = len(bound.rules) == 1

    def column(self, rules: Rules, name: str) -> str:
        """An output column: with the service's id in front when there are several."""
        return name if self.is_alone else f"{rules.service.id}__{name}"


def compile_sql(
    bound: Bound,
    *,
    source: str = "facts",
    service: str | None = None,
    want: Iterable[str] = ("scores", "passes"),
    keep: Iterable[str] = (),
    dialect: str = "duckdb",
    expose: str = "",
    shared: Mapping[str, str] | None = None,
) -> Query:
    """Compile. ``keep`` names columns of the source to carry along; ``want`` chooses what to work out.

    ``want``: scores, passes (TRUE or FALSE), outcome (TRUE, FALSE or NULL), items (``i_…``), unknown (``u_…``),
    conditions (``c_…``), category (index of the ranking category, NULL for none). ``expose``: also put out every column
    of the item level under this prefix, named in ``Query.worked_out``; ``shared``: such columns of the source, by their
    expression, so that a second set of rules over the same people works out only what differs.
    """
    wanted = set(want)
    assert wanted <= WANTS, wanted - WANTS
    builder = _Builder(bound, dialect)
    chosen = [bound.rules_for(service)] if service else list(bound.rules)
    carried = {k: "k__" + k for k in dict.fromkeys(keep)}
    inner, names = _inner(builder, source, carried)
    query = _Parts()
    for rules in chosen:
        _service(builder, rules, wanted, query)
    exposed = _expose(query, expose, builder)
    kept = [quoted(k) for k in carried.values()]
    there = shared or {}
    made = [f"{quoted(carried[there[e]]) if e in there else e} AS {quoted(n)}" for e, n in query.item_columns]
    sql = f"SELECT {', '.join([*kept, *names, *made])} FROM ({inner}) AS f"
    passed = list(dict.fromkeys(query.passed))
    sql = f"SELECT {', '.join([*kept, *passed, *query.score_columns])} FROM ({sql}) AS i"
    if query.rounded:
        sql = f"SELECT {', '.join([*kept, *passed, *query.rounded])} FROM ({sql}) AS r"
    last = [f"{quoted(held)} AS {quoted(k)}" for k, held in carried.items()]
    sql = f"SELECT {', '.join([*last, *query.outputs])} FROM ({sql}) AS s"
    if dialect != "duckdb":
        import sqlglot

        sql = sqlglot.transpile(sql, read="duckdb", write=dialect)[0]
    return Query(
        sql, bound.scale, tuple(u.fact.column for u in bound.programme.uses),
        query.outcome, query.passes, query.scores, query.items, query.conditions, query.category, exposed,
    )  # fmt: skip


class _Parts:
    """Columns gathered while services are compiled: items first, then scores and tests, then outcomes."""

    def __init__(self) -> None:
        self.item_columns: list[tuple[str, str]] = []
        self.score_columns: list[str] = []
        self.rounded: list[str] = []
        self.passed: list[str] = []
        self.outputs: list[str] = []
        self.outcome: dict[str, str] = {}
        self.passes: dict[str, str] = {}
        self.scores: dict[str, dict[str, str]] = {}
        self.items: dict[str, dict[str, str]] = {}
        self.conditions: dict[str, dict[str, str]] = {}
        self.category: dict[str, str] = {}


def definitions(bound: Bound) -> tuple[object, ...]:
    """What expressions of the item level mean beside their text: two bound programmes may share them only if equal."""
    terms = Terms(bound)
    return bound.scale, tuple((d.id, terms.derived(d.how)) for d in bound.derived)


def _expose(query: _Parts, prefix: str, builder: _Builder) -> dict[str, str]:
    if not prefix:
        return {}
    exposed = {}
    for expression, name in query.item_columns:
        exposed[expression] = prefix + name
        query.passed.append(quoted(name))
        query.outputs.append(f"{quoted(name)} AS {quoted(prefix + name)}")
    return exposed


def _inner(builder: _Builder, source: str, kept: Mapping[str, str]) -> tuple[str, list[str]]:
    """Kept columns untouched under their held names, facts in whole units, derived values level by level.

    Returns the SQL and the names of facts and derived values in sight.
    """
    bound, terms = builder.bound, builder.terms
    names = [quoted(u.key) for u in bound.programme.uses]
    columns = []
    for use in bound.programme.uses:
        name, kind = quoted(use.key), use.fact.type
        made = terms.whole(name, kind) if kind.kind != "list" else name
        columns.append(f"{made} AS {name}" if made != name else name)
    extra = [f"{quoted(k)} AS {quoted(held)}" for k, held in kept.items()]
    sql = f"SELECT {', '.join([*extra, *columns]) or '1 AS one'} FROM {source}"
    carried = [*(quoted(held) for held in kept.values()), *names]
    from anju.policy.depends import expanded

    left, done = list(bound.derived), set()
    rests = expanded(bound)
    while left:
        ready = [d for d in left if all(n == d.id or n in done or n not in rests for n in rests[d.id])]
        added = [f"{terms.derived(d.how)} AS {quoted(d.id)}" for d in ready]
        sql = f"SELECT {', '.join([*carried, *added])} FROM ({sql}) AS d"
        carried += [quoted(d.id) for d in ready]
        done |= {d.id for d in ready}
        left = [d for d in left if d.id not in done]
    return sql, carried[len(kept) :]


def _service(builder: _Builder, rules: Rules, wanted: set[str], out: _Parts) -> None:
    name, column = rules.service.id, builder.column
    made = {i.id: builder.items.item(i) for i in rules.items}
    made |= {i.id: builder.items.item(i, is_deduction=True) for i in rules.deductions}
    needed = [n for s in rules.scores for n in (*s.add, *s.subtract)]
    for top, is_deduction in [(i, False) for i in rules.items] + [(i, True) for i in rules.deductions]:
        for inside in top.walk():
            if inside.id not in made and (inside.id in needed or wanted & {"items", "unknown"}):
                made[inside.id] = builder.items.item(inside, is_deduction=is_deduction)
    shown = {i: column(rules, "i_" + i) for i in made}
    if wanted & {"items", "scores", "passes", "outcome"}:
        out.item_columns += [(m.points, shown[i]) for i, m in made.items()]
    out.items[name] = shown
    scores = {s.id: column(rules, "s_" + s.id) for s in rules.scores}
    out.scores[name] = scores
    for score in rules.scores:
        raw = quoted(scores[score.id])
        out.score_columns.append(f"{_score(builder, score, shown)} AS {raw}")
        out.rounded.append(f"{_final(builder, rules, score, raw)} AS {raw}")
    if "items" in wanted:
        out.passed += [quoted(c) for c in shown.values()]
        out.outputs += [quoted(c) for c in shown.values()]
    if "unknown" in wanted:
        flags = {i: column(rules, "u_" + i) for i in made}
        out.item_columns += [(m.unknown, flags[i]) for i, m in made.items()]
        out.passed += [quoted(c) for c in flags.values()]
        out.outputs += [quoted(c) for c in flags.values()]
    if "scores" in wanted:
        out.outputs += [quoted(c) for c in scores.values()]
    if "conditions" in wanted:
        _conditions(builder, rules, out)
    if "category" in wanted:
        _category(builder, rules, out)
    if wanted & {"passes", "outcome"}:
        _outcome(builder, rules, made, scores, wanted, out)


def _conditions(builder: _Builder, rules: Rules, out: _Parts) -> None:
    tests = {t.id: builder.column(rules, "c_" + t.id) for t in (*rules.conditions, *rules.vetoes)}
    out.conditions[rules.service.id] = tests
    for test in (*rules.conditions, *rules.vetoes):
        out.item_columns.append((builder.terms.condition(test.when), tests[test.id]))
    out.passed += [quoted(c) for c in tests.values()]
    out.outputs += [quoted(c) for c in tests.values()]


def _category(builder: _Builder, rules: Rules, out: _Parts) -> None:
    """The index of the first ranking category whose condition holds; NULL for none."""
    ranking = rules.service.ranking
    rows = ""
    for index, category in enumerate(ranking.categories if ranking else ()):
        when = "TRUE" if category.when is None else builder.terms.condition(category.when)
        rows += f" WHEN {when} THEN {index}"
    name = builder.column(rules, "category")
    out.category[rules.service.id] = name
    out.item_columns.append((f"CASE{rows} END" if rows else "CAST(NULL AS INTEGER)", name))
    out.passed.append(quoted(name))
    out.outputs.append(quoted(name))


def _score(builder: _Builder, score: Score, items: Mapping[str, str]) -> str:
    added = " + ".join(quoted(items[i]) for i in score.add if i in items) or "CAST(0 AS BIGINT)"
    total = "(" + added + "".join(f" - {quoted(items[i])}" for i in score.subtract if i in items) + ")"
    for times in score.times:
        factor = multiplied(total, times.factor)
        if times.when is None:
            total = factor
            continue
        when = builder.terms.condition(times.when)
        holds = f"COALESCE({when}, TRUE)" if times.factor < 1 else when
        total = f"(CASE WHEN {holds} THEN {factor} ELSE {total} END)"
    if score.floor is not None:
        total = f"GREATEST({total}, {builder.items.scaled(score.floor)})"
    if score.cap is not None:
        total = f"LEAST({total}, {builder.items.scaled(score.cap)})"
    return total


def _final(builder: _Builder, rules: Rules, score: Score, raw: str) -> str:
    """The score rounded as its line says; a level of its own, so that the sum is worked out once.

    Where every value fits the places anyway nothing is to be rounded, and where it cannot be negative the sign is not asked.
    """
    items = (*rules.items, *rules.deductions)
    fits = grid(items, score)
    if score.places is None or (fits is not None and 10**score.places % fits == 0):
        return f"CAST({raw} AS BIGINT)"
    unit = builder.bound.scale // 10**score.places
    if unit == 1:
        return f"CAST({raw} AS BIGINT)"
    if never_negative(items, score, risky_items(builder.bound)):
        more = {"half_up": unit // 2, "down": 0, "up": unit - 1}[score.rounding] if unit % 2 == 0 else None
        if more is not None:
            return f"CAST(({raw} + {more}) // {unit} * {unit} AS BIGINT)"
    return f"CAST({_rounded(raw, unit, score.rounding)} AS BIGINT)"


def _rounded(total: str, unit: int, mode: str) -> str:
    if unit == 1:
        return total
    if mode == "half_up":
        return f"{divided(total, str(unit))} * {unit}"
    more = 0 if mode == "down" else unit - 1
    return f"(CASE WHEN {total} >= 0 THEN ({total} + {more}) // {unit} ELSE -((-({total}) + {more}) // {unit}) END) * {unit}"


def _outcome(
    builder: _Builder,
    rules: Rules,
    made: Mapping[str, Made],
    scores: Mapping[str, str],
    wanted: set[str],
    out: _Parts,
) -> None:
    terms, name = builder.terms, rules.service.id
    tests = [terms.condition(t.when) for t in rules.conditions]
    tests += [f"(NOT {terms.condition(t.when)})" for t in rules.vetoes]
    gaps = [
        f"(CASE WHEN NOT {terms.condition(g.open_when)} THEN TRUE END)" for g in rules.gaps if g.open_when
    ]
    ready, flag = builder.column(rules, "ready"), builder.column(rules, "risky")
    out.item_columns.append((both(*tests, *gaps), ready))
    out.passed.append(quoted(ready))
    score, line = rules.score(rules.service.score), rules.service.line
    meets = "TRUE"
    if score is not None and line is not None:
        counted = [made[i] for i in (*score.add, *score.subtract) if i in made]
        out.item_columns.append((either(*(m.risky for m in counted)), flag))
        out.passed.append(quoted(flag))
        reaches = f"{quoted(scores[score.id])} >= {builder.items.scaled(line)}"
        below = "FALSE"
        if "outcome" in wanted:
            open_ = builder.column(rules, "open")
            factors = [f"{terms.condition(t.when)} IS NULL" for t in score.times if t.when is not None]
            out.item_columns.append((either(*(m.unknown for m in counted), *factors), open_))
            out.passed.append(quoted(open_))
            below = f"CASE WHEN NOT {quoted(open_)} THEN FALSE END"
        meets = f"CASE WHEN {reaches} THEN CASE WHEN NOT {quoted(flag)} THEN TRUE END ELSE {below} END"
    result = both(quoted(ready), f"({meets})" if meets != "TRUE" else meets)
    if "outcome" in wanted:
        out.outcome[name] = builder.column(rules, "outcome")
        out.outputs.append(f"{result} AS {quoted(out.outcome[name])}")
    if "passes" in wanted:
        out.passes[name] = builder.column(rules, "passes")
        out.outputs.append(f"COALESCE({result}, FALSE) AS {quoted(out.passes[name])}")


__all__ = ["Item", "Query", "compile_sql"]

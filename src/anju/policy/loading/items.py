"""Items: the closed set of shapes, and the modifiers any item may have."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from anju.policy.loading.conditions import condition
from anju.policy.loading.scope import Scope
from anju.policy.model import (
    Bands,
    Case,
    Cases,
    Condition,
    Flat,
    ForEach,
    Group,
    Item,
    Ladder,
    Line,
    Per,
    Row,
    Shape,
    Times,
)
from anju.policy.source import Map

LINE_KEYS = ("id", "zh", "en", "article", "only_for", "reading", "note")
SHAPES = ("points", "per", "bands", "ladder", "cases", "sum", "best_of", "choose_one")
GROUPS = ("sum", "best_of", "choose_one")
MODIFIERS = ("when", "for_each", "times", "percent_of", "divide_by", "floor", "cap")
ROUNDS = ("down", "exact", "up")

LineMaker = Callable[[Map, str], Line]


def item(body: Map, scope: Scope, where: str, line_of: LineMaker) -> Item | None:
    """One item (and all inside it); None after noting faults that leave nothing to build."""
    head = line_of(body, where)
    where = f"{where.rpartition('.')[0]}.{head.id}" if head.id else where
    scope.keys(body, (*LINE_KEYS, *SHAPES, *MODIFIERS), where)
    shapes = [s for s in SHAPES if s in body]
    if len(shapes) != 1:
        scope.faults.add(
            "one_shape", body.line, where, found=", ".join(shapes) or "—", known=", ".join(SHAPES)
        )
        return None
    when = _when(body, scope, where)
    name = shapes[0]
    if name in GROUPS:
        shape: Shape | None = _group(body, name, scope, where, line_of)
        for_each = None
    else:
        for_each, entry = _for_each(body, scope, where)
        scope.entry = entry
        shape = _PARSERS[name](body, scope, where)
    times = times_of(body, scope, where)
    percent = (
        scope.number(body["percent_of"], body.lines["percent_of"], where, "percent")
        if "percent_of" in body
        else None
    )
    divide = _divide(body, scope, where)
    scope.entry = None
    if shape is None:
        return None
    return Item(
        **_head(head),
        shape=shape,
        when=when,
        for_each=for_each,
        times=times,
        percent_of=percent[0] if percent else None,
        divide_by=divide,
        floor=_limit(body, "floor", scope, where),
        cap=_limit(body, "cap", scope, where),
    )


def _head(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("id", "zh", "en", "article", "at", "only_for", "reading")}


def _when(body: Map, scope: Scope, where: str) -> Condition | None:
    return condition(body["when"], scope, body.lines["when"], f"{where}.when") if "when" in body else None


def _limit(body: Map, key: str, scope: Scope, where: str) -> Fraction | None:
    return scope.points(body, key, where) if key in body else None


def _group(body: Map, mode: str, scope: Scope, where: str, line_of: LineMaker) -> Group | None:
    found = []
    for at, raw in scope.entries(body, mode, where):
        inner = scope.mapping(raw, at, where)
        made = item(inner, scope, f"{where}.{mode}", line_of) if inner is not None else None
        if made:
            found.append(made)
    if not found:
        scope.faults.add("empty_group", body.line, where)
        return None
    return Group(mode, tuple(found))


def _for_each(body: Map, scope: Scope, where: str) -> tuple[ForEach | None, Any]:
    if "for_each" not in body:
        return None, None
    line = body.lines["for_each"]
    raw = scope.mapping(body["for_each"], line, f"{where}.for_each")
    if raw is None:
        return None, None
    scope.keys(raw, ("of", "where", "cap", "take"), f"{where}.for_each")
    known = scope.name(raw.get("of"), line, f"{where}.for_each")
    if not known or known[1].kind != "list":
        if known:
            scope.faults.add("not_a_list", line, where, fact=raw.get("of"))
        return None, None
    scope.entry = known[1]
    inner = (
        condition(raw["where"], scope, raw.lines["where"], f"{where}.for_each.where")
        if "where" in raw
        else None
    )
    take = raw.get("take", "sum")
    if take not in ("sum", "best") and not (isinstance(take, int) and take > 0):
        scope.faults.add(
            "not_one_of", raw.lines.get("take", line), where, value=take, known="sum, best, 1, 2 …"
        )
        take = "sum"
    return ForEach(
        known[0], inner, _limit(raw, "cap", scope, where), {"sum": 0, "best": 1}.get(take, take)
    ), known[1]


def times_of(body: Map, scope: Scope, where: str) -> tuple[Times, ...]:
    """The ``times`` of an item or a score."""
    found = []
    for line, raw in scope.entries(body, "times", where):
        row = scope.mapping(raw, line, f"{where}.times")
        if row is None:
            continue
        scope.keys(row, ("factor", "when", "zh", "en", "article", "id"), f"{where}.times")
        factor = scope.points(row, "factor", f"{where}.times")
        when = _when(row, scope, f"{where}.times")
        if factor is not None and factor < 0:
            scope.faults.add("negative", line, f"{where}.times", value=factor)
        elif factor is not None:
            found.append(Times(factor, when, *(str(row.get(k, "")) for k in ("zh", "en", "article"))))
    return tuple(found)


def _divide(body: Map, scope: Scope, where: str) -> tuple[str, int] | None:
    if "divide_by" not in body:
        return None
    raw, line = body["divide_by"], body.lines["divide_by"]
    plus = 0
    if isinstance(raw, Map):
        scope.keys(raw, ("of", "plus"), f"{where}.divide_by")
        plus, raw = raw.get("plus", 0), raw.get("of")
    known = scope.number(raw, line, f"{where}.divide_by", "count")
    return (known[0], int(plus)) if known else None


def _flat(body: Map, scope: Scope, where: str) -> Flat | None:
    points = scope.points(body, "points", where)
    return Flat(points) if points is not None else None


def _round(raw: Map, scope: Scope, where: str) -> str:
    return scope.choice(raw.get("round", "down"), ROUNDS, raw.lines.get("round", raw.line), f"{where}.round")


def _per(body: Map, scope: Scope, where: str) -> Per | None:
    where += ".per"
    raw = scope.mapping(body["per"], body.lines["per"], where)
    if raw is None:
        return None
    scope.keys(
        raw, ("of", "step", "points", "round", "beyond", "below", "start", "active_from", "max_steps"), where
    )
    known = scope.number(raw.get("of"), raw.lines.get("of", raw.line), where)
    points = scope.points(raw, "points", where)
    if "step" not in raw:
        scope.faults.add("missing", raw.line, where, key="step")
    if not known or points is None or "step" not in raw:
        return None
    name, kind = known

    def limit(key: str) -> int | None:
        return (
            scope.amount(raw[key], kind, raw.lines[key], f"{where}.{key}", str(raw["of"]))
            if key in raw
            else None
        )

    step = limit("step")
    if step is not None and step <= 0:
        scope.faults.add("negative", raw.lines["step"], where, value=raw["step"])
        step = None
    if "below" in raw and "beyond" in raw:
        scope.faults.add("both", raw.line, where, a="below", b="beyond")
    most = raw.get("max_steps")
    return Per(
        name,
        step or 1,
        points,
        _round(raw, scope, where),
        limit("beyond"),
        limit("below"),
        (scope.points(raw, "start", where) if "start" in raw else None) or Fraction(0),
        limit("active_from"),
        most if isinstance(most, int) else None,
    )


def _bands(body: Map, scope: Scope, where: str) -> Bands | None:
    where += ".bands"
    raw = scope.mapping(body["bands"], body.lines["bands"], where)
    if raw is None:
        return None
    scope.keys(raw, ("of", "mode", "step", "round", "rows"), where)
    known = scope.number(raw.get("of"), raw.lines.get("of", raw.line), where)
    modes = ("lookup", "progressive", "whole_period")
    mode = scope.choice(raw.get("mode", "lookup"), modes, raw.lines.get("mode", raw.line), f"{where}.mode")
    if not known:
        return None
    name, kind = known
    step = scope.amount(raw["step"], kind, raw.lines["step"], where, name) if "step" in raw else None
    if mode != "lookup" and not step:
        scope.faults.add("missing", raw.line, where, key="step")
    rows = []
    for line, entry in scope.entries(raw, "rows", where):
        row = scope.mapping(entry, line, f"{where}.rows")
        made = _row(row, name, kind, scope, f"{where}.rows") if row is not None else None
        if made:
            rows.append(made)
    if not rows:
        scope.faults.add("empty_group", raw.line, where)
        return None
    _reachable(rows, scope, where)
    return Bands(name, mode, tuple(rows), step, _round(raw, scope, where))


def _row(row: Map, name: str, kind: Any, scope: Scope, where: str) -> Row | None:
    scope.keys(row, ("from", "below", "to", "points", "zh", "en"), where)
    points = scope.points(row, "points", where)

    def bound(key: str) -> int | None:
        return scope.amount(row[key], kind, row.lines[key], f"{where}.{key}", name) if key in row else None

    if "below" in row and "to" in row:
        scope.faults.add("both", row.line, where, a="below", b="to")
    high, last = bound("below"), bound("to")
    if last is not None:
        if kind.places or kind.kind == "money":
            scope.faults.add("to_needs_whole", row.line, where, fact=name)
        high = last + 1
    return Row(bound("from"), high, points, row.line) if points is not None else None


def _reachable(rows: list[Row], scope: Scope, where: str) -> None:
    """A row that is empty, or that overlaps an earlier one, can never be what its line says."""
    for index, row in enumerate(rows):
        low, high = _low(row), _high(row)
        if low >= high:
            scope.faults.add("band_empty", row.at, f"{where}.rows[{index}]")
        elif any(low < _high(r) and _low(r) < high for r in rows[:index]):
            scope.faults.add("band_overlaps", row.at, f"{where}.rows[{index}]")


def _low(row: Row) -> float:
    return float("-inf") if row.low is None else row.low


def _high(row: Row) -> float:
    return float("inf") if row.high is None else row.high


def _ladder(body: Map, scope: Scope, where: str) -> Ladder | None:
    where += ".ladder"
    raw = scope.mapping(body["ladder"], body.lines["ladder"], where)
    if raw is None:
        return None
    scope.keys(raw, ("of", "points"), where)
    known = scope.name(raw.get("of"), raw.lines.get("of", raw.line), where)
    table = scope.mapping(raw.get("points"), raw.lines.get("points", raw.line), f"{where}.points")
    if not known or table is None:
        return None
    name, kind = known
    if kind.kind != "code":
        scope.faults.add("not_a_code", raw.line, where, fact=raw.get("of"), type=kind.kind)
        return None
    found = []
    for code in table:
        if code not in kind.options:
            scope.faults.add(
                "unknown_code",
                table.lines[code],
                f"{where}.{code}",
                fact=raw.get("of"),
                value=code,
                known=", ".join(kind.options),
            )
        points = scope.points(table, code, where)
        if points is not None:
            found.append((code, points))
    return Ladder(name, tuple(found))


def _cases(body: Map, scope: Scope, where: str) -> Cases | None:
    where += ".cases"
    rows: list[Case] = []
    seen: list[Condition | None] = []
    for index, (line, entry) in enumerate(scope.entries(body, "cases", where.rpartition(".")[0])):
        row = scope.mapping(entry, line, where)
        if row is None:
            continue
        scope.keys(row, ("when", "points", "zh", "en"), where)
        when = _when(row, scope, where)
        points = scope.points(row, "points", where)
        if None in seen or (when is not None and any(_same(when, s) for s in seen)):
            scope.faults.add("band_overlaps", line, f"{where}[{index}]")
        if points is None or ("when" in row and when is None):
            continue
        seen.append(when)
        rows.append(Case(when, points, str(row.get("zh", "")), str(row.get("en", ""))))
    return Cases(tuple(rows)) if rows else None


def _same(a: Condition, b: Condition | None) -> bool:
    from anju.policy.model import Compare

    if isinstance(a, Compare) and isinstance(b, Compare):
        return (a.name, a.op, a.value) == (b.name, b.op, b.value)
    return False


_PARSERS: dict[str, Callable[[Map, Scope, str], Shape | None]] = {
    "points": _flat,
    "per": _per,
    "bands": _bands,
    "ladder": _ladder,
    "cases": _cases,
}

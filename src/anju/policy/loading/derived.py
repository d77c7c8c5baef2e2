"""Derived values: their shapes, their types, and the order they must be worked out in."""

from __future__ import annotations

from typing import Any

from anju.policy.loading.conditions import condition, day
from anju.policy.loading.items import LINE_KEYS, LineMaker
from anju.policy.loading.scope import Scope
from anju.policy.model import Age, Choose, Combine, Condition, Derived, Elapsed, Tally
from anju.policy.source import Map, Seq
from anju.policy.values import COUNT, DAYS, MONTHS, YEARS, NotInUnit, Type, amount

SHAPES = ("age", "elapsed", "sum_of", "least_of", "greatest_of", "difference", "choose", "count", "total")
How = Age | Elapsed | Combine | Choose | Tally


class DerivedReader:
    """Reads derived values when they are first referred to, so that a circle is seen and order comes by itself."""

    def __init__(self, raws: list[tuple[Map, str]], scope: Scope, line_of: LineMaker) -> None:
        self.scope, self.line_of = scope, line_of
        self.raws: dict[str, list[tuple[Map, str]]] = {}
        for body, where in raws:
            self.raws.setdefault(str(body.get("id")), []).append((body, where))
        self.made: list[Derived] = []
        self.open: list[str] = []
        scope.pending = self.type_of

    def all(self) -> tuple[Derived, ...]:
        """Every derived value, each after those it rests on."""
        for name in list(self.raws):
            self.type_of(name, 0)
        return tuple(self.made)

    def type_of(self, name: str, line: int) -> Type | None:
        """The type of the derived value ``name``, reading it now if need be; None when there is none."""
        if name in self.scope.types:
            return self.scope.types[name]
        if name not in self.raws:
            return None
        if name in self.open:
            circle = " → ".join([*self.open[self.open.index(name) :], name])
            self.scope.faults.add("circle", line, f"derived.{name}", circle=circle)
            self.scope.types[name] = COUNT
            return COUNT
        self.open.append(name)
        entry, self.scope.entry = self.scope.entry, None
        for body, where in self.raws[name]:
            made = self._one(body, where)
            kind = made.type if made else COUNT
            known = self.scope.types.setdefault(name, kind)
            if made and not known.is_like(kind):
                self.scope.faults.add("unit", body.line, where, fact=name, value=kind.kind, type=known.kind)
            if made:
                self.made.append(made)
        self.scope.entry = entry
        self.open.pop()
        return self.scope.types[name]

    def _one(self, body: Map, where: str) -> Derived | None:
        scope = self.scope
        head = self.line_of(body, where)
        scope.keys(body, (*LINE_KEYS, *SHAPES), where)
        shapes = [s for s in SHAPES if s in body]
        if len(shapes) != 1:
            scope.faults.add(
                "one_shape", body.line, where, found=", ".join(shapes) or "—", known=", ".join(SHAPES)
            )
            return None
        name = shapes[0]
        raw, line = body[name], body.lines[name]
        if name in ("sum_of", "least_of", "greatest_of", "difference"):
            found = self._combine(name, raw, line, where)
        elif name == "choose":
            found = self._choose(raw, line, where)
        else:
            inner = scope.mapping(raw, line, where)
            found = getattr(self, "_" + name)(inner, line, where) if inner is not None else None
        if found is None:
            return None
        how, kind = found
        return Derived(
            head.id, head.zh, head.en, head.article, head.at, head.only_for, head.reading, how=how, type=kind
        )

    def _age(self, raw: Map, line: int, where: str) -> tuple[How, Type] | None:
        scope = self.scope
        scope.keys(raw, ("of", "on", "count"), where)
        of = scope.date(raw.get("of"), line, where)
        counts = ("full_years", "started_years", "calendar_years")
        count = scope.choice(raw.get("count"), counts, raw.lines.get("count", line), f"{where}.count")
        on = day(raw.get("on"), scope, raw.lines.get("on", line), f"{where}.on")
        return (Age(of, on, count), YEARS) if of else None

    def _elapsed(self, raw: Map, line: int, where: str) -> tuple[How, Type] | None:
        scope = self.scope
        scope.keys(raw, ("of", "until", "unit"), where)
        of = scope.date(raw.get("of"), line, where)
        unit = scope.choice(raw.get("unit"), ("months", "days"), raw.lines.get("unit", line), f"{where}.unit")
        until = day(raw.get("until"), scope, raw.lines.get("until", line), f"{where}.until")
        return (Elapsed(of, until, unit), MONTHS if unit == "months" else DAYS) if of else None

    def _combine(self, op: str, raw: Any, line: int, where: str) -> tuple[How, Type] | None:
        scope = self.scope
        if not isinstance(raw, Seq) or len(raw) < 2 or (op == "difference" and len(raw) != 2):
            scope.faults.add("expected", line, where, what="[a, b]")
            return None
        kind = self._kind_of(raw, line, where)
        if kind is None:
            return None
        parts = [self._part(p, kind, line, where) for p in raw]
        return (Combine(op, tuple(p for p in parts if p is not None)), kind)

    def _kind_of(self, parts: list[Any], line: int, where: str) -> Type | None:
        """The common type: that of the first part which is a name."""
        names = [p for p in parts if isinstance(p, str) and p[:1].isalpha()]
        if not names:
            self.scope.faults.add("expected", line, where, what="[fact, …]")
            return None
        found = self.scope.number(names[0], line, where)
        return found[1] if found else None

    def _part(self, raw: Any, kind: Type, line: int, where: str) -> str | int | None:
        if isinstance(raw, str) and raw[:1].isalpha():
            found = self.scope.number(raw, line, where)
            if found and not found[1].is_like(kind):
                self.scope.faults.add("unit", line, where, fact=raw, value=found[1].kind, type=kind.kind)
            return found[0] if found else None
        try:
            return amount(raw, kind)
        except NotInUnit:
            self.scope.faults.add(
                "unit", line, where, fact=where.rpartition(".")[2], value=raw, type=kind.kind
            )
            return None

    def _choose(self, raw: Any, line: int, where: str) -> tuple[How, Type] | None:
        scope = self.scope
        rows = [r for r in raw if isinstance(r, Map)] if isinstance(raw, Seq) else []
        if not rows or len(rows) != len(raw):
            scope.faults.add("expected", line, where, what="- {when: …, of: …}")
            return None
        kind = self._kind_of([r.get("of") for r in rows], line, where)
        if kind is None:
            return None
        made: list[tuple[Condition | None, str | int]] = []
        for row in rows:
            scope.keys(row, ("when", "of"), where)
            when = condition(row["when"], scope, row.line, where) if "when" in row else None
            part = self._part(row.get("of"), kind, row.line, where)
            if part is not None:
                made.append((when, part))
        return Choose(tuple(made)), kind

    def _count(self, raw: Map, line: int, where: str) -> tuple[How, Type] | None:
        return self._tally(raw, line, where, None)

    def _total(self, raw: Map, line: int, where: str) -> tuple[How, Type] | None:
        return self._tally(raw, line, where, str(raw.get("field")))

    def _tally(self, raw: Map, line: int, where: str, field: str | None) -> tuple[How, Type] | None:
        scope = self.scope
        scope.keys(raw, ("of", "where", "field"), where)
        known = scope.name(raw.get("of"), line, where)
        if not known or known[1].kind != "list":
            if known:
                scope.faults.add("not_a_list", line, where, fact=raw.get("of"))
            return None
        kind: Type = COUNT
        if field is not None:
            inside = known[1].field_type(field)
            if inside is None or not inside.is_number:
                told = inside.kind if inside else "—"
                scope.faults.add("not_an_amount", line, where, fact=field, type=told)
                return None
            kind = inside
        scope.entry = known[1]
        inner = condition(raw["where"], scope, raw.lines["where"], where) if "where" in raw else None
        scope.entry = None
        return Tally(known[0], field, inner), kind

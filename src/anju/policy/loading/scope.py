"""What a line may refer to while a file is read: names with their types, and where faults go."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from anju.policy.source import Faults, Map, Seq
from anju.policy.values import NotInUnit, Type, amount, literal


class Scope:
    """Names in sight with their types. ``entry`` is the type of a list whose fields are in sight too."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.types: dict[str, Type] = {}
        self.used: set[str] = set()
        self.pending: Callable[[str, int], Type | None] = lambda name, line: None
        self.suggestions: Callable[[], Iterable[str]] = lambda: ()
        self.entry: Type | None = None
        self.readings: dict[str, tuple[str, ...]] = {}
        self.services: tuple[str, ...] = ()

    def name(self, raw: Any, line: int, where: str) -> tuple[str, Type] | None:
        """The name a line means (``.field`` inside a list) with its type; an unknown one is a fault."""
        key = str(raw)
        if self.entry and (field := self.entry.field_type(key)):
            return "." + key, field
        kind = self.types.get(key) or self.pending(key, line)
        if kind is None:
            known = [
                *self.types,
                *self.suggestions(),
                *(n for n, _ in (self.entry.fields if self.entry else ())),
            ]
            near = difflib.get_close_matches(key, known, 1, 0.5)
            self.faults.add("unknown_fact", line, where, fact=key, near=near[0] if near else "—")
            return None
        self.used.add(key)
        return key, kind

    def number(self, raw: Any, line: int, where: str, *kinds: str) -> tuple[str, Type] | None:
        """Like ``name``, for an amount (of one of ``kinds`` when given)."""
        found = self.name(raw, line, where)
        if found and not found[1].is_number:
            self.faults.add("not_an_amount", line, where, fact=raw, type=found[1].kind)
            return None
        if found and kinds and found[1].kind not in kinds:
            self.faults.add("unit", line, where, fact=raw, value="/".join(kinds), type=found[1].kind)
            return None
        return found

    def date(self, raw: Any, line: int, where: str) -> str | None:
        """Like ``name``, for a date."""
        found = self.name(raw, line, where)
        if found and found[1].kind != "date":
            self.faults.add("unit", line, where, fact=raw, value="date", type=found[1].kind)
            return None
        return found[0] if found else None

    def amount(self, raw: Any, kind: Type, line: int, where: str, of: str) -> int | None:
        """A literal in the unit of ``kind``; None and a fault when it is not."""
        try:
            return amount(raw, kind)
        except NotInUnit:
            self.faults.add("unit", line, where, fact=of, value=raw, type=kind.kind)
            return None

    def literal(self, raw: Any, kind: Type, line: int, where: str, of: str) -> Any:
        """A literal of any type; None and a fault when it is not one."""
        try:
            return literal(raw, kind)
        except NotInUnit:
            code = "unknown_code" if kind.kind == "code" else "unit"
            self.faults.add(
                code,
                line,
                where,
                fact=of,
                value=raw,
                type=kind.kind,
                known=", ".join(kind.options) or kind.kind,
            )
            return None

    def points(self, body: Map, key: str, where: str) -> Fraction | None:
        """The number of points under ``key``; a fault when it is missing or not a number."""
        raw = body.get(key)
        line = body.lines.get(key, body.line)
        if raw is None:
            self.faults.add("missing", line, where, key=key)
            return None
        return self.fraction(raw, line, f"{where}.{key}")

    def fraction(self, raw: Any, line: int, where: str) -> Fraction | None:
        """An exact number; ``1/3`` may be written as text."""
        if isinstance(raw, int | Decimal) and not isinstance(raw, bool):
            return Fraction(raw)
        try:
            return Fraction(str(raw).replace(" ", ""))
        except (ValueError, ZeroDivisionError):
            self.faults.add("not_a_number", line, where, value=raw)
            return None

    def keys(self, body: Map, allowed: Iterable[str], where: str) -> None:
        """Every key of ``body`` must be allowed."""
        known = sorted(set(allowed))
        for key in body:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1, 0.5)
                self.faults.add(
                    "unknown_key",
                    body.lines[key],
                    f"{where}.{key}",
                    key=key,
                    known=near[0] if near else ", ".join(known),
                )

    def mapping(self, raw: Any, line: int, where: str) -> Map | None:
        """``raw`` as a mapping, or a fault."""
        if isinstance(raw, Map):
            return raw
        self.faults.add("expected", line, where, what="{key: value}")
        return None

    def entries(self, body: Map, key: str, where: str) -> list[tuple[int, Any]]:
        """The list under ``key`` with line numbers; nothing when absent; a fault when it is no list."""
        raw = body.get(key)
        if raw is None:
            return []
        if not isinstance(raw, Seq):
            self.faults.add("expected", body.lines[key], f"{where}.{key}" if where else key, what="- …")
            return []
        return list(zip(raw.lines, raw, strict=True))

    def choice(self, raw: Any, known: tuple[str, ...], line: int, where: str) -> str:
        """``raw`` when it is one of ``known``; else a fault and the first of them."""
        if raw in known:
            return str(raw)
        self.faults.add("not_one_of", line, where, value=raw, known=", ".join(known))
        return known[0]

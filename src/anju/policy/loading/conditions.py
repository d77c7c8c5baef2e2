"""Conditions: simple comparisons, and ``all``, ``any``, ``not`` around them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from anju.policy.loading.scope import Scope
from anju.policy.model import All, AnyOf, Compare, Condition, Day, Not
from anju.policy.source import Map, Seq
from anju.policy.values import Type

_NAME = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
_BARE = re.compile(rf"(not\s+)?({_NAME})")
_COMPARED = re.compile(rf"({_NAME})\s*(>=|<=|>|<|is\s+not\b|is\b|not\s+in\b|in\b|within\b)\s*(.+)")
_OPS = {
    ">=": "ge",
    "<=": "le",
    ">": "gt",
    "<": "lt",
    "is": "eq",
    "is not": "ne",
    "in": "in",
    "not in": "not_in",
}
_WITHIN = re.compile(r"(next\s+)?(\d+)\s+(calendar years?|years?|months?|days?)")
_WITHIN_UNITS = {
    "calendar year": ("calendar_years", 1),
    "year": ("months", 12),
    "month": ("months", 1),
    "day": ("days", 1),
}
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)")


def condition(raw: Any, scope: Scope, line: int, where: str) -> Condition | None:
    """The condition ``raw`` says, or None after noting its faults."""
    if isinstance(raw, str):
        return _compare(raw.strip(), scope, line, where)
    if isinstance(raw, Map) and len(raw) == 1:
        (key, inner), inner_line = next(iter(raw.items())), raw.line
        if key == "not":
            part = condition(inner, scope, inner_line, f"{where}.not")
            return Not(part) if part else None
        if key in ("all", "any") and isinstance(inner, Seq) and inner:
            found = [condition(p, scope, inner.lines[i], f"{where}.{key}[{i}]") for i, p in enumerate(inner)]
            parts = tuple(p for p in found if p)
            return All(parts) if key == "all" else AnyOf(parts)
    scope.faults.add("condition", line, where, text=raw)
    return None


def _compare(text: str, scope: Scope, line: int, where: str) -> Condition | None:
    if bare := _BARE.fullmatch(text):
        return _bare(bare.group(2), not bare.group(1), text, scope, line, where)
    found = _COMPARED.fullmatch(text)
    if not found:
        scope.faults.add("condition", line, where, text=text)
        return None
    name, sign, right = found.group(1), " ".join(found.group(2).split()), found.group(3).strip()
    known = scope.name(name, line, where)
    if not known:
        return None
    if sign == "within":
        return _within(known, right, text, scope, line, where)
    op = _OPS[sign]
    if op in ("in", "not_in"):
        return _listed(known, op, right, text, scope, line, where)
    key, kind = known
    if kind.kind == "list":
        scope.faults.add("unit", line, where, fact=name, value=right, type="list")
        return None
    value = scope.literal(right, kind, line, where, name)
    if value is None:
        return None
    if op in ("ge", "gt", "le", "lt"):
        return _ordered(key, kind, op, value, text, scope, line, where)
    return Compare(key, op, value, text, line)


def _bare(name: str, value: bool, text: str, scope: Scope, line: int, where: str) -> Condition | None:
    known = scope.name(name, line, where)
    if known and known[1].kind != "boolean":
        scope.faults.add("not_yes_no", line, where, fact=name, type=known[1].kind)
        return None
    return Compare(known[0], "eq", value, text, line) if known else None


def _ordered(
    key: str, kind: Type, op: str, value: Any, text: str, scope: Scope, line: int, where: str
) -> Condition | None:
    if kind.kind in ("boolean", "list") or (kind.kind == "code" and not kind.is_ordered):
        scope.faults.add("no_order", line, where, fact=key.lstrip("."), type=kind.kind)
        return None
    if kind.kind != "code":
        return Compare(key, op, value, text, line)
    at = kind.options.index(value)
    parts = {
        "ge": kind.options[at:],
        "gt": kind.options[at + 1 :],
        "le": kind.options[: at + 1],
        "lt": kind.options[:at],
    }
    return Compare(key, "in", parts[op], text, line)


def _listed(
    known: tuple[str, Type], op: str, right: str, text: str, scope: Scope, line: int, where: str
) -> Condition | None:
    key, kind = known
    if not (right.startswith("[") and right.endswith("]")):
        scope.faults.add("condition", line, where, text=text)
        return None
    values = [
        scope.literal(v.strip(), kind, line, where, key.lstrip("."))
        for v in right[1:-1].split(",")
        if v.strip()
    ]
    return Compare(key, op, tuple(v for v in values if v is not None), text, line)


def _within(
    known: tuple[str, Type], right: str, text: str, scope: Scope, line: int, where: str
) -> Condition | None:
    key, kind = known
    found = _WITHIN.fullmatch(right)
    if kind.kind not in ("date", "count"):
        scope.faults.add("unit", line, where, fact=key.lstrip("."), value=right, type=kind.kind)
        return None
    if not found:
        scope.faults.add("condition", line, where, text=text)
        return None
    unit, factor = _WITHIN_UNITS[found.group(3).rstrip("s")]
    ahead = -1 if found.group(1) else 1
    return Compare(key, "within", (ahead * int(found.group(2)) * factor, unit), text, line)


def day(raw: Any, scope: Scope, line: int, where: str) -> Day:
    """A day rule: ``filing``, ``cutoff``, a date, or a mapping; a fault and ``filing`` when it is none."""
    if raw in ("filing", "cutoff"):
        return Day(str(raw))
    if isinstance(raw, date):
        return Day("fixed", raw)
    if isinstance(raw, Map):
        if isinstance(raw.get("fixed"), date):
            return Day("fixed", raw["fixed"])
        if "day" in raw and (months := _month_days([raw["day"]])):
            back = raw.get("years_back", 0)
            return Day("month_day", None, months, back if isinstance(back, int) else 0)
        if isinstance(raw.get("latest_of"), Seq) and (months := _month_days(raw["latest_of"])):
            return Day("latest_of", None, months)
    scope.faults.add("day_rule", line, where, value=raw)
    return Day("filing")


def _month_days(raw: list[Any]) -> tuple[tuple[int, int], ...]:
    found = [_MONTH_DAY.fullmatch(str(r)) for r in raw]
    try:
        pairs = [(int(m.group(1)), int(m.group(2))) for m in found if m]
        for month, number in pairs:
            date(2024, month, number)
    except ValueError:
        return ()
    return tuple(pairs) if len(pairs) == len(raw) else ()

"""Types and units of facts: how a literal such as ``7 years`` or ``100000 yuan`` becomes a whole number.

Every amount is held as an integer: months, days, years, a count, fen, or a decimal times ten to its places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

NUMERIC = frozenset({"months", "days", "years", "count", "money", "area", "percent", "decimal"})
TYPES = NUMERIC | {"boolean", "code", "date", "list"}
LARGEST = 10**13
"""No fact is larger: ten thousand million yuan in fen. Keeps products inside 64 bits."""

_UNITS: dict[str, dict[str, int]] = {
    "months": {"": 1, "month": 1, "months": 1, "year": 12, "years": 12, "个月": 1, "月": 1, "年": 12},
    "days": {"": 1, "day": 1, "days": 1, "天": 1, "日": 1, "year": 365, "years": 365},
    "years": {"": 1, "year": 1, "years": 1, "年": 1, "岁": 1, "周岁": 1},
    "count": {
        "": 1,
        "time": 1,
        "times": 1,
        "hour": 1,
        "hours": 1,
        "次": 1,
        "人": 1,
        "小时": 1,
        "个": 1,
        "ml": 1,
    },
    "money": {"": 100, "yuan": 100, "元": 100, "fen": 1, "分": 1, "万元": 1_000_000},
    "area": {"": 1, "m2": 1, "平方米": 1},
    "percent": {"": 1, "%": 1, "percent": 1},
    "decimal": {"": 1, "times": 1, "倍": 1},
}
_LITERAL = re.compile(r"(-?[\d,]+(?:\.\d+)?)\s*(m2|[^\d\s,.-]*)")


@dataclass(frozen=True, slots=True)
class Type:
    """What a value is: its kind, decimal places, the codes it may take, the fields of a list entry."""

    kind: str
    places: int = 0
    options: tuple[str, ...] = ()
    is_ordered: bool = False
    fields: tuple[tuple[str, Type], ...] = field(default=())

    @property
    def is_number(self) -> bool:
        """Whether amounts of this type can be added and compared."""
        return self.kind in NUMERIC

    def field_type(self, name: str) -> Type | None:
        """The type of a list entry's field, or None."""
        return next((t for n, t in self.fields if n == name), None)

    def is_like(self, other: Type) -> bool:
        """Whether two amounts are in the same unit."""
        return self.kind == other.kind and self.places == other.places


YEARS, MONTHS, DAYS, COUNT = Type("years"), Type("months"), Type("days"), Type("count")


class NotInUnit(ValueError):
    """A literal that is not a value of its type."""


def amount(raw: Any, kind: Type, default_unit: str = "") -> int:
    """The integer for a literal of a numeric type; ``default_unit`` is the unit of a bare number.

    Raises NotInUnit when the literal has another unit, finer places than the type, or is implausibly large.
    """
    units = _UNITS[kind.kind]
    if isinstance(raw, bool) or raw is None:
        raise NotInUnit(raw)
    if isinstance(raw, float):
        raw = repr(raw)
    total = Decimal(0)
    text = str(raw).strip().replace("，", ",").lstrip("¥￥ ")
    matches = list(_LITERAL.finditer(text))
    if not matches or "".join(m.group(0) for m in matches).replace(" ", "") != text.replace(" ", ""):
        raise NotInUnit(raw)
    for match in matches:
        number, unit = match.group(1).replace(",", ""), match.group(2).strip()
        unit = unit or (default_unit if len(matches) == 1 else "?")
        if unit not in units:
            raise NotInUnit(raw)
        try:
            total += Decimal(number) * units[unit]
        except InvalidOperation:
            raise NotInUnit(raw) from None
    scaled = total.scaleb(kind.places)
    if scaled != scaled.to_integral_value() or abs(scaled) > LARGEST:
        raise NotInUnit(raw)
    return int(scaled)


def literal(raw: Any, kind: Type) -> Any:
    """A literal of any scalar type in the form both engines use. Raises NotInUnit."""
    if kind.is_number:
        return amount(raw, kind)
    if kind.kind == "boolean" and isinstance(raw, bool):
        return raw
    if kind.kind == "boolean" and raw in ("true", "false"):
        return raw == "true"
    if kind.kind == "date":
        if isinstance(raw, date):
            return raw
        try:
            return date.fromisoformat(str(raw))
        except ValueError:
            raise NotInUnit(raw) from None
    if kind.kind == "code" and str(raw) in kind.options:
        return str(raw)
    raise NotInUnit(raw)


_SHOWN = {
    "months": ("个月", " months"),
    "days": ("天", " days"),
    "years": ("岁", " years"),
    "count": ("", ""),
    "area": (" 平方米", " m²"),
    "percent": ("%", "%"),
    "decimal": ("", ""),
}


def shown(value: Any, kind: Type, language: str = "zh") -> str:
    """A value as people read it: ``8年3个月``, ``120,000元``, ``是``; unknown is ``未知``."""
    zh = language.startswith("zh")
    if value is None:
        return "未知" if zh else "unknown"
    if kind.kind == "boolean":
        return ("是" if value else "否") if zh else ("yes" if value else "no")
    if kind.kind == "money":
        yuan = Decimal(value) / 100
        number = f"{yuan:,.2f}" if value % 100 else f"{value // 100:,}"
        return number + ("元" if zh else " yuan")
    if kind.kind == "months" and value >= 12:
        years, months = divmod(value, 12)
        if zh:
            return f"{years}年{months}个月" if months else f"{years}年"
        return " ".join(
            f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((years, "year"), (months, "month")) if n
        )
    if kind.is_number:
        number = f"{Decimal(value).scaleb(-kind.places).normalize():f}" if kind.places else f"{value:,}"
        unit = _SHOWN[kind.kind][0 if zh else 1]
        return number + (unit.removesuffix("s") if value == 1 else unit)
    if kind.kind == "list":
        return f"{len(value)}项" if zh else f"{len(value)} entries"
    return value.isoformat() if isinstance(value, date) else str(value)

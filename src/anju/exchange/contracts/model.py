"""What a data contract is: frozen values, built only by ``load``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anju.register import canon

TYPES: Mapping[str, tuple[str, str]] = {
    "text": ("文本", "text"),
    "name": ("姓名", "person's name"),
    "citizen_no": ("公民身份号码", "citizen number, 15 or 18 characters, check character verified"),
    "credit_code": (
        "统一社会信用代码",
        "unified social credit code, 18 characters, check character verified",
    ),
    "phone": ("手机号码", "mobile number, 11 digits"),
    "date": ("日期", "day"),
    "month": ("年月", "month"),
    "code": ("代码", "code of a list"),
    "flag": ("是否", "yes or no"),
    "division": ("行政区划", "division code or name"),
    "address": ("地址", "address in one line"),
    "money": ("金额", "amount of money"),
    "area": ("面积", "area"),
    "decimal": ("小数", "decimal number"),
    "integer": ("整数", "whole number"),
    "grade": ("年级", "grade of a school stage"),
}
"""The types a field may have: Chinese and English label."""

UNITS: Mapping[str, Mapping[str, float]] = {
    "money": {"分": 1, "元": 100, "千元": 100_000, "万元": 1_000_000},
    "area": {"平方米": 1, "亩": 2000 / 3, "公顷": 10_000},
}
"""Units a type may state, and what one of them is in the canonical unit (fen, square metre)."""

NOTED_TYPES = frozenset({"citizen_no", "phone", "credit_code", "name"})
"""Types whose unreadable optional value is noted and the row kept; every other unreadable value holds the row."""

CYCLE_DAYS: Mapping[str, int] = {"daily": 1, "weekly": 7, "monthly": 31}
"""The cycles a dataset may have, and the days of one."""

ADDRESS_PARTS = ("region", "street", "number", "building", "unit", "room", "address")


@dataclass(frozen=True, slots=True)
class Field:
    """One column a department sends.

    ``name`` is the header as sent, ``to`` the canonical columns it fills (an aspect's name for an address).
    ``inclusive``: the stated day or month is the last one, while canonical periods end before their ``end``.
    ``fault`` is ``hold`` (the row goes to quarantine) or ``note`` (the row is kept, the value unknown).
    """

    name: str
    en: str
    type: str
    required: bool = False
    to: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    standard: str = ""
    codes: Mapping[str, str] | None = None
    unit: str = ""
    classification: str = "internal"
    inclusive: bool = False
    may_be_lunar: bool = False
    history: bool = False
    min: float | None = None
    max: float | None = None
    fault: str = "hold"

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header the field is recognised by, its own first."""
        return (self.name, *self.also)


@dataclass(frozen=True, slots=True)
class Contract:
    """One dataset of one department: what one row is, its fields, and what it may decide.

    ``authority`` gives ranks by aspect or ``aspect.column``; 1 decides, a missing one has no say.
    ``refuse_share``: a batch with a greater share of held rows is refused whole.
    """

    id: str
    version: str
    status: str
    zh: str
    en: str
    department: str
    channel: str
    row: str
    about_zh: str
    about_en: str
    legal_basis: str
    cycle: str
    match: tuple[str, ...]
    aspects: tuple[str, ...]
    authority: Mapping[str, int]
    key: tuple[str, ...]
    observed: str
    deleted: tuple[str, frozenset[str]] | None
    constants: Mapping[str, str]
    fields: tuple[Field, ...]
    refuse_share: float

    def field(self, name: str) -> Field:
        """The field of that name; raises KeyError."""
        return next(f for f in self.fields if f.name == name) if name in self.names else _no(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names in the order of the contract."""
        return tuple(f.name for f in self.fields)

    def columns(self) -> tuple[str, ...]:
        """Canonical columns a batch of this contract holds, beside those of ``canon.RECORD``, in canon's order."""
        filled = set(self.constants)
        for field in self.fields:
            for target in field.to:
                filled |= targets(field, target)
        return tuple(q for a in canon.ASPECTS.values() for q in a.qualified() if q in filled)

    @property
    def cycle_days(self) -> int:
        """Days until the next file is expected; a row held longer than that should have come back with it."""
        return CYCLE_DAYS[self.cycle]

    def rank(self, column: str) -> int | None:
        """How much say this dataset has on ``aspect.column``: 1 decides; None for no say."""
        return self.authority.get(column, self.authority.get(column.partition(".")[0]))


def targets(field: Field, target: str) -> set[str]:
    """Canonical columns that ``field`` fills by naming ``target``."""
    if field.type == "address":
        return {f"{target}.{part}" for part in ADDRESS_PARTS}
    extra: set[str] = set()
    if field.type == "citizen_no" and target == "person.citizen_no":
        extra.add("person.citizen_no_stated")
    if field.may_be_lunar and target == "person.born_on":
        extra.add("person.born_lunar_on")
    return {target, *extra}


def _no(name: str) -> Field:
    raise KeyError(name)

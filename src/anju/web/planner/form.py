"""The what-if form, made from the file: every number of every line, and a switch that takes a line out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.policy import paths
from anju.policy.model import Item, Ladder, Programme
from anju.policy.table import TableRow, table
from anju.policy.words import Words
from anju.web.planner.programmes import language

DROPPABLE = ("conditions", "vetoes", "items", "deductions")
NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,4})?")
OFF = "off"


@dataclass(frozen=True, slots=True)
class Number:
    """One number: its path, what it is, what stands in the file, what is asked now."""

    path: str
    label: str
    unit: str
    number: str
    value: str

    @property
    def is_changed(self) -> bool:
        """Whether another number is asked for."""
        return self.value != self.number


@dataclass(frozen=True, slots=True)
class FormLine:
    """One line of the table with its numbers; ``drop`` is the path that takes it out."""

    row: TableRow
    numbers: tuple[Number, ...]
    drop: str
    is_off: bool

    @property
    def is_changed(self) -> bool:
        """Whether anything of it is asked to differ."""
        return self.is_off or any(n.is_changed for n in self.numbers)


@dataclass(frozen=True, slots=True)
class FormSection:
    """Lines under one title."""

    id: str
    title: str
    lines: tuple[FormLine, ...]

    @property
    def changes(self) -> int:
        """How many lines differ from the file."""
        return sum(line.is_changed for line in self.lines)


@dataclass(frozen=True, slots=True)
class Changed:
    """One setting in words."""

    path: str
    label: str
    before: str
    after: str


def form(programme: Programme, settings: Mapping[str, str]) -> tuple[FormSection, ...]:
    """The form with ``settings`` filled in."""
    numbers = _numbers(programme, settings)
    sections = []
    for section in table(programme, language()).sections:
        lines = tuple(
            FormLine(row, tuple(numbers.get((section.id, row.id), ())), drop, settings.get(drop) == OFF)
            for row in section.rows
            if (drop := f"{section.id}.{row.id}" if section.id in DROPPABLE else "")
            or numbers.get((section.id, row.id))
        )
        if lines:
            sections.append(FormSection(section.id, section.title, lines))
    return tuple(sections)


def changes(programme: Programme, sections: tuple[FormSection, ...]) -> tuple[Changed, ...]:
    """What is asked to differ, in words, in the order of the file."""
    found = []
    for section in sections:
        for line in section.lines:
            name = line.row.label.split(" [")[0]
            if line.is_off:
                found.append(Changed(line.drop, name, line.row.text, _("取消")))
            found += [
                Changed(n.path, f"{name} · {n.label}", f"{n.number} {n.unit}".strip(), f"{n.value} {n.unit}".strip())
                for n in line.numbers
                if n.is_changed and not line.is_off
            ]  # fmt: skip
    return tuple(found)


def read(programme: Programme, sent: Mapping[str, str]) -> dict[str, str]:
    """Settings from a sent form: only what differs from the file. Refuses what is no number."""
    found: dict[str, str] = {}
    for section in form(programme, {}):
        for line in section.lines:
            if line.drop and sent.get(f"{OFF}:{line.drop}"):
                found[line.drop] = OFF
                continue
            for number in line.numbers:
                value = sent.get(number.path, "").strip().replace(",", "")
                if not value or value == number.number:
                    continue
                if not NUMBER.fullmatch(value):
                    raise Refusal("policy.bad_setting", setting=f"{number.path}={value[:20]}")
                if not number.number or float(value) != float(number.number):
                    found[number.path] = value
    return found


def _numbers(programme: Programme, settings: Mapping[str, str]) -> dict[tuple[str, str], list[Number]]:
    """Numbers by section and line."""
    names, at = Namer(programme), 1 if language() == "en" else 0
    found: dict[tuple[str, str], list[Number]] = {}
    meant = _resolved(programme, settings)
    for field in paths.fields(programme):
        number = field.number.replace(",", "")
        unit = "%" if field.key.endswith("percent") else UNITS.get(field.unit, (field.unit, field.unit))[at]
        found.setdefault((field.section, field.line), []).append(
            Number(field.path, names(field), unit, number, meant.get(field.path, number))
        )
    for path, label in _addable(programme):
        section, line, _rest = path.split(".", 2)
        there = found.setdefault((section, line), [])
        if all(n.path != path for n in there):
            there.append(Number(path, label, "", "", settings.get(path, "")))
    return found


def _resolved(programme: Programme, settings: Mapping[str, str]) -> dict[str, str]:
    """Settings by the full path of the form: ``items.pension.points`` is ``items.pension.per.points``."""
    full = {f.path for f in paths.fields(programme)}
    found = {}
    for path, value in settings.items():
        head, _dot, last = path.rpartition(".")
        nearest = [f for f in full if f in (path, f"{path}.when")]
        inside = [f for f in full if f.startswith(path + ".")]
        nearest += inside if len(inside) == 1 else []
        nearest += [f for f in full if f.startswith(head + ".") and f.endswith("." + last)]
        found[nearest[0] if nearest else path] = value
    return found


def _addable(programme: Programme) -> Iterator[tuple[str, str]]:
    """Numbers a service may be given though the file states none."""
    for service in programme.services:
        if service.score:
            yield f"services.{service.id}.line", _("分数线")
        if service.ranking:
            yield f"services.{service.id}.ranking.places", _("名额")


UNITS = {
    "years": ("年", "years"), "year": ("年", "year"), "months": ("个月", "months"), "month": ("个月", "month"),
    "days": ("天", "days"), "day": ("天", "day"), "yuan": ("元", "yuan"), "m2": ("平方米", "m²"), "times": ("次", "times"),
    "hours": ("小时", "hours"),
}  # fmt: skip


class Namer:
    """What a number is, in words."""

    def __init__(self, programme: Programme) -> None:
        self.words = Words(programme, language())
        self.items = {i.id: i for top in (*programme.items, *programme.deductions) for i in top.walk()}
        self.categories = {c.id: c for s in programme.services if s.ranking for c in s.ranking.categories}

    def __call__(self, field: paths.Field) -> str:
        parts = field.key.split(".")
        last = parts[-1]
        if "ladder" in parts and len(parts) > 2:
            return self._level(field.line, last)
        if "categories" in parts:
            category = self.categories.get(parts[-2])
            name = (category.en if language() == "en" else category.zh) if category else parts[-2]
            return _("%(name)s占名额的比例") % {"name": name}
        if "when" in parts:  # a comparison inside all or any
            return _named()["when"]
        row = next((place + 1 for p in parts if (place := whole(p)) is not None), 0)
        named = _named().get(last, last)
        return _("第 %(n)s 档 %(what)s") % {"n": row, "what": named} if row else named

    def _level(self, line: str, code: str) -> str:
        item = self.items.get(line)
        if isinstance(item, Item) and isinstance(item.shape, Ladder):
            return str(self.words.value(code, item.shape.of))
        return code


def _named() -> dict[str, str]:
    return {
        "points": _("分值"), "cap": _("最高分"), "floor": _("最低分"), "step": _("每满"), "when": _("要求"), "line": _("分数线"),
        "places": _("名额"), "from": _("起"), "below": _("止"), "max_steps": _("最多计次"), "beyond": _("超过部分起算"),
        "start": _("起始分"), "active_from": _("满几次起计"), "percent": _("比例"), "factor": _("系数"),
    }  # fmt: skip

"""Numbers of a policy file by path: what a path leads to, and every number there is, for a form made from the file.

A path is ``section.id.key…``: ``items.pension.points``, ``conditions.years`` (the number of its comparison),
``services.settlement.line``, ``services.settlement.ranking.categories.skilled.percent``,
``items.age_points.bands.rows.0.points``. Ids are found at any depth of their section; the name of the shape may be
left out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anju.policy.model import Programme

SECTIONS = (
    "items",
    "deductions",
    "conditions",
    "vetoes",
    "derived",
    "scores",
    "services",
    "gaps",
    "readings",
)
_GROUPS = ("sum", "best_of", "choose_one")
_INSIDE = (
    "per",
    "bands",
    "ladder",
    "for_each",
    "ranking",
    "round",
    "divide_by",
    "points",
    "rows",
    "categories",
)
_NOT_NUMBERS = frozenset(
    ("id", "zh", "en", "article", "only_for", "reading", "of", "keys", "ties", "order", "note", *_GROUPS)
)
"""Keys whose scalars are no numbers to change."""
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a policy that may be changed: its path, what it belongs to, its value as it stands."""

    path: str
    section: str
    line: str
    zh: str
    en: str
    key: str
    value: str
    number: str
    unit: str


def fields(programme: Programme) -> list[Field]:
    """Every number of the file one may change, for a form made from the file."""
    top = root(Path(programme.file).read_text(encoding="utf-8"))
    found: list[Field] = []
    for section in ("conditions", "vetoes", "items", "deductions", "scores", "services"):
        _fields(child(top, section), section, found)
    return found


def root(text: str) -> yaml.Node | None:
    """The file as nodes that know where they stand in the text."""
    return yaml.compose(text, Loader=LOADER)


def child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """What stands under a key of a mapping."""
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == key), None)
    return None


def line(node: yaml.Node | None, wanted: str) -> yaml.Node | None:
    """The line of that id, at any depth of groups."""
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        found = child(entry, "id")
        if found is not None and found.value == wanted:
            return entry  # type: ignore[no-any-return]
        for group in _GROUPS:
            inner = line(child(entry, group), wanted)
            if inner is not None:
                return inner
    return None


def step(node: yaml.Node | None, part: str) -> yaml.Node | None:
    """One part of a path: a key, an index, the id of an entry - or the same inside the shape."""
    if isinstance(node, yaml.SequenceNode):
        if part.isdigit() and int(part) < len(node.value):
            return node.value[int(part)]  # type: ignore[no-any-return]
        return next((e for e in node.value if getattr(child(e, "id"), "value", None) == part), None)
    direct = child(node, part)
    if direct is not None and not (part == "points" and isinstance(direct, yaml.MappingNode)):
        return direct
    for inside in _INSIDE:
        inner = child(node, inside)
        found = step(inner, part) if isinstance(inner, yaml.MappingNode) else None
        if found is not None:
            return found
    return direct


def single(node: yaml.Node, section: str) -> yaml.ScalarNode | None:
    """The one scalar a path means: itself, the comparison of a condition, or the points of an item."""
    if isinstance(node, yaml.ScalarNode):
        return node
    for key in ("when",) if section in ("conditions", "vetoes") else ("points",):
        found = step(node, key)
        if isinstance(found, yaml.ScalarNode):
            return found
        numbers = [s for s in _scalars(found) if NUMBER.search(s.value)] if found is not None else []
        if len(numbers) == 1:
            return numbers[0]
    return None


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _scalars(entry)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)


def _fields(node: yaml.Node | None, section: str, out: list[Field]) -> None:
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        name = str(getattr(child(entry, "id"), "value", ""))
        words = [str(getattr(child(entry, k), "value", "")) for k in ("zh", "en")]
        for key, scalar in _numbers(entry, ""):
            number = NUMBER.search(scalar.value)
            if number is None:
                continue
            compared = re.search(r"(>=|<=|>|<|\bis(?: not)?\b)\s*(-?\d[\d,]*(?:\.\d+)?)(.*)", scalar.value)
            value, unit = (
                (compared.group(2), compared.group(3))
                if compared
                else (number.group(0), scalar.value[number.end() :])
            )
            out.append(
                Field(
                    f"{section}.{name}.{key}",
                    section,
                    name,
                    words[0],
                    words[1],
                    key,
                    scalar.value,
                    value,
                    unit.strip(),
                )
            )
        for group in _GROUPS:
            _fields(child(entry, group), section, out)


def _numbers(node: yaml.Node, prefix: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Scalars with a number inside one line, with the rest of their path; not ids, labels, articles or groups."""
    pairs: list[tuple[str, Any]] = []
    if isinstance(node, yaml.MappingNode):
        pairs = [(str(k.value), v) for k, v in node.value]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(str(getattr(child(v, "id"), "value", i)), v) for i, v in enumerate(node.value)]
    for key, value in pairs:
        if key in _NOT_NUMBERS:
            continue
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, yaml.ScalarNode):
            if NUMBER.search(value.value) and not re.search(r"\d{4}-\d\d-\d\d", value.value):
                yield path, value
        else:
            yield from _numbers(value, path)


def near(text: str, path: str) -> list[str]:
    """Paths of the file that look like this one."""
    top = root(text)
    found: list[Field] = []
    for section in SECTIONS:
        _fields(child(top, section), section, found)
    paths = [f.path for f in found]
    return difflib.get_close_matches(path, paths, 4, 0.3) or paths[:6]

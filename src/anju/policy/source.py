"""Reading a YAML file so that every value knows its line, and numbers stay exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Map(dict[str, Any]):
    """A mapping that remembers the line of itself and of each key."""

    line: int
    lines: dict[str, int]


class Seq(list[Any]):
    """A sequence that remembers the line of itself and of each entry."""

    line: int
    lines: list[int]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file: its code (worded in the packs), where it is, and what fills the wording."""

    code: str
    file: str
    line: int
    where: str
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


class Faults:
    """Gathers the faults of one file, so that all of them are told together."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Fault] = []

    def add(self, code: str, line: int, where: str, **facts: object) -> None:
        """Note one fault; the same fault at the same place is told once."""
        told = tuple((key, _flow(value)) for key, value in facts.items())
        fault = Fault("policy.fault." + code, self.file, line, where, told)
        if fault not in self.found:
            self.found.append(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(sorted(self.found, key=lambda f: (f.line, f.code)))

    def __bool__(self) -> bool:
        return bool(self.found)


def _flow(value: object) -> str:
    """A value as it would stand in the file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(map(_flow, value)) + "]" if isinstance(value, list) else str(value)


def read(path: Path, faults: Faults) -> Map:
    """The file as nested ``Map`` and ``Seq``; what cannot be read at all leaves an empty ``Map`` and a fault."""
    try:
        return parse(path.read_text(encoding="utf-8"), faults)
    except (UnicodeDecodeError, OSError) as error:
        faults.add("not_yaml", 1, "", problem=type(error).__name__)
        return _empty()


def parse(text: str, faults: Faults) -> Map:
    """The same for text."""
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or type(error).__name__
        faults.add("not_yaml", mark.line + 1 if mark else 1, "", problem=problem)
        root = None
    value = _value(root, faults, "") if root is not None else None
    if isinstance(value, Map):
        return value
    if not faults:
        faults.add("not_a_mapping", 1, "")
    return _empty()


def _empty() -> Map:
    empty = Map()
    empty.line, empty.lines = 1, {}
    return empty


def _value(node: yaml.Node, faults: Faults, where: str) -> Any:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        made = Map()
        made.line, made.lines = line, {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = f"{where}.{key}" if where else key
            if key in made:
                faults.add("twice", key_node.start_mark.line + 1, place, key=key)
            made[key] = _value(value_node, faults, place)
            made.lines[key] = key_node.start_mark.line + 1
        return made
    if isinstance(node, yaml.SequenceNode):
        entries = Seq(_value(n, faults, f"{where}[{i}]") for i, n in enumerate(node.value))
        entries.line, entries.lines = line, [n.start_mark.line + 1 for n in node.value]
        return entries
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    """Numbers become int or Decimal, ISO days become dates, only ``true`` and ``false`` are booleans.

    YAML 1.1 would read a key ``on`` or a code ``no`` as a boolean and 10.5 as a binary fraction.
    """
    raw, tag = str(node.value), node.tag.rsplit(":", 1)[-1]
    if tag == "null":
        return None
    if tag == "bool" and raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    if tag == "int" and raw.lstrip("+-").isdigit():
        return int(raw)
    if tag == "float" and raw.replace(".", "", 1).lstrip("+-").isdigit():
        return Decimal(raw)
    if tag == "timestamp" and len(raw) == 10:
        try:
            return date.fromisoformat(raw)
        except ValueError:
            return raw
    return raw

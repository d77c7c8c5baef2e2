"""What-if: change numbers of a policy file by path, in its own text, so that the change is also a readable diff.

A path is ``section.id.key…``: ``items.pension.points``, ``conditions.years`` (the number of its comparison),
``services.settlement.line``, ``services.settlement.ranking.categories.skilled.percent``,
``items.age_points.bands.rows.0.points``. Ids are found at any depth of their section; the name of the shape may be
left out. The value ``off`` takes a line out. A bare number keeps the unit that stands in the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anju.kernel import wording
from anju.kernel.refusal import Refusal
from anju.policy.loading import Loaded, build
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
_ADDABLE = ("cap", "floor", "line", "places", "percent", "max_steps", "active_from", "beyond", "start")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_BARE = re.compile(r"-?\d+(?:\.\d+)?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


def parse_settings(raw: Sequence[str]) -> dict[str, str]:
    """``path=value`` texts as a mapping. Refuses what is not of that form."""
    found: dict[str, str] = {}
    for setting in raw:
        path, sign, value = setting.partition("=")
        if not sign or not path.strip() or not value.strip():
            raise Refusal("policy.bad_setting", setting=setting)
        found[path.strip()] = value.strip()
    return found


def changed(programme: Programme, settings: Mapping[str, str]) -> tuple[Programme, str]:
    """The programme with the settings applied, and the text of its file. Refuses a change that breaks the file."""
    path = Path(programme.file)
    text = apply(path.read_text(encoding="utf-8"), settings)
    loaded = build(path, text)
    while loaded.programme is None and (tidied := _tidied(text, loaded)) != text:
        text = tidied
        loaded = build(path, text)
    if loaded.programme is None:
        fault = loaded.faults[0]
        told = wording.say(fault.code, "zh", **dict(fault.facts)) + f" ({fault.where})"
        raise Refusal(
            "policy.setting_breaks_file",
            settings=", ".join(f"{k}={v}" for k, v in settings.items()),
            fault=told,
        )
    return loaded.programme, text


def _tidied(text: str, loaded: Loaded) -> str:
    """The text without facts and derived values that nothing uses any more, once a line was taken out."""
    root = yaml.compose(text, Loader=_LOADER)
    for fault in loaded.faults:
        name = dict(fault.facts).get("fact") or dict(fault.facts).get("id", "")
        if fault.code.endswith(".fact_not_used"):
            return _without_key(text, _child(root, "facts"), name)
        if (
            fault.code.endswith(".derived_not_used")
            and (line := _line(_child(root, "derived"), name)) is not None
        ):
            return _without(text, line)
    return text


def _without_key(text: str, node: yaml.Node | None, key: str) -> str:
    """The text without one key of a block mapping."""
    for known, value in node.value if isinstance(node, yaml.MappingNode) and not node.flow_style else ():
        if known.value == key:
            start = text.rfind("\n", 0, known.start_mark.index) + 1
            stop = text.find("\n", max(value.end_mark.index - 1, known.end_mark.index))
            return text[:start] + (text[stop + 1 :] if stop >= 0 else "")
    return text


def apply(text: str, settings: Mapping[str, str]) -> str:
    """The text with every setting applied, one after the other; comments and layout stay."""
    for path, value in settings.items():
        text = _applied(text, path, value)
    return text


def diff(old: str, new: str, name: str) -> str:
    """A readable difference between two texts of one file."""
    return "".join(
        difflib.unified_diff(
            old.splitlines(True), new.splitlines(True), f"{name} (in force)", f"{name} (proposed)"
        )
    )


def _applied(text: str, path: str, value: str) -> str:
    root = yaml.compose(text, Loader=_LOADER)
    parts = path.split(".")
    section = _child(root, parts[0]) if parts[0] in SECTIONS else None
    line = _line(section, parts[1]) if section is not None and len(parts) > 1 else None
    if line is None:
        raise Refusal("policy.unknown_path", path=path, known=", ".join(_near(text, path)))
    if value.lower() == "off" and len(parts) == 2:
        return _without(text, line)
    node: yaml.Node | None = line
    for at, part in enumerate(parts[2:], 2):
        found = _step(node, part)
        if found is None and at == len(parts) - 1 and part in _ADDABLE and isinstance(node, yaml.MappingNode):
            return _with_key(text, node, part, value)
        if found is None:
            raise Refusal("policy.unknown_path", path=path, known=", ".join(_near(text, path)))
        node = found
    assert node is not None
    scalar = _single(node, parts[0])
    if scalar is None:
        raise Refusal("policy.not_settable", path=path, known=", ".join(_near(text, path)))
    return text[: scalar.start_mark.index] + _replaced(scalar, value) + text[scalar.end_mark.index :]


def _replaced(scalar: yaml.ScalarNode, value: str) -> str:
    """The scalar with its number changed; the unit, or the comparison around it, stays."""
    old = scalar.value
    if _BARE.fullmatch(value) and _NUMBER.search(old) and not re.fullmatch(r"\d{4}-\d\d-\d\d", old):
        compared = re.match(r"(.*?(?:>=|<=|>|<|\bis(?: not)?\b)\s*)(-?\d[\d,]*(?:\.\d+)?)(.*)", old)
        if compared:
            return _quoted(compared.group(1) + value + compared.group(3), scalar)
        return _quoted(_NUMBER.sub(value, old, count=1), scalar)
    compared = re.match(r"(.*?(?:>=|<=|>|<|\bis(?: not)?\b)\s*)(.+)", old)
    if compared and not re.search(r">=|<=|>|<|\bis\b|\bin\b", value):
        return _quoted(compared.group(1) + value, scalar)
    return _quoted(value, scalar)


def _quoted(value: str, scalar: yaml.ScalarNode) -> str:
    return f"{scalar.style}{value}{scalar.style}" if scalar.style in ("'", '"') else value


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == key), None)
    return None


def _line(node: yaml.Node | None, wanted: str) -> yaml.Node | None:
    """The line of that id, at any depth of groups."""
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        found = _child(entry, "id")
        if found is not None and found.value == wanted:
            return entry  # type: ignore[no-any-return]
        for group in _GROUPS:
            inner = _line(_child(entry, group), wanted)
            if inner is not None:
                return inner
    return None


def _step(node: yaml.Node | None, part: str) -> yaml.Node | None:
    """One part of a path: a key, an index, the id of an entry - or the same inside the shape."""
    if isinstance(node, yaml.SequenceNode):
        if part.isdigit() and int(part) < len(node.value):
            return node.value[int(part)]  # type: ignore[no-any-return]
        return next((e for e in node.value if getattr(_child(e, "id"), "value", None) == part), None)
    direct = _child(node, part)
    if direct is not None and not (part == "points" and isinstance(direct, yaml.MappingNode)):
        return direct
    for inside in _INSIDE:
        inner = _child(node, inside)
        found = _step(inner, part) if isinstance(inner, yaml.MappingNode) else None
        if found is not None:
            return found
    return direct


def _single(node: yaml.Node, section: str) -> yaml.ScalarNode | None:
    """The one scalar a path means: itself, the comparison of a condition, or the points of an item."""
    if isinstance(node, yaml.ScalarNode):
        return node
    for key in ("when",) if section in ("conditions", "vetoes") else ("points",):
        found = _step(node, key)
        if isinstance(found, yaml.ScalarNode):
            return found
        numbers = [s for s in _scalars(found) if _NUMBER.search(s.value)] if found is not None else []
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


def _without(text: str, line: yaml.Node) -> str:
    """The text without one entry of a block sequence: from its dash to where the entry ends."""
    start = text.rfind("\n", 0, line.start_mark.index) + 1
    end = line.end_mark.index
    if text[start : line.start_mark.index].strip() != "-":
        raise Refusal("policy.not_settable", path="off", known="")
    stop = text.find("\n", end)
    rest = text[end : stop if stop >= 0 else len(text)]
    if rest.strip() and not rest.strip().startswith("#"):
        return text[:start] + text[end - len(text[:end]) + text.rfind("\n", 0, end) + 1 :]
    if text[:end].endswith("\n") or not text[text.rfind("\n", 0, end) + 1 : end].strip():
        return text[:start] + text[text.rfind("\n", 0, end) + 1 :]
    return text[:start] + (text[stop + 1 :] if stop >= 0 else "")


def _with_key(text: str, node: yaml.MappingNode, key: str, value: str) -> str:
    """The text with one key added to a mapping."""
    if node.flow_style:
        close = node.end_mark.index - 1
        return f"{text[:close]}, {key}: {value}{text[close:]}"
    first = node.value[0][0].start_mark
    return f"{text[: first.index]}{key}: {value}\n{' ' * first.column}{text[first.index :]}"


def fields(programme: Programme) -> list[Field]:
    """Every number of the file one may change, for a form made from the file."""
    root = yaml.compose(Path(programme.file).read_text(encoding="utf-8"), Loader=_LOADER)
    found: list[Field] = []
    for section in ("conditions", "vetoes", "items", "deductions", "scores", "services"):
        _fields(_child(root, section), section, found)
    return found


def _fields(node: yaml.Node | None, section: str, out: list[Field]) -> None:
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        name = str(getattr(_child(entry, "id"), "value", ""))
        words = [str(getattr(_child(entry, k), "value", "")) for k in ("zh", "en")]
        for key, scalar in _numbers(entry, ""):
            number = _NUMBER.search(scalar.value)
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
            _fields(_child(entry, group), section, out)


def _numbers(node: yaml.Node, prefix: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Scalars with a number inside one line, with the rest of their path; not ids, labels, articles or groups."""
    pairs: list[tuple[str, Any]] = []
    if isinstance(node, yaml.MappingNode):
        pairs = [(str(k.value), v) for k, v in node.value]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(str(getattr(_child(v, "id"), "value", i)), v) for i, v in enumerate(node.value)]
    for key, value in pairs:
        if key in (
            "id",
            "zh",
            "en",
            "article",
            "only_for",
            "reading",
            "of",
            "keys",
            "ties",
            "order",
            "note",
            *_GROUPS,
        ):
            continue
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, yaml.ScalarNode):
            if _NUMBER.search(value.value) and not re.search(r"\d{4}-\d\d-\d\d", value.value):
                yield path, value
        else:
            yield from _numbers(value, path)


def _near(text: str, path: str) -> list[str]:
    root = yaml.compose(text, Loader=_LOADER)
    found: list[Field] = []
    for section in SECTIONS:
        _fields(_child(root, section), section, found)
    paths = [f.path for f in found]
    return difflib.get_close_matches(path, paths, 4, 0.3) or paths[:6]

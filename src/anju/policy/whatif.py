"""What-if: change numbers of a policy file by path, in its own text, so that the change is also a readable diff.

Paths are those of ``paths``. The value ``off`` takes a line out. A bare number keeps the unit that stands in the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from anju.kernel import wording
from anju.kernel.refusal import Refusal
from anju.policy import paths
from anju.policy.loading import Loaded, build
from anju.policy.model import Programme

_ADDABLE = ("cap", "floor", "line", "places", "percent", "max_steps", "active_from", "beyond", "start")
_BARE = re.compile(r"-?\d+(?:\.\d+)?")


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
    root = paths.root(text)
    for fault in loaded.faults:
        name = dict(fault.facts).get("fact") or dict(fault.facts).get("id", "")
        if fault.code.endswith(".fact_not_used"):
            return _without_key(text, paths.child(root, "facts"), name)
        if (
            fault.code.endswith(".derived_not_used")
            and (line := paths.line(paths.child(root, "derived"), name)) is not None
        ):
            return _without(text, line)
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
    root = paths.root(text)
    parts = path.split(".")
    section = paths.child(root, parts[0]) if parts[0] in paths.SECTIONS else None
    line = paths.line(section, parts[1]) if section is not None and len(parts) > 1 else None
    if line is None:
        raise Refusal("policy.unknown_path", path=path, known=", ".join(paths.near(text, path)))
    if value.lower() == "off" and len(parts) == 2:
        return _without(text, line)
    node: yaml.Node | None = line
    for at, part in enumerate(parts[2:], 2):
        found = paths.step(node, part)
        if found is None and at == len(parts) - 1 and part in _ADDABLE and isinstance(node, yaml.MappingNode):
            return _with_key(text, node, part, value)
        if found is None:
            raise Refusal("policy.unknown_path", path=path, known=", ".join(paths.near(text, path)))
        node = found
    assert node is not None
    scalar = paths.single(node, parts[0])
    if scalar is None:
        raise Refusal("policy.not_settable", path=path, known=", ".join(paths.near(text, path)))
    return text[: scalar.start_mark.index] + _replaced(scalar, value) + text[scalar.end_mark.index :]


def _replaced(scalar: yaml.ScalarNode, value: str) -> str:
    """The scalar with its number changed; the unit, or the comparison around it, stays."""
    old = scalar.value
    if _BARE.fullmatch(value) and paths.NUMBER.search(old) and not re.fullmatch(r"\d{4}-\d\d-\d\d", old):
        compared = re.match(r"(.*?(?:>=|<=|>|<|\bis(?: not)?\b)\s*)(-?\d[\d,]*(?:\.\d+)?)(.*)", old)
        if compared:
            return _quoted(compared.group(1) + value + compared.group(3), scalar)
        return _quoted(paths.NUMBER.sub(value, old, count=1), scalar)
    compared = re.match(r"(.*?(?:>=|<=|>|<|\bis(?: not)?\b)\s*)(.+)", old)
    if compared and not re.search(r">=|<=|>|<|\bis\b|\bin\b", value):
        return _quoted(compared.group(1) + value, scalar)
    return _quoted(value, scalar)


def _quoted(value: str, scalar: yaml.ScalarNode) -> str:
    return f"{scalar.style}{value}{scalar.style}" if scalar.style in ("'", '"') else value


def _without_key(text: str, node: yaml.Node | None, key: str) -> str:
    """The text without one key of a block mapping."""
    for known, value in node.value if isinstance(node, yaml.MappingNode) and not node.flow_style else ():
        if known.value == key:
            start = text.rfind("\n", 0, known.start_mark.index) + 1
            stop = text.find("\n", max(value.end_mark.index - 1, known.end_mark.index))
            return text[:start] + (text[stop + 1 :] if stop >= 0 else "")
    return text


def _without(text: str, line: yaml.Node) -> str:
    """The text without one entry of a block sequence: from its dash to where the entry ends."""
    start = text.rfind("\n", 0, line.start_mark.index) + 1
    end = line.end_mark.index
    if text[start : line.start_mark.index].strip() != "-":
        raise Refusal("policy.not_settable", path="off", known="")
    last = text.rfind("\n", 0, end) + 1
    stop = text.find("\n", end)
    rest = text[end : stop if stop >= 0 else len(text)].strip()
    # The entry ends where the next line begins, or within its own last line.
    if (rest and not rest.startswith("#")) or not text[last:end].strip():
        return text[:start] + text[last:]
    return text[:start] + (text[stop + 1 :] if stop >= 0 else "")


def _with_key(text: str, node: yaml.MappingNode, key: str, value: str) -> str:
    """The text with one key added to a mapping."""
    if node.flow_style:
        close = node.end_mark.index - 1
        return f"{text[:close]}, {key}: {value}{text[close:]}"
    first = node.value[0][0].start_mark
    return f"{text[: first.index]}{key}: {value}\n{' ' * first.column}{text[first.index :]}"

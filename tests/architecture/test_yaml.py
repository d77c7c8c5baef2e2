"""Data files read by people: YAML that every reader takes alike, and no key stated twice (the second would silently win)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("packs/**/*.yaml"), *ROOT.glob("src/**/*.yaml")])


def twice(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        yield from (
            f"line {key.start_mark.line + 1}: {key.value}"
            for n, (key, _) in enumerate(node.value)
            if key.value in keys[:n]
        )
        for pair in node.value:
            for part in pair:
                yield from twice(part)
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from twice(part)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_key_is_stated_twice(path: Path) -> None:
    assert not list(twice(yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)))


def test_the_slower_reader_takes_what_is_quick_to_try() -> None:
    """The reader without the C library is stricter in small things; somebody will use it."""
    for path in FILES:
        if path.stat().st_size < 20_000:
            list(yaml.scan(path.read_text(encoding="utf-8")))

"""The security checklist names each requirement once, says where it stands, and the tests it names exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+)\.(\d+)\.(\d+) \| (met|n/a|not yet) \| (.+) \|$", re.M)
NAMED = re.compile(r"`(test_\w+\.py)(?:::(test_\w+))?`")
CHAPTERS = {
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 7,
}
"""Requirements of levels 1 and 2 in each chapter of version 5.0.0."""


def rows() -> list[tuple[tuple[int, int, int], str, str]]:
    text = (ROOT / "docs/reference/asvs.md").read_text(encoding="utf-8")
    return [((int(a), int(b), int(c)), state, told) for a, b, c, state, told in ROW.findall(text)]


def test_every_requirement_stands_there_once_in_order() -> None:
    numbers = [number for number, _, _ in rows()]
    assert numbers == sorted(set(numbers))
    counted = {chapter: sum(n[0] == chapter for n in numbers) for chapter in CHAPTERS}
    assert counted == CHAPTERS


def test_the_tests_it_names_exist() -> None:
    files = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py")}
    gone = [
        (number, name, test)
        for number, _, told in rows()
        for name, test in NAMED.findall(told)
        if name not in files or (test and f"def {test}(" not in files[name])
    ]
    assert not gone

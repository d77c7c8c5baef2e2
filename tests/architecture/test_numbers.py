"""A number somebody typed is read in one way: ``int`` of what ``isdigit`` calls a digit breaks for "²"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anju.kernel.numbers import whole

SOURCE = Path(__file__).parents[2] / "src" / "anju"
READ_BY_HAND = re.compile(r"\bint\(.*\.isdigit\(\)|\.isdigit\(\).*\bint\(", re.DOTALL)
OWN = {"web/shell/whole.py"}
"""A header that the server checked."""


@pytest.mark.parametrize(
    "stated", ["", None, "²", "٣", "１２", "-1", "1.0", " 1", "1\n", "9" * 19, "0x1", "1_0"]
)
def test_what_is_no_number_is_none(stated: str | None) -> None:
    assert whole(stated) is None


def test_numbers_are_read() -> None:
    assert [whole("0"), whole("007"), whole("9" * 18)] == [0, 7, 10**18 - 1]


def test_pages_and_stores_read_numbers_in_one_way() -> None:
    files = [*SOURCE.glob("web/**/*.py"), *SOURCE.glob("*/store/**/*.py")]
    told = {path.relative_to(SOURCE).as_posix() for path in files if "migrations" not in path.parts and any(
        READ_BY_HAND.search(line) for line in path.read_text().splitlines())}  # fmt: skip
    assert told <= OWN

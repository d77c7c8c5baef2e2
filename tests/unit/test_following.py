"""A file of changes that is gone on with: whatever a kill leaves, no line is missing or there twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anju.jobs.pipeline import following
from anju.kernel.refusal import Refusal

ABOUT = {"purpose": "residence_registration", "region": "9901"}
PAGES = [[{"id": 1}, {"id": 2}], [{"id": 3}], [], [{"id": 4}]]


def follow(out: Path, *, dies_in: int | None = None, torn: bytes = b"") -> None:
    """Write the pages the file does not hold yet; die after page ``dies_in`` is written and before its place moves."""
    with following.opened(out, ABOUT) as kept:
        for number in range(int(kept.cursor or 0), len(PAGES)):
            if number == dies_in:
                with out.open("ab") as stream:
                    stream.write(torn)
                return
            kept.add(PAGES[number], str(number + 1))


def told(out: Path) -> list[int]:
    return [json.loads(line)["id"] for line in out.read_text().splitlines()]


@pytest.mark.parametrize("torn", [b"", b'{"id": 3}\n', b'{"id": 3}\n{"id"'])
@pytest.mark.parametrize("dies_in", range(4))
def test_a_kill_anywhere_leaves_no_line_out_and_none_twice(tmp_path: Path, dies_in: int, torn: bytes) -> None:
    out = tmp_path / "changes.ndjson"
    follow(out, dies_in=dies_in, torn=torn)
    follow(out)
    follow(out)
    assert told(out) == [1, 2, 3, 4]


def test_a_file_that_was_carried_away_is_begun_anew_after_its_last_line(tmp_path: Path) -> None:
    out = tmp_path / "changes.ndjson"
    follow(out, dies_in=1)
    out.rename(tmp_path / "carried.ndjson")
    follow(out)
    assert (told(tmp_path / "carried.ndjson"), told(out)) == ([1, 2], [3, 4])


def test_a_file_goes_on_with_its_own_purpose_alone(tmp_path: Path) -> None:
    out = tmp_path / "changes.ndjson"
    follow(out)
    with pytest.raises(Refusal, match="file_of_another"), following.opened(out, ABOUT | {"region": "99"}):
        pass
    with following.opened(out, ABOUT, since="2") as kept:
        assert kept.cursor == "2"

"""What tells a file from itself rewritten is the same in a copied home, which is then published as fast as the first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anju.exchange.library.kept import prints


def test_a_copied_home_is_known_again_and_a_rewritten_file_is_not(tmp_path: Path) -> None:
    home, table = tmp_path / "home", pa.table({"record_id": [1, 2], "person_code": ["A", "B"]})
    home.mkdir()
    pq.write_table(table, home / "assignment.parquet")
    shutil.copytree(home, tmp_path / "copy")
    seen = prints(home / "assignment.parquet")
    assert prints(tmp_path / "copy" / "assignment.parquet") == seen
    pq.write_table(table, home / "assignment.new")
    (home / "assignment.new").replace(home / "assignment.parquet")
    assert prints(home / "assignment.parquet") != seen, "of the same length, yet written anew"

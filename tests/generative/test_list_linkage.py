"""Any list: several duplicates of each original with up to ten slips, from a seed nobody has tuned to."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from anju.jobs.pipeline import lists

sys.path.insert(0, str(Path(__file__).parent))
from febrl_people import COLUMNS, rows


def f1(out: Path) -> float:
    """F1 over pairs of rows of ``clusters.csv``, which carries the truth beside the cluster."""

    def pairs(*columns: str) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(tuple(r[c] for c in columns) for r in told).values())

    with (out / "clusters.csv").open(encoding="utf-8") as stream:
        told = list(csv.DictReader(stream))
    return 2 * pairs("cluster", "truth") / (pairs("cluster") + pairs("truth"))


@pytest.mark.parametrize(("seed", "most", "slips"), [(3027, 5, 10), (4081, 1, 8)])
def test_lists_in_the_way_of_febrl(tmp_path: Path, seed: int, most: int, slips: int) -> None:
    made = rows(800, seed, most, slips)
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(made[0]))
        writer.writeheader()
        writer.writerows(made)
    (tmp_path / "list.yaml").write_text(json.dumps({"columns": COLUMNS}), encoding="utf-8")
    summary = lists.run([tmp_path / "list.csv"], tmp_path / "list.yaml", tmp_path / "out")
    assert summary["rows"] == len(made)
    assert f1(tmp_path / "out") >= 0.97

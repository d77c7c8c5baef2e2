"""The same linkage on Spark and on DuckDB: the same records are the same people."""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anju.exchange.linkage import parameters
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.link import link
from anju.jobs.engine import DuckEngine

sys.path.insert(0, str(Path(__file__).parents[1] / "generative"))
from linkage_people import mentions, people

pytestmark = pytest.mark.spark


def people_of(out: Path) -> dict[int, str]:
    table = pq.read_table(out / "assignment.parquet").to_pydict()
    return {int(r): c for r, c in zip(table["record_id"], table["person_code"], strict=True)}


@pytest.mark.skipif(shutil.which("java") is None, reason="NO JAVA HERE: LINKAGE ON SPARK IS NOT TESTED")
@pytest.mark.filterwarnings("ignore")
def test_both_engines_find_the_same_people(tmp_path: Path) -> None:
    from anju.jobs.spark import SparkEngine

    rows, _ = mentions(people(80, 4), 4)
    weights = parameters.read("han", HAN_COMPARISONS)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for engine in (
            DuckEngine(tmp_path / "duck"),
            SparkEngine(tmp_path / "spark", memory="1g", partitions=1),
        ):
            out = tmp_path / f"out-{engine.dialect}"
            out.mkdir()
            engine.load("mentions", rows)
            link(engine, "mentions", None, [], weights, out)
            found.append(people_of(out))
            engine.close()
    duck, spark = found
    assert duck.keys() == spark.keys()
    pairs = {(duck[r], spark[r]) for r in duck}
    assert len(pairs) == len(set(duck.values())) == len(set(spark.values()))

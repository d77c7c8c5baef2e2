"""The compiled policies give the same answers on real Spark as the interpreter does, unknowns included."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from anju.policy import loading
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.interpret import Interpreter
from anju.policy.model import Programme
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import arrow_table
from anju.policy.values import Type

PROGRAMMES = ["guangzhou/settlement@2025", "beijing/settlement@2020", "foshan/points@2016"]


def value(kind: Type, random_: random.Random) -> Any:
    if random_.random() < 0.1:
        return None
    if kind.kind == "boolean":
        return random_.random() < 0.6
    if kind.kind == "code":
        return random_.choice(kind.options)
    if kind.kind == "date":
        return date(1960, 1, 1) + timedelta(days=random_.randrange(23_000))
    if kind.kind == "list":
        return [{n: value(t, random_) for n, t in kind.fields} for _ in range(random_.randrange(4))]
    return random_.randrange({"money": 40_000_000, "months": 240, "percent": 10_000}.get(kind.kind, 9))


def people(programme: Programme, count: int) -> list[dict[str, Any]]:
    random_ = random.Random(7)
    return [{u.key: value(u.fact.type, random_) for u in programme.uses} for _ in range(count)]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pyspark = pytest.importorskip("pyspark.sql")
    try:
        session = (
            pyspark.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
            .config("spark.driver.memory", "1g").config("spark.log.level", "ERROR").getOrCreate()
        )  # fmt: skip
    except Exception as error:  # Spark without Java cannot start
        pytest.skip(f"Spark does not start here: {type(error).__name__}")
    yield session
    session.stop()


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMMES)
def test_spark_agrees_with_the_interpreter(spark: Any, name: str, tmp_path: Any) -> None:
    import pyarrow.parquet as pq

    programme = loading.get(name)
    rules = bind(programme, default_day(programme, date(2026, 1, 1)))
    crowd = people(programme, 60)
    table = arrow_table(programme, crowd).append_column("n", [list(range(len(crowd)))])
    pq.write_table(table, tmp_path / "facts.parquet")
    spark.read.parquet(str(tmp_path / "facts.parquet")).createOrReplaceTempView("facts")
    query = compile_sql(rules, want=("scores", "outcome"), keep=["n"], dialect="spark")
    found = sorted(spark.sql(query.sql).collect(), key=lambda row: row["n"])
    engine = Interpreter(rules)
    for row, person in zip(found, crowd, strict=True):
        for service in query.outcome:
            verdict = engine.verdict(person, service)
            assert row[query.outcome[service]] is verdict.outcome
            for score, column in query.scores[service].items():
                assert Fraction(row[column], query.scale) == verdict.scores[score]

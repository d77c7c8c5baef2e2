"""Spark behind the same ``Engine``: SQL in DuckDB's dialect, rendered by sqlglot, on a session of its own.

Point it at a cluster with ``ANJU_SPARK_MASTER``; without it Spark runs in this process on every core.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from anju.jobs import scratch
from anju.jobs.spark_dialect import render
from anju.kernel import packs
from anju.kernel.home import home

QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
"""A session for small data ends before its code would be worth compiling well."""


class SparkEngine:
    """Spark as an ``Engine``. Tables are temporary views of checkpointed results; nothing outlives the session.

    With one partition it is set up for small data: compiling Spark's steps would take longer than running them.
    """

    dialect = "spark"

    def __init__(self, spill: Path, memory: str = "2g", partitions: int = 4) -> None:
        from pyspark.sql import SparkSession

        spill.mkdir(parents=True, exist_ok=True)
        self.spill = spill
        # The Java machine keeps to the folders it began with, and outlives a session as long as this process.
        machines = scratch.of_this_process()
        # An executor's Python is this one unless the operator names another.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        self.session = (
            SparkSession.builder.master(os.environ.get("ANJU_SPARK_MASTER", "local[*]"))
            .appName("anju")
            .config("spark.driver.memory", memory)
            .config("spark.local.dir", str(machines))
            .config(
                "spark.driver.extraJavaOptions",
                f'"-Djava.io.tmpdir={machines}" {"" if partitions > 1 else QUICK_START}',
            )
            .config("spark.sql.shuffle.partitions", str(partitions))
            .config("spark.sql.ansi.enabled", "false")
            .config("spark.sql.adaptive.enabled", "true" if partitions > 1 else "false")
            .config("spark.sql.codegen.wholeStage", "true" if partitions > 1 else "false")
            .config("spark.sql.codegen.factoryMode", "FALLBACK" if partitions > 1 else "NO_CODEGEN")
            .config("spark.sql.constraintPropagation.enabled", "false")
            .config("spark.sql.autoBroadcastJoinThreshold", str(64 * 2**20))
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.warehouse.dir", str(machines / "warehouse"))
            .config("spark.log.level", "ERROR")
            .config("spark.executorEnv.ANJU_HOME", str(home()))
            .config("spark.executorEnv.ANJU_PACKS", str(packs.root()))
            .config("spark.executorEnv.ANJU_PLACE", packs.place())
            .getOrCreate()
        )

    def render(self, sql: str) -> str:
        """A statement or condition in this engine's dialect."""
        return render(sql)

    def run(self, sql: str) -> None:
        """Run one statement for its effect; a table or view it creates is a temporary view of this session."""
        tree = sqlglot.parse_one(sql, read="duckdb")
        if isinstance(tree, exp.Create):
            found = self.session.sql(render(tree.expression.sql(dialect="duckdb")))
            if tree.kind == "TABLE":
                found = self._kept(found)
            found.createOrReplaceTempView(tree.this.name)
        elif isinstance(tree, exp.Drop):
            for table in tree.find_all(exp.Table):
                self.session.catalog.dropTempView(table.name)
        else:
            self.session.sql(render(sql))

    def _kept(self, found: Any) -> Any:
        """A result computed now, that forgets how: Spark multiplies the sizes it estimates for joins from step to step,
        into numbers of millions of digits, until planning takes longer than running."""
        from pyspark.sql import DataFrame

        held = found.localCheckpoint()._jdf
        java = self.session._jsparkSession
        fresh = java.internalCreateDataFrame(held.queryExecution().toRdd(), held.schema(), False)
        return DataFrame(fresh, self.session)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one query and fetch its rows. For small answers only."""
        return [tuple(row) for row in self.session.sql(render(sql)).collect()]

    def scan(self, name: str, paths: list[Path]) -> None:
        """Make Parquet files readable as the view ``name`` (columns joined by name)."""
        reader = self.session.read.option("mergeSchema", "true")
        reader.parquet(*(str(p) for p in paths)).createOrReplaceTempView(name)

    def stream(self, query: str, rows: int) -> Any:
        """A query's rows as a stream of Arrow record batches of at most so many rows."""
        return self.session.sql(render(query)).toArrow().to_reader(max_chunksize=rows)

    def load(self, name: str, table: Any) -> None:
        """Keep an Arrow table as the table ``name``."""
        import pyarrow.parquet as pq

        path = self.spill / f"{name}.parquet"
        pq.write_table(table, path)
        self._kept(self.session.read.parquet(str(path))).createOrReplaceTempView(name)

    def save(self, query: str, path: Path, sort: str = "", group_rows: int = 0, plain: bool = False) -> int:
        """Write a query's rows as one Parquet file, moved into place whole; return the row count. Spark sizes row groups
        by bytes and presses every file: ``group_rows`` and ``plain`` are DuckDB's."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".parts")
        order = f" ORDER BY {sort}" if sort else ""
        found = self.session.sql(render(query + order))
        found.coalesce(1).write.mode("overwrite").parquet(str(part))
        next(part.glob("part-*.parquet")).rename(path)
        shutil.rmtree(part)
        return int(self.session.read.parquet(str(path)).count())

    def rename(self, made: str, name: str) -> None:
        """Give a table another name."""
        self.session.table(made).createOrReplaceTempView(name)
        self.session.catalog.dropTempView(made)

    def lanes(self, most: int | None) -> None:
        """Spark divides its work itself."""

    @property
    def width(self) -> int:
        """How many tasks run at once."""
        return int(self.session.sparkContext.defaultParallelism)

    def spread(self, call: Callable[[Any], Any], given: Sequence[Any]) -> list[Any]:
        """What ``call`` says to each value, in their order, each said by a Python process of an executor. From any thread."""
        context = self.session.sparkContext
        return context.parallelize(given, max(1, len(given))).map(call).collect()

    def splink(self) -> Any:
        """Splink's database API on this session."""
        from splink import SparkAPI

        return SparkAPI(  # type: ignore[no-untyped-call]
            spark_session=self.session, break_lineage_method="persist", register_udfs_automatically=False
        )

    def close(self) -> None:
        """Stop the session."""
        self.session.stop()

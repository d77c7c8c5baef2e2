"""Which columnar engine a run uses: DuckDB on this machine, or Spark here or on a cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from anju.jobs.engine import DuckEngine
from anju.kernel.refusal import Refusal

if TYPE_CHECKING:
    from anju.jobs.spark import SparkEngine

ENGINES = ("duckdb", "spark")


def wanted(name: str = "") -> str:
    """The engine asked for, else that of ``ANJU_ENGINE``, else DuckDB. Refuses an unknown one."""
    found = name or os.environ.get("ANJU_ENGINE", "") or ENGINES[0]
    if found not in ENGINES:
        raise Refusal("engines.unknown", engine=found[:20], known=", ".join(ENGINES))
    return found


def opened_spark(spill: Path, partitions: int | None = None) -> SparkEngine:
    """A Spark session. Refuses where Spark or Java is missing. ``ANJU_SPARK_PARTITIONS``: 1 for small data."""
    try:
        from anju.jobs.spark import SparkEngine

        told = int(os.environ.get("ANJU_SPARK_PARTITIONS", "0")) or partitions or (os.cpu_count() or 2) * 2
        return SparkEngine(spill, os.environ.get("ANJU_SPARK_MEMORY", "4g"), told)
    except ImportError as missing:
        raise Refusal("engines.no_spark", reason="PySpark") from missing
    except Exception as broken:
        if type(broken).__name__ in ("PySparkRuntimeError", "Py4JJavaError", "JavaPackageError"):
            raise Refusal("engines.no_spark", reason=type(broken).__name__) from broken
        raise


def opened(name: str, spill: Path, memory: str = "4GB") -> DuckEngine | SparkEngine:
    """The engine ``name`` with its passing files in ``spill``, a folder of its own (``scratch``); the caller closes it."""
    return opened_spark(spill / "spark") if wanted(name) == "spark" else DuckEngine(spill, memory=memory)

"""Linkage against the truth of an invented city, with the rates the library measured and the seconds spent."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from anju.exchange.library.accuracy import accuracy
from anju.exchange.linkage import state
from anju.exchange.linkage.evaluate import compare
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import linkage


def run(truth: Path) -> dict[str, Any]:
    """Precision, recall and F1 (all pairs; pairs with a record without a number), rates, seconds."""
    begun = time.perf_counter()
    done = linkage.get_current()
    with linkage.opened() as engine:
        quality = compare(engine, done, truth)
        library = accuracies(engine, state.parts(done, "assignment"), truth)
    summary = json.loads((done / "summary.json").read_text(encoding="utf-8"))
    return {
        **{name: q.told() for name, q in quality.items()},
        "rates": rates(),
        "accuracy": library,
        "seconds": {"link": summary["seconds"], "evaluate": round(time.perf_counter() - begun, 3)},
        "records": summary["records"],
        "people": summary["people"],
        "to_review": summary["to_review"],
    }


def rates() -> dict[str, Any]:
    """What the library's newest run measured: duplicate rate, contradiction rate and the like; empty before it."""
    from anju.register.store import queries

    board = getattr(queries, "quality_board", None)
    if board is None or queries.latest_run() is None:
        return {}
    return {measure.key: measure.value for measure in board().measures}


def accuracies(engine: DuckEngine, assignment: list[Path], truth: Path) -> dict[str, float | None]:
    """Shares of the library's shown values that are true; empty before the first publication."""
    from anju.register.store import queries

    if queries.latest_run() is None or not (truth / "people.parquet").is_file():
        return {}
    return accuracy(engine, queries.library_files()["person"][0].parent, assignment, truth)

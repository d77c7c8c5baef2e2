"""Rules tried from a page: everyone's facts opened in an engine that ends with the request."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline.population import open_population
from anju.policy.library import People
from anju.policy.model import Programme


@contextmanager
def everyone(programmes: Sequence[Programme], on: date) -> Iterator[People]:
    """The library's people, with the facts of ``programmes``, in an engine with a spill folder of its own."""
    with tempfile.TemporaryDirectory(prefix="anju-trial-") as folder:
        engine = DuckEngine(Path(folder))
        try:
            found = open_population(engine, "library", programmes, on)
            yield People(engine, found.source, found.columns, found.absent, found.people)
        finally:
            engine.close()

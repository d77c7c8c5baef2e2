"""Named steps: every intermediate result of a run is a table of the engine with one purpose, timed as it is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from anju.kernel.engine import Engine


class LinkEngine(Engine, Protocol):
    """An engine that can also run Splink."""

    def save(
        self, query: str, path: Path, sort: str = "", group_rows: int = 122_880, plain: bool = False
    ) -> int:
        """Write a query's rows as one Parquet file, ``plain`` when it would hardly shrink; return the row count."""
        ...

    def stream(self, query: str, rows: int) -> Any:
        """A query's rows as a stream of Arrow record batches of about so many rows."""
        ...

    def load(self, name: str, table: Any) -> None:
        """Keep an Arrow table as the table ``name``."""
        ...

    def rename(self, made: str, name: str) -> None:
        """Give a table another name."""
        ...

    def lanes(self, most: int | None) -> None:
        """Work in at most so many threads from now on; None: in as many as there are."""
        ...

    def splink(self) -> Any:
        """Splink's database API on this engine's own connection."""
        ...


@contextmanager
def one_lane(engine: LinkEngine) -> Iterator[None]:
    """Small steps, each in one thread: dividing them costs more than it gains."""
    engine.lanes(1)
    try:
        yield
    finally:
        engine.lanes(None)


class Steps:
    """Makes tables in order and remembers how long each took. ``told`` hears the name of each step."""

    def __init__(self, engine: LinkEngine, told: Callable[[str], None] | None = None) -> None:
        self.engine = engine
        self.seconds: dict[str, float] = {}
        self._told = told
        self._made: list[str] = []
        self._views: list[str] = []

    def table(self, name: str, query: str) -> None:
        """Make the table ``name`` from a query, replacing an older one."""
        begun = time.perf_counter()
        if self._told is not None:
            self._told(name)
        self.engine.run(f"CREATE OR REPLACE TABLE {name} AS {query}")
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
        self.own(name)

    def own(self, name: str) -> None:
        """Count a table among those made here."""
        if name not in self._made:
            self._made.append(name)

    def keep(self, name: str, rows: Any) -> None:
        """Keep an Arrow table as the table ``name``."""
        self.engine.load(name, rows)
        self.own(name)

    def rename(self, made: str, name: str) -> None:
        """Let the table ``made`` take the place of ``name``."""
        self.drop(name)
        self.engine.rename(made, name)
        self._made.remove(made)
        self._made.append(name)

    def view(self, name: str, query: str) -> None:
        """Make the view ``name``, computed whenever it is read."""
        self.engine.run(f"CREATE OR REPLACE VIEW {name} AS {query}")
        self._views.append(name)

    def timed(self, name: str, done: Callable[[], Any]) -> Any:
        """Do something that is not one table, and note its time under ``name``."""
        begun = time.perf_counter()
        if self._told is not None:
            self._told(name)
        answer = done()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
        return answer

    def count(self, name: str) -> int:
        """Rows of a table."""
        return int(self.engine.rows(f"SELECT count(*) FROM {name}")[0][0])

    def drop(self, *names: str) -> None:
        """Give tables' memory back."""
        for name in names:
            self.engine.run(f"DROP TABLE IF EXISTS {name}")
            if name in self._made:
                self._made.remove(name)

    def clear(self) -> None:
        """Drop every table and view made."""
        for name in self._views:
            self.engine.run(f"DROP VIEW IF EXISTS {name}")
        self._views.clear()
        self.drop(*tuple(self._made))

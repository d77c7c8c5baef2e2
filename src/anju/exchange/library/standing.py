"""A library as its readers see it: the files of a whole run, and beside them what later runs wrote about some people.

A run that resolves only some people puts hard links to the files it builds on into its folder and adds for every table a
part, ``stay-000007.parquet``, with all rows of those people (column ``part``: the run's number), and under ``gone`` the
list of them. Of a key that stands on a list only the rows of the newest such part count.

Grain: as in ``catalogue``; tables that are short are written whole each time.
Raises: nothing. Source: the folder of a run. Must stay renderable for Spark.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from anju.exchange.library.catalogue import TABLES
from anju.kernel.engine import Engine

GONE = "gone"
"""Folder of the lists of keys whose former rows no longer count."""
KEYS: dict[str, str] = {
    **{t.name: "person_code" for t in TABLES.values() if t.of_person},
    "dwelling": "dwelling_code",
    "employer": "employer_code",
}
"""Tables that grow by parts, each with the column by which rows are superseded."""


def table_of(path: Path) -> str:
    """The table a file belongs to."""
    return path.stem.partition("-")[0]


def parts(folder: Path, table: str) -> list[Path]:
    """The later parts of one table, oldest first."""
    return sorted(folder.glob(f"{table}-*.parquet"))


def inherit(former: Path, out: Path, kinds: Sequence[str] = ("",)) -> None:
    """Put the files of a former run into ``out`` without copying them."""
    for kind in kinds:
        (out / kind).mkdir(parents=True, exist_ok=True)
        for path in (former / kind).glob("*.parquet"):
            os.link(path, out / kind / path.name)


class Standing:
    """The tables of one run as views of an engine. ``prefix`` tells several runs apart."""

    def __init__(self, engine: Engine, folder: Path, prefix: str = "") -> None:
        self.engine, self.folder, self.prefix = engine, folder, prefix
        self._known: set[str] = set()

    def scan(self, table: str, key: str = "", columns: Sequence[str] = (), within: str = "") -> str:
        """Make the view ``<prefix><table>``; return its name.

        ``key`` and ``columns``: of a table the catalogue does not know; ``within``: the folder under the run's.
        """
        name, folder = f"{self.prefix}{table}", self.folder / within
        key, columns = key or KEYS.get(table, ""), columns or TABLES[table].columns
        later = parts(folder, table) if key else []
        if not later:
            self.engine.scan(name, [folder / f"{table}.parquet"])
            return name
        last = self._last(key)
        told = ", ".join(columns)
        self.engine.scan(f"{name}_base", [folder / f"{table}.parquet"])
        self.engine.scan(f"{name}_later", later)
        self.engine.run(
            f"CREATE OR REPLACE VIEW {name} AS SELECT {told} FROM {name}_base AS b ANTI JOIN {last} AS g ON g.{key} = b.{key} "
            f"UNION ALL SELECT {told} FROM (SELECT l.* FROM {name}_later AS l SEMI JOIN {last} AS g "
            f"ON g.{key} = l.{key} AND g.part = l.part) AS s"
        )
        return name

    def _last(self, key: str) -> str:
        """Table (key, part): the newest part that speaks of each key on a list."""
        name = f"{self.prefix}last_{key}"
        if key not in self._known:
            self.engine.scan(f"{name}_listed", sorted((self.folder / GONE).glob(f"{key}-*.parquet")))
            self.engine.run(
                f"CREATE OR REPLACE TABLE {name} AS SELECT {key}, max(part) AS part FROM {name}_listed GROUP BY {key}"
            )
            self._known.add(key)
        return name

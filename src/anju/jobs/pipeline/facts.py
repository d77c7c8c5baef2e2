"""Facts for policies: from a JSON file, and from the library.

The table a programme reads has one row per person: ``person_code``, then one column per fact it uses, named as
``anju policy facts PROGRAMME --json`` lists them under ``column`` (a dot becomes two underscores). Types: BIGINT for
months, days, counts and fen; DECIMAL for areas, percents and decimals; BOOLEAN; VARCHAR for codes; DATE; lists as
``STRUCT(...)[]`` with the fields listed under ``entry``. Unknown is NULL, never 0. Months and counts are as of the
programme's cut-off day. Groups for audits and quotas may stand beside them (sex, age_band, education, origin …).
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from anju.exchange.library.standing import Standing
from anju.jobs import engines, scratch
from anju.jobs.engine import DuckEngine
from anju.kernel import packs
from anju.kernel.home import home
from anju.kernel.identifiers import is_person_code
from anju.kernel.refusal import Refusal
from anju.policy.days import calendar
from anju.policy.facts_file import PersonFacts
from anju.policy.model import Programme
from anju.register.facts import Question, facts_sql
from anju.trust import places


def read_json(path: Path | None) -> dict[str, Any]:
    """One JSON object from a file. Refuses anything else, naming the line."""
    if path is None:
        raise Refusal("policy.facts_or_person")
    if not path.exists() or path.is_dir():
        raise Refusal("policy.no_such_file", file=path.name)
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str)
    except json.JSONDecodeError as error:
        raise Refusal(
            "policy.facts_file_broken", file=path.name, line=error.lineno, problem=error.msg
        ) from None
    except UnicodeDecodeError:
        raise Refusal("policy.facts_file_broken", file=path.name, line=1, problem="not UTF-8") from None
    if not isinstance(found, dict):
        raise Refusal("policy.facts_file_broken", file=path.name, line=1, problem=type(found).__name__)
    return found


def of_person(code: str, programme: Programme, on: date) -> PersonFacts:
    """Facts of one person from the library, as of the programme's cut-off day; each with the dataset it rests on."""
    question = _question(programme, on, code)
    with _library() as engine:
        names = [f.column for f in question.facts]
        rows = engine.rows(f"SELECT {', '.join(names)} FROM ({facts_sql(question)})")
    if not rows:
        raise Refusal("register.unknown_code")
    found = {f.key: (f, value) for f, value in zip(question.facts, rows[0], strict=True) if value is not None}
    return PersonFacts(
        {key: value for key, (_, value) in found.items()},
        {key: fact.dataset for key, (fact, _) in found.items() if fact.dataset},
    )


def of_everyone(
    programme: Programme, on: date, watch: Callable[[DuckEngine], None] | None = None
) -> list[Path]:
    """Parquet files of the facts table of everyone who lives here, made once per library, programme and cut-off day.

    Sorted by person code in small row groups, so that one person's row is found without reading the rest. ``watch`` gets
    the engine that makes it, where it can be asked how far it is.
    """
    path, sql = table_of_everyone(programme, on)
    if not path.is_file():
        _forget_former(path.parent)
        with _library(engines.wanted()) as engine:
            if watch and isinstance(engine, DuckEngine):
                watch(engine.watched())
            engine.save(sql, path, sort="person_code", group_rows=GROUP_ROWS)
    return [path]


GROUP_ROWS = 4096


def people_known() -> int:
    """People in the newest library; 0 before the first one."""
    return sum(pq.read_metadata(p).num_rows for p in _files().get("person", ()))


def table_of_everyone(programme: Programme, on: date) -> tuple[Path, str]:
    """Where the facts table of everyone stands once it is made, and the SQL that makes it."""
    question = _question(programme, on)
    sql = f"SELECT * EXCLUDE (is_resident) FROM ({facts_sql(question, ('is_resident', 'region'))}) WHERE is_resident"
    files = _files()
    made_of = hashlib.sha256(f"{files}\n{sql}".encode()).hexdigest()[:24]
    run = next((paths[0].parent.name for paths in files.values()), "none")
    return _tables() / run / f"{made_of}.parquet", sql


def _tables() -> Path:
    """Where facts tables of everyone stand, in a folder for each library."""
    return home() / "cache" / "facts"


def forget() -> None:
    """Take away every facts table of everyone: it is made again when it is asked for. For erasure."""
    shutil.rmtree(_tables(), ignore_errors=True)


def _forget_former(newest: Path) -> None:
    """Tables of libraries before ``newest`` go; of the one just before only when the next comes: a page may be reading it."""
    kept = sorted({newest, *_tables().glob("run-*")})[-2:]
    for path in _tables().iterdir() if _tables().is_dir() else ():
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _question(programme: Programme, on: date, code: str = "") -> Question:
    if code and not is_person_code(code):
        raise Refusal("register.unknown_code")
    facts = tuple(use.fact for use in programme.uses)
    return Question(facts, calendar(programme.cutoff, on).cutoff, places.prefix(_city()), code)


def _city() -> str:
    """The division code of the place that the register serves: the topmost row of its pack's regions."""
    path = packs.find_file("regions.csv")
    if path is None:
        raise Refusal("policy.library_not_ready", reason="regions.csv")
    return _topmost(path)


@lru_cache(maxsize=8)
def _topmost(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as stream:
        return min((row for row in csv.DictReader(stream)), key=lambda row: int(row["level"]))["code"]


def _files() -> dict[str, list[Path]]:
    from anju.register.store import queries

    return queries.library_files()


@contextmanager
def _library(name: str = "duckdb") -> Iterator[Any]:
    """An engine with every table of the newest library as a view. Refuses before the first one is published."""
    files = _files()
    if "person" not in files:
        raise Refusal("policy.library_not_ready", reason="person")
    with scratch.place("facts") as spill:
        engine: Any = engines.opened(name, spill)
        try:
            standing = Standing(engine, files["person"][0].parent)
            for name in files:
                standing.scan(name)
            yield engine
        finally:
            engine.close()

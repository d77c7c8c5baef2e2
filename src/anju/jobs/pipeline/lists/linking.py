"""``anju link``: files of people in, clusters with score and reasons, questions, a summary and a picture out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from anju.exchange.linkage import chinese_list, decisions, list_model, list_values, lists, parameters
from anju.exchange.linkage.comparisons import HAN_COMPARISONS, Comparison
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.guess import Guess, guess, is_chinese, settled
from anju.exchange.linkage.list_contract import CHINESE, ListContract, read_contract, with_columns
from anju.exchange.linkage.steps import Steps
from anju.jobs import engines, scratch
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline.lists import aligning, answering, reading, results, telling
from anju.jobs.pipeline.lists.reading import ListFile
from anju.kernel.refusal import Refusal

TELLING = frozenset(
    [
        "name",
        "given_name",
        "surname",
        "citizen_no",
        "number",
        "phone",
        "email",
        "birthday",
        "address",
        "relative_no",
        "relative_phone",
        "text",
    ]
)
"""Kinds of which a file must have one to be linked."""


def run(
    files: Sequence[Path],
    contract: Path | None,
    out: Path,
    told: Callable[[str], None] | None = None,
    said: Sequence[str] = (),
    answers: Path | None = None,
    engine_name: str = "",
) -> dict[str, Any]:
    """Link the rows of one or two files; returns the summary that is also written.

    ``contract`` says what the columns are, ``said`` (``heading=kind``) goes before it; what neither says is guessed. Into
    ``out`` go ``clusters.csv``, ``pairs.csv``, ``review.csv``, ``summary.json``, ``summary.md``, ``contract.yaml`` and
    ``picture.svg`` (``results``, ``telling``). ``answers``: a ``review.csv`` that people have filled in. Files are
    read and written on this machine; ``engine_name`` (duckdb, spark; empty: as the installation says) blocks, weighs and joins.
    Raises the refusals ``linkage.list_*``, ``linkage.map_*``, ``linkage.answers_*`` and those of the intake.
    """
    begun = time.perf_counter()
    stated = with_columns(_contract(contract), said)
    out.mkdir(parents=True, exist_ok=True)
    with scratch.place("list") as spill:
        summary = _linked(files, out, stated, answers, engine_name, spill, told)
    summary["seconds"] = round(time.perf_counter() - begun, 2)
    telling.write_summary(summary, out)
    return summary


def _linked(
    files: Sequence[Path],
    out: Path,
    stated: ListContract,
    answers: Path | None,
    engine_name: str,
    spill: Path,
    told: Callable[[str], None] | None,
) -> dict[str, Any]:
    engine = DuckEngine(spill, memory="3GB")
    try:
        steps = Steps(engine, told)
        taken = _take(engine, steps, files, stated, spill)
        found, chinese = _understand(engine, taken, stated)
        words = answering.read(engine, answers, taken, spill) if answers else []
        with _linker(engine, engine_name, spill) as linker:
            if chinese:
                compared = _chinese(steps, linker, taken, found, stated, words, spill, told)
                keys = results.CHINESE_TOLD
            else:
                compared, keys = _other(steps, Steps(linker, told), taken, found, stated, words, spill)
        decisions.load(steps, words)
        results.cluster_reasons(steps, keys)
        return results.write(steps, taken, found, compared, stated, chinese, out)
    finally:
        engine.close()


@contextmanager
def _linker(desk: DuckEngine, name: str, spill: Path) -> Iterator[Any]:
    """The engine that blocks, weighs and joins: the one that read the files, or Spark for a while."""
    if engines.wanted(name) == desk.dialect:
        yield desk
        return
    engine = engines.opened(name, spill)
    try:
        yield engine
    finally:
        engine.close()


def _carry(tables: Sequence[str], here: Any, there: Any, spill: Path) -> None:
    """Tables of one engine in another, by way of Parquet."""
    if here is there:
        return
    for name in tables:
        path = spill / f"{name}-{here.dialect}.parquet"
        here.save(f"SELECT * FROM {name}", path)
        there.scan(f"{name}_carried", [path])
        there.run(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name}_carried")


def _contract(path: Path | None) -> ListContract:
    if path is None:
        return ListContract()
    try:
        with path.open(encoding="utf-8") as stream:
            said = yaml.safe_load(stream) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        raise Refusal("linkage.list_contract_unreadable", file=path.name) from broken
    if not isinstance(said, dict):
        raise Refusal("linkage.list_contract_unreadable", file=path.name)
    return read_contract(said)


def _take(
    engine: DuckEngine, steps: Steps, files: Sequence[Path], stated: ListContract, spill: Path
) -> list[ListFile]:
    """Every file in the engine; a heading that was stated stands in one of them at least."""
    taken: list[ListFile] = []
    for no, path in enumerate(files):
        after = sum(f.rows for f in taken)
        taken.append(
            steps.timed(
                f"read {path.name}",
                lambda p=path, n=no, a=after: reading.take(engine, p, n, spill, tuple(stated.stated), a),  # type: ignore[misc]
            )
        )
    every = {h for f in taken for h in f.headings}
    missing = [h for h in stated.stated if h not in every]
    if missing and not (stated.language == "zh" and len(missing) < len(stated.stated)):
        raise Refusal(
            "linkage.list_column_missing",
            file="、".join(f.name for f in taken),
            columns="、".join(missing),
            headings="、".join(dict.fromkeys(h for f in taken for h in f.headings)),
        )
    return taken


def _understand(
    engine: DuckEngine, taken: Sequence[ListFile], stated: ListContract
) -> tuple[list[list[Guess]], bool]:
    """What every column of every file is, and whether the list is Chinese."""
    seen = [reading.samples(engine, f) for f in taken]
    found = [guess(s, stated.stated, stated.complete) for s in seen]
    chinese = stated.language == "zh"
    if not stated.language:
        chinese = any(is_chinese(s, g) for s, g in zip(seen, found, strict=True))
    if chinese:
        found = [settled(g) for g in found]
    for file, guesses in zip(taken, found, strict=True):
        if not any(g.kind in TELLING for g in guesses):
            raise Refusal("linkage.list_no_column", file=file.name, headings="、".join(file.headings))
    return found, chinese


def _chinese(
    steps: Steps,
    linker: Any,
    taken: Sequence[ListFile],
    found: list[list[Guess]],
    stated: ListContract,
    said: Sequence[Decision],
    spill: Path,
    told: Callable[[str], None] | None,
) -> tuple[Comparison, ...]:
    """Link a Chinese list with the register's comparisons; leaves ``lk_list_cluster``, ``lk_decided`` and ``mentions``."""
    from anju.exchange.linkage.link import link

    engine = steps.engine
    parts, kinds = [], list(dict.fromkeys(k for k in CHINESE if k != "household"))
    for file, guesses in zip(taken, found, strict=True):
        filled = ", ".join(f'{_chinese_cell(k, guesses)} AS "{k}"' for k in kinds)
        parts.append(f"SELECT unique_id, {filled} FROM lk_file_{file.no}")
    steps.table("lk_source", " UNION ALL ".join(parts))
    held = steps.engine.rows("SELECT " + ", ".join(f'count("{k}")' for k in kinds) + " FROM lk_source")[0]
    to = {k: (CHINESE[k],) for k, n in zip(kinds, held, strict=True) if n}
    steps.timed("mentions", lambda: chinese_list.mentions(engine, to, "lk_source"))
    steps.drop("lk_source")
    base = list_model.fitted(engine, parameters.read("han", HAN_COMPARISONS))
    base = list_model.learned(engine, base, told=told)
    work = spill / "work"
    work.mkdir(parents=True, exist_ok=True)
    _carry(["mentions"], engine, linker, spill)
    weights = results.thresholds(base, stated)
    summary = link(linker, "mentions", None, said, weights, work, told=told, lasting=False)
    engine.scan("lk_assigned", [work / "assignment.parquet"])
    engine.scan("lk_edge", [work / "edges.parquet"])
    first = taken[0].rows if stated.once_per_file else 0
    apart = "FALSE" if not first else "place > 1"
    steps.table(
        "lk_list_cluster",
        f"""
        WITH ranked AS (
            SELECT CAST(record_id AS BIGINT) AS unique_id, person_code, weight, how = 'key' AS is_key,
                   how = 'review' AS is_said, row_number() OVER (
                PARTITION BY person_code, record_id > {first} ORDER BY how = 'key' DESC, weight DESC, record_id) AS place
            FROM lk_assigned
        )
        SELECT unique_id, CASE WHEN {apart} THEN unique_id ELSE min(unique_id) OVER (PARTITION BY person_code, {apart}) END AS cluster,
               CASE WHEN NOT {apart} THEN weight END AS weight, is_key AND NOT {apart} AS is_key, is_said FROM ranked
        """,
    )
    steps.table(
        "lk_decided",
        """SELECT CAST(least(record_a, record_b) AS BIGINT) AS a, CAST(greatest(record_a, record_b) AS BIGINT) AS b, *
        FROM lk_edge""",
    )
    results.keep_blocks(steps, summary.blocks)
    return HAN_COMPARISONS


def _chinese_cell(kind: str, guesses: Sequence[Guess]) -> str:
    """SQL for what a file says of one kind: a name may stand in two columns, an address in several."""

    def places(*wanted: str) -> list[str]:
        return [f"h{i}" for i, g in enumerate(guesses) if g.kind in wanted]

    if kind == "name" and not places("name"):
        parts = [*places("surname"), *places("given_name")]
        if not parts:
            return "CAST(NULL AS VARCHAR)"
        whole = f"concat_ws(CASE WHEN regexp_matches(concat({', '.join(parts)}), '[A-Za-z]') THEN ' ' ELSE '' END, {', '.join(parts)})"
        return f"nullif({whole}, '')"
    if kind == "address":
        parts = places("address", "place", "region", "house_number") if places("address") else []
        return f"nullif(concat({', '.join(parts)}), '')" if parts else "CAST(NULL AS VARCHAR)"
    other = {"number": "household", "phone": "name"}.get(kind, "")  # where names and phones share their cells
    cells = places(kind) or places(other)
    return cells[0] if cells else "CAST(NULL AS VARCHAR)"


def _other(
    steps: Steps,
    linking: Steps,
    taken: Sequence[ListFile],
    found: list[list[Guess]],
    stated: ListContract,
    said: Sequence[Decision],
    spill: Path,
) -> tuple[tuple[Comparison, ...], list[tuple[str, str, str]]]:
    """Link any other list by its columns; leaves ``lk_list_cluster``, ``lk_decided`` and ``lk_block``."""
    columns, cells = aligning.aligned(taken, found)
    parts = [
        f"SELECT unique_id, {file.no} AS file_no, "
        + ", ".join(
            f"{at.get(file.no, 'CAST(NULL AS VARCHAR)')} AS {c.id}"
            for c, at in zip(columns, cells, strict=True)
        )
        + f" FROM lk_file_{file.no}"
        for file in taken
    ]
    steps.table("lk_source", " UNION ALL ".join(parts))
    base = parameters.read("han", HAN_COMPARISONS)
    list_values.prepare(steps, columns, "lk_source")
    _carry(["lk_list", "lk_feature"], steps.engine, linking.engine, spill)
    compared = lists.link_columns(linking, columns, stated, base, said)
    _carry(["lk_list_cluster", "lk_decided", "lk_block"], linking.engine, steps.engine, spill)
    steps.seconds.update(linking.seconds)
    return compared, [(c.id, c.source, c.source) for c in columns]

"""``anju bench``: measure; every figure beside a reference in the same run."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json as json_module
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from anju.jobs.bench import TOPICS, Figure, peak_memory_gb

app = typer.Typer(help="Measure; every figure beside a reference in the same run.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Measure; every figure beside a reference in the same run."""


def _measure(topic: str, people: int, as_json: bool, **more: int) -> None:
    run = importlib.import_module(f"anju.jobs.bench.{topic}").run
    told = {name: value for name, value in more.items() if value}
    if unknown := set(told) - set(inspect.signature(run).parameters):
        raise typer.BadParameter(f"--{unknown.pop()}: not for {topic}")
    figures: list[Figure] = run(people=people, **told)
    figures.append(Figure("peak memory of this process", round(peak_memory_gb(), 2), "GB"))
    if as_json:
        typer.echo(json_module.dumps([f.told() for f in figures], ensure_ascii=False))
        return
    table = Table(
        "figure", "value", "unit", "aim", "beside", "ratio", title=f"anju bench {topic} --people {people}"
    )
    for f in figures:
        table.add_row(
            f.name, f"{f.value:,.6g}", f.unit, f.aim, f.beside, "" if f.ratio is None else f"{f.ratio:.2f}"
        )
    Console().print(table)


def _register(topic: str) -> None:
    @app.command(name=topic, help=f"Measure {topic}.")
    def command(
        people: Annotated[int, typer.Option(help="size of the invented city")] = 100_000,
        rows: Annotated[int, typer.Option(help="also this many rows from Parquet (policy)")] = 0,
        times: Annotated[
            int, typer.Option(help="also this many times the people, and the ratio (exchange)")
        ] = 0,
        entries: Annotated[
            int, typer.Option(help="so many entries in the log instead of 200,000 (trust)")
        ] = 0,
        as_json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        _measure(topic, people, as_json, rows=rows, times=times, entries=entries)


AVAILABLE = tuple(t for t in TOPICS if importlib.util.find_spec(f"anju.jobs.bench.{t}"))
for _topic in AVAILABLE:
    _register(_topic)


@app.command(name="all")
def everything(
    people: Annotated[int, typer.Option(help="size of the invented city")] = 100_000,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure every topic."""
    for topic in AVAILABLE:
        _measure(topic, people, as_json)

"""``anju exchange publish``: accepted and linked records become the library everybody reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from anju.jobs.cli import setup_django

JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to ``anju exchange``."""
    app.command("publish")(publish)


def publish(
    as_json: JSON = False,
    memory: Annotated[str, typer.Option(help="Memory of the columnar engine.")] = "5GB",
) -> None:
    """Resolve and publish the library. Nothing new since the last run changes nothing."""
    setup_django()
    from anju.jobs.pipeline import library

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("publishing")
        summary = library.run(lambda step: progress.update(task, description=f"publishing: {step}"), memory)
    if as_json:
        typer.echo(json.dumps(asdict(summary), ensure_ascii=False))
        return
    _show(summary)


def _show(summary: object) -> None:
    from anju.jobs.pipeline.library import PublishSummary
    from anju.kernel import wording

    assert isinstance(summary, PublishSummary)
    console = Console()
    if not summary.is_new:
        console.print(f"Nothing new: run {summary.run} stands, {summary.people:,} people.")
        return
    table = Table(title=f"Run {summary.run}: {summary.records:,} records are {summary.people:,} people")
    table.add_column("measure")
    table.add_column("value", justify="right")
    for key, told in summary.figures.items():
        value, share = told["value"], told["unit"] == "share"
        shown = "-" if value is None else f"{value:.2%}" if share else f"{value:,.10g}"
        table.add_row(wording.say(f"library.measure.{key}", "en"), shown)
    console.print(table)
    console.print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary.seconds.items()))

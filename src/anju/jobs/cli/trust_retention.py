"""``anju trust retention``: count what is past its term, carry out what two people agreed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table

from anju.jobs.cli import setup_django
from anju.kernel.workdays import day_of

app = typer.Typer(help="Deletion when the time is over: count, list, carry out.", no_args_is_help=True)
screen = Console()
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def group() -> None:
    """Deletion when the time is over: count, list, carry out."""


@contextmanager
def _told(quiet: bool) -> Iterator[Callable[[str], None]]:
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True, disable=quiet) as bar:
        task = bar.add_task("…")
        yield lambda words: bar.update(task, description=words)


def _day(stated: str) -> date:
    return date.fromisoformat(stated) if stated else day_of(datetime.now(UTC))


@app.command()
def plan(
    as_of: Annotated[str, typer.Option(help="count as on this day; today when left out")] = "",
    as_json: AsJson = False,
) -> None:
    """Count what is past its term and keep the plan. Nothing is erased: two people decide on /dpo/retention/."""
    setup_django()
    from anju.jobs.pipeline import retention
    from anju.trust.store import erasure_queries

    with _told(as_json) as tell:
        number = retention.plan(_day(as_of), by="cli", tell=tell)
    found = erasure_queries.find_run(number)
    _show(number, found.counts if found else {}, as_json)


@app.command("list")
def list_runs(as_json: AsJson = False) -> None:
    """Show the runs, newest first."""
    setup_django()
    from anju.trust.store import erasure_queries

    runs = erasure_queries.list_runs()
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {"number": r.number, "as_of": r.as_of.isoformat(), "state": r.state, "rows": r.total}
                    for r in runs
                ]
            )
        )
        return
    table = Table(
        Column("run", no_wrap=True), "as of", "state", "rows", "planned by", "put forward by", "approved by"
    )
    for r in runs:
        table.add_row(
            r.number, r.as_of.isoformat(), r.state, f"{r.total:,}", r.planned_by, r.asked_by, r.approved_by
        )
    screen.print(table)


@app.command()
def run(as_json: AsJson = False) -> None:
    """Carry out every approved run and every ordered erasure. Killed and run again, it ends the same."""
    setup_django()
    from anju.jobs.pipeline import retention

    with _told(as_json) as tell:
        done = retention.work(tell=tell)
    typer.echo(json.dumps({"done": done}) if as_json else f"{done} carried out")


def _show(number: str, counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"number": number, "counts": counts}))
        return
    table = Table("what", "rows", title=number)
    for name, rows in counts.items():
        table.add_row(name, f"{rows:,}")
    screen.print(table)

"""``anju doctor``: say what is wrong, in an operator's words."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer
from rich.console import Console

from anju.kernel.refusal import Refusal

app = typer.Typer(help="Say what is wrong, in an operator's words.")
MARKS = {"good": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[red]✗[/]"}


@app.callback(invoke_without_command=True)
def doctor(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Check disk, database, clock, keys, log, lake, library, pages; exit with 1 when something is bad."""
    from anju.jobs import health
    from anju.jobs.cli import _language, setup_django

    try:
        setup_django()
    except Refusal as refusal:  # a database that does not start: what can be looked at without it
        found = health.without_database(refusal)
    else:
        found = health.findings()
    if as_json:
        typer.echo(json_module.dumps([f.told() for f in found], ensure_ascii=False))
    else:
        for finding in found:
            Console().print(
                f"{MARKS[finding.state]} {finding.zh if _language() == 'zh' else finding.en}", highlight=False
            )
    raise typer.Exit(1 if health.worst(found) == health.BAD else 0)

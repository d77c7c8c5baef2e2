"""``anju exchange contract|contracts|docs``: what departments are asked to send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from anju.jobs.cli.options import JSON

FOLDER = Path("docs/reference/contracts")


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command()(contract)
    app.command()(contracts)
    app.command()(docs)


def contract(
    name: Annotated[str, typer.Argument(help="The dataset, such as police_residence.")], as_json: JSON = False
) -> None:
    """Print a dataset's interface page."""
    from anju.exchange.contracts import get_contract
    from anju.exchange.contracts.page import as_data, page

    found = get_contract(name)
    typer.echo(json.dumps(as_data(found), ensure_ascii=False) if as_json else page(found), nl=as_json)


def contracts(as_json: JSON = False) -> None:
    """List the datasets and their contracts."""
    from anju.exchange.contracts import list_contracts
    from anju.exchange.contracts.page import as_data

    if as_json:
        typer.echo(json.dumps([as_data(c) for c in list_contracts()], ensure_ascii=False))
        return
    table = Table(
        Column("dataset", no_wrap=True),
        Column("名称", overflow="fold"),
        Column("name", overflow="fold"),
        "department",
        "cycle",
        "fields",
    )
    for c in list_contracts():
        table.add_row(c.id, c.zh, c.en, c.department, c.cycle, str(len(c.fields)))
    Console().print(table)


def docs(
    folder: Annotated[Path, typer.Option("--to", help="Folder of the pages.")] = FOLDER,
    only_check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when a page is out of date.")
    ] = False,
) -> None:
    """Write the interface page of every dataset, for the reference."""
    from anju.exchange.contracts.page import differences, write

    changed = differences(folder) if only_check else write(folder)
    for name in changed:
        typer.echo(name)
    if only_check and changed:
        raise typer.Exit(1)

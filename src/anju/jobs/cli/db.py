"""``anju db``: create or upgrade the database."""

from __future__ import annotations

import typer

from anju.jobs.cli import setup_django

app = typer.Typer(help="Create or upgrade the database.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Create or upgrade the database."""


@app.command()
def upgrade() -> None:
    """Apply every migration that is not applied yet."""
    setup_django()
    from django.core.management import call_command

    call_command("migrate", verbosity=1)


@app.command()
def url() -> None:
    """Print the database's URL (the embedded one is started)."""
    from anju.jobs import database

    typer.echo(database.url())

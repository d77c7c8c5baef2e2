"""``anju db``: create or upgrade the database."""

from __future__ import annotations

import typer

from anju.jobs.cli import setup_django
from anju.kernel.refusal import Refusal

app = typer.Typer(help="Create or upgrade the database.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Create or upgrade the database."""


@app.command()
def upgrade() -> None:
    """Apply every migration that is not applied yet."""
    setup_django()
    from django.core.management import call_command
    from django.db import ProgrammingError, connection
    from psycopg.errors import InsufficientPrivilege

    from anju.jobs.database import UPGRADING, check_encoding

    try:
        # Two commands may find the same new database at once: the second waits, and finds it made.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [UPGRADING])
        check_encoding()
        call_command("migrate", verbosity=1)
    except ProgrammingError as refused:
        if not isinstance(refused.__cause__, InsufficientPrivilege):
            raise
        typer.echo(f"\n{refused.__cause__.diag.message_primary}", err=True)
        raise Refusal("database.not_allowed", role=connection.settings_dict["USER"]) from refused


@app.command()
def url() -> None:
    """Print the database's URL (the embedded one is started)."""
    from anju.jobs import database

    typer.echo(database.url())

"""``anju exchange notify`` and ``contact``: senders hear unasked what waits for them."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from anju.jobs.cli import setup_django
from anju.jobs.cli.options import JSON


def register(app: typer.Typer) -> None:
    """Add the commands to ``anju exchange``."""
    app.command()(notify)
    app.command()(contact)


def notify(as_json: JSON = False) -> None:
    """Tell each department's contact of held rows, contradictions that wait and deadlines near; each thing once.

    `anju serve` does so every five minutes beside the server; what could not be sent is tried again then.
    """
    setup_django()
    from django.utils import timezone

    from anju.jobs.pipeline import notices

    with Console(stderr=True).status("telling senders"):
        told = notices.tell(timezone.now())
    if as_json:
        typer.echo(json.dumps(told))
        return
    Console().print(
        f"{told['new']:,} new; {told['sent']:,} sent, {told['put_off']:,} to be tried again, {told['failed']:,} given up, "
        f"{told['nobody']:,} with nobody to go to"
    )


def contact(
    department: Annotated[str, typer.Argument(help="A department; empty: list the contacts.")] = "",
    address: Annotated[
        str, typer.Argument(help="The office's e-mail address, or the https:// URL of a system of theirs.")
    ] = "",
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    remove: Annotated[int, typer.Option(help="Remove the contact of this number instead.")] = 0,
    as_json: JSON = False,
) -> None:
    """Name whom a department is told through, beside those it has; remove one; or list them."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.store import notice_actions, notice_queries
    from anju.trust.access import system

    if remove:
        notice_actions.remove_contact(remove, by=system("cli"), at=timezone.now())
    elif department:
        notice_actions.set_contact(
            department, address, language=language, by=system("cli"), at=timezone.now()
        )
    found = notice_queries.contacts()
    if as_json:
        listed = [
            {"number": c.id, "department": c.department, "way": c.way, "address": c.address, "language": c.language}
            for c in found
        ]  # fmt: skip
        typer.echo(json.dumps(listed))
        return
    table = Table("number", "department", "way", "address", "language", title="contacts")
    for one in found:
        table.add_row(str(one.id), one.department, one.way, one.address, one.language)
    Console().print(table)

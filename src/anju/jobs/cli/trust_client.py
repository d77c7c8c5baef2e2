"""``anju trust client``: machine clients of departments, their keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from anju.jobs.cli import setup_django

client = typer.Typer(
    help="Departments' systems: make, approve, give and change keys, revoke.", no_args_is_help=True
)
screen = Console()
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group to ``anju trust``."""
    app.add_typer(client, name="client")


@client.callback()
def group() -> None:
    """Departments' systems: make, approve, give and change keys, revoke."""


def _now() -> datetime:
    return datetime.now(UTC)


@client.command()
def make(
    name: str,
    department: Annotated[str, typer.Option(help="one of the twelve departments")],
    region: Annotated[str, typer.Option(help="division code; its whole subtree is meant")],
    title: Annotated[str, typer.Option(help="what people call it")] = "",
    dataset: Annotated[list[str] | None, typer.Option(help="a contract it may send; repeat")] = None,
    purpose: Annotated[list[str] | None, typer.Option(help="a purpose it may ask for; repeat")] = None,
    bulk: Annotated[bool, typer.Option(help="may look many up and follow changes")] = False,
    clear: Annotated[bool, typer.Option(help="is shown sensitive values unmasked")] = False,
    per_minute: Annotated[int, typer.Option(help="requests a minute")] = 600,
    days: Annotated[int, typer.Option(help="how long it lasts")] = 365,
) -> None:
    """Register a system. It can do nothing before somebody else approves it."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.exchange.store.client_actions import Scope
    from anju.trust.access import system

    scope = Scope(tuple(dataset or ()), tuple(purpose or ()), bulk, clear, per_minute)
    client_actions.make_client(
        name, title, department, region, scope, by=system("cli"), at=_now(), lasts=timedelta(days=days)
    )
    typer.echo(name)


@client.command()
def approve(name: str) -> None:
    """Agree to what a system may do: a second act, logged as such. Colleagues do it on the page."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.trust.access import system

    client_actions.approve_client(name, by=system("cli-approval"), at=_now())
    typer.echo(name)


@client.command()
def secret(name: str) -> None:
    """Give a system a token; it is printed this once."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.trust.access import system

    typer.echo(client_actions.add_secret(name, by=system("cli"), at=_now()))


@client.command()
def key(
    name: str,
    public: Annotated[str, typer.Option(help="public key in hex")],
    suite: Annotated[str, typer.Option(help="international (Ed25519) or national (SM2)")] = "international",
) -> None:
    """Register a public key the system signs its assertions with; prints the key's id."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.trust.access import system

    typer.echo(client_actions.add_public_key(name, public, suite, by=system("cli"), at=_now()))


@client.command()
def rotate(
    name: str, grace_days: Annotated[int, typer.Option(help="how long the old ones go on")] = 7
) -> None:
    """Give a new token; the ones before it end after a time of grace."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.trust.access import system

    typer.echo(client_actions.rotate(name, by=system("cli"), at=_now(), grace=timedelta(days=grace_days)))


@client.command()
def revoke(
    name: str, key: Annotated[list[str] | None, typer.Option(help="a key's id; all when left out")] = None
) -> None:
    """Revoke keys now."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.trust.access import system

    typer.echo(client_actions.end_keys(name, by=system("cli"), at=_now(), keys=key or ()))


@client.command()
def end(name: str) -> None:
    """End a system with all its keys."""
    setup_django()
    from anju.exchange.store import client_actions
    from anju.trust.access import system

    client_actions.end_client(name, by=system("cli"), at=_now())
    typer.echo(name)


@client.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every system with its scope and keys; never a secret."""
    setup_django()
    from dataclasses import asdict

    from anju.exchange.store import client_queries

    rows = client_queries.list_clients(_now())
    if as_json:
        typer.echo(json.dumps([asdict(r) for r in rows], default=str, ensure_ascii=False))
        return
    table = Table(
        Column("system", no_wrap=True),
        "department",
        "region",
        "datasets",
        "purposes",
        "state",
        Column("keys", overflow="fold"),
    )
    for r in rows:
        keys = ", ".join(k.id for k in r.keys if k.ended_at is None)
        table.add_row(
            r.name,
            r.department,
            r.region,
            ", ".join(r.scope.datasets),
            ", ".join(r.scope.purposes),
            r.state,
            keys,
        )
    screen.print(table)

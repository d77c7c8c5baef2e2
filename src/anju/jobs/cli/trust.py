"""``anju trust``: keys, roles and accounts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table

from anju.jobs.cli import setup_django, trust_client, trust_retention

app = typer.Typer(help="Keys, roles and accounts.", no_args_is_help=True)
keys = typer.Typer(help="The key ring: list, rotate, seal anew, drop.", no_args_is_help=True)
account = typer.Typer(help="Accounts and their roles.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(account, name="account")
app.add_typer(trust_retention.app, name="retention")
trust_client.register(app)
screen = Console()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def group() -> None:
    """Keys, roles and accounts."""


@keys.callback()
def keys_group() -> None:
    """The key ring: list, rotate, seal anew, drop."""


@account.callback()
def account_group() -> None:
    """Accounts and their roles."""


def _now() -> datetime:
    return datetime.now(UTC)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Show every key: id, use, suite, when made, whether it works now. Never the secret."""
    from anju.trust.sealing import sealer

    ring = sealer().ring
    rows = [
        {"id": k.id, "use": k.use, "suite": k.suite, "made_at": k.made_at, "works": ring.newest(k.use) == k}
        for k in ring.keys
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(Column("id", no_wrap=True), "use", "suite", "made at", "works now")
    for row in rows:
        table.add_row(
            str(row["id"]),
            str(row["use"]),
            str(row["suite"]),
            str(row["made_at"]),
            "✓" if row["works"] else "",
        )
    screen.print(table)


@keys.command()
def rotate(
    use: Annotated[list[str] | None, typer.Option(help="seal, index, sign, log; all when left out")] = None,
    suite: Annotated[
        str, typer.Option(help="international or national; as ANJU_SUITE says when left out")
    ] = "",
) -> None:
    """Add new keys; from now on they seal. What is sealed already stays readable: seal it anew afterwards."""
    from anju.trust.sealing import ring, sealer
    from anju.trust.sealing import suite as named

    chosen = named(suite or None).name
    ring.save(ring.rotated(sealer().ring, use or ring.USES, chosen, _now().isoformat(timespec="seconds")))
    _log("keys.manage", {"rotated": ",".join(use or ring.USES), "suite": chosen})
    list_keys()


@keys.command()
def reseal(as_json: AsJson = False) -> None:
    """Seal every value under an older key with the newest one, while everything runs."""
    setup_django()
    from anju.trust.store import rotation

    total = sum(rotation.waiting().values())
    with Progress(disable=as_json) as bar:
        task = bar.add_task("sealing", total=total)
        done = rotation.reseal(lambda n: bar.advance(task, n))
    _log("keys.manage", {"resealed": done})
    typer.echo(
        json.dumps({"resealed": done, "waiting": rotation.waiting()})
        if as_json
        else f"{done} values sealed anew"
    )


@keys.command()
def drop(key: Annotated[str, typer.Argument(help="the key's id")]) -> None:
    """Take a key off the ring. Refused while anything in the database still rests on it."""
    setup_django()
    from anju.trust.sealing import ring, sealer
    from anju.trust.store import rotation

    left = sealer().ring.without(key)
    rotation.refuse_if_needed(key)
    ring.save(left)
    _log("keys.manage", {"dropped": key})
    list_keys()


@account.command("make")
def make_account(
    name: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    email: str = "",
) -> None:
    """Make an account without any role."""
    setup_django()
    from anju.trust.access import system
    from anju.trust.store import account_actions

    account_actions.make_account(name, password, by=system("cli"), at=_now(), email=email)
    typer.echo(name)


@account.command()
def password(
    name: str,
    new: Annotated[str, typer.Option("--new", prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set an account's password; its sessions end."""
    setup_django()
    from anju.trust.access import system
    from anju.trust.store import account_actions

    account_actions.set_password(name, new, by=system("cli"), at=_now())
    typer.echo(name)


@account.command()
def close(name: str) -> None:
    """Close an account and end its roles."""
    setup_django()
    from anju.trust.access import system
    from anju.trust.store import account_actions

    account_actions.close_account(name, by=system("cli"), at=_now())
    typer.echo(name)


@account.command()
def grant(
    name: str,
    role: str,
    region: Annotated[str, typer.Option(help="division code; its whole subtree is meant")] = "",
    department: str = "",
    person: Annotated[str, typer.Option(help="the resident's own person code")] = "",
) -> None:
    """Give an account a role in a place."""
    setup_django()
    from anju.trust.access import system
    from anju.trust.store import access_actions

    number = access_actions.grant_role(
        name, role, region, by=system("cli"), at=_now(), department=department, person_code=person
    )
    typer.echo(number)


@account.command()
def end(assignment: int) -> None:
    """End an assignment."""
    setup_django()
    from anju.trust.access import system
    from anju.trust.store import access_actions

    access_actions.end_role(assignment, by=system("cli"), at=_now())


@app.command()
def roles(as_json: AsJson = False) -> None:
    """Show the roles, what each may do, and the purposes each may name."""
    from anju.trust.access import rules

    book = rules()
    if as_json:
        typer.echo(json.dumps({n: sorted(r.may) for n, r in book.roles.items()}, ensure_ascii=False))
        return
    table = Table("role", "place", "may", "purposes", show_lines=True)
    for name, role in book.roles.items():
        purposes = [p.name for p in book.purposes.values() if name in p.roles]
        table.add_row(f"{role.zh}\n{name}", role.place, ", ".join(sorted(role.may)), ", ".join(purposes))
    screen.print(table)


@app.command()
def columns(as_json: AsJson = False) -> None:
    """Show every canonical column with its privacy class, how long it is kept, and on whose word."""
    from anju.register import canon
    from anju.trust.retaining import keepings

    kept = keepings()
    rows = [
        {"column": f"{a.name}.{c.name}", "zh": c.zh, "privacy": c.privacy, "days": kept[a.name].days,
         "after": kept[a.name].after, "basis": kept[a.name].basis}
        for a in canon.ASPECTS.values() for c in a.columns
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("column", "字段", "privacy", "kept", "after", "basis")
    for row in rows:
        table.add_row(*(str(row[name] if row[name] is not None else "—") for name in row))
    screen.print(table)


@app.command("demo-accounts")
def demo_accounts(
    person: Annotated[
        str, typer.Option(help="person code of the demo's resident; chosen when left out")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make the demo's accounts, one per role, with published passwords. Only while ANJU_DEMO=1."""
    setup_django()
    from anju.jobs.pipeline.demo_accounts import make

    with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True, disable=as_json) as bar:
        bar.add_task("accounts")
        made, secret = make(person)
    if as_json:
        typer.echo(
            json.dumps(
                {"password": secret, "accounts": [{"name": n, "role": r, "region": g} for n, r, g in made]}
            )
        )
        return
    table = Table("account", "role", "region", title=f"password: {secret}")
    for line in made:
        table.add_row(*line)
    screen.print(table)


def _log(action: str, detail: dict[str, str | int]) -> None:
    setup_django()
    from anju.trust.access import system
    from anju.trust.store import log

    log.record(system("cli"), action, _now(), detail=detail)

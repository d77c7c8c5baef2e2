"""``anju backup``: save database, lake and log into one encrypted, verified file."""

from __future__ import annotations

import json as json_module
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from anju.kernel.refusal import Refusal

app = typer.Typer(help="Save database, lake and log into one encrypted, verified file.")
KeyFile = Annotated[Path | None, typer.Option("--key", help="file of the backup key; made when missing")]


@app.callback(invoke_without_command=True)
def backup(
    target: Annotated[Path, typer.Argument(help="the file to write; must not exist")],
    key: KeyFile = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Save database, lake and log into one encrypted, verified file. The keys themselves stay out of it."""
    from anju.jobs.cli import setup_django
    from anju.jobs.pipeline import backup as work

    setup_django()
    secret, made = secret_of(key)
    console = Console(stderr=True)
    if made:
        console.print(
            f"A new backup key is in {key}. Keep it apart from the backup: nothing opens without it."
        )
    with console.status("dumping the database…") as status:
        manifest = work.save(
            target, secret, lambda name, done: status.update(f"{name} · {done / 2**20:,.0f} MB")
        )
    size = target.stat().st_size
    if as_json:
        typer.echo(json_module.dumps({"path": str(target), "bytes": size, "members": len(manifest.members)}))
    else:
        console.print(
            f"[green]✓[/] {target}: {len(manifest.members)} members, {size / 2**20:,.1f} MB, read back whole."
        )
        console.print(
            f"  Also keep the key ring ({len(manifest.keys)} keys) in a safe place: it is not in the backup."
        )


def secret_of(key: Path | None) -> tuple[bytes, bool]:
    """The backup key from ``--key`` or ``ANJU_BACKUP_KEY``, and whether it was made now."""
    from anju.jobs.pipeline import backup as work

    if key is not None:
        return work.key_from(key)
    stated = os.environ.get("ANJU_BACKUP_KEY")
    if not stated:
        raise Refusal("backup.no_secret")
    return stated.encode(), False

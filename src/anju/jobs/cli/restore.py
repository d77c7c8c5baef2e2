"""``anju restore``: bring a backup back onto an empty machine."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Bring a backup back onto an empty machine.")


@app.callback(invoke_without_command=True)
def restore(
    source: Annotated[Path, typer.Argument(help="the backup", exists=True, dir_okay=False)],
    key: Annotated[Path | None, typer.Option("--key", help="file of the backup key", exists=True)] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Bring a backup back: checked whole, loaded into an empty home and database, the log proven unbroken."""
    from anju.jobs.cli import setup_django
    from anju.jobs.cli.backup import secret_of
    from anju.jobs.pipeline import backup as work
    from anju.jobs.pipeline import log

    secret, _ = secret_of(key)
    console = Console(stderr=True)
    with console.status("checking the backup…") as status:
        manifest = work.load(
            source, secret, lambda name, done: status.update(f"{name} · {done / 2**20:,.0f} MB")
        )
        status.update("proving the log…")
        setup_django()
        log.prove_restored(manifest.log)
    entries = manifest.log["size"] if manifest.log else 0
    if as_json:
        typer.echo(
            json_module.dumps({"made_at": manifest.made_at, "members": len(manifest.members), "log": entries})
        )
    else:
        console.print(
            f"[green]✓[/] The state of {manifest.made_at} is back; the log's {entries} entries are unbroken."
        )

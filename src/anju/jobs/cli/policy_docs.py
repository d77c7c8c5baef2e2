"""``anju policy docs``: every programme printed as its official table, for the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anju.jobs.cli.policy import app
from anju.kernel import packs
from anju.policy import book, loading


@app.command()
def docs(
    folder: Annotated[Path, typer.Option("--to", help="folder of the pages")] = Path(
        "docs/reference/policies"
    ),
    only_check: Annotated[
        bool, typer.Option("--check", help="write nothing; exit 1 when a page is out of date")
    ] = False,
) -> None:
    """Write one page per programme, as the official table in both languages, and a list of them."""
    loaded = loading.check()[0]
    names = {p.parent.name: packs.read_yaml(p)["name"] for p in packs.root().glob("*/pack.yaml")}
    wanted = book.pages(
        (x.programme for x in loaded if x.programme), {k: (n["zh"], n["en"]) for k, n in names.items()}
    )
    changed = book.differences(folder, wanted) if only_check else book.write(folder, wanted)
    for name in changed:
        typer.echo(name)
    if only_check and changed:
        raise typer.Exit(1)

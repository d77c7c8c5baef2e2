"""``anju policy docs``: every programme printed as its official table, for the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anju.jobs.cli.policy import app
from anju.kernel import packs
from anju.policy import book, catalogue, loading
from anju.policy.facts_book import facts_page


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
    changed += _facts(folder.parent / "facts.md", only_check=only_check)
    for name in changed:
        typer.echo(name)
    if only_check and changed:
        raise typer.Exit(1)


def _facts(path: Path, *, only_check: bool) -> list[str]:
    """Bring the page of the facts catalogue up to date; its name when it was not."""
    groups = []
    for pack in sorted(packs.root().glob("*/facts"), key=lambda p: (p.parent.name != "cn", p.parent.name)):
        found = catalogue.load([pack.parent], []).facts
        names = packs.read_yaml(pack.parent / "pack.yaml")["name"]
        groups.append((f"{names['zh']} {names['en']}", list(found.values())))
    wanted = facts_page(groups)
    if path.is_file() and path.read_text(encoding="utf-8") == wanted:
        return []
    if not only_check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    return [path.name]

"""``anju exchange match``: two parties match or count without showing each other their people."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from anju.kernel.refusal import Refusal

match = typer.Typer(
    help="Match or count with another party without showing each other's people.", no_args_is_help=True
)
console = Console(stderr=True)

ListFile = Annotated[
    Path, typer.Argument(help="a CSV list (UTF-8, first row: headers)", exists=True, dir_okay=False)
]
By = Annotated[list[str], typer.Option("--by", help="column to compare by; give it again for more columns")]


def register(app: typer.Typer) -> None:
    """Put ``match`` under ``anju exchange``."""
    app.add_typer(match, name="match")


def _items(path: Path, columns: list[str]) -> tuple[list[str], list[dict[str, str]]]:
    from anju.exchange import matching

    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for column in columns:
        if rows and column not in rows[0]:
            raise Refusal("matching.no_column", column=column, columns=", ".join(rows[0]))
    return [matching.item(*(row[c] or "" for c in columns)) for row in rows], rows


@match.command()
def ask(
    people: ListFile,
    by: By,
    out: Annotated[Path, typer.Option(help="the question, to send")],
    secret: Annotated[Path, typer.Option(help="the secret, to keep here")],
    only_count: Annotated[bool, typer.Option("--only-count", help="learn how many, not which")] = False,
) -> None:
    """Write a question about your list: send OUT to the other party, keep SECRET."""
    from anju.exchange import matching

    items, _ = _items(people, by)
    with console.status(f"blinding {len(items):,} items…"):
        asked = matching.ask(items, only_count=only_count)
    secret.touch(mode=0o600)
    secret.write_bytes(asked.secret)
    out.write_bytes(asked.question)
    console.print(f"[green]✓[/] {out}: a question about {len(items):,} people that shows none of them.")


@match.command()
def answer(
    question: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    people: ListFile,
    by: By,
    out: Annotated[Path, typer.Option(help="the answer, to send back")],
    longest: Annotated[int, typer.Option(help="refuse a longer question")] = 100_000,
    allow_which: Annotated[
        bool, typer.Option("--allow-which", help="let the asker learn which, not only how many")
    ] = False,
) -> None:
    """Answer another party's question from your list."""
    from anju.exchange import matching

    items, _ = _items(people, by)
    with console.status(f"blinding {len(items):,} items…"):
        out.write_bytes(
            matching.answer(question.read_bytes(), items, longest=longest, allow_which=allow_which)
        )
    console.print(f"[green]✓[/] {out}: send it back; it shows none of your people.")


@match.command()
def read(
    answered: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    secret: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
    people: Annotated[Path | None, typer.Option(help="your list: write the matching rows with --out")] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV of your own rows that the other party holds too")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Read the answer: how many of yours the other party holds too, and which, if that was agreed."""
    from anju.exchange import matching

    found = matching.read(answered.read_bytes(), secret.read_bytes())
    if people and out and found.places is not None:
        with people.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        with out.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows[i] for i in found.places)
    if as_json:
        typer.echo(json.dumps({"count": found.count, "which_known": found.places is not None}))
    else:
        console.print(f"[green]✓[/] {found.count:,} of your people are in the other party's list too.")

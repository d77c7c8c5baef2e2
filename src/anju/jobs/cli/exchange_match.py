"""``anju exchange match``: two parties match or count without showing each other their people."""

from __future__ import annotations

import csv
import io
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
    Path,
    typer.Argument(help="a CSV list (UTF-8 or GB 18030, first row: headers)", exists=True, dir_okay=False),
]
By = Annotated[list[str], typer.Option("--by", help="column to compare by; give it again for more columns")]


def register(app: typer.Typer) -> None:
    """Put ``match`` under ``anju exchange``."""
    app.add_typer(match, name="match")


def _rows(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", errors="replace")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _items(path: Path, columns: list[str]) -> dict[str, list[int]]:
    """What is compared, in the list's order, with its rows; rows that lack a part are left out, and told."""
    from anju.exchange import matching

    rows, found, left_out = _rows(path), dict[str, list[int]](), 0
    for column in columns:
        if rows and column not in rows[0]:
            raise Refusal("matching.no_column", column=column, columns=", ".join(str(c) for c in rows[0]))
    for number, row in enumerate(rows):
        parts = [row[c] or "" for c in columns]
        if all(p.strip() for p in parts):
            found.setdefault(matching.item(*parts), []).append(number)
        else:
            left_out += 1
    if left_out:
        console.print(f"{left_out:,} of {len(rows):,} rows have nothing to compare by and are left out.")
    if repeated := len(rows) - left_out - len(found):
        console.print(f"{repeated:,} rows repeat another one and count once.")
    return found


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

    items = list(_items(people, by))
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

    items = list(_items(people, by))
    with console.status(f"blinding {len(items):,} items…"):
        out.write_bytes(
            matching.answer(question.read_bytes(), items, longest=longest, allow_which=allow_which)
        )
    console.print(f"[green]✓[/] {out}: send it back; it shows none of your people.")


@match.command()
def read(
    answered: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    secret: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
    people: Annotated[
        Path | None, typer.Option(help="your list as it was asked about: write the matching rows with --out")
    ] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="the columns it was asked by")] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV of your own rows that the other party holds too")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Read the answer: how many of yours the other party holds too, and which, if that was agreed."""
    from anju.exchange import matching

    found = matching.read(answered.read_bytes(), secret.read_bytes())
    if people and out and found.places is None:
        raise Refusal("matching.only_count", count=found.count)
    if people and out and found.places is not None:
        if not by:
            raise Refusal("matching.which_columns")
        rows, places = _rows(people), list(_items(people, by).values())
        if found.places and found.places[-1] >= len(places):
            raise Refusal("matching.other_list")
        with out.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows[i] for i in sorted(n for p in found.places for n in places[p]))
    if as_json:
        typer.echo(json.dumps({"count": found.count, "which_known": found.places is not None}))
    else:
        console.print(f"[green]✓[/] {found.count:,} of your people are in the other party's list too.")

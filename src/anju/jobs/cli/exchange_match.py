"""``anju exchange match``: two parties match or count without showing each other their people."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
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
    typer.Argument(help="a list: CSV, XLSX, Parquet, …", exists=True, dir_okay=False),
]
By = Annotated[list[str], typer.Option("--by", help="column to compare by; give it again for more columns")]


def register(app: typer.Typer) -> None:
    """Put ``match`` under ``anju exchange``."""
    app.add_typer(match, name="match")


@dataclass(frozen=True, slots=True)
class _List:
    """A file's headings and rows; ``items``: what is compared, in the list's order, with the places of its rows."""

    headings: tuple[str, ...]
    rows: list[tuple[str | None, ...]]
    items: dict[str, list[int]]


def _list(path: Path, columns: list[str]) -> _List:
    """Read a list; rows that lack a part are left out, and told."""
    from anju.exchange import matching
    from anju.exchange.linkage.guess import is_filled
    from anju.jobs import scratch
    from anju.jobs.engine import DuckEngine
    from anju.jobs.pipeline.lists import reading

    with scratch.place("match") as folder:
        engine = DuckEngine(folder, memory="1GB")
        try:
            file = reading.take(engine, path, 0, folder, columns)
            cells = ", ".join(f"h{i}" for i in range(len(file.headings)))
            rows = engine.rows(f"SELECT {cells} FROM lk_file_0 ORDER BY unique_id")
        except Refusal as refused:
            raise (
                Refusal("matching.empty_list") if refused.code == "linkage.list_empty" else refused
            ) from None
        finally:
            engine.close()
    for column in columns:
        if column not in file.headings:
            raise Refusal("matching.no_column", column=column, columns=", ".join(file.headings))
    places, found, left_out = [file.headings.index(c) for c in columns], dict[str, list[int]](), 0
    for number, row in enumerate(rows):
        parts = [str(row[p] or "") for p in places]
        if all(map(is_filled, parts)):
            found.setdefault(matching.item(*parts), []).append(number)
        else:
            left_out += 1
    if left_out:
        console.print(f"{left_out:,} of {len(rows):,} rows have nothing to compare by and are left out.")
    if repeated := len(rows) - left_out - len(found):
        console.print(f"{repeated:,} rows repeat another one and count once.")
    return _List(file.headings, rows, found)


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

    items = list(_list(people, by).items)
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

    items = list(_list(people, by).items)
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

    if people and not by:
        raise Refusal("matching.which_columns")
    mine = _list(people, by) if people and by else None
    found = matching.read(answered.read_bytes(), secret.read_bytes(), list(mine.items) if mine else None)
    if mine and out:
        if found.places is None:
            raise Refusal("matching.only_count", count=found.count)
        places = list(mine.items.values())
        with out.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(mine.headings)
            writer.writerows(mine.rows[i] for i in sorted(n for p in found.places for n in places[p]))
    if as_json:
        typer.echo(json.dumps({"count": found.count, "which_known": found.places is not None}))
    else:
        console.print(f"[green]✓[/] {found.count:,} of your people are in the other party's list too.")

"""``anju link FILE [FILE2] --out OUT``: link any list of people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from anju.jobs.cli.options import Engine

app = typer.Typer(help="Link any list of people.")


@app.callback(invoke_without_command=True)
def link(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="One or two files: CSV, XLSX, Parquet, Arrow or NDJSON.", exists=True, dir_okay=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for clusters.csv, pairs.csv, review.csv, summary and picture.", file_okay=False
        ),
    ],
    contract: Annotated[
        Path | None,
        typer.Option(
            help="YAML that says what each column is. Without it the columns are guessed.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    said: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="What one column is: heading=kind, such as 出生日期=birthday. May be repeated."
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            help="A review.csv of an earlier run with its column decision filled in: same or different.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    engine: Engine = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find which rows of a list (or of two) are the same person, outside the register.

    Headings and values tell what each column is; --map or --contract correct it. Questions are in review.csv: write same or
    different into its column decision and give it back with --answers. See docs/how-to/link-a-list.md.
    """
    from anju.jobs.pipeline import lists
    from anju.kernel.refusal import Refusal

    if len(files) > 2:
        raise Refusal("linkage.list_too_many", count=len(files))
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("linking")
        told = lambda step: progress.update(task, description=f"linking: {step.removeprefix('lk_')}")  # noqa: E731
        summary = lists.run(files, contract, out, told, said or (), answers, engine)
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    _show(summary, out)


def _show(summary: dict[str, Any], out: Path) -> None:
    console = Console()
    table = Table("file", "column", "taken for", "confidence", "why", box=None, pad_edge=False)
    for c in summary["columns"]:
        style = "dim" if c["kind"] == "ignore" else "yellow" if c["confidence"] < 0.7 else ""
        table.add_row(c["file"], c["heading"], c["kind"], f"{c['confidence']:.0%}", c["why"], style=style)
    console.print(table)
    console.print(
        f"{summary['rows']:,} rows are {summary['people']:,} people; {summary['pairs_to_ask']:,} pairs to ask. "
        f"Written to {out} in {summary['seconds']:.1f} s."
    )
    if summary["rows_unreadable"]:
        console.print(f"{summary['rows_unreadable']:,} lines do not fit the header: unreadable.csv.")
    if any(c["why"] not in ("stated",) for c in summary["columns"]):
        console.print(
            "Wrong? Say what a column is with --map heading=kind, or edit contract.yaml and pass it with --contract."
        )

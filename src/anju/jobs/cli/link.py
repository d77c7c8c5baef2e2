"""``anju link FILE [FILE2] --contract C --out OUT``: link any list of people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

app = typer.Typer(help="Link any list of people.")


@app.callback(invoke_without_command=True)
def link(
    files: Annotated[
        list[Path], typer.Argument(help="One or two files: CSV, XLSX, Parquet or NDJSON.", exists=True)
    ],
    contract: Annotated[
        Path, typer.Option(help="YAML that says what each column is.", exists=True, dir_okay=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for rows.csv, pairs.csv, summary.json and picture.svg.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find which rows of a list (or of two) are the same person, outside the register.

    The contract names a language (zh or other) and what each column is; see docs/explanation/linkage.md.
    """
    from anju.jobs.pipeline import lists

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("linking")
        told = lambda step: progress.update(task, description=f"linking: {step.removeprefix('lk_')}")  # noqa: E731
        summary = lists.run(files, contract, out, told)
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    Console().print(
        f"{summary['rows']:,} rows are {summary['people']:,} people; {summary['pairs_to_ask']:,} pairs to ask. "
        f"Written to {out} in {summary['seconds']:.1f} s."
    )

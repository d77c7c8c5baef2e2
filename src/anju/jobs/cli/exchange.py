"""``anju exchange``: take files in, link, publish, measure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from anju.jobs.cli import (
    _language,
    exchange_bundle,
    exchange_contracts,
    exchange_feed,
    exchange_linkage,
    exchange_match,
    exchange_notices,
    exchange_publish,
    exchange_work,
    setup_django,
)
from anju.jobs.cli.options import JSON, Engine
from anju.kernel.wording import explain

if TYPE_CHECKING:
    from anju.exchange.store.actions import Accepted

app = typer.Typer(help="Take files in, link, publish, measure.", no_args_is_help=True)
console = Console(stderr=True)
NARROW = 72
"""Characters of a window below which figures stand under a file's name, not beside it."""
MOST_SHOWN, MOST_LISTED = 200, 1_000_000
"""Held rows of a batch on a screen; for a script, all there can be."""


@app.callback()
def group() -> None:
    """Take files in, link, publish, measure."""


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders of them; a folder 2026-06-30 states the day.")
    ],
    contract: Annotated[
        str | None, typer.Option(help="The dataset, where name and header do not tell it.")
    ] = None,
    engine: Engine = "",
    as_json: JSON = False,
) -> None:
    """Read, check and standardise files; good rows become batches, bad ones are held with a reason."""
    setup_django()
    from django.utils import timezone

    from anju.jobs.pipeline import intake
    from anju.trust.access import system

    outcomes, failed = [], 0
    taken: list[tuple[Accepted, tuple[str, ...]]] = []
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=intake.size(paths))

        def told(name: str, read: int) -> None:
            progress.update(task, description=name, advance=read)

        for outcome in intake.ingest(
            paths, by=system("ingest"), at=timezone.now, dataset=contract, told=told, engine_name=engine
        ):
            outcomes.append(intake.told(outcome))
            if isinstance(outcome, intake.Failed):
                failed += 1
                console.print(
                    f"[red]✗[/] {explain(outcome.refusal, _language())}", highlight=False, soft_wrap=True
                )
            elif outcome.is_new:
                pace = f"{outcome.rows / outcome.seconds:,.0f}" if outcome.seconds else ""
                counts = (outcome.rows, outcome.held, outcome.fixed)
                taken.append((outcome, (*(f"{count:,}" for count in counts), pace)))
            else:
                taken.append((outcome, ("–", "–", "–", "known")))
    if as_json:
        typer.echo(json.dumps(outcomes, ensure_ascii=False, default=str))
    else:
        console.print(_batches(taken, console.width))
    if failed:
        raise typer.Exit(3)


def _batches(taken: Sequence[tuple[Accepted, tuple[str, ...]]], width: int) -> Table:
    """The summary. A file's name is the sender's: it stands whole, folded where the window is narrow."""
    table, figures = Table(title="batches"), ("rows", "held", "fixed", "rows/s")
    is_narrow = width < NARROW
    table.add_column("file", overflow="fold")
    for name in () if is_narrow else figures:
        table.add_column(name, justify="right", no_wrap=True)
    for outcome, told in taken:
        named = Text.assemble(outcome.file, "\n", (outcome.dataset, "dim"))
        if is_narrow:
            listed = ", ".join(f"{name} {figure}" for name, figure in zip(figures, told, strict=True))
            table.add_row(Text.assemble(named, "\n", listed))
        else:
            table.add_row(named, *told)
    return table


@app.command()
def status(as_json: JSON = False) -> None:
    """How many batches and rows were accepted per dataset, and how many held rows wait."""
    setup_django()
    from anju.exchange.store import queries

    found: dict[str, dict[str, int]] = {}
    for batch in queries.accepted_batches():
        kept = found.setdefault(batch.dataset, {"batches": 0, "rows": 0})
        kept["batches"] += 1
        kept["rows"] += batch.rows
    held = queries.held_states()
    if as_json:
        typer.echo(json.dumps({"datasets": found, "held": held}))
        return
    table = Table("dataset", "batches", "rows", title="accepted")
    for name, kept in sorted(found.items()):
        table.add_row(name, f"{kept['batches']:,}", f"{kept['rows']:,}")
    console.print(table)
    console.print(
        f"held rows: {held['open']:,} open, {held['fixed']:,} fixed, {held['again']:,} sent again, {held['waived']:,} waived"
    )


@app.command()
def rejects(
    batch: Annotated[
        str | None, typer.Argument(help="A batch; left out: every batch with open held rows.")
    ] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write the error report, to mend and send again.")] = None,
    as_json: JSON = False,
) -> None:
    """Show held rows with field and reason, or write the sender's error report."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.store import queries

    now = timezone.now()
    if batch is None:
        waiting = [b for b in queries.list_batches(limit=10_000, now=now).rows if b.held_open]
        if as_json:
            typer.echo(
                json.dumps(
                    [
                        {"batch": b.id, "dataset": b.dataset, "open": b.held_open, "overdue": b.overdue}
                        for b in waiting
                    ]
                )
            )
            return
        # The batch's name is what one types next: it stands whole, the file's is folded.
        table = Table(Column("batch", no_wrap=True), Column("file", overflow="fold"), title="held rows")
        for name in ("open", "overdue"):
            table.add_column(name, justify="right", no_wrap=True)
        for line in waiting:
            table.add_row(line.id, line.name, f"{line.held_open:,}", f"{line.overdue:,}")
        console.print(table)
        return
    queries.get_batch(batch)
    if xlsx is not None:
        xlsx.write_bytes(queries.error_report(batch))
        console.print(
            f"[green]✓[/] {xlsx}: mend the tinted cells, then send the file with: anju exchange ingest {xlsx}"
        )
        return
    page = queries.list_held(batch, state="open", limit=MOST_SHOWN if not as_json else MOST_LISTED, now=now)
    rows = page.rows
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "row": r.row_no,
                        "faults": [[f.field, f.code] for f in r.faults],
                        "overdue_days": r.overdue_days,
                    }
                    for r in rows
                ],
                ensure_ascii=False,
            )
        )
        return
    language = _language()
    table = Table("row", "field", "reason", "remedy", "days overdue", title=batch)
    for row in rows:
        for fault in row.faults:
            table.add_row(
                str(row.row_no),
                fault.field,
                fault.told[language],
                fault.remedy[language],
                str(row.overdue_days or ""),
            )
    console.print(table)
    if page.next_after:
        console.print(f"The first {MOST_SHOWN}; all of them stand in the report (--xlsx) and with --json.")


@app.command()
def waive(
    batch: Annotated[str, typer.Argument(help="The batch.")],
    reason: Annotated[str, typer.Option(help="Why these rows will not come back.")],
    row: Annotated[list[int] | None, typer.Option(help="A row number; left out: every open row.")] = None,
) -> None:
    """Give up held rows that will not come back."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.store import actions
    from anju.trust.access import system

    done = actions.waive(batch, rows=row or [], reason=reason, by=system("waive"), at=timezone.now())
    console.print(f"[green]✓[/] {done:,} rows waived.")


exchange_contracts.register(app)
exchange_linkage.register(app)
exchange_publish.register(app)
exchange_match.register(app)
exchange_notices.register(app)
exchange_work.register(app)
exchange_feed.register(app)
exchange_bundle.register(app)

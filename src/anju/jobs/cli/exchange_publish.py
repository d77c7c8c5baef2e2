"""``anju exchange publish``: accepted and linked records become the library everybody reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from anju.jobs.cli import setup_django
from anju.jobs.cli.options import JSON, Engine

if TYPE_CHECKING:
    from anju.jobs.pipeline.fitting import TooLong

SHOWN = 20
"""Lines of values that a run leaves out; the others are in ``--json``."""


def register(app: typer.Typer) -> None:
    """Add the command to ``anju exchange``."""
    app.command("publish")(publish)
    app.command("quality")(quality)


def publish(
    as_json: JSON = False,
    memory: Annotated[
        str,
        typer.Option(
            help="Memory of the columnar engine, such as 5GB; a quarter of the machine's if left out."
        ),
    ] = "",
    engine: Engine = "",
    full: Annotated[
        bool, typer.Option("--full", help="Resolve everybody, not only those whose data can differ.")
    ] = False,
) -> None:
    """Resolve and publish the library. Nothing new since the last run changes nothing."""
    setup_django()
    from anju.jobs.pipeline import fitting, library, review

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("publishing")
        summary = library.run(
            lambda step: progress.update(task, description=f"publishing: {step}"), memory, engine, full
        )
        progress.update(task, description="publishing: what people have to settle")
        review.after_publish(summary.cases)
    left_out = fitting.left_out(library.folder() / "own")
    if as_json:
        told = {"too_long": [asdict(value) for value in left_out]}
        typer.echo(json.dumps(asdict(summary) | told, ensure_ascii=False))
        return
    _show(summary)
    _show_left_out(left_out)


def quality(as_json: JSON = False) -> None:
    """The measures of the newest run: each with its definition, its aim, and whether it is met."""
    setup_django()
    from anju.jobs.cli import _language
    from anju.register.store import queries

    board = queries.quality_board()
    if as_json:
        told = [
            {"key": m.key, "value": m.value, "unit": m.unit, "target": m.target, "meets": m.meets}
            for m in board.measures
        ]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    table = Table("measure", "value", "aim", title=f"run {board.run.id}")
    table.add_column("definition", overflow="fold")  # Chinese has no blanks to break a line at
    chinese = _language() == "zh"
    for m in board.measures:
        aim = "" if m.target is None else f"{m.target:.0%}" if m.unit == "share" else f"{m.target:g}"
        table.add_row(
            m.zh if chinese else m.en,
            _shown(m.value, m.unit),
            aim,
            m.definition_zh if chinese else m.definition_en,
        )
    Console().print(table)


def _shown(value: float | None, unit: str) -> str:
    """A share in per cent, a count whole, anything else with one decimal."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _show(summary: object) -> None:
    from anju.jobs.cli import _language
    from anju.jobs.pipeline.publishing import PublishSummary
    from anju.kernel import wording

    assert isinstance(summary, PublishSummary)
    console = Console()
    if not summary.is_new:
        console.print(f"Nothing new: run {summary.run} stands, {summary.people:,} people.")
        return
    table = Table(title=f"Run {summary.run}: {summary.records:,} records are {summary.people:,} people")
    table.add_column("measure")
    table.add_column("value", justify="right")
    for key, told in summary.figures.items():
        table.add_row(wording.say(f"library.measure.{key}", _language()), _shown(told["value"], told["unit"]))
    console.print(table)
    console.print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary.seconds.items()))


def _show_left_out(values: Sequence[TooLong]) -> None:
    """Values the register has no room for, so that their sender can be asked for shorter ones."""
    from anju.jobs.cli import _language
    from anju.kernel import wording
    from anju.register import canon

    language = _language()
    for value in values[:SHOWN]:
        column = canon.column(value.field)
        facts = asdict(value) | {"field": column.zh if language == "zh" else column.en}
        Console().print(wording.say("library.too_long", language, **facts), soft_wrap=True, highlight=False)
    if (more := len(values) - SHOWN) > 0:
        Console().print(wording.say("library.too_long_more", language, count=more), soft_wrap=True)

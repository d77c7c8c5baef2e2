"""``anju city``: make an invented city and what its departments send."""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from anju.city import ground
from anju.city.make import STEPS, check, make_city
from anju.city.order import FIRST_DAY, Order
from anju.kernel import packs
from anju.kernel.refusal import Refusal

app = typer.Typer(help="Make an invented city and what its departments send.", no_args_is_help=True)
console = Console(stderr=True)
FINISHED = "truth/summary.json"
BEGUN = ".begun"
"""Stands in the folder while a city is made: one that was killed there is known for what it is."""
RATES = ("duplicate_rate", "contradiction_rate", "missing_police_rate", "without_number_rate", "bad_rate")


@app.callback()
def group() -> None:
    """Make an invented city and what its departments send. All people in it are invented."""


@app.command()
def make(
    out: Annotated[Path, typer.Option(help="Folder for the files; the truth goes to `truth` in it.")],
    people: Annotated[int, typer.Option(help="Residents on the first day.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city.")] = 1,
    errors: Annotated[str, typer.Option(help="How much goes wrong: none, mild, real or harsh.")] = "real",
    days: Annotated[
        int, typer.Option(min=0, max=365, help="Days after the first load, one folder each.")
    ] = 0,
    first_day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the first load.")
    ] = datetime(  # noqa: DTZ001
        FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day
    ),
    like: Annotated[
        str, typer.Option(help="City of the 2020 census whose row is matched; the pack's choice if empty.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Write over a city that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Make a city: twelve departments' and three channels' files, a folder a day, and the truth."""
    order = Order(people, out, seed, errors, days, first_day.date(), like)
    check(order)
    _clear(out, replace)
    began = time.perf_counter()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=STEPS)
        summary = make_city(order, lambda step: bar.update(task, advance=1, description=step))
    (out / BEGUN).unlink()
    summary["seconds"] = round(time.perf_counter() - began, 1)
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary, out)


@app.command("ground")
def make_ground(
    pack: Annotated[Path | None, typer.Option(help="Pack folder that holds `ground.yaml`.")] = None,
) -> None:
    """Make the city's ground again (divisions, shapes, streets, facilities) from its plan `ground.yaml`."""
    ground.write(pack or packs.root() / "demo")


def _clear(out: Path, replace: bool) -> None:
    """An empty folder to write to; a city that stands there, or was begun and killed, goes only when asked for."""
    try:
        if out.is_dir() and any(out.iterdir()):
            if not any((out / sign).is_file() for sign in (FINISHED, BEGUN)):
                raise Refusal("city.no_city_here", folder=str(out))
            if not replace:
                raise Refusal("city.not_empty", folder=str(out))
            shutil.rmtree(out)
        out.mkdir(parents=True, exist_ok=True)
        (out / BEGUN).touch()
    except OSError as cannot:
        raise Refusal("city.cannot_write", folder=str(out), said=cannot.strerror) from None


def _show(summary: dict[str, Any], out: Path) -> None:
    table = Table(title=f"{summary['city']} → {out}", show_header=False)
    for name, value in summary.items():
        table.add_row(name, f"{value:.1%}" if name in RATES else str(value))
    Console().print(table)

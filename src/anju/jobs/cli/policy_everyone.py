"""``anju policy simulate``: changed numbers tried on everyone; and what it shares with ``audit``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from anju.jobs.cli import setup_django
from anju.jobs.cli.policy import (
    AsJson,
    Language,
    On,
    Programme,
    Readings,
    app,
    console,
    day,
    language,
    pairs,
    say_json,
)
from anju.policy import loading, whatif
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.model import Programme as Checked
from anju.policy.simulate import assumed, plain

PopulationOption = Annotated[
    str, typer.Option("--population", help="library, or a Parquet or CSV file of facts")
]
By = Annotated[list[str] | None, typer.Option("--by", help="group by this column (repeat)")]


@contextmanager
def steps(told: str, quiet: bool) -> Iterator[Any]:
    """A spinner with the step at hand, on the error stream so that ``--json`` stays clean."""
    from rich.console import Console

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task(told)
        yield lambda text: progress.update(task, description=text)


@contextmanager
def engine() -> Iterator[Any]:
    """A DuckDB engine with a spill folder of its own."""
    from anju.jobs import scratch
    from anju.jobs.engine import DuckEngine

    with scratch.place("policy") as spill:
        opened = DuckEngine(spill)
        try:
            yield opened
        finally:
            opened.close()


GROUP = "group_"
"""Columns of a population that only serve to compare groups; the library's facts table carries them."""


def group_columns(asked: list[str] | None, there: tuple[str, ...]) -> list[str]:
    """The columns meant: ``sex`` is ``group_sex`` where the population has no ``sex`` of its own."""
    return [c if c in there or GROUP + c not in there else GROUP + c for c in asked or []]


@app.command()
def simulate(
    programme: Programme,
    population: PopulationOption = "library",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="PATH=VALUE, e.g. items.pension.points=5; PATH=off")
    ] = None,
    service: Annotated[str | None, typer.Option("--service")] = None,
    by: By = None,
    places: Annotated[
        int | None, typer.Option("--places", help="places to give out (default: the programme's)")
    ] = None,
    on: On = None,
    reading: Readings = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="write the changed rules as a new version file")
    ] = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Try changed numbers on everyone: who gains and loses, line for the quota, cost. Counts only; small cells hidden."""
    from anju.jobs.pipeline.population import open_population
    from anju.policy.simulate import need_columns
    from anju.policy.simulate import simulate as run

    chosen = language(lang)
    found = loading.get(programme, day(on))
    filing = day(on) or default_day(found, date.today())  # noqa: DTZ011 the operator's own day
    settings = whatif.parse_settings(setting or [])
    other, text = (
        whatif.changed(found, settings) if settings else (found, Path(found.file).read_text(encoding="utf-8"))
    )
    numbers = assumed()
    with steps("…", as_json) as step, engine() as opened:
        step("读取人口" if chosen == "zh" else "reading the population")
        if population == "library":
            setup_django()
        people = open_population(opened, population, [found, other], filing)
        groups = group_columns(by, people.columns)
        need_columns(people.columns, groups)
        step(f"计算 {people.people:,} 人" if chosen == "zh" else f"working out {people.people:,} people")
        result = run(
            opened, people.source, bind(found, filing, pairs(reading)), bind(other, filing, pairs(reading)),
            service=service, groups=groups, places=places,
            cost_per_10000_yuan=numbers.get("cost_per_10000_people_yuan", 0), least_cell=numbers.get("least_cell", 10),
        )  # fmt: skip
    changes = whatif.diff(Path(found.file).read_text(encoding="utf-8"), text, found.id)
    if export:
        export.write_text(text, encoding="utf-8")
    if as_json:
        head = {
            "programme": found.id,
            "file_sha256": found.digest,
            "on": filing.isoformat(),
            "settings": settings,
        }
        say_json({**head, "absent_facts": list(people.absent), **plain(asdict(result)), "diff": changes})
        return
    _tell_simulation(found, result, people.absent, changes, chosen)


def _tell_simulation(found: Checked, result: Any, absent: tuple[str, ...], changes: str, chosen: str) -> None:
    zh = chosen == "zh"
    few = f"<{result.least_cell}"
    console.print(
        f"[bold]{found.label(chosen)}[/] {found.id} · {result.people:,}" + (" 人" if zh else " people")
    )
    shown = RichTable(box=None)
    for name in ("", "现行", "改后") if zh else ("", "as it is", "changed"):
        shown.add_column(name, justify="right" if name else "left")
    rows = [
        ("符合人数" if zh else "qualify", "qualified"), ("待核（有未知）" if zh else "open (something unknown)", "open"),
        ("平均分（符合者）" if zh else "mean score of those", "mean_score"), ("分数线（按名额）" if zh else "line for the places", "line"),
        ("入围人数" if zh else "admitted", "admitted"), ("每年成本（元）" if zh else "cost a year (yuan)", "cost_yuan"),
    ]  # fmt: skip
    for label, key in rows:
        shown.add_row(label, *(cell(getattr(side, key), few) for side in (result.before, result.after)))
    console.print(shown)
    told = "新增符合 {} 人，不再符合 {} 人" if zh else "{} newly qualify, {} no longer do"
    console.print(told.format(cell(result.gain, few), cell(result.lose, few)))
    if result.after.has_quota:
        told = "新入围 {} 人，不再入围 {} 人" if zh else "{} newly admitted, {} no longer"
        console.print(told.format(cell(result.admitted_gain, few), cell(result.admitted_lose, few)))
    for title, side in (("现行名额使用", result.before), ("改后名额使用", result.after)):
        for use in side.quota:
            name = use.zh if zh else use.en
            console.print(f"  {title if zh else ''} {name}: {use.places:,} → {cell(use.admitted, few)}")
    if result.groups:
        shown = RichTable(box=None)
        for name in (
            ("分组", "值", "人数", "现行", "改后", "新增", "失去")
            if zh
            else ("group", "value", "people", "before", "after", "gain", "lose")
        ):
            shown.add_column(name)
        for group in result.groups:
            shown.add_row(
                group.column,
                group.value,
                *(cell(getattr(group, k), few) for k in ("people", "before", "after", "gain", "lose")),
            )
        console.print(shown)
    top = max((b.before or 0, b.after or 0) for b in result.distribution) if result.distribution else (1, 1)
    for bar in result.distribution:
        width = max(*top, 1)
        left, right = "█" * round(30 * (bar.before or 0) / width), "█" * round(30 * (bar.after or 0) / width)
        console.print(f"{float(bar.low):8g} {left:<30} [green]{right}[/]")
    if absent:
        console.print(
            ("这些事实人口表里没有，按未知处理：" if zh else "Not in the population, so unknown: ")
            + ", ".join(absent)
        )
    if changes:
        console.print(changes, markup=False)


def cell(value: Any, few: str) -> str:
    if value is None:
        return few
    if isinstance(value, float | Fraction):
        return f"{float(value):,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}"

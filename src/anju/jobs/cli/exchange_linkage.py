"""``anju exchange link`` and ``anju exchange evaluate``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from anju.jobs.cli import setup_django
from anju.jobs.cli.options import JSON, Engine


def register(app: typer.Typer) -> None:
    """Add the commands to ``anju exchange``."""
    app.command("link")(link)
    app.command("learn")(learn)
    app.command("explain")(explain)
    app.command("evaluate")(evaluate)


def link(
    full: Annotated[
        bool, typer.Option("--full", help="Link everything anew, not only what changed.")
    ] = False,
    engine: Engine = "",
    as_json: JSON = False,
) -> None:
    """Link every accepted record to a person: one person, one code."""
    setup_django("anju.config.work")
    from anju.jobs.pipeline import linkage, review

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("linking")
        summary = linkage.run(
            told=lambda step: progress.update(task, description=f"linking: {step.removeprefix('lk_')}"),
            full=full,
            engine_name=engine,
        )
        progress.update(task, description="linking: questions for the reviewers")
        review.follow()
    if as_json:
        typer.echo(json.dumps(asdict(summary), ensure_ascii=False))
        return
    Console().print(
        f"{summary.records:,} records are {summary.people:,} people: {summary.by_key:,} by certain keys, "
        f"{summary.by_model:,} by the model, {summary.alone:,} alone; {summary.to_review:,} pairs to ask; "
        f"{summary.minted:,} codes new, {summary.merged:,} merged, {summary.split:,} split ({summary.seconds:.1f} s)"
    )


def learn(
    out: Annotated[
        Path, typer.Option(help="The YAML to write; put it into a pack's linkage folder to use it.")
    ],
) -> None:
    """Learn the model's parameters anew from the accepted records, without truth."""
    setup_django()
    import yaml

    from anju.jobs.pipeline import linkage

    with Console(stderr=True).status("learning"):
        learned = linkage.learn()
    with out.open("w", encoding="utf-8") as stream:
        yaml.safe_dump(learned, stream, allow_unicode=True, sort_keys=False)
    Console().print(f"Version {learned['version']} written to {out}: {learned['figures']}")


def explain(
    code: Annotated[str, typer.Argument(help="A person code, even one that was merged away.")],
    as_json: JSON = False,
) -> None:
    """Say why these records are one person: how each was joined, and the evidence the model weighed."""
    setup_django()
    from anju.exchange.store import why_queries
    from anju.jobs.pipeline import linkage

    told = linkage.explain(code)
    named = why_queries.named(told)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, default=str))
        return
    console = Console()
    console.print(
        f"{told['code']}: {len(told['records'])} records"
        + (f" (asked for {code})" if code != told["code"] else "")
    )
    for record in told["records"]:
        weight = "" if record["weight"] is None else f" {record['weight']:+.1f} bits"
        console.print(f"  {named.get(record['record_id'], 'not published yet')}  {record['how']}{weight}")
    for edge in told["evidence"]:
        reasons = ", ".join(f"{r['comparison']} {r['level']} {r['weight']:+.1f}" for r in edge["reasons"])
        sides = (
            named.get(edge[f"record_{s}"], "not published yet")
            + (
                ""
                if edge[f"person_{s}"] == told["code"]
                else f" of {edge[f'person_{s}'] or 'nobody any more'}"
            )
            for s in "ab"
        )
        console.print(f"  {' - '.join(sides)}  {edge['outcome']} {edge['weight']:+.1f}: {reasons}")
    for event in told["events"]:
        console.print(
            f"  run {event['run']}: {event['kind']} {event['person_code']} {event['other_code'] or ''}"
        )


def evaluate(
    truth: Annotated[
        Path, typer.Option(help="The truth folder of an invented city.", exists=True, file_okay=False)
    ],
    as_json: JSON = False,
) -> None:
    """Measure the linkage against the truth of an invented city."""
    setup_django()
    from anju.jobs.pipeline import evaluation

    figures = evaluation.run(truth)
    if as_json:
        typer.echo(json.dumps(figures, ensure_ascii=False, default=str))
        return
    console = Console()
    for which in ("all", "without_number"):
        told = figures[which]
        console.print(
            f"{which}: precision {told['precision']:.4f} recall {told['recall']:.4f} F1 {told['f1']:.4f}"
        )
    for name, value in figures["rates"].items():
        console.print(f"{name}: {value}")

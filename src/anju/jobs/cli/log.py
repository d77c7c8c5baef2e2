"""``anju log``: verify and export the transparency log, keep it going."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from anju.jobs.cli import setup_django
from anju.kernel import wording

app = typer.Typer(help="Verify and export the transparency log.", no_args_is_help=True)
screen = Console()
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def group() -> None:
    """Verify and export the transparency log."""


@contextmanager
def _bar(what: str, quiet: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, disable=quiet, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda place: bar.update(task, completed=place)


@app.command()
def verify(
    bundle: Annotated[
        Path | None, typer.Argument(help="an exported bundle; without it the database is verified")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="a verifier key you know from elsewhere (name+id+key)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify every entry, hash and checkpoint; name what was changed. Exits with 1 when anything was.

    A bundle needs neither server nor database. Give the published keys with --key: otherwise the bundle's own are used.
    """
    with _bar("verifying", as_json) as progress:
        report, told = _verify(bundle, key or [], progress)
    findings = [
        {
            "code": f.code,
            "first": f.first,
            "last": f.last,
            **f.facts,
            "told": _say(f.code, f.first, f.last, f.facts),
        }
        for f in _runs(report.findings)
    ]
    if as_json:
        typer.echo(json.dumps({"holds": report.holds, "size": report.size, "checkpoints": report.checkpoints, **told,
                               "findings": findings}, ensure_ascii=False))  # fmt: skip
    elif report.holds:
        screen.print(
            f"[green]✓[/] {_say('log.holds', facts={'size': report.size, 'checkpoints': report.checkpoints})}"
        )
        if told.get("keys_from") == "bundle":
            screen.print(f"[yellow]![/] {_say('log.keys_of_bundle', facts={})}")
    else:
        for finding in findings:
            screen.print(f"[bold red]✗[/] {finding['told']}", highlight=False, soft_wrap=True)
    if not report.holds:
        raise typer.Exit(1)


def _verify(
    path: Path | None, given: list[str], progress: Callable[[int], None]
) -> tuple[Any, dict[str, str]]:
    from anju.trust.log import bundle
    from anju.trust.log.checkpoints import Verifier

    if path is not None:
        _, keys, report = bundle.verify(path, [Verifier.parse(k) for k in given], progress)
        return report, {"keys_from": "you" if given else "bundle", "keys": " ".join(str(k) for k in keys)}
    setup_django()
    from anju.trust.store import ledger, log_verifying

    ledger.sequence_all()
    return log_verifying.verify(progress), {}


def _runs(findings: tuple[Any, ...]) -> Iterator[Any]:
    """Neighbouring entries with the same finding as one run."""
    from dataclasses import replace

    held = None
    for f in findings:
        if (
            held
            and f.code == held.code
            and f.first is not None
            and f.first == (held.last or 0) + 1
            and not f.facts
        ):
            held = replace(held, last=f.last)
            continue
        if held:
            yield held
        held = f
    if held:
        yield held


def _say(
    code: str, first: int | None = None, last: int | None = None, facts: dict[str, Any] | None = None
) -> str:
    from anju.jobs.cli import _language

    run = (
        code
        if first == last or code in {"log.root_differs", "log.cut", "log.tile_changed"}
        else code + "_run"
    )
    return wording.say(run, _language(), first=first, last=last, **(facts or {}))


@app.command()
def export(
    path: Annotated[Path, typer.Argument(help="the file to write, such as anju.anjulog")],
    hashes_only: Annotated[bool, typer.Option(help="without the entries: for the public")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole log into one file that verifies anywhere."""
    setup_django()
    from anju.jobs.pipeline import log as keeping

    with _bar("exporting", as_json) as progress:
        size = keeping.export(path, with_entries=not hashes_only, progress=progress)
    typer.echo(json.dumps({"path": str(path), "size": size}) if as_json else f"{path}: {size} entries")


@app.command()
def keep(poll: Annotated[float, typer.Option(help="seconds between looks")] = 0.5) -> None:
    """Sequence entries and sign checkpoints until stopped; `anju serve` runs it beside the web server."""
    setup_django()
    from anju.jobs.pipeline import log as keeping

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keeping.keep(stop, poll)


@app.command()
def checkpoint() -> None:
    """Sequence what waits, sign, and print the signed checkpoint."""
    setup_django()
    from anju.jobs.pipeline import log as keeping
    from anju.trust.store import log_queries

    keeping.checkpoint()
    point = log_queries.latest()
    typer.echo(point.note if point else "", nl=False)


@app.command()
def keys() -> None:
    """Print the public keys checkpoints are verified with: the log's, then the witness's."""
    setup_django()
    from anju.trust.store import log_keys, log_published

    for verifier in (*log_keys.verifiers(), *log_published.witness_verifiers()):
        typer.echo(str(verifier))


@app.command()
def prove(seq: Annotated[int, typer.Argument(help="place of the entry, from zero")]) -> None:
    """Print the proof that an entry stands in the newest checkpoint, as JSON."""
    setup_django()
    from anju.trust.store import log_queries

    proof = log_queries.prove_inclusion(seq)
    told = {"seq": proof.seq, "size": proof.size, "leaf": proof.leaf.hex(), "root": proof.root.hex(),
            "hashes": [h.hex() for h in proof.hashes], "checkpoint": proof.note}  # fmt: skip
    typer.echo(json.dumps(told, ensure_ascii=False))


@app.command()
def show(
    last: Annotated[int, typer.Option(help="how many")] = 20,
    person: Annotated[str, typer.Option(help="a person code")] = "",
    as_json: AsJson = False,
) -> None:
    """Print the newest entries."""
    setup_django()
    from anju.trust.store import ledger, log_queries

    ledger.sequence_all()
    for placed in log_queries.entries(last, person_code=person):
        e = placed.entry
        told = {"seq": placed.seq, "at": e.at.isoformat(), "account": e.account, "role": e.role, "office": e.office,
                "action": e.action, "purpose": e.purpose, "subject": e.subject, "result": e.result, "detail": dict(e.detail)}  # fmt: skip
        typer.echo(
            json.dumps(told, ensure_ascii=False) if as_json else " ".join(str(v) for v in told.values() if v)
        )

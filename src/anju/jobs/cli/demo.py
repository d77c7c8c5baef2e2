"""``anju demo``: build the invented city, serve it.

Runs the commands an operator would type, in order, and shows each. What is done is written down, so that a demo
that was stopped - or killed - goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from anju.jobs.cli import setup_django
from anju.kernel.home import home
from anju.kernel.refusal import Refusal

app = typer.Typer(help="Build the invented city, serve it.")
console = Console(stderr=True)


@app.callback(invoke_without_command=True)
def demo(
    people: Annotated[int, typer.Option(help="residents of the city")] = 20_000,
    days: Annotated[int, typer.Option(help="days of changes after the first load")] = 3,
    seed: Annotated[int, typer.Option(help="the same seed makes the same city")] = 1,
    host: Annotated[str, typer.Option(help="address to serve on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to serve on")] = 8000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="serve when it is built")] = True,
) -> None:
    """Build an invented city, take its departments' files in, link, publish, and serve it with demo accounts."""
    from anju.jobs import database
    from anju.jobs.cli.serve import check_port

    os.environ["ANJU_DEMO"] = "1"
    os.environ.setdefault("ANJU_PLACE", "demo")
    if serve:
        check_port(host, port)  # known now, not in five minutes
    database.url()  # one embedded server for all the commands below
    files = home() / "demo-city"
    begin = time.perf_counter()
    done = _Done(home() / "demo.json", {"people": people, "days": days, "seed": seed})
    if not done.has_run("city make"):
        _check_nobody_here()
    done.run("db", "upgrade", quiet=True)
    done.run(
        "city", "make", "--people", str(people), "--days", str(days), "--seed", str(seed), "--errors", "real",
        "--out", str(files), "--replace",
    )  # fmt: skip
    for day in sorted(p for p in files.iterdir() if p.is_dir() and p.name != "truth"):
        done.run("exchange", "ingest", str(day))
        done.run("exchange", "link", key=day.name)
        done.run("exchange", "publish", key=day.name)
    done.run("exchange", "evaluate", "--truth", str(files / "truth"))
    done.run("trust", "demo-accounts")
    console.print(f"\n[bold]The city stands[/] ({time.perf_counter() - begin:.0f} s).")
    if serve:
        console.print(
            f"  http://{host}:{port}/  · 登录账号见登录页 · the logins are on the login page\n",
            highlight=False,
        )
        os.execv(sys.executable, [*_anju(), "serve", "--host", host, "--port", str(port)])  # noqa: S606 - our own program


def _check_nobody_here() -> None:
    """Invented people never join a register that holds others."""
    is_chosen = "DJANGO_SETTINGS_MODULE" in os.environ
    setup_django("anju.config.work")
    if not is_chosen:  # the commands that follow choose their own settings: they must not inherit these
        del os.environ["DJANGO_SETTINGS_MODULE"]
    from django.db import ProgrammingError

    from anju.exchange.store import queries

    try:
        if any(queries.batch_paths()):
            raise Refusal("demo.not_alone", home=home())
    except ProgrammingError:  # no such table yet: a new database, or one whose first upgrade was killed
        return


def _anju() -> list[str]:
    return [sys.executable, "-c", "from anju.jobs.cli import main; main()"]


class _Done:
    """The steps that are finished, kept in a file. Once a city's files are taken in, another city is refused:
    two of them in one register would be neither."""

    def __init__(self, path: Path, order: dict[str, int]) -> None:
        self.path, self.order = path, order
        kept = json.loads(path.read_text()) if path.exists() else {}
        self.steps: list[str] = kept.get("steps", [])
        if kept.get("order", order) != order:
            if self.has_run("exchange ingest"):
                raise Refusal("demo.other_city", home=home(), **kept["order"])
            self.steps = []

    def has_run(self, words: str) -> bool:
        """Whether a command that begins with ``words`` is done."""
        return any(step.startswith(words) for step in self.steps)

    def run(self, *words: str, key: str = "", quiet: bool = False) -> None:
        """Run one command unless it is done already; stop the demo when it fails."""
        name = " ".join([*words, key]).strip()
        if name in self.steps:
            return
        console.print(f"[dim]$[/] [bold]anju {' '.join(words)}[/]", highlight=False, soft_wrap=True)
        ended = subprocess.run([*_anju(), *words], check=False, stdout=subprocess.DEVNULL if quiet else None)
        if ended.returncode:
            console.print(
                "[red]The demo stopped here.[/] Run it again when this is mended: it goes on from this step."
            )
            raise typer.Exit(ended.returncode)
        self.steps.append(name)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"order": self.order, "steps": self.steps}))
        part.rename(self.path)

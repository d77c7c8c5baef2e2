"""The command line: ``anju``.

One module per group of commands, each with a Typer ``app`` or a function; modules are imported only when
their group is asked for, so that ``anju --help`` is quick and ``anju policy check`` needs no database.
"""

from __future__ import annotations

import errno
import gc
import importlib
import importlib.util
import os
import subprocess
import sys
from typing import NoReturn

import typer
from rich.console import Console

from anju.kernel import wording
from anju.kernel.home import home
from anju.kernel.refusal import Refusal

GROUPS = {
    "backup": "Save database, lake and log into one encrypted, verified file.",
    "bench": "Measure; every figure beside a reference in the same run.",
    "city": "Make an invented city and what its departments send.",
    "db": "Create or upgrade the database.",
    "demo": "Build the invented city, serve it.",
    "doctor": "Say what is wrong, in an operator's words.",
    "exchange": "Take files in, link, publish, measure.",
    "link": "Link any list of people.",
    "log": "Verify and export the transparency log.",
    "policy": "Check, show, explain, simulate, compare, audit rules.",
    "restore": "Bring a backup back onto an empty machine.",
    "serve": "Serve the pages and the API.",
    "trust": "Keys, roles and accounts.",
}
REFUSED = 3
"""Exit code of a refusal; 2 is a wrong call, 1 a failed check."""

MADE_READY = "ANJU_MADE_READY"
"""Set in a command that runs again because it found an empty database."""
DISK_FULL = "53100"
SHUT_DOWN = frozenset({"57P01", "57P02", "57P03"})
NOT_THERE = frozenset({"42P01", "42703", "42704", "42883", "3F000"})
"""PostgreSQL's codes for a table, column, role or function it does not know; above for a full disk, for its own end."""
NOT_REACHED = ("connection failed", "connection is bad", "connection timeout", "failed to resolve host")
WENT_AWAY = (
    "consuming input failed",
    "sending query",
    "server closed",
    "the connection is",
    "flushing failed",
)
"""What the driver says where no database answers, so that there is no code."""

errors = Console(stderr=True)


def build(asked: str | None) -> typer.Typer:
    """The whole command, with only the group ``asked`` imported; the others are there for ``--help``."""
    root = typer.Typer(
        help="Anju 安居: one lawful register, and the services that follow from it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for name, told in GROUPS.items():
        if importlib.util.find_spec(f"anju.jobs.cli.{name}") is None:
            continue
        module = importlib.import_module(f"anju.jobs.cli.{name}") if name == asked else None
        if module and not (module.app.registered_commands or module.app.registered_groups):
            root.command(name)(module.app.registered_callback.callback)
        else:
            root.add_typer(module.app if module else _unloaded(told), name=name, help=told)
    return root


def _unloaded(told: str) -> typer.Typer:
    app = typer.Typer(help=told)
    app.callback(invoke_without_command=True)(lambda: None)
    return app


def setup_django(settings: str = "anju.config.settings") -> None:
    """Make Django ready; called by the commands that need the database. ``anju.config.work`` leaves the pages out."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    django.setup()


def main() -> None:
    """Run one command. A refusal is told in a sentence and exits with 3; anything else is a bug, shown whole."""
    _begin_lightly()
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)(prog_name="anju")
    except Refusal as refusal:
        _tell(refusal)
    except Exception as broken:
        if _is_disk_full(broken):
            _tell(Refusal("machine.disk_full", path=home()))
        if gone := _is_gone(broken):
            _tell(gone)
        if isinstance(broken, OSError) and _was_typed(broken.filename):
            _tell(Refusal("machine.cannot_use", path=broken.filename, said=broken.strerror))
        if _answer_of(broken) not in NOT_THERE:
            raise
        _begin_anew()
        if not (count := _upgrades_waiting()):
            raise
        _tell(Refusal("database.not_upgraded", count=count))


def _begin_lightly() -> None:
    """What a command imports stays: looking for garbage among it time and again costs a fifth of the start. Numpy's threads
    for large matrices, of which there are none here, cost another twentieth of a second."""
    gc.set_threshold(50_000, 20, 50)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _tell(refusal: Refusal) -> NoReturn:
    errors.print(f"[bold red]✗[/] {wording.explain(refusal, _language())}", highlight=False, soft_wrap=True)
    errors.print(f"  [dim]{refusal.code}[/]", highlight=False, soft_wrap=True)
    sys.exit(REFUSED)


def _answer_of(broken: BaseException | None) -> str:
    """The code of the database's answer behind an error; empty where the fault is not the database's."""
    while broken is not None and not getattr(broken, "sqlstate", None):
        broken = broken.__cause__ or broken.__context__
    return str(getattr(broken, "sqlstate", ""))


def _is_disk_full(broken: BaseException | None) -> bool:
    """Whether an error, or one behind it, is the disk's or the database's that there is no room left."""
    while broken is not None:
        if getattr(broken, "errno", None) == errno.ENOSPC or getattr(broken, "sqlstate", None) == DISK_FULL:
            return True
        if "No space left on device" in str(broken):  # DuckDB tells it in words alone
            return True
        broken = broken.__cause__ or broken.__context__
    return False


def _is_gone(broken: BaseException | None) -> Refusal | None:
    """What to tell where the database was not reached, or went away in the middle of the work; None for anything else."""
    while broken is not None:
        kind, said = type(broken), str(broken).strip()
        if kind.__module__.partition(".")[0] == "psycopg" and kind.__name__ == "OperationalError":
            if said.startswith(NOT_REACHED) and os.environ.get("DATABASE_URL"):
                return Refusal("database.not_reached", said=" ".join(said.split()))
            if said.startswith((*NOT_REACHED, *WENT_AWAY)):
                return Refusal("database.went_away")
        if kind.__module__.partition(".")[0] == "psycopg" and getattr(broken, "sqlstate", None) in SHUT_DOWN:
            return Refusal("database.went_away")
        broken = broken.__cause__ or broken.__context__
    return None


def _was_typed(path: object) -> bool:
    """Whether a file that cannot be used is one that the command line names, or is written beside one."""
    typed = (word.partition("=")[2] if word.startswith("--") else word for word in sys.argv[2:])
    return bool(path) and any(
        os.fspath(str(path)).startswith(word) for word in typed if os.sep in word or "." in word
    )


def _upgrades_waiting() -> int:
    """How many upgrades the database lacks.

    Asked only when something broke: looking before every command would make each of them slower.
    """
    from anju.jobs import database

    try:
        return database.waiting()
    except Exception:  # the database cannot even be asked: what broke first says more
        return 0


def _begin_anew() -> None:
    """Make a database ready that holds nothing at all, and run the command again from its beginning; once.

    A database with anything in it is left alone: upgrading it is the operator's decision. One that another process is
    making at this moment is waited for.
    """
    from anju.jobs import database

    if os.environ.get(MADE_READY) or not (database.is_upgrading() or database.is_empty()):
        return
    errors.print(f"[dim]{wording.say('database.new', _language())}[/]", highlight=False, soft_wrap=True)
    upgrade = [sys.executable, "-c", "from anju.jobs.cli import main; main()", "db", "upgrade"]
    if ended := subprocess.run(upgrade, check=False, stdout=subprocess.DEVNULL).returncode:
        sys.exit(ended)  # it has said why
    os.environ[MADE_READY] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the very command that was typed


def _language() -> str:
    return "zh" if os.environ.get("ANJU_LANG", os.environ.get("LANG", "")).lower().startswith("zh") else "en"

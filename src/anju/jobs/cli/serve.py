"""``anju serve``: the pages and the API, on one port, from one process group."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import typer
from rich.console import Console

from anju.jobs.cli import setup_django
from anju.jobs.ending import BESIDE
from anju.kernel.refusal import Refusal

app = typer.Typer(help="Serve the pages and the API.", invoke_without_command=True)
told = Console(stderr=True, highlight=False)
WEB_ROLE = "anju_web"
THREADS = 4
"""Requests one worker answers at once; each holds at most one database connection."""
STOP_SECONDS = 10
KEEPER = (
    "from anju.jobs.ending import end_with_parent; end_with_parent(); from anju.jobs.cli import main; main()"
)


@app.callback()
def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, min=1, max=65535, help="Port to listen on."),
    workers: int = typer.Option(2, min=1, help="Processes that answer; about one per core."),
    keep_log: bool = typer.Option(True, help="Run the sequencer of the transparency log beside it."),
) -> None:
    """Serve until stopped: Ctrl-C or SIGTERM ends requests under way, then the processes, then the database."""
    os.environ["ANJU_COLLECTED"] = "1"
    check_port(host, port)
    _allow_host(host)
    setup_django()
    _check_migrations()
    _collect_static()
    os.environ |= {"ANJU_DB_ROLE": WEB_ROLE, BESIDE: str(os.getpid())}
    with _log_keeper() if keep_log else contextlib.nullcontext():
        told.print(f"[bold]http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}[/]")  # noqa: S104
        _listen(host, port, workers)


def check_port(host: str, port: int, patience: float = STOP_SECONDS) -> None:
    """Refuse a port where another server listens: the system would share it out, and every other request would go there.

    The workers of a server that was killed end by themselves; ``patience``: seconds to wait for that.
    """
    until = time.monotonic() + patience
    while _is_taken(host, port):
        if time.monotonic() >= until:
            raise Refusal("serve.port_taken", host=host, port=port)
        time.sleep(0.2)


def _is_taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as refused:
            if refused.errno != errno.EADDRINUSE:
                raise Refusal("serve.cannot_listen", host=host, port=port, said=refused.strerror) from None
            return True
    return False


def _allow_host(host: str) -> None:
    """The address one listens on is a name the pages answer to; others are named in ANJU_HOSTS."""
    hosts = os.environ.get("ANJU_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host not in {*hosts, "0.0.0.0", "::"}:  # noqa: S104
        os.environ["ANJU_HOSTS"] = ",".join([*hosts, host])


def _check_migrations() -> None:
    """Refuse to serve a database that is not at the code's version: half of it would fail in people's hands."""
    from django.db import connection

    from anju.jobs.database import waiting

    count = waiting()
    connection.close()
    if count:
        raise Refusal("database.not_upgraded", count=count)


def _collect_static() -> None:
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    missing = [name for finder in get_finders() if hasattr(finder, "missing") for name in finder.missing()]
    if missing:
        raise Refusal("serve.assets_missing", count=len(missing))
    with told.status("Preparing styles and scripts …"):
        call_command("collectstatic", interactive=False, verbosity=0)


@contextlib.contextmanager
def _log_keeper() -> Iterator[None]:
    """The loop that orders log entries and signs checkpoints, in a process of its own; it ends with the server."""
    environment = {k: v for k, v in os.environ.items() if k != "ANJU_DB_ROLE"}
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, "log", "keep"], env=environment)
    try:
        yield
    finally:
        keeper.send_signal(signal.SIGTERM)
        try:
            keeper.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()


def _listen(host: str, port: int, workers: int) -> None:
    # Workers start afresh: a forked one would share this process's database sockets and settings.
    multiprocessing.set_start_method("spawn", force=True)
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    Server(
        "anju.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    ).serve()

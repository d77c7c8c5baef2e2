"""The database: embedded or named by DATABASE_URL, and what happens when it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from anju.jobs import database

DEBIAN_POSTGRES = Path("/usr/lib/postgresql/15/bin")


def anju(*words: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("anju")), *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ANJU_HOME": str(home), **environment},
    )


def test_a_url_becomes_settings() -> None:
    found = database.settings("postgresql://wang:p%40ss@db.example:5433/anju?sslmode=require")
    assert found["HOST"] == "db.example"
    assert found["PORT"] == "5433"
    assert found["PASSWORD"] == "p@ss"
    assert found["OPTIONS"]["sslmode"] == "require"
    embedded = database.settings("postgresql://postgres:@/postgres?host=/some/folder")
    assert embedded["HOST"] == "/some/folder"


def test_two_commands_meet_one_new_database(tmp_path: Path) -> None:
    words = [str(Path(sys.executable).with_name("anju")), "exchange", "status", "--json"]
    environment = {**os.environ, "ANJU_HOME": str(tmp_path), "DATABASE_URL": ""}
    both = []
    for wait in (0, 1):  # the second may find half of the tables
        time.sleep(wait)
        both.append(
            subprocess.Popen(
                words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    for told, complaint in [one.communicate() for one in both]:
        assert told.startswith('{"datasets"'), complaint


def test_a_home_with_blanks_and_chinese_characters_works_and_others_are_told(tmp_path: Path) -> None:
    told = anju("exchange", "status", "--json", home=tmp_path / "安 居 #1", DATABASE_URL="")
    assert '"datasets": {}' in told.stdout
    (tmp_path / "a file").touch()
    for name, code in (("it's", "home.odd_name"), ("a$b", "home.odd_name"), ("a file", "home.cannot_make")):
        assert code in refused(("exchange", "status"), tmp_path / name)


def test_a_killed_initialisation_is_begun_anew(tmp_path: Path) -> None:
    """What initdb left half done, with the number of its own server, is no database and no obstacle."""
    half = tmp_path / "postgres"
    half.mkdir(mode=0o700)
    (half / "PG_VERSION").write_text("18\n")
    (half / "postmaster.pid").write_text("-4711\n")
    (half / "base").mkdir()
    anju("db", "upgrade", home=tmp_path, DATABASE_URL="")
    assert "wal_level = 'minimal'" in (half / "postgresql.conf").read_text()


KEEP = """
import os, signal, psycopg
from anju.jobs import database
connection = psycopg.connect(database.url(), autocommit=True)
connection.execute("CREATE TABLE kept (n int)")
connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
print(connection.execute("SELECT pg_backend_pid()").fetchone()[0], flush=True)
print(open(os.environ["ANJU_HOME"] + "/postgres/postmaster.pid").readline().strip(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_embedded_server_survives_kill_9_of_everyone(tmp_path: Path) -> None:
    environment = {**os.environ, "ANJU_HOME": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    killed = subprocess.run(
        [sys.executable, "-c", KEEP], capture_output=True, text=True, env=environment, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    os.kill(int(killed.stdout.split()[1]), signal.SIGKILL)  # the server too
    url = anju("db", "url", home=tmp_path).stdout.strip()
    script = (
        "import psycopg; from anju.jobs import database;"
        "print(psycopg.connect(database.url()).execute('SELECT count(*) FROM kept').fetchone()[0])"
    )
    again = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert again.stdout.strip() == "1000"
    with pytest.raises(psycopg.OperationalError):  # the last process out stopped the server
        psycopg.connect(url)


@pytest.mark.skipif(not DEBIAN_POSTGRES.is_dir(), reason="no PostgreSQL 15 from Debian on this machine")
def test_a_real_postgresql_by_url(tmp_path: Path) -> None:
    """Every migration applies to a PostgreSQL 15 server as Debian ships it, by a role that may not make roles.

    Without the pages' role such a role is told what to ask the administrator for.
    """
    # Not below pytest's own folder: another session would close it to PostgreSQL's user again.
    folder = Path(tempfile.mkdtemp(prefix="anju-postgres-"))
    data = folder / "data"
    data.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:
        for owned in (folder, data):
            shutil.chown(owned, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = lambda *words: subprocess.run([*as_user, *map(str, words)], check=True, capture_output=True)  # noqa: E731
    run(
        DEBIAN_POSTGRES / "initdb",
        "-D",
        data,
        "-A",
        "trust",
        "-U",
        "chief",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    )
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
    run(DEBIAN_POSTGRES / "pg_ctl", "-w", "-D", data, "-o", options, "-l", folder / "log", "start")
    try:
        url = f"postgresql://anju@127.0.0.1:{port}/anju"
        with psycopg.connect(f"postgresql://chief@127.0.0.1:{port}/postgres", autocommit=True) as chief:
            chief.execute("CREATE ROLE anju LOGIN")
            chief.execute("CREATE DATABASE anju OWNER anju")
            with pytest.raises(subprocess.CalledProcessError) as refused:
                anju("exchange", "status", home=tmp_path / "home", DATABASE_URL=url, ANJU_LANG="en")
            assert refused.value.returncode == 3
            assert "ALTER ROLE anju CREATEROLE" in refused.value.stderr
            assert "Traceback" not in refused.value.stderr
            chief.execute("CREATE ROLE anju_web NOLOGIN")
            chief.execute("GRANT anju_web TO anju")
        anju("db", "upgrade", home=tmp_path / "home", DATABASE_URL=url)
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT count(*) FROM django_migrations WHERE app = 'trust'"
            ).fetchone()
            assert found is not None
            assert found[0] >= 1
        assert not (tmp_path / "home" / "postgres").exists()
    finally:
        run(DEBIAN_POSTGRES / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


OLDER = """
from anju.jobs.cli import setup_django
setup_django()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("DELETE FROM django_migrations WHERE app = 'exchange'")
    cursor.execute("DROP TABLE exchange_batch, register_run CASCADE")
"""


def test_a_new_database_is_made_ready_and_an_older_one_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    ingest = ("exchange", "ingest", str(tmp_path / "a.csv"))
    told = refused(ingest, tmp_path)
    assert "The database is new" in told
    assert "The header of a.csv belongs to no dataset" in told
    subprocess.run(
        [sys.executable, "-c", OLDER],
        check=True,
        env={**os.environ, "ANJU_HOME": str(tmp_path), "DATABASE_URL": ""},
    )
    for words in (ingest, ("exchange", "link"), ("exchange", "publish")):
        told = refused(words, tmp_path)
        assert 'Run "anju db upgrade" first' in told
        assert "Traceback" not in told
        assert "The database is new" not in told


def refused(words: tuple[str, ...], home: Path) -> str:
    """What a command that must be refused tells on standard error."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        anju(*words, home=home, DATABASE_URL="", ANJU_LANG="en")
    assert failed.value.returncode == 3
    return str(failed.value.stderr)

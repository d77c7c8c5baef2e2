"""Back to a moment: a real PostgreSQL archives its log, is lost, and comes back as it was just before a mistake."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
SETTINGS = """
wal_level = replica
archive_mode = on
archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'
archive_timeout = 60
max_wal_senders = 2
fsync = off
listen_addresses = ''
unix_socket_directories = '{socket}'
"""


def run(*words: str | Path) -> None:
    """One of PostgreSQL's programs, as the user the server will run as."""
    asked = [str(w) for w in words]
    if os.getuid() == 0:  # a real server refuses to run as root
        asked = ["runuser", "-u", "postgres", "--", *asked]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd="/tmp")
    assert done.returncode == 0, done.stdout + done.stderr


class Server:
    """A real server in a folder, with an archive beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.archive = folder, folder / "data", folder / "archive"
        self.url = f"postgresql:///postgres?host={folder}&user=anju"

    def make(self) -> None:
        run(BINARIES[-1] / "initdb", "-D", self.data, "-U", "anju", "-A", "trust", "--encoding=UTF8")
        run("mkdir", self.archive)
        text = SETTINGS.format(archive=self.archive, socket=self.folder)
        run("sh", "-c", f"cat >> {self.data}/postgresql.conf <<'END'{text}END")

    def start(self) -> None:
        run(BINARIES[-1] / "pg_ctl", "-D", self.data, "-l", self.folder / "server.log", "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        run(BINARIES[-1] / "pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as link:
            cursor = link.execute(sql)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def server() -> Iterator[Server]:
    if not BINARIES:
        pytest.skip(
            "NOT TRIED: no real PostgreSQL here (apt install postgresql): point-in-time recovery stays unproven."
        )
    folder = Path(
        f"/tmp/anju-pitr-{os.getpid()}"
    )  # a socket's path must be short, and the server's user must get in
    folder.mkdir(mode=0o755)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    made = Server(folder)
    try:
        made.make()
        made.start()
        yield made
    finally:
        if (made.data / "postmaster.pid").exists():
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_back_to_the_moment_before_the_mistake(server: Server) -> None:
    server.ask("CREATE TABLE entry (seq bigint PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())")
    server.ask("INSERT INTO entry SELECT n FROM generate_series(1, 1000) n")
    run(
        BINARIES[-1] / "pg_basebackup",
        "-h",
        server.folder,
        "-U",
        "anju",
        "-D",
        server.folder / "base",
        "-X",
        "none",
        "-c",
        "fast",
    )
    server.ask("INSERT INTO entry SELECT n FROM generate_series(1001, 1500) n")
    ((moment,),) = server.ask("SELECT clock_timestamp()::text")
    time.sleep(0.05)
    server.ask("DELETE FROM entry WHERE seq > 10")  # the mistake
    server.ask("SELECT pg_switch_wal()")
    server.ask("CHECKPOINT")
    until = time.monotonic() + 30
    while (
        not server.ask("SELECT 1 FROM pg_stat_archiver WHERE archived_count >= 2")
        and time.monotonic() < until
    ):
        time.sleep(0.1)
    server.stop("fast")
    run("rm", "-rf", server.data)  # the machine is lost; the base backup and the archive lie elsewhere
    run("mv", server.folder / "base", server.data)
    told = (
        f"restore_command = 'cp {server.archive}/%f %p'\nrecovery_target_time = '{moment}'\n"
        "recovery_target_action = 'promote'\n"
    )
    run("sh", "-c", f"cat >> {server.data}/postgresql.auto.conf <<'END'\n{told}END")
    run("touch", server.data / "recovery.signal")
    server.start()
    until = time.monotonic() + 30
    while server.ask("SELECT pg_is_in_recovery()") == [(True,)] and time.monotonic() < until:
        time.sleep(0.1)
    assert server.ask("SELECT count(*), max(seq) FROM entry") == [(1500, 1500)]

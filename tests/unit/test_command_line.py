"""What an operator sees when a command breaks for a reason that is known: a sentence, never a traceback."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import psycopg.errors
import pytest

from anju.jobs import cli, database, health
from anju.jobs.cli import demo, serve
from anju.kernel.refusal import Refusal


def _disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _database() -> None:
    try:
        raise psycopg.errors.DiskFull("could not extend file")
    except psycopg.errors.DiskFull as behind:
        raise RuntimeError("the row that was being written") from behind


def _engine() -> None:
    raise RuntimeError('IO Error: Could not write file "x": No space left on device')


@pytest.mark.parametrize("broken", [_disk, _database, _engine])
def test_a_full_disk_is_told(
    broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANJU_LANG", "en")
    monkeypatch.setattr(cli, "build", lambda word: lambda prog_name: broken())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.REFUSED
    told = capsys.readouterr().err
    assert "disk became full" in told
    assert "the row" not in told


@pytest.mark.parametrize(
    ("said", "url", "code"),
    [
        ("connection failed: port 5999 failed: Connection refused\n\tIs it running?", "postgresql://a@b/c", "database.not_reached"),
        ("failed to resolve host 'b': Name or service not known", "postgresql://a@b/c", "database.not_reached"),
        ("connection is bad: no such socket", "", "database.went_away"),
        ("consuming input failed: server closed the connection unexpectedly", "", "database.went_away"),
        ("the connection is lost", "postgresql://a@b/c", "database.went_away"),
    ],
)  # fmt: skip
def test_a_database_that_is_not_there_is_told(
    said: str, url: str, code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(prog_name: str) -> None:
        try:
            raise psycopg.OperationalError(said)
        except psycopg.OperationalError as cause:
            raise RuntimeError("wrapped") from cause

    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(cli, "build", lambda word: broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.REFUSED
    assert code in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["mysql://a@b/c", "not a url", "postgresql://a:b@c:port/d", "postgresql://[a/b", ""]
)
def test_an_address_of_no_database_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(Refusal, match=r"database\.bad_url") as refused:
        database.settings(url)
    assert refused.value.facts == {}


def test_what_nobody_foresaw_stays_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(prog_name: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "build", lambda word: wrong)
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.parametrize("shared", [False, True])
def test_two_servers_never_share_a_port(shared: bool) -> None:
    with socket.socket() as other:
        if shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for host in ("127.0.0.1", "0.0.0.0"):
            with pytest.raises(Refusal, match=r"serve\.port_taken"):
                serve.check_port(host, port, patience=0)
    serve.check_port("127.0.0.1", port)


def test_the_doctor_speaks_without_a_database() -> None:
    disk, database = health.without_database(Refusal("database.no_room", path="/data"))
    assert (disk.check, database.check, database.state) == ("disk", "database", health.BAD)
    assert "/data" in database.en


def test_a_server_that_was_killed_needs_no_stopping(tmp_path: Path) -> None:
    class Server:
        pgdata, _lock, asked = tmp_path, threading.Lock(), 0

        def _cleanup(self) -> None:
            self.asked += 1
            raise psutil.NoSuchProcess(1)

    server = Server()
    (tmp_path / "postmaster.pid").write_text("-1\n")
    database._leave(server)
    assert not (tmp_path / "postmaster.pid").exists()
    assert server.asked == 0


def test_a_demo_goes_on_but_never_mixes_two_cities(tmp_path: Path) -> None:
    kept, order = tmp_path / "demo.json", {"people": 300, "days": 1, "seed": 1}
    kept.write_text(json.dumps({"order": order, "steps": ["db upgrade", "city make --seed 1"]}))
    assert demo._Done(kept, order).has_run("city make")
    assert not demo._Done(kept, order | {"seed": 2}).has_run("city make")
    kept.write_text(json.dumps({"order": order, "steps": ["city make", "exchange ingest 2026-06-30"]}))
    assert demo._Done(kept, order).has_run("exchange ingest")
    with pytest.raises(Refusal) as refused:
        demo._Done(kept, order | {"people": 400})
    assert (refused.value.code, refused.value.facts["people"]) == ("demo.other_city", 300)


def test_a_place_that_was_typed_and_cannot_be_used_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(prog_name: str) -> None:
        (tmp_path / "nowhere" / "report.xlsx.part").write_bytes(b"")

    monkeypatch.setattr(cli, "build", lambda word: broken)
    monkeypatch.setattr(
        "sys.argv", ["anju", "exchange", "rejects", f"--xlsx={tmp_path / 'nowhere' / 'report.xlsx'}"]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.REFUSED
    assert "machine.cannot_use" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["anju", "exchange", "link"])
    with pytest.raises(FileNotFoundError):  # nobody typed it: a bug, shown whole
        cli.main()


@pytest.mark.parametrize("host", ["203.0.113.9", "nosuch.invalid"])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(Refusal) as refused:
        serve.check_port(host, 8000)
    assert refused.value.code == "serve.cannot_listen"

"""Passing files of killed runs go with the next run; those of living runs stand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anju.jobs import scratch

HOLD = "import sys\nfrom anju.jobs import scratch\nwith scratch.place('held') as p:\n    print(p, flush=True)\n    sys.stdin.read()"


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))


def holder() -> tuple[subprocess.Popen[str], Path]:
    """Another process at work, and its folder with something in it."""
    child = subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True)
    assert child.stdout is not None
    found = Path(child.stdout.readline().strip())
    (found / "deep").mkdir()
    (found / "deep" / "rows").write_text("x")
    return child, found


def end(child: subprocess.Popen[str], number: signal.Signals) -> None:
    child.send_signal(number)
    child.communicate()


def test_what_a_killed_run_left_goes_and_a_living_ones_stands() -> None:
    living, kept = holder()
    killed, left = holder()
    end(killed, signal.SIGKILL)
    assert left.is_dir()
    with scratch.place("mine") as mine, scratch.place("mine") as second:
        assert not left.exists()
        assert {p.name for p in kept.iterdir()} == {"deep", scratch.ALIVE}
        scratch.sweep()
        assert mine != second
        assert mine.is_dir() == second.is_dir() is True, "this process is alive as well"
        assert mine.stat().st_mode & 0o777 == 0o700
    assert not mine.exists()
    end(living, signal.SIGKILL)
    scratch.sweep()
    assert [p.name for p in kept.parent.iterdir()] == [scratch.TURN]


def test_an_earlier_versions_leavings_go_after_a_day(tmp_path: Path) -> None:
    """They have no lock: whoever uses them may be alive."""
    old, new = tmp_path / "spill" / "library", tmp_path / "spill" / "duckdb_temp_1"
    old.mkdir(parents=True)
    new.write_text("x")
    os.utime(old, (time.time() - scratch.FORGOTTEN - 60,) * 2)
    with scratch.place("mine"):
        assert not old.exists()
        assert new.exists()


def test_begun_by_many_at_once_nobodys_folder_is_taken() -> None:
    work = "from anju.jobs import scratch\nfor n in range(60):\n    with scratch.place('w') as p:\n        (p / 'x').write_text('x')\n        assert (p / scratch.ALIVE).exists()"
    children = [subprocess.Popen([sys.executable, "-c", work]) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4


def test_without_a_home_none_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANJU_HOME")
    monkeypatch.chdir(tmp_path)
    with scratch.place("list") as mine:
        assert mine.parent.stat().st_mode & 0o777 == 0o700
        assert not mine.is_relative_to(tmp_path)
    assert not (tmp_path / ".anju").exists()
    assert not mine.exists()

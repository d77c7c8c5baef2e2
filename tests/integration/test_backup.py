"""The drill: save a home, restore it into an empty one, and find everything as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ANJU = str(Path(sys.executable).with_name("anju"))
FILL = """
import django; django.setup()
from django.utils import timezone
from django.db import transaction
from anju.kernel.home import lake
from anju.trust.access import system
from anju.trust.store import log
from anju.trust.sealing import sealer
from anju.trust.store.models import PersonRequest
folder = lake() / "batches"; folder.mkdir(parents=True)
(folder / "one.parquet").write_bytes(b"PAR1 a batch")
with transaction.atomic():
    for n in range(300):
        log.record(system("drill"), "exchange.send", timezone.now(), detail={"n": n})
PersonRequest.objects.create(number="Q1", person_code="0123456789AB5", region="990102", kind="explain",
    text=sealer().seal("请说明"), asked_by="a", asked_at=timezone.now(), due_on=timezone.localdate())
"""
LOOK = """
import django, json; django.setup()
from anju.kernel.home import lake
from anju.trust.sealing import sealer
from anju.trust.store.models import LogEntry, PersonRequest
print(json.dumps({"entries": LogEntry.objects.count(), "text": sealer().open(bytes(PersonRequest.objects.get().text)),
                  "lake": (lake() / "batches" / "one.parquet").read_bytes().decode()}))
"""


def run(home: Path, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANJU_", "DATABASE_URL"))}
    environment = kept | {
        "ANJU_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "anju.config.settings",
        "ANJU_LANG": "en",
    }
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``old`` (the home), ``safe.vault`` and ``key``."""
    folder = tmp_path_factory.mktemp("drill")
    run(folder / "old", ANJU, "db", "upgrade")
    run(folder / "old", sys.executable, "-c", FILL)
    told = run(
        folder / "old", ANJU, "backup", str(folder / "safe.vault"), "--key", str(folder / "key"), "--json"
    )
    assert json.loads(told.stdout)["members"] >= 3
    return folder


def test_everything_comes_back_and_the_log_is_unbroken(saved: Path, tmp_path: Path) -> None:
    home = tmp_path / "new"
    (home / "keys").mkdir(parents=True, mode=0o700)
    shutil.copy2(saved / "old" / "keys" / "ring.json", home / "keys" / "ring.json")
    told = run(home, ANJU, "restore", str(saved / "safe.vault"), "--key", str(saved / "key"), "--json")
    assert json.loads(told.stdout)["log"] >= 300
    found = json.loads(run(home, sys.executable, "-c", LOOK).stdout)
    assert found["text"] == "请说明"
    assert found["lake"] == "PAR1 a batch"
    assert found["entries"] >= 300
    assert "restore.home_not_empty" in run(
        home, ANJU, "restore", str(saved / "safe.vault"), "--key", str(saved / "key"), fails=True
    ).stderr  # fmt: skip


SIGNED_MEANWHILE = """
import sys
from anju.jobs.cli import main
from anju.jobs.pipeline import backup, log
real = backup._dump
def dump_while_a_server_signs(url, path):
    real(url, path)
    log.checkpoint()
backup._dump = dump_while_a_server_signs
sys.argv = ["anju", "backup", *sys.argv[1:]]
main()
"""


def test_a_checkpoint_signed_during_the_backup_is_not_missed_afterwards(saved: Path, tmp_path: Path) -> None:
    vault, key = str(tmp_path / "live.vault"), str(tmp_path / "key")
    run(saved / "old", sys.executable, "-c", SIGNED_MEANWHILE, vault, "--key", key)
    home = tmp_path / "new"
    (home / "keys").mkdir(parents=True, mode=0o700)
    shutil.copy2(saved / "old" / "keys" / "ring.json", home / "keys" / "ring.json")
    run(home, ANJU, "restore", vault, "--key", key)
    run(home, ANJU, "log", "verify")


def test_without_its_keys_nothing_is_restored(saved: Path, tmp_path: Path) -> None:
    told = run(
        tmp_path / "new", ANJU, "restore", str(saved / "safe.vault"), "--key", str(saved / "key"), fails=True
    )
    assert "restore.keys_missing" in told.stderr


def test_the_backup_shows_nothing_and_is_never_overwritten(saved: Path, tmp_path: Path) -> None:
    sealed = (saved / "safe.vault").read_bytes()
    assert b"PAR1 a batch" not in sealed
    assert b"exchange.send" not in sealed
    again = run(
        saved / "old", ANJU, "backup", str(saved / "safe.vault"), "--key", str(saved / "key"), fails=True
    )
    assert "backup.target_exists" in again.stderr
    spoiled = tmp_path / "spoiled.vault"
    spoiled.write_bytes(sealed[:-200])
    told = run(tmp_path / "new", ANJU, "restore", str(spoiled), "--key", str(saved / "key"), fails=True)
    assert "vault.does_not_open" in told.stderr

"""Trust as its how-to page tries it, with the real commands on a real server: rotate under load, kill, restore, forge."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

ANJU = str(Path(sys.executable).with_name("anju"))
TOKEN = "t" * 32
FILL = """
import django, json; django.setup()
from datetime import UTC, datetime, timedelta
from django.conf import settings
from anju.jobs.pipeline.demo_accounts import make
from anju.kernel.identifiers import citizen_check
from anju.register.store import actions
from anju.register.store.models import Run
from anju.trust.access import system
from anju.trust.store import access_queries
from anju.trust.store.models import Account
from anju.web.account.sessions import SessionStore
now, told = datetime.now(UTC), []
for serial in range(100, 120):
    first = f"9901011990{serial % 12 + 1:02d}01{serial}"
    values = {"name": "测试人", "citizen_no": first + citizen_check(first), "phone": f"12000000{serial}"}
    code = actions.register_person(values, region="990102001001", observed_on=now.date(), by=system("t"), at=now,
                                   purpose="residence_registration")
    told.append((str(code), values["citizen_no"]))
Run.objects.create(state="finished", started_at=now, known_at=now, as_of=now.date(), people=20, records=20)
make(told[0][0])
def session(name, purpose):
    user = Account.objects.get(username=name)
    held = access_queries.assignments(user.pk, datetime.now(UTC))[0]
    kept = SessionStore()
    kept.update({"_auth_user_id": str(user.pk), "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
                 "_auth_user_hash": user.get_session_auth_hash(),
                 "acting": {"assignment": held.id, "purpose": purpose, "until": (now + timedelta(hours=2)).isoformat()}})
    kept.save()
    return kept.session_key
print(json.dumps({"people": told, "worker": session("demo-station", "residence_permit"),
                  "resident": session("demo-resident", "")}))
"""


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANJU_", "DATABASE_URL"))}
    return kept | {
        "ANJU_HOME": str(home), "ANJU_DEMO": "1", "ANJU_PLACE": "demo", "ANJU_LANG": "en",
        "DJANGO_SETTINGS_MODULE": "anju.config.settings",
    }  # fmt: skip


def run(home: Path, *words: str, fails: bool = False) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment(home))
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout


@dataclass
class Served:
    """A served home: who asks, and what was answered so far."""

    home: Path
    port: int
    server: subprocess.Popen[bytes]
    people: list[tuple[str, str]]
    worker: str
    resident: str
    wrong: list[str] = field(default_factory=list)
    right: int = 0

    def ask(self, verb: str, path: str, session: str) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": f"sessionid={session}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN}
        link.request(verb, path, headers=headers)
        answer = link.getresponse()
        told = answer.read().decode()
        link.close()
        return answer.status, told

    def reveal(self, number: int) -> None:
        """The whole citizen number of one of them, opened by the server from its sealed value."""
        code, citizen_no = self.people[number % len(self.people)]
        status, told = self.ask("POST", f"/staff/people/{code}/reveal/citizen_no/", self.worker)
        if status != 200 or citizen_no not in told:
            self.wrong.append(f"reveal {status}")
        self.right += 1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("accepted") / "old"
    run(home, ANJU, "db", "upgrade")
    told = json.loads(run(home, sys.executable, "-c", FILL).splitlines()[-1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with (home / "serve.txt").open("wb") as said:
        server = subprocess.Popen(
            [ANJU, "serve", "--port", str(port), "--workers", "1"],
            env=environment(home), stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + 90
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until, (home / "serve.txt").read_text()
                assert server.poll() is None, (home / "serve.txt").read_text()
                time.sleep(0.2)
        yield Served(home, port, server, told["people"], told["worker"], told["resident"])
    finally:
        kill_all(server, home)


def kill_all(server: subprocess.Popen[bytes], home: Path) -> None:
    """No farewell: the server alone, with which its workers and its keeper end; then the database."""
    if server.poll() is None:
        beside = psutil.Process(server.pid).children(recursive=True)
        server.kill()
        server.wait(10)
        _gone, left = psutil.wait_procs(beside, 20)
        assert not left, "a worker or the keeper went on without its server"
    pid_file = home / "postgres" / "postmaster.pid"
    if pid_file.exists() and psutil.pid_exists(postmaster := int(pid_file.read_text().split()[0])):
        for process in (*psutil.Process(postmaster).children(recursive=True), psutil.Process(postmaster)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_accepted(served: Served, tmp_path: Path) -> None:
    rotate_under_load(served)
    find_the_look(served)
    point = kill_and_restore(served, tmp_path)
    forge(tmp_path / "new", point)


def rotate_under_load(served: Served) -> None:
    """Keys change twice, to the national suite and back, while two browsers go on: no error, every value readable."""
    stop = threading.Event()

    def browse(first: int) -> None:
        number = first
        while not stop.is_set():
            served.reveal(number)
            number += 2

    browsing = [threading.Thread(target=browse, args=(n,)) for n in range(2)]
    for thread in browsing:
        thread.start()
    for suite in ("national", "international"):
        run(served.home, ANJU, "trust", "keys", "rotate", "--suite", suite)
        told = json.loads(run(served.home, ANJU, "trust", "keys", "reseal", "--json"))
        assert told["resealed"] >= 40
        assert not any(told["waiting"].values())
    stop.set()
    for thread in browsing:
        thread.join()
    assert not served.wrong, served.wrong[:3]
    assert served.right > 20
    for number in range(20):
        served.reveal(number)
    assert not served.wrong


def find_the_look(served: Served) -> None:
    """The resident finds the look just made, with office and purpose, within seconds."""
    until = time.monotonic() + 20
    while True:
        status, page = served.ask("GET", "/me/looks/", served.resident)
        if "显示完整号码" in page or time.monotonic() > until:
            break
        time.sleep(0.3)
    assert status == 200
    assert "显示完整号码" in page
    assert "account:" not in page


def kill_and_restore(served: Served, folder: Path) -> dict[str, int]:
    """Killed without farewell, saved, restored into an empty folder: the log holds, in size and root."""
    kill_all(served.server, served.home)
    old = json.loads(run(served.home, ANJU, "log", "verify", "--json"))
    assert old["holds"], old
    run(served.home, ANJU, "backup", str(folder / "safe.vault"), "--key", str(folder / "backup.key"))
    keys = folder / "new" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    shutil.copy2(served.home / "keys" / "ring.json", keys / "ring.json")
    told = run(
        folder / "new",
        ANJU,
        "restore",
        str(folder / "safe.vault"),
        "--key",
        str(folder / "backup.key"),
        "--json",
    )
    assert json.loads(told)["log"] >= old["size"]
    new = json.loads(run(folder / "new", ANJU, "log", "verify", "--json"))
    assert new["holds"], new
    assert new["size"] >= old["size"]
    return dict(json.loads(run(folder / "new", ANJU, "log", "show", "--last", "1", "--json")))


def forge(home: Path, point: dict[str, int]) -> None:
    """One row rewritten by the owner of the database: named, with its place."""
    change = (
        "import django; django.setup(); from django.db import connection as c; "
        f"c.cursor().execute(\"UPDATE trust_logentry SET data = replace(data, 'done', 'fine') WHERE seq = {point['seq']}\")"
    )
    run(home, ANJU, "log", "checkpoint")
    run(home, sys.executable, "-c", change)
    told = json.loads(run(home, ANJU, "log", "verify", "--json", fails=True))
    assert not told["holds"]
    assert point["seq"] in {f["first"] for f in told["findings"]}

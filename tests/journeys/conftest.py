"""A small town, built and served by the real commands in a home of its own, and a real browser to walk through it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PEOPLE = 240
DATASETS = ("居住登记", "police_residence", "就业", "hrss_employment", "housing_dwelling", "market_entity", "学籍", "education_enrolment",
            "hrss_insurance", "婚姻", "civil_marriage")  # fmt: skip
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
START_SECONDS = 90
WHO = """
import json, django
django.setup()
from pypinyin import lazy_pinyin
from anju.register.store import queries as q
for line in q.find_people("", scope=("990102",), masked=False, limit=300).rows:
    held = q.get_person_file(line.code, masked=False)
    if line.dwelling_code and line.in_police and len(line.name) == 3 and held.stays and held.line.citizen_no[-4:].strip("*"):
        print(json.dumps({"code": line.code, "name": line.name, "pinyin": "".join(lazy_pinyin(line.name)),
                          "citizen_no": line.citizen_no, "dwelling": line.dwelling_code}))
        break
print(json.dumps({"employer": q.list_employers(scope=("",)).rows[0].code,
                  "elsewhere": q.find_people("", scope=("990103",), limit=1).rows[0].code}))
"""


@dataclass(frozen=True)
class Town:
    """A served town: its address, and somebody who lives in the station worker's district."""

    url: str
    home: Path
    person: dict[str, str]
    employer: str
    elsewhere: str


def command(home: Path, *arguments: str) -> str:
    """Run one command in the town's home; its output. Fails with everything it said."""
    done = subprocess.run(arguments, env=environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANJU_", "DATABASE_URL", "COV_"))}
    return kept | {
        "ANJU_HOME": str(home),
        "ANJU_DEMO": "1",
        "ANJU_PLACE": "demo",
        "DJANGO_SETTINGS_MODULE": "anju.config.settings",
        "PYTHONWARNINGS": "ignore",
    }


def build(home: Path, files: Path) -> dict[str, Any]:
    """Make a town, take a few departments' files in, link, publish."""
    anju = str(Path(sys.executable).parent / "anju")
    told = (
        "city",
        "make",
        "--people",
        str(PEOPLE),
        "--seed",
        "11",
        "--errors",
        "real",
        "--days",
        "0",
        "--out",
        str(files),
    )
    command(home, anju, *told)
    for path in [p for p in files.rglob("*") if p.is_file() and "truth" not in p.parts]:
        if not any(name in path.name for name in DATASETS):
            path.unlink()
    command(home, anju, "db", "upgrade")
    for step in (("ingest", str(files)), ("link",), ("publish",)):
        command(home, anju, "exchange", *step)
    command(home, anju, "trust", "demo-accounts")
    found: dict[str, Any] = {}
    lines = command(home, sys.executable, "-c", WHO).splitlines()
    found["person"] = json.loads(next(line for line in lines if "pinyin" in line))
    return found | json.loads(next(line for line in lines if "employer" in line))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(url: str, server: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, said.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"not up after {START_SECONDS} s: {said.read_text()}")


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town, served until the tests end; the server must then stop cleanly when told to."""
    home = Path(tempfile.mkdtemp(prefix="anju-town-"))  # pytest closes its own folders to PostgreSQL's user
    found = build(home, tmp_path_factory.mktemp("files"))
    port, said = free_port(), home / "serve.txt"
    with said.open("wb") as stream:
        server = subprocess.Popen(
            [str(Path(sys.executable).parent / "anju"), "serve", "--port", str(port), "--workers", "1"],
            env=environment(home), stdout=stream, stderr=stream,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(url, server, said)
        yield Town(url, home, found["person"], found["employer"], found["elsewhere"])
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(30)
        said_last = said.read_text()
        shutil.rmtree(home, ignore_errors=True)
    assert code == 0, said_last
    assert "Traceback" not in said_last, said_last


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright; loudly skipped where there is none."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip(
            "NO CHROMIUM: the journeys in a real browser were not run. Install it: apt-get install chromium"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def signed_in(town: Any, browser: Any) -> Callable[..., AbstractContextManager[Any]]:
    """``with signed_in(account, address, purpose, forgiven) as page``: somebody at work on a wide screen.

    ``purpose``: what they choose where they are asked; "" for work that sees nobody's file.
    Whatever the browser complains about fails the test, but for complaints that hold one of ``forgiven``.
    """

    @contextmanager
    def enter(account: str, address: str, purpose: str, forgiven: Sequence[str] = ()) -> Iterator[Any]:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(town.url + "/account/login/")
        page.get_by_role("button", name=account, exact=False).first.click()
        page.goto(town.url + address)
        if purpose:
            page.locator(f"input[name=purpose][value={purpose}]").check()
            page.get_by_role("button", name="继续").click()
        yield page
        context.close()
        assert not [c for c in complaints if not any(f in c for f in forgiven)]

    return enter


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A skipped journey is said at the end, not only by a letter."""
    if any("NO CHROMIUM" in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())):
        terminalreporter.write_line(
            "NO CHROMIUM HERE: THE BROWSER JOURNEYS WERE NOT RUN", red=True, bold=True
        )
